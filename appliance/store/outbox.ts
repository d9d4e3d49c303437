import type { DatabaseSync } from 'node:sqlite';
import { type Kysely, sql } from 'kysely';
import type { Mutex } from './mutex.ts';
import type { Logger, OutboxEvent, StoredEvent } from './types.ts';

const BATCH = 100;
/** Events that one statement writes. */
const WRITTEN_AT_ONCE = 200;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 30_000;

interface OutboxTable {
  outbox: { id: number; at: string; type: string; data: string };
}

/** Adds events to the transaction that `db` is. */
export async function writeEvents(db: Kysely<unknown>, events: readonly { type: string; json: string }[]) {
  const at = new Date().toISOString();
  for (let from = 0; from < events.length; from += WRITTEN_AT_ONCE) {
    const rows = events.slice(from, from + WRITTEN_AT_ONCE).map(({ type, json }) => sql`(${at}, ${type}, ${json})`);
    await sql`INSERT INTO outbox (at, type, data) VALUES ${sql.join(rows)}`.execute(db);
  }
}

/**
 * Adds an event to the outbox of an appliance's SQLite database, from another process: it is delivered with the next one,
 * or at the next start.
 */
export function leaveEvent(db: DatabaseSync, event: OutboxEvent): void {
  const { type, json } = freezeEvent(event);
  db.prepare('INSERT INTO outbox (at, type, data) VALUES (?, ?, ?)').run(new Date().toISOString(), type, json);
}

/** The event as it is written, taken now: a later change of `data` by the caller changes nothing. */
export function freezeEvent({ type, data }: OutboxEvent): { type: string; json: string } {
  return { type, json: JSON.stringify(data) };
}

/** Hands outbox rows to the consumer, oldest first, one at a time; removes what was delivered. */
export class Delivery {
  readonly #reader: Kysely<OutboxTable>;
  readonly #remove: (lastId: number) => Promise<void>;
  readonly #log: Logger;
  #consumer: ((event: StoredEvent) => Promise<void>) | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  #wake: (() => void) | undefined;

  /** `mutex` guards the writer's `db`. */
  constructor(reader: Kysely<unknown>, db: Kysely<unknown>, mutex: Mutex, log: Logger) {
    this.#reader = reader as unknown as Kysely<OutboxTable>;
    this.#remove = (lastId) =>
      mutex.run(async () => {
        await sql`DELETE FROM outbox WHERE id <= ${lastId}`.execute(db);
      });
    this.#log = log;
  }

  start(consumer: (event: StoredEvent) => Promise<void>): void {
    if (this.#consumer) throw new Error('the store has its consumer: there is one, the event bus');
    this.#consumer = consumer;
    this.poke();
  }

  /** There may be rows: reads them now, or after the batch under way. */
  poke(): void {
    this.#again = true;
    if (this.#running || !this.#consumer || this.#stopped) return;
    this.#running = this.#run(this.#consumer).finally(() => {
      this.#running = undefined;
      if (this.#again) this.poke();
    });
  }

  async drained(): Promise<void> {
    for (;;) {
      await this.#running;
      if (this.#stopped) throw new Error('the store is closed');
      const left = await this.#reader.selectFrom('outbox').select('id').limit(1).executeTakeFirst();
      if (!left) return;
      if (!this.#consumer) throw new Error('the outbox has events and no consumer: call onEvent first');
      this.poke();
    }
  }

  /** Waits for the delivery under way; what is left stays in the outbox. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await this.#running;
  }

  async #run(consumer: (event: StoredEvent) => Promise<void>): Promise<void> {
    let failures = 0;
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        const rows = await this.#reader.selectFrom('outbox').selectAll().orderBy('id').limit(BATCH).execute();
        if (rows.length === BATCH) this.#again = true;
        const { delivered, failed } = await this.#deliver(rows, consumer);
        if (delivered !== undefined) {
          await this.#remove(delivered);
          failures = 0;
        }
        if (!failed) continue;
      } catch (error) {
        // What could not be removed is delivered once more: the consumer is idempotent.
        this.#log.error({ err: error }, 'the outbox could not be read or cleared; it is tried again');
      }
      this.#again = true;
      await this.#pause(Math.min(FIRST_RETRY_MS * 2 ** failures++, MAX_RETRY_MS));
    }
  }

  async #deliver(
    rows: OutboxTable['outbox'][],
    consumer: (event: StoredEvent) => Promise<void>,
  ): Promise<{ delivered: number | undefined; failed: boolean }> {
    let delivered: number | undefined;
    for (const { id, at, type, data } of rows) {
      if (this.#stopped) break;
      try {
        await consumer({ id, at, type, data: JSON.parse(data) });
      } catch (error) {
        this.#log.error({ err: error, event: type, id }, 'an event could not be delivered; it is tried again');
        return { delivered, failed: true };
      }
      delivered = id;
    }
    return { delivered, failed: false };
  }

  async #pause(ms: number): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
