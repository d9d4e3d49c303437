import type { Actor, DomainEvent } from '../events/index.ts';
import { type Caller, forbidden, notFound } from '../http/index.ts';
import type { SecretBox, Store, Tx } from '../store/index.ts';
import type { NetworkRow, OverlayTables, PeerRow } from './tables.ts';

/** What the overlay is built on; `main.ts` passes it in. */
export interface OverlayContext {
  store: Store;
  secrets: SecretBox;
  now: () => Date;
  /** Whether a user with this id exists: identity's answer. */
  userExists: (id: string) => Promise<boolean>;
}

export type OverlayTx = Tx<OverlayTables>;

/** A transaction on the overlay's tables whose events are typed by the catalogue. */
export function transact<R>(
  { store }: OverlayContext,
  fn: (db: OverlayTx['db'], emit: (event: DomainEvent) => void) => Promise<R>,
): Promise<R> {
  return store.transaction<OverlayTables, R>((tx) => fn(tx.db, (event) => tx.emit(event)));
}

export const actorOf = (caller: Caller, address: string): Actor => ({ kind: 'user', id: caller.id, address });

export const isAdministrator = (caller: Caller): boolean => caller.role === 'administrator';

type Reader = Pick<OverlayTx['db'], 'selectFrom'>;

/** The network, where the caller may see it. 404 when there is none, 403 when it is not the caller's. */
export async function networkFor(db: Reader, caller: Caller, networkId: string): Promise<NetworkRow> {
  const row = await db.selectFrom('networks').selectAll().where('id', '=', networkId).executeTakeFirst();
  if (!row) throw notFound('network');
  if (!isAdministrator(caller) && !caller.authorizedNetworks.includes(networkId)) {
    throw forbidden('you have no access to this network: ask an administrator for it');
  }
  return row;
}

/** The peer, where the caller may see it: administrators see all, others their own in networks that are open to them. */
export async function peerFor(db: Reader, caller: Caller, networkId: string, peerId: string): Promise<PeerRow> {
  await networkFor(db, caller, networkId);
  const row = await db
    .selectFrom('peers')
    .selectAll()
    .where('id', '=', peerId)
    .where('network_id', '=', networkId)
    .executeTakeFirst();
  if (!row) throw notFound('peer');
  if (!isAdministrator(caller) && row.owner_id !== caller.id) throw forbidden('this peer is not yours');
  return row;
}

/** `%text%` for LIKE with its wildcards taken literally; use with `escape '\'`. */
export const likePattern = (text: string): string => `%${text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
