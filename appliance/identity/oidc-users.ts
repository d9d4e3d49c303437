import { type Actor, SYSTEM } from '../events/index.ts';
import { conflict, forbidden, type Role } from '../http/index.ts';
import { sha256Hex, type Tx } from '../store/index.ts';
import { findByName, nameKey, orTaken, takeNames } from './names.ts';
import type { OidcSettings } from './oidc.ts';
import type { Person } from './oidc-claims.ts';
import { defaultsOf } from './permissions.ts';
import { event, type Service, timestamp } from './service.ts';
import { endSessionsOf, openSession } from './sessions.ts';
import type { IdentityTables, UserRow } from './tables.ts';

/**
 * Half a day. What the provider knows (who left, who is in which group) takes effect at the next sign-in, which costs a
 * person who is signed in there nothing.
 */
export const OIDC_SESSION_SECONDS = 12 * 3600;

type Db = Tx<IdentityTables>['db'];

/**
 * The id of a person: always the same for issuer and subject, and no other's. A hash, because a subject may be as long
 * as it likes, and look like another user's id.
 */
const idOf = ({ issuer, subject }: Pick<Person, 'issuer' | 'subject'>): string =>
  `oidc-${sha256Hex(JSON.stringify([issuer, subject])).slice(0, 40)}`;

/**
 * Signs in whom the provider vouched for; the secret of the new session. Makes the user at the first sign-in, and takes
 * over name, email and (with `admin_group`) role at each. 403 for who isn't in the groups, 409 for a new user whose
 * email another user has: an account with a password is never taken over by what a provider says.
 */
export async function signInPerson(
  service: Service,
  settings: Pick<OidcSettings, 'adminGroup' | 'userGroup'>,
  person: Person,
  address: string,
): Promise<string> {
  const id = idOf(person);
  const groups = person.groups ?? [];
  const { adminGroup, userGroup } = settings;
  const isAdministrator = adminGroup !== undefined && groups.includes(adminGroup);
  const admitted = userGroup === undefined || isAdministrator || groups.includes(userGroup);
  const actor: Actor = { kind: 'user', id, address };
  const secret = await orTaken(
    service.store.transaction(async ({ db, emit }: Tx<IdentityTables>) => {
      const before = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
      if (!admitted) {
        if (before) {
          // Out of the group is out of the house: what was signed in before ends too.
          await endSessionsOf(db, id);
          emit(event('identity.logout', { userId: id }, SYSTEM));
        }
        const username = before?.username ?? (person.email || person.username || id);
        emit(event('identity.login.failed', { username }, { ...SYSTEM, address }));
        return undefined;
      }
      const defaults = await defaultsOf(db);
      const at = service.now();
      let role: Role;
      if (adminGroup !== undefined) role = isAdministrator ? 'administrator' : 'user';
      else role = before?.role ?? ((await hasAdministrator(db)) ? defaults.role : 'administrator');
      if (before) {
        const email = (await isFree(db, person.email, id)) ? person.email : before.email;
        const wanted = { email: email || before.email, name: person.name || before.name, role };
        const keys = Object.keys(wanted) as (keyof typeof wanted)[];
        const changed: string[] = keys.filter((key) => wanted[key] !== before[key]);
        const updated_at = changed.length > 0 ? timestamp(at) : before.updated_at;
        await db
          .updateTable('users')
          .set({ ...wanted, updated_at, last_login_at: timestamp(at) })
          .where('id', '=', id)
          .execute();
        if (wanted.email !== before.email) await takeNames(db, { ...before, ...wanted });
        if (changed.length > 0) emit(event('identity.user.updated', { userId: id, changed }, actor));
      } else {
        if (!(await isFree(db, person.email, id))) throw taken(person.email);
        const row: UserRow = {
          id,
          username: await usernameFor(db, person, id),
          email: person.email,
          name: person.name,
          role,
          authorized_networks: defaults.authorized_networks,
          password_hash: null,
          password_version: 0,
          created_at: timestamp(at),
          updated_at: timestamp(at),
          last_login_at: timestamp(at),
          network_password: null,
        };
        await db.insertInto('users').values(row).execute();
        await takeNames(db, row);
        emit(event('identity.user.created', { userId: id, username: row.username, role }, actor));
      }
      emit(event('identity.login', { userId: id }, actor));
      return openSession(db, id, at, OIDC_SESSION_SECONDS);
    }),
  );
  if (secret === undefined) {
    throw forbidden(`none of your groups may sign in here: ask for the group ${userGroup} at your identity provider`);
  }
  return secret;
}

const taken = (email: string) =>
  conflict(
    `another account has the email ${email}, and signing in doesn't take it over: ` +
      'an administrator can delete that account or change its email; then sign in again',
  );

async function hasAdministrator(db: Db): Promise<boolean> {
  const row = await db.selectFrom('users').select('id').where('role', '=', 'administrator').executeTakeFirst();
  return row !== undefined;
}

async function isFree(db: Db, name: string, id: string): Promise<boolean> {
  return name === '' || ((await findByName(db, name)) ?? { id }).id === id;
}

const USERNAME = /^[A-Za-z0-9._@-]{1,64}$/;

/**
 * What the provider calls the person where nobody has that name, else the email, else the id. A name with an @ in it
 * would take somebody's email away; `admin` is left for the local administrator.
 */
async function usernameFor(db: Db, { username, email }: Person, id: string): Promise<string> {
  for (const name of [username.includes('@') || nameKey(username) === 'admin' ? '' : username, email]) {
    if (USERNAME.test(name) && (await isFree(db, name, id))) return name;
  }
  return id;
}
