import type { FastifyRequest } from 'fastify';
import type { Actor, DomainEvent, EventData, EventType } from '../events/index.ts';
import { callerOf } from '../http/index.ts';
import type { Logger, SecretBox, Store, Tx } from '../store/index.ts';
import type { AccessTables } from './tables.ts';

/** What the parts of access work with. */
export interface Service {
  store: Store;
  secrets: SecretBox;
  log: Logger;
  /** Milliseconds since 1970. */
  now(): number;
}

export type AccessTx = Tx<AccessTables>;
export type Db = AccessTx['db'];
export type Emit = (event: DomainEvent) => void;

/** A transaction on the tables of access whose events are typed by the catalogue. */
export function transact<R>({ store }: Pick<Service, 'store'>, fn: (db: Db, emit: Emit) => Promise<R>): Promise<R> {
  return store.transaction<AccessTables, R>((tx) => fn(tx.db, (event) => tx.emit(event)));
}

/** An event to emit, checked against the catalogue. */
export const event = <T extends EventType>(type: T, data: EventData[T], actor: Actor): DomainEvent =>
  ({ type, data: { ...data, actor } }) as DomainEvent;

/** The signed-in caller as the actor of an event. */
export const actorOf = (request: FastifyRequest): Actor => ({
  kind: 'user',
  id: callerOf(request).id,
  address: request.ip,
});

/** A time as it is stored: RFC 3339, UTC, milliseconds. */
export const timestamp = (ms: number): string => new Date(ms).toISOString();

/** Seals open in their own place only: `SecretBox.seal`'s context. */
export const networkPasswordContext = (deviceId: string): string => `access/device/${deviceId}/network-password`;
export const voucherContext = (voucherId: string): string => `access/voucher/${voucherId}/code`;
