import { createHash } from 'node:crypto';
import { Gauge, type Registry } from 'prom-client';
import type { Logger, Store } from '../store/index.ts';
import { timestamp, transact } from './service.ts';
import type { AccessTables, RequestRow } from './tables.ts';
import { Teller, type Told } from './teller.ts';
import type { Ended, Facts } from './types.ts';

/** Distinct requests kept. */
export const MAX_REQUESTS = 100_000;
/** The part of them that may be of wrong credentials. */
export const UNDECIDED_SHARE = 0.25;
export const KEPT_MS = 24 * 3600_000;
const FLUSH_MS = 2_000;
/** A request that only came again is written this seldom: what a crash may take is its last count. */
const RECOUNT_MS = 5 * 60_000;
const PRUNE_MS = 60_000;
const ROWS_AT_ONCE = 50;
const ROWS_PER_FLUSH = 2_000;
/** Flushes at a stop. */
const STOP_ROUNDS = 16;
const READ_AT_ONCE = 5_000;

/** A distinct request of the last day. */
export interface JournalEntry {
  readonly key: string;
  readonly id: string;
  facts: Facts;
  outcome: Ended['outcome'];
  reason: string | undefined;
  /** A policy was asked: the credentials were right. */
  decided: boolean;
  policyId: string | null;
  readonly first: number;
  last: number;
  count: number;
}
interface Entry extends JournalEntry {
  told: Told;
  dirty: boolean;
  /** 0: something else than the count is new. */
  written: number;
}

export interface JournalOptions {
  store: Store;
  log: Logger;
  /** Milliseconds since 1970. */
  now(): number;
  registry: Registry;
  maxRequests?: number;
}

/** What makes a request another one. */
const keyOf = (facts: Facts): string =>
  `${facts.username}\0${facts.mac ?? ''}\0${facts.nas?.id ?? ''}\0${facts.ssid ?? ''}\0${facts.method}\0${
    facts.realm ?? ''
  }\0${facts.device?.id ?? ''}\0${facts.voucher?.id ?? ''}\0${facts.door}`;

/** Of two requests with one key: whether everything else but the time is the same too. */
const isSame = (a: Facts, b: Facts): boolean =>
  a.userId === b.userId &&
  a.groups === b.groups &&
  a.nas === b.nas &&
  a.device === b.device &&
  a.voucher === b.voucher &&
  a.certificate === b.certificate &&
  a.calledStation === b.calledStation &&
  a.callingStation === b.callingStation;

const rowOf = (entry: JournalEntry): RequestRow => ({
  id: entry.id,
  username: entry.facts.username.toLowerCase(),
  mac: entry.facts.mac ?? '',
  outcome: entry.outcome,
  // It may quote who asked; PostgreSQL can't keep U+0000.
  reason: entry.reason?.replaceAll('\0', '\u{fffd}') ?? null,
  decided: entry.decided ? 1 : 0,
  policy_id: entry.policyId,
  facts: JSON.stringify(entry.facts),
  first_at: timestamp(entry.first),
  last_at: timestamp(entry.last),
  count: entry.count,
});

/** By SQLSTATE whether what was written is at fault: a data exception, or more than the database's limits. */
const isOfData = (error: unknown): boolean => /^(22|54)/.test(String((error as { code?: unknown }).code));

