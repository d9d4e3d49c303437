import type { Kysely, Transaction } from 'kysely';

export type Dialect = 'sqlite' | 'postgres';

/** A numbered step; runs on both databases. Ids ascend without gaps over the whole appliance. */
export interface Migration {
  id: number;
  name: string;
  // biome-ignore lint/suspicious/noExplicitAny: a migration knows the tables of its own time, not today's types
  up(db: Kysely<any>, dialect: Dialect): Promise<void>;
}

/** What happened, as plain JSON. */
export interface OutboxEvent {
  type: string;
  data: Record<string, unknown>;
}

/** `at` is RFC 3339 in UTC; ids ascend in the order of the commits. */
export interface StoredEvent extends OutboxEvent {
  id: number;
  at: string;
}

export interface Tx<T> {
  db: Transaction<T>;
  /** Writes the event with the rows: it is delivered if, and only if, the transaction commits. */
  emit(event: OutboxEvent): void;
}

/** The part of pino that the store writes to. */
export interface Logger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface Store {
  readonly dialect: Dialect;
  /**
   * The whole database, typed by the caller's own tables. Sees what is committed. A single write outside
   * `transaction()` waits its turn behind transactions; inside one it is refused on SQLite (use `tx.db`).
   */
  as<T>(): Kysely<T>;
  /**
   * Rows and their domain events in one transaction; events go to the consumer after commit, in order.
   * Serialised: one writer at a time in this process. A throw rolls back and drops the events. A call inside `fn` is
   * an error, and so is going on after a failed statement (PostgreSQL has aborted by then): let it throw.
   */
  transaction<T, R>(fn: (tx: Tx<T>) => Promise<R>): Promise<R>;
  /**
   * Registers the one consumer (the event bus). Called for each event in order, after commit and at start for events
   * that a crash left; a row leaves the outbox only after the promise resolves; a rejection is logged and retried with
   * back-off, so the consumer must be idempotent.
   */
  onEvent(consumer: (event: StoredEvent) => Promise<void>): void;
  /** Resolves when the outbox is empty (tests, shutdown). Rejects when there are events and nobody consumes them. */
  drained(): Promise<void>;
  /** Lets the running transaction and delivery end, then closes and releases the data folder. */
  close(): Promise<void>;
}

/** A start that can't be: the message says why and what to do. */
export class StoreError extends Error {
  override name = 'StoreError';
}
