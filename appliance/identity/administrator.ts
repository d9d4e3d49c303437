import { randomBytes } from 'node:crypto';
import { SYSTEM } from '../events/index.ts';
import type { Store, Tx } from '../store/index.ts';
import { findByName } from './names.ts';
import { ARGON2_COST, hashPassword } from './password.ts';
import { MAX_PASSWORD, MIN_PASSWORD } from './schema.ts';
import { event, type Service, timestamp } from './service.ts';
import type { IdentityTables } from './tables.ts';
import { createUser, setPassword } from './users.ts';

const FIRST = 'admin';

function checkLength(password: string): void {
  const { length } = [...password];
  if (length < MIN_PASSWORD || length > MAX_PASSWORD) {
    throw new Error(`the password must have ${MIN_PASSWORD} to ${MAX_PASSWORD} characters`);
  }
}

/**
 * Makes the first administrator, `admin`, where there is none; a password that was made up for it is in the answer,
 * this once. Leaves existing accounts alone.
 */
export async function ensureAdministrator(
  service: Service,
  password?: string,
): Promise<{ created: boolean; password?: string }> {
  const existing = await service.store
    .as<IdentityTables>()
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'administrator')
    .executeTakeFirst();
  if (existing) return { created: false };
  if (password !== undefined && password.length < MIN_PASSWORD) {
    // Whoever sets it owns the box; refusing to start would help nobody.
    service.log.warn(
      {},
      `GATEHOUSE_ADMIN_PASSWORD is shorter than ${MIN_PASSWORD} characters: change it after signing in`,
    );
  }
  const chosen = password ?? randomBytes(18).toString('base64url');
  const user = { username: FIRST, password: chosen, role: 'administrator' as const, authorized_networks: [] };
  await createUser(service, user, SYSTEM);
  return password === undefined ? { created: true, password: chosen } : { created: true };
}

/** Sets a user's password (`username` may be the email) and ends the user's sessions. For the appliance's own CLI. */
export async function resetPassword(store: Store, username: string, password: string): Promise<void> {
  checkLength(password);
  const user = await findByName(store.as<IdentityTables>(), username);
  if (!user) throw new Error(`there is no user named ${username}`);
  const hash = await hashPassword(password, ARGON2_COST);
  await store.transaction(async (tx: Tx<IdentityTables>) => {
    await tx.db
      .updateTable('users')
      .set({ updated_at: timestamp(Date.now()) })
      .where('id', '=', user.id)
      .execute();
    await setPassword(tx.db, user.id, hash);
    tx.emit(event('identity.password.reset', { userId: user.id }, SYSTEM));
  });
}
