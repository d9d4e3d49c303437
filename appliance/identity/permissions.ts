import type { Kysely } from 'kysely';
import { type Actor, SYSTEM } from '../events/index.ts';
import { badRequest } from '../http/index.ts';
import type { Tx } from '../store/index.ts';
import type { DefaultPermissions } from './schema.ts';
import { event, type Service, timestamp } from './service.ts';
import type { DefaultPermissionsRow, IdentityTables } from './tables.ts';

const networks = (json: string): string[] => JSON.parse(json) as string[];

const toDefaults = (row: DefaultPermissionsRow): DefaultPermissions => ({
  default_role: row.role,
  default_authorized_networks: networks(row.authorized_networks),
});

/** The one row of default permissions. */
export const defaultsOf = (db: Kysely<IdentityTables>): Promise<DefaultPermissionsRow> =>
  db.selectFrom('default_permissions').selectAll().where('id', '=', 1).executeTakeFirstOrThrow();

export async function getDefaults({ store }: Service): Promise<DefaultPermissions> {
  return toDefaults(await defaultsOf(store.as<IdentityTables>()));
}

export async function updateDefaults(
  service: Service,
  change: Partial<DefaultPermissions>,
  actor: Actor,
): Promise<DefaultPermissions> {
  await checkNetworks(service, 'default_authorized_networks', change.default_authorized_networks);
  return service.store.transaction(async (tx: Tx<IdentityTables>) => {
    const before = await defaultsOf(tx.db);
    const after: DefaultPermissionsRow = {
      id: 1,
      role: change.default_role ?? before.role,
      authorized_networks: networkList(change.default_authorized_networks) ?? before.authorized_networks,
    };
    const changed: string[] = [];
    if (after.role !== before.role) changed.push('default_role');
    if (after.authorized_networks !== before.authorized_networks) changed.push('default_authorized_networks');
    if (changed.length === 0) return toDefaults(before);
    const { role, authorized_networks } = after;
    await tx.db.updateTable('default_permissions').set({ role, authorized_networks }).where('id', '=', 1).execute();
    tx.emit(event('identity.defaults.updated', { changed }, actor));
    return toDefaults(after);
  });
}

/** Takes a network that is gone out of users' lists and the defaults. Idempotent. */
export async function forgetNetwork(service: Service, networkId: string): Promise<void> {
  const mentions = `%${JSON.stringify(networkId)}%`;
  const without = (json: string): string => JSON.stringify(networks(json).filter((id) => id !== networkId));
  await service.store.transaction(async (tx: Tx<IdentityTables>) => {
    const users = await tx.db
      .selectFrom('users')
      .select(['id', 'authorized_networks'])
      .where('authorized_networks', 'like', mentions)
      .orderBy('id')
      .execute();
    const updated_at = timestamp(service.now());
    for (const { id, authorized_networks: before } of users) {
      const authorized_networks = without(before);
      if (authorized_networks === before) continue;
      await tx.db.updateTable('users').set({ authorized_networks, updated_at }).where('id', '=', id).execute();
      tx.emit(event('identity.user.updated', { userId: id, changed: ['authorized_networks'] }, SYSTEM));
    }
    const defaults = await defaultsOf(tx.db);
    const authorized_networks = without(defaults.authorized_networks);
    if (authorized_networks === defaults.authorized_networks) return;
    await tx.db.updateTable('default_permissions').set({ authorized_networks }).where('id', '=', 1).execute();
    tx.emit(event('identity.defaults.updated', { changed: ['default_authorized_networks'] }, SYSTEM));
  });
}

/** A list as it is stored: each id once. */
export const networkList = (ids: readonly string[] | undefined): string | undefined =>
  ids && JSON.stringify([...new Set(ids)]);

/** 400 that names the field where a network doesn't exist. */
export async function checkNetworks(
  service: Service,
  field: string,
  ids: readonly string[] | undefined,
): Promise<void> {
  if (!ids || ids.length === 0) return;
  const unknown = await service.networksExist([...new Set(ids)]);
  if (unknown.length > 0) throw badRequest(`${field} has networks that don't exist: ${unknown.slice(0, 5).join(', ')}`);
}
