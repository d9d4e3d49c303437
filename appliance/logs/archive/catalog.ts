import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { openDatabase, type SecretBox } from '../../store/index.ts';
import { ArchiveError } from '../record/error.ts';
import { KEY_BYTES } from '../record/frame.ts';
import { isSource, OTHER_SOURCES } from './sources.ts';

const FILE = 'catalog.db';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS segments (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, from_us INTEGER NOT NULL,
    to_us INTEGER NOT NULL, bytes INTEGER NOT NULL, closed INTEGER NOT NULL, expired_classes TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS segment_keys (id INTEGER PRIMARY KEY AUTOINCREMENT, segment INTEGER NOT NULL,
    class INTEGER NOT NULL, sealed_key TEXT NOT NULL) STRICT;
  CREATE INDEX IF NOT EXISTS segment_keys_segment ON segment_keys (segment);
  CREATE TABLE IF NOT EXISTS sources (id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE,
    first_seen_us INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL, at_us INTEGER NOT NULL,
    why TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS timestamps (size INTEGER PRIMARY KEY, token BLOB NOT NULL,
    gen_time_us INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`;

/** Times are µs since 1970. */
export interface SegmentInfo {
  /** Index of its first leaf. */
  first: number;
  /** Leaves; of the open segment those that are sealed. */
  count: number;
  /** From the earliest to the latest time of receipt; of the open segment from 0 to `Infinity`. */
  fromUs: number;
  toUs: number;
  bytes: number;
  closed: boolean;
  /** Classes some of whose records are gone. */
  expired: number[];
}

export interface KeptCheckpoint {
  size: number;
  /** Signed note, with the cosignatures that it had. */
  note: string;
  atUs: number;
  why: 'epoch' | 'cosigned' | 'timestamp';
}

export interface Timestamp {
  size: number;
  /** RFC 3161, DER. */
  token: Uint8Array;
  genTimeUs: number;
}

export interface Source {
  id: number;
  /** Without port; empty for the appliance itself. */
  address: string;
  firstSeenUs: number;
}

/** What the catalog says, and how the sealing thread changes it. */
export class Catalog {
  readonly #db: DatabaseSync;
  readonly #secrets: SecretBox;
  readonly #readonly: boolean;
  /** What was asked before, by its text: preparing it takes longer than answering it. */
  readonly #queries = new Map<string, StatementSync>();

  /** Throws ArchiveError where it can't be opened. Only the sealing thread opens it for writing. */
  constructor(folder: string, secrets: SecretBox, readonly: boolean) {
    const file = path.join(folder, FILE);
    if (readonly && !existsSync(file)) throw new ArchiveError(`there is no log in ${folder}: ${file} is missing`);
    this.#secrets = secrets;
    this.#readonly = readonly;
    try {
      this.#db = openDatabase(file, readonly);
      // What is deleted is overwritten: keys are deleted so that nobody can read what they are for.
      if (!readonly) this.#db.exec(`PRAGMA secure_delete=ON; ${SCHEMA}`);
    } catch (cause) {
      throw new ArchiveError(`${file} cannot be opened: ${(cause as Error).message}`, { cause });
    }
  }

  #all(sql: string, ...values: (number | string)[]): Record<string, unknown>[] {
    try {
      const query = this.#queries.get(sql) ?? this.#db.prepare(sql);
      this.#queries.set(sql, query);
      return query.all(...values);
    } catch (cause) {
      throw new ArchiveError(`the catalog cannot be read: ${(cause as Error).message}`, { cause });
    }
  }

  /** One transaction; on the disk when it returns. */
  transaction(work: () => void): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  /** In the order of their leaves; those that have some of the leaves `from <= index < to`. */
  segments(from = 0, to = Number.MAX_SAFE_INTEGER): SegmentInfo[] {
    // Segments follow each other without a gap.
    const start = 'coalesce((SELECT max(first) FROM segments WHERE first <= ?), 0)';
    const rows = this.#all(`SELECT * FROM segments WHERE first >= ${start} AND first < ? ORDER BY first`, from, to);
    return rows.map((row) => ({
      first: row.first as number,
      count: row.count as number,
      fromUs: row.from_us as number,
      toUs: row.to_us as number,
      bytes: row.bytes as number,
      closed: row.closed === 1,
      expired: classesOf(row.expired_classes as string),
    }));
  }

  /** Throws ArchiveError where no segment begins with this leaf. */
  segment(first: number): SegmentInfo {
    const info = this.segments(first, first + 1)[0];
    if (info?.first !== first) throw new ArchiveError(`there is no segment from leaf ${first} on`, { index: first });
    return info;
  }

  beginSegment(first: number): void {
    const insert = 'INSERT OR IGNORE INTO segments VALUES (?, 0, 0, 0, 0, 0, ?)';
    this.#db.prepare(insert).run(first, '[]');
  }

  closeSegment({ first, count, fromUs, toUs, bytes }: Omit<SegmentInfo, 'closed' | 'expired'>): void {
    const update = 'UPDATE segments SET count = ?, from_us = ?, to_us = ?, bytes = ?, closed = 1 WHERE first = ?';
    this.#db.prepare(update).run(count, fromUs, toUs, bytes, first);
  }

  updateSegment(first: number, { bytes, expired }: { bytes: number; expired: readonly number[] }): void {
    const update = 'UPDATE segments SET bytes = ?, expired_classes = ? WHERE first = ?';
    this.#db.prepare(update).run(bytes, JSON.stringify(expired), first);
  }

  /** A new key for a class of a segment: on the disk when it returns. */
  makeKey(segment: number, retentionClass: number): { id: number; key: Uint8Array } {
    const key = randomBytes(KEY_BYTES);
    let id = 0;
    this.transaction(() => {
      const insert = 'INSERT INTO segment_keys (segment, class, sealed_key) VALUES (?, ?, ?)';
      id = Number(this.#db.prepare(insert).run(segment, retentionClass, '').lastInsertRowid);
      const sealed = this.#secrets.seal(key.toString('base64'), contextOf(id));
      this.#db.prepare('UPDATE segment_keys SET sealed_key = ? WHERE id = ?').run(sealed, id);
    });
    return { id, key };
  }

  /** Keys of a segment by their ids. Throws ArchiveError where one can't be opened. */
  keysOf(segment: number): Map<number, { class: number; key: Uint8Array }> {
    const rows = this.#all('SELECT * FROM segment_keys WHERE segment = ? ORDER BY id', segment);
    return new Map(
      rows.map((row) => {
        const id = row.id as number;
        try {
          const key = Buffer.from(this.#secrets.open(row.sealed_key as string, contextOf(id)), 'base64');
          if (key.length !== KEY_BYTES) throw new Error('it is no key of AES-256');
          return [id, { class: row.class as number, key }];
        } catch (cause) {
          throw new ArchiveError(`key ${id} of the segment from leaf ${segment} on: ${(cause as Error).message}`, {
            cause,
          });
        }
      }),
    );
  }

  /** Deletes the other keys of a segment; they are gone from the disk when it returns, as far as SQLite can see to it. */
  keepKeys(segment: number, ids: readonly number[]): void {
    const kept = JSON.stringify(ids);
    const remove = 'DELETE FROM segment_keys WHERE segment = ? AND id NOT IN (SELECT value FROM json_each(?))';
    this.#db.prepare(remove).run(segment, kept);
  }

  /** Empties the write-ahead log, where deleted rows would stay for a while. */
  forget(): void {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  sources(): Source[] {
    return this.#all('SELECT * FROM sources ORDER BY id').map((row) => ({
      id: row.id as number,
      address: row.address as string,
      firstSeenUs: row.first_seen_us as number,
    }));
  }

  addSource({ id, address, firstSeenUs }: Source): void {
    if (!isSource(id) || id === OTHER_SOURCES) throw new Error(`${id} is no id of a source`);
    this.#db.prepare('INSERT INTO sources VALUES (?, ?, ?)').run(id, address, firstSeenUs);
  }

  checkpoints(): KeptCheckpoint[] {
    return this.#all('SELECT * FROM checkpoints ORDER BY size').map((row) => ({
      size: row.size as number,
      note: row.note as string,
      atUs: row.at_us as number,
      why: row.why as KeptCheckpoint['why'],
    }));
  }

  /** Keeps a checkpoint; one of this size that is kept already gets this note, and stays what it was kept for. */
  keepCheckpoint({ size, note, atUs, why }: KeptCheckpoint): void {
    const insert = 'INSERT INTO checkpoints VALUES (?, ?, ?, ?) ON CONFLICT (size) DO UPDATE SET note = excluded.note';
    this.#db.prepare(insert).run(size, note, atUs, why);
  }

  timestamps(): Timestamp[] {
    return this.#all('SELECT * FROM timestamps ORDER BY size').map((row) => ({
      size: row.size as number,
      token: row.token as Uint8Array,
      genTimeUs: row.gen_time_us as number,
    }));
  }

  addTimestamp({ size, token, genTimeUs }: Timestamp): void {
    this.#db.prepare('INSERT OR REPLACE INTO timestamps VALUES (?, ?, ?)').run(size, token, genTimeUs);
  }

  get(key: string): string | undefined {
    return this.#all('SELECT value FROM state WHERE key = ?', key)[0]?.value as string | undefined;
  }

  set(key: string, value: string | undefined): void {
    if (value === undefined) this.#db.prepare('DELETE FROM state WHERE key = ?').run(key);
    else this.#db.prepare('INSERT OR REPLACE INTO state VALUES (?, ?)').run(key, value);
  }

  /** Readers in other threads keep SQLite from doing it: what was deleted must not stay in the write-ahead log. */
  #emptyLog(): void {
    try {
      this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // Something was cut short, or the disk is full: the next one does it.
    }
  }

  close(): void {
    if (!this.#readonly) this.#emptyLog();
    this.#db.close();
  }
}

const contextOf = (id: number): string => `logs/segment-key/${id}`;

function classesOf(text: string): number[] {
  try {
    const classes = JSON.parse(text) as unknown;
    if (Array.isArray(classes) && classes.every(Number.isInteger)) return classes as number[];
  } catch {
    // told below
  }
  throw new ArchiveError(`the catalog is damaged: ${text} are no classes`);
}
