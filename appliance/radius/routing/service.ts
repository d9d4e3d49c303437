import type { DomainEvent } from '../../events/index.ts';
import type { SecretBox, Store, Tx } from '../../store/index.ts';
import type { RoutingTables } from './tables.ts';

export { event } from '../../events/index.ts';
export { actorOf } from '../../http/index.ts';
export { timestamp } from '../../store/index.ts';

/** What realms and upstreams work with. */
export interface Service {
  store: Store;
  secrets: SecretBox;
  /** Milliseconds since 1970. */
  now(): number;
  /** Of these connector ids, those that don't exist. */
  unknownConnectors(ids: readonly string[]): Promise<readonly string[]>;
  /** Names of the NAS that have this upstream as their own source. */
  nasWithUpstream(upstreamId: string): Promise<readonly string[]>;
}

export type Db = Tx<RoutingTables>['db'];
export type Reader = Pick<Db, 'selectFrom'>;
export type Emit = (event: DomainEvent) => void;

/** A transaction on the tables of routing whose events are typed by the catalogue. */
export function transact<R>({ store }: Pick<Service, 'store'>, fn: (db: Db, emit: Emit) => Promise<R>): Promise<R> {
  return store.transaction<RoutingTables, R>((tx) => fn(tx.db, (event) => tx.emit(event)));
}

/** Which fields of the rows are not the same. */
export const changedFields = <T extends object>(before: T, after: T): string[] =>
  Object.keys(after).filter((field) => field !== 'updated_at' && before[field as keyof T] !== after[field as keyof T]);

/** Seals open in their own place only: `SecretBox.seal`'s context. */
export const upstreamSecretContext = (id: string): string => `radius/upstream/${id}/secret`;
export const upstreamKeyContext = (id: string): string => `radius/upstream/${id}/tls-private-key`;
