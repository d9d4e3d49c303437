import type { DomainEvent } from '../../events/index.ts';
import type { SecretBox, Store, Tx } from '../../store/index.ts';
import type { ConnectorTables } from './tables.ts';

export { event } from '../../events/index.ts';
export { actorOf } from '../../http/index.ts';
export { timestamp } from '../../store/index.ts';

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

/** Seals open in their own place only: `SecretBox.seal`'s context. */
export const tokenContext = (id: string): string => `radius/connector/${id}/token`;
