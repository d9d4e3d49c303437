import { type Actor, SYSTEM } from '../events/index.ts';
import { HttpError } from '../http/index.ts';
import type { Tx } from '../store/index.ts';
import { findByName, nameKey } from './names.ts';
import { hashPassword, isOutdated, verifyPassword } from './password.ts';
import { event, type Service, timestamp } from './service.ts';
import { openSession } from './sessions.ts';
import type { IdentityTables, UserRow } from './tables.ts';
import { addressKey } from './throttle.ts';

/** What failures are counted by: the user where there is one (under either name), else the name that was typed. */
export const accountKey = (user: Pick<UserRow, 'id'> | undefined, typed: string): string =>
  user ? `id:${user.id}` : `name:${nameKey(typed)}`;

/**
 * Runs one check of a password: `work` gives undefined when it was wrong. 429 while the account or the address has to
 * wait, 503 when too many are being checked. The throttle is asked again when the work's turn has come, so a burst of
 * attempts that were queued together gets no further than one after another.
 */
export async function guardAttempt<R>(
  { throttle, gate, now }: Pick<Service, 'throttle' | 'gate' | 'now'>,
  account: string,
  address: string,
  work: () => Promise<R | undefined>,
): Promise<R | undefined> {
  const from = addressKey(address);
  const admit = (): void => {
    const seconds = Math.ceil(throttle.wait(account, from, now()) / 1000);
    if (seconds === 0) return;
    const message = `too many failed sign-ins: try again in ${seconds} s`;
    throw new HttpError(429, message, { 'retry-after': String(seconds) });
  };
  admit();
  return gate(async () => {
    admit();
    const result = await work();
    if (result === undefined) throttle.failed(account, from, now());
    else throttle.succeeded(account, from, now());
    return result;
  });
}

/** Signs in with user name or email and password; the secret of the new session. 401, 429 or 503 otherwise. */
export async function signIn(service: Service, name: string, password: string, address: string): Promise<string> {
  const { store, cost } = service;
  const user = await findByName(store.as<IdentityTables>(), name);
  const verified = await guardAttempt(service, accountKey(user, name), address, async () => {
    const stored = user?.password_hash ?? null;
    if (!(await verifyPassword(password, stored, cost))) return undefined;
    return { rehashed: stored !== null && isOutdated(stored, cost) ? await hashPassword(password, cost) : stored };
  });
  if (!user || !verified) {
    const actor: Actor = { ...SYSTEM, address };
    await store.transaction(async (tx) => tx.emit(event('identity.login.failed', { username: name }, actor)));
    throw wrong();
  }
  return store.transaction(async (tx: Tx<IdentityTables>) => {
    const at = service.now();
    const { numUpdatedRows } = await tx.db
      .updateTable('users')
      .set({ last_login_at: timestamp(at), password_hash: verified.rehashed })
      .where('id', '=', user.id)
      // The password may have been changed while this one was being checked.
      .where('password_version', '=', user.password_version)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw wrong();
    const secret = await openSession(tx.db, user.id, at);
    tx.emit(event('identity.login', { userId: user.id }, { kind: 'user', id: user.id, address }));
    return secret;
  });
}

const wrong = (): HttpError => new HttpError(401, 'wrong user name or password');
