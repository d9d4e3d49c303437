import type { FastifyRequest } from 'fastify';
import type { Actor, DomainEvent, EventData, EventType } from '../../events/index.ts';
import { callerOf } from '../../http/index.ts';
import type { SecretBox, Store, Tx } from '../../store/index.ts';
import type { ConnectorTables } from './tables.ts';

/** What connectors and their clients work with. */
export interface Service {
  store: Store;
  secrets: SecretBox;
  /** Milliseconds since 1970. */
  now(): number;
  /** Who has this connector as a source, for people: `realm example.org`, `NAS ap-1`. */
  usersOf(connectorId: string): Promise<readonly string[]>;
}

export type Db = Tx<ConnectorTables>['db'];
export type Reader = Pick<Db, 'selectFrom'>;
export type Emit = (event: DomainEvent) => void;

/** A transaction on these tables whose events are typed by the catalogue. */
export function transact<R>({ store }: Pick<Service, 'store'>, fn: (db: Db, emit: Emit) => Promise<R>): Promise<R> {
  return store.transaction<ConnectorTables, R>((tx) => fn(tx.db, (event) => tx.emit(event)));
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
export const tokenContext = (id: string): string => `radius/connector/${id}/token`;