/** The last day's requests: in memory, and written in batches. */
export class Journal {
  readonly #options: JournalOptions;
  readonly #max: number;
  /** Those whose credentials were wrong, oldest first: guesses must not push out what policies are tried on. */
  readonly #undecided = new Set<Entry>();
  readonly #entries = new Map<string, Entry>();
  readonly #byMac = new Map<string, Set<Entry>>();
  readonly #teller: Teller;
  #dirty: Entry[] = [];
  /** Ids of rows whose entries are gone. */
  readonly #gone = new Set<string>();
  #flushing: Promise<void> = Promise.resolve();
  #timers: NodeJS.Timeout[] = [];

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#max = options.maxRequests ?? MAX_REQUESTS;
    const registers = [options.registry];
    this.#teller = new Teller(options);
    const size = () => this.#entries.size;
    new Gauge({
      name: 'gatehouse_access_requests',
      help: 'Distinct requests of the last day that are kept.',
      registers,
      collect() {
        this.set(size());
      },
    });
  }

  get size(): number {
    return this.#entries.size;
  }
  entries(): IterableIterator<JournalEntry> {
    return this.#entries.values();
  }
  byMac(mac: string): readonly JournalEntry[] {
    return [...(this.#byMac.get(mac) ?? [])];
  }
  byId(id: string): JournalEntry | undefined {
    for (const entry of this.#entries.values()) if (entry.id === id) return entry;
    return undefined;
  }

  /** Notes a request. Never throws, never waits. */
  record({ facts, outcome, reason, decision }: Ended): void {
    const { at } = facts;
    const key = keyOf(facts);
    let entry = this.#entries.get(key);
    const policyId = decision?.policy?.id ?? null;
    const decided = decision !== undefined;
    if (!entry) {
      entry = this.#add(key, facts, outcome, reason, decided, policyId, {
        first: at,
        last: at,
        count: 1,
        id: undefined,
      });
    } else {
      entry.count++;
      entry.last = at;
      // What comes again and again is to leave nothing behind: objects that live on cost more than all the rest.
      if (isSame(entry.facts, facts)) entry.facts.at = at;
      else entry.facts = facts;
      if (entry.outcome !== outcome || entry.reason !== reason || entry.policyId !== policyId) {
        entry.outcome = outcome;
        entry.reason = reason;
        entry.policyId = policyId;
        entry.written = 0;
      }
      if (entry.decided !== decided) {
        entry.decided = decided;
        if (decided) this.#undecided.delete(entry);
        else this.#undecided.add(entry);
      }
    }
    if (!entry.dirty) {
      entry.dirty = true;
      this.#dirty.push(entry);
    }
    this.#teller.tell(entry.told, entry, decision);
  }

  #add(
    key: string,
    facts: Facts,
    outcome: Ended['outcome'],
    reason: string | undefined,
    decided: boolean,
    policyId: string | null,
    counts: { first: number; last: number; count: number; id: string | undefined },
  ): Entry {
    const [wrong] = this.#undecided;
    if (wrong && !decided && this.#undecided.size >= this.#max * UNDECIDED_SHARE) this.#remove(wrong);
    else if (this.#entries.size >= this.#max) {
      const [oldest] = this.#entries.values();
      if (oldest) this.#remove(oldest);
    }
    const entry: Entry = {
      key,
      id: counts.id ?? createHash('sha256').update(key).digest('base64url').slice(0, 22),
      facts,
      outcome,
      reason,
      decided,
      policyId,
      first: counts.first,
      last: counts.last,
      count: counts.count,
      told: this.#teller.toldOf(facts),
      dirty: false,
      written: 0,
    };
    this.#entries.set(key, entry);
    if (!decided) this.#undecided.add(entry);
    this.#gone.delete(entry.id);
    if (facts.mac !== undefined) {
      const same = this.#byMac.get(facts.mac);
      if (same) same.add(entry);
      else this.#byMac.set(facts.mac, new Set([entry]));
    }
    return entry;
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.#undecided.delete(entry);
    entry.dirty = true; // so that it isn't written any more
    this.#teller.release(entry.told);
    const same = entry.facts.mac === undefined ? undefined : this.#byMac.get(entry.facts.mac);
    same?.delete(entry);
    if (same?.size === 0) this.#byMac.delete(entry.facts.mac as string);
    this.#gone.add(entry.id);
  }

  /** Reads what was written of the last day, and begins to write. */
  async start(): Promise<void> {
    const db = this.#options.store.as<AccessTables>();
    const since = timestamp(this.#options.now() - KEPT_MS);
    let after = { last_at: since, id: '' };
    for (;;) {
      const rows = await db
        .selectFrom('access_requests')
        .selectAll()
        .where((eb) =>
          eb.or([
            eb('last_at', '>', after.last_at),
            eb.and([eb('last_at', '=', after.last_at), eb('id', '>', after.id)]),
          ]),
        )
        .orderBy('last_at')
        .orderBy('id')
        .limit(READ_AT_ONCE)
        .execute();
      for (const row of rows) this.#restore(row);
      const last = rows.at(-1);
      if (!last || rows.length < READ_AT_ONCE) break;
      after = last;
    }
    this.#timers = [setInterval(() => this.flush(), FLUSH_MS), setInterval(() => this.prune(), PRUNE_MS)];
  }

  #restore(row: RequestRow): void {
    const facts = JSON.parse(row.facts) as Facts;
    const key = keyOf(facts);
    if (this.#entries.has(key)) return;
    const [first, last] = [Date.parse(row.first_at), Date.parse(row.last_at)];
    const counts = { first, last, count: Number(row.count), id: row.id };
    const entry = this.#add(key, facts, row.outcome, row.reason ?? undefined, row.decided === 1, row.policy_id, counts);
    entry.written = last;
  }

  /** Forgets what is older than a day. */
  prune(): void {
    const since = this.#options.now() - KEPT_MS;
    for (const entry of this.#entries.values()) if (entry.last < since) this.#remove(entry);
  }

  /** Writes what is new; with `all` the counts too. Never rejects. */
  flush(all = false): Promise<void> {
    this.#flushing = this.#flushing
      .then(() => this.#write(all))
      .catch((error) => this.#options.log.error({ err: error }, 'the journal of requests could not be written'));
    return this.#flushing;
  }

  async #write(all: boolean): Promise<void> {
    const now = this.#options.now();
    const wanted: Entry[] = [];
    const later: Entry[] = [];
    for (const entry of this.#dirty) {
      if (this.#entries.get(entry.key) !== entry) continue;
      const due = all || entry.written === 0 || now - entry.written >= RECOUNT_MS;
      if (due && wanted.length < ROWS_PER_FLUSH) wanted.push(entry);
      else later.push(entry);
    }
    this.#dirty = later;
    try {
      const gone = [...this.#gone].slice(0, ROWS_PER_FLUSH);
      for (let at = 0; at < gone.length; at += ROWS_AT_ONCE) await this.#delete(gone.slice(at, at + ROWS_AT_ONCE));
      while (wanted.length > 0) {
        const batch = wanted.slice(0, ROWS_AT_ONCE);
        // Before the write: what comes meanwhile makes it dirty anew.
        for (const entry of batch) {
          entry.dirty = false;
          entry.written = now;
          // Kept in the order of use, so that the one that goes where there are too many is an old one.
          if (this.#entries.delete(entry.key)) this.#entries.set(entry.key, entry);
        }
        await this.#keep(batch);
        wanted.splice(0, batch.length);
        // SQLite answers without letting go: packets get their turn here.
        await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      for (const entry of wanted) {
        entry.written = 0;
        if (!entry.dirty) this.#dirty.push(entry);
        entry.dirty = true;
      }
      throw error;
    }
  }

  /** Writes entries; one that the database doesn't take is told and left out: it would hold up the others for ever. */
  async #keep(batch: readonly Entry[]): Promise<void> {
    try {
      await this.#upsert(batch.map(rowOf));
    } catch (error) {
      if (!isOfData(error)) throw error;
      if (batch.length === 1) {
        this.#options.log.error({ err: error, id: batch[0]!.id }, 'a request cannot be written to the journal');
        return;
      }
      const half = batch.length >> 1;
      await this.#keep(batch.slice(0, half));
      await this.#keep(batch.slice(half));
    }
  }

  async #upsert(rows: RequestRow[]): Promise<void> {
    await transact(this.#options, (db) =>
      db
        .insertInto('access_requests')
        .values(rows)
        .onConflict((conflict) =>
          conflict.column('id').doUpdateSet((eb) => ({
            outcome: eb.ref('excluded.outcome'),
            reason: eb.ref('excluded.reason'),
            decided: eb.ref('excluded.decided'),
            policy_id: eb.ref('excluded.policy_id'),
            facts: eb.ref('excluded.facts'),
            last_at: eb.ref('excluded.last_at'),
            count: eb.ref('excluded.count'),
          })),
        )
        .execute(),
    );
  }

  async #delete(ids: string[]): Promise<void> {
    for (const id of ids) this.#gone.delete(id);
    await transact(this.#options, (db) => db.deleteFrom('access_requests').where('id', 'in', ids).execute());
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
    // What is new first, then counts: a stop has seconds, and a count that is lost is a small thing.
    for (let round = 0; round < STOP_ROUNDS && this.#dirty.length > 0; round++)
      await this.flush(round > STOP_ROUNDS / 2);
    await this.#teller.stop();
  }
}
