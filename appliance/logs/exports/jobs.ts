import { rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { SYSTEM } from '../../events/index.ts';
import { createFolder } from '../../store/index.ts';
import type { Built } from '../backend.ts';
import { filterOf } from '../inputs.ts';
import { event, type Service, timestamp, transact } from '../service.ts';
import type { ExportRow, LogTables } from '../tables.ts';

/** The files of exports, and what is left of those that weren't finished. */
const PARTS = /^[0-9a-f-]{36}\.zip/;
const INTERRUPTED = 'the appliance was stopped while it was built: ask for it again';

/** So that a long one holds up no other. Each takes a core. */
export const AT_ONCE = 2;

interface Running {
  by: string;
  progress: number;
  abort: AbortController;
  ended: Promise<void>;
}

/**
 * Builds a few exports at a time, in the order in which they were asked for, but first those of whoever has none that is
 * being built. One that runs when the process ends has failed: begun again and again, one that kills the process would do
 * so for ever.
 */
export class ExportJobs {
  readonly #service: Service;
  readonly #folder: string;
  readonly #running = new Map<string, Running>();
  #loop: Promise<void> | undefined;
  #again = false;
  /** The state of one couldn't be written: no other is begun until the next is asked for. */
  #stands = false;
  #stopped = false;

  constructor(service: Service, folder: string) {
    this.#service = service;
    this.#folder = folder;
  }

  /** Where the ZIP of an export is. */
  fileOf(id: string): string {
    return path.join(this.#folder, `${id}.zip`);
  }

  /** 0 to 1, of one that runs. */
  progressOf(id: string): number {
    return this.#running.get(id)?.progress ?? 0;
  }

  async start(): Promise<void> {
    createFolder(this.#folder);
    const { store } = this.#service;
    const rows = await store.as<LogTables>().selectFrom('log_exports').select(['id', 'status']).execute();
    for (const { id, status } of rows) if (status === 'running') await this.#finish(id, { error: INTERRUPTED });
    const done = new Set(rows.filter(({ status }) => status === 'done').map(({ id }) => this.fileOf(id)));
    for (const name of await readdir(this.#folder)) {
      const file = path.join(this.#folder, name);
      if (PARTS.test(name) && !done.has(file)) rmSync(file, { force: true });
    }
    this.kick();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { abort } of this.#running.values()) abort.abort();
    await this.#loop;
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  /** Sees to what is queued. */
  kick(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#stands = false;
    this.#loop ??= this.#run();
  }

  /** Ends the export if it runs, and deletes its file. Its row is gone already. */
  async drop(id: string): Promise<void> {
    const running = this.#running.get(id);
    running?.abort.abort();
    await running?.ended;
    rmSync(this.fileOf(id), { force: true });
  }

  async #run(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        while (!this.#stopped && !this.#stands) {
          if (this.#running.size >= AT_ONCE) {
            await Promise.race([...this.#running.values()].map(({ ended }) => ended));
            continue;
          }
          const row = await this.#next();
          if (!row || this.#stopped) break;
          this.#begin(row);
        }
      }
    } catch (error) {
      this.#stuck(error);
    } finally {
      // With no turn between the last look at `#again` and this: a kick would be lost.
      this.#loop = undefined;
    }
  }

  #stuck(error: unknown): void {
    this.#service.log.error({ err: error }, 'the queue of exports stands still until the next one is asked for');
  }

  /** Which one is built next. */
  async #next(): Promise<ExportRow | undefined> {
    const rows = await this.#service.store
      .as<LogTables>()
      .selectFrom('log_exports')
      .selectAll()
      .where('status', '=', 'queued')
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    // Those that have only just begun are queued still, as far as the database knows.
    const waiting = rows.filter(({ id }) => !this.#running.has(id));
    const busy = new Set([...this.#running.values()].map(({ by }) => by));
    return waiting.find((row) => !busy.has(row.requested_by)) ?? waiting[0];
  }

  #begin(row: ExportRow): void {
    const abort = new AbortController();
    const ended = Promise.withResolvers<void>();
    this.#running.set(row.id, { by: row.requested_by, progress: 0, abort, ended: ended.promise });
    void this.#one(row, abort.signal)
      .catch((error: unknown) => {
        this.#stands = true;
        this.#stuck(error);
      })
      .finally(() => {
        this.#running.delete(row.id);
        ended.resolve();
      });
  }

  async #one(row: ExportRow, signal: AbortSignal): Promise<void> {
    const { id } = row;
    const { store, now, log } = this.#service;
    const begun = await store
      .as<LogTables>()
      .updateTable('log_exports')
      .set({ status: 'running', started_at: timestamp(now()) })
      .where('id', '=', id)
      .executeTakeFirst();
    if (Number(begun.numUpdatedRows) === 0) return;
    try {
      const { count, bytes, sha256 } = await this.#build(row, signal);
      if (!(await this.#finish(id, { count, bytes, sha256 }))) rmSync(this.fileOf(id), { force: true });
    } catch (error) {
      rmSync(this.fileOf(id), { force: true });
      const isAborted = signal.aborted;
      if (!isAborted) log.error({ err: error, exportId: id }, 'an export failed');
      await this.#finish(id, { error: isAborted ? INTERRUPTED : `it could not be built: ${(error as Error).message}` });
    }
  }

  async #build(row: ExportRow, signal: AbortSignal): Promise<Built> {
    const { backend, sources } = this.#service;
    const asked = {
      from: row.from_at,
      to: row.to_at,
      ...(row.source !== null && { source: JSON.parse(row.source) as string[] }),
      ...(row.q !== null && { q: row.q }),
    };
    const filter = filterOf(this.#service, asked);
    const all = sources.all();
    // So that what was asked for until now is in it, with the request itself.
    const size = await backend.seal();
    return backend.buildExport(
      {
        id: row.id,
        file: this.fileOf(row.id),
        filter,
        asked,
        sourceNames: Object.fromEntries(all.map(({ id, name }) => [id, name])),
        parsers: Object.fromEntries(
          all.flatMap(({ id, fixedParser }) => (fixedParser === null ? [] : [[id, fixedParser] as const])),
        ),
        ...(row.case_number !== null && { caseNumber: row.case_number }),
        requestedBy: { id: row.requested_by, username: row.username },
        requestedAtUs: Date.parse(row.created_at) * 1000,
        size,
      },
      (done) => {
        const running = this.#running.get(row.id);
        if (running) running.progress = Math.min(1, Math.max(running.progress, done));
      },
      signal,
    );
  }

  /** False when the export was deleted meanwhile. */
  #finish(id: string, how: Built | { error: string }): Promise<boolean> {
    const status = 'error' in how ? 'failed' : 'done';
    return transact(this.#service, async (db, emit) => {
      const { numUpdatedRows } = await db
        .updateTable('log_exports')
        .set({ ...how, status, finished_at: timestamp(this.#service.now()) })
        .where('id', '=', id)
        .executeTakeFirst();
      if (Number(numUpdatedRows) === 0) return false;
      emit(event('logs.export.finished', { exportId: id, status }, SYSTEM));
      return true;
    });
  }
}
