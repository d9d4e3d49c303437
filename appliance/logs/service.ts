import type { DomainEvent } from '../events/index.ts';
import type { Logger, Store, Tx } from '../store/index.ts';
import type { Backend } from './backend.ts';
import type { SourceBook } from './sources/book.ts';
import type { LogTables } from './tables.ts';

export { event } from '../events/index.ts';
export { actorOf } from '../http/index.ts';
export { timestamp } from '../store/index.ts';

/** What the parts of logs' API work with. */
export interface Service {
  store: Store;
  log: Logger;
  /** Milliseconds since 1970. */
  now(): number;
  backend: Backend;
  sources: SourceBook;
}

export type Db = Tx<LogTables>['db'];

/** A transaction on the tables of logs whose events are typed by the catalogue. */
export const transact = <R>(
  { store }: Pick<Service, 'store'>,
  fn: (db: Db, emit: (event: DomainEvent) => void) => Promise<R>,
): Promise<R> => store.transaction<LogTables, R>((tx) => fn(tx.db, (event) => tx.emit(event)));

/** How many rows a table has. */
export async function countOf(db: Pick<Db, 'selectFrom'>, table: keyof LogTables): Promise<number> {
  const { count } = await db
    .selectFrom(table)
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}
