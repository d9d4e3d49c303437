import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { createFolder, diskProblem } from '../../store/index.ts';
import { type Archive, openArchive } from '../archive/archive.ts';
import { Catalog } from '../archive/catalog.ts';
import { SEGMENTS } from '../archive/files.ts';
import { TileStore } from '../archive/tiles.ts';
import type { ToSeal } from '../receive/messages.ts';
import { CLASSES, FLAG, KIND, type Kind } from '../record/types.ts';
import { faultOf, internalRecords } from './assemble.ts';
import { answer, type Called } from './calls.ts';
import { SearchFeed } from './feed.ts';
import { Gaps } from './gaps.ts';
import { Keeping } from './keeping.ts';
import { LIMITS, type SealLimits } from './limits.ts';
import { Log, type Sealed, type Written } from './log.ts';
import type { FromSealer, SealState, ToSealer } from './messages.ts';
import { Notes } from './notes.ts';
import type { SealerOptions } from './options.ts';
import { recordPredecessor } from './predecessor.ts';
import { DamagedError, recover } from './recovery.ts';
import { Reserve, roomOf } from './reserve.ts';
import { Rounds } from './rounds.ts';
import { ALL_NUMBERS_GIVEN, Senders } from './senders.ts';
import { Steps } from './steps.ts';
import { Waiting } from './waiting.ts';

const SYSTEM = CLASSES.indexOf('system');

/** Takes records in, seals them, and says so. Everything happens within a call: the caller has the timers. */
export class Sealer {
  readonly search: SearchFeed;
  readonly #options: SealerOptions;
  readonly #limits: SealLimits;
  readonly #batchBytes: number;
  readonly #catalog: Catalog;
  readonly #archive: Archive;
  readonly #tiles: TileStore;
  /** Undefined where the log is damaged. */
  readonly #log: Log | undefined;
  readonly #notes: Notes | undefined;
  readonly #rounds: Rounds | undefined;
  readonly #senders: Senders;
  readonly #keeping: Keeping;
  readonly #called: Called;
  readonly #waiting = new Waiting();
  readonly #reserve: Reserve;
  readonly #gaps = new Gaps();
  #atStart = new Steps();
  #closed = false;
  #state: SealState = 'sealing';
  #reason = '';
  /** Monotonic: when the oldest record was written that isn't sealed. */
  #unsealedSince: number | undefined;
  #segmentSince = 0;
  #retryAt = 0;
  #allGiven = false;
  #nextSecond = 0;
  /** Of the appliance's own records. */
  #flags = 0;
  #totals = { records: 0, bytes: 0, written: 0, refused: 0 };

  constructor(options: SealerOptions) {
    const { folder, secrets, keys, hasher, atLeast, clock } = options;
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#batchBytes = (2 * this.#limits.sealBytes) / this.#limits.sealBatches;
    this.#reserve = new Reserve(options.room ?? (() => roomOf(folder)));
    this.#lookAtClock();
    this.search = new SearchFeed(this.#limits.searchBytes, options.toSearch);
    createFolder(folder);
    mkdirSync(path.join(folder, SEGMENTS), { recursive: true, mode: 0o700 });
    this.#catalog = new Catalog(folder, secrets, false);
    this.#archive = openArchive({ folder, secrets, hasher });
    this.#tiles = new TileStore(folder, hasher);
    this.#senders = new Senders(this.#catalog);
    this.#segmentSince = clock.monotonicUs();
    this.#keeping = new Keeping({
      vault: {
        ...{ folder, catalog: this.#catalog, tiles: this.#tiles, archive: this.#archive },
        seal: (records) => {
          if (records.length > 0) this.#record(KIND.erasure, SYSTEM, records);
          this.#sealWaiting();
        },
        closeSegment: () => this.#closeSegment(),
        rewritten: (segment) => this.search.tell({ type: 'rewritten', segment }),
      },
      trustedUs: () => this.#rounds?.trustedUs() ?? 0,
      expiryUs: this.#limits.expiryUs,
    });
    const boot = Number(this.#catalog.get('boot') ?? 0) + 1;
    const parts = { folder, catalog: this.#catalog, tiles: this.#tiles, archive: this.#archive, hasher };
    try {
      const recovery = recover({ ...parts, origin: keys.origin, logVkey: keys.logVkey, atLeast });
      this.#catalog.set('boot', String(boot));
      this.#log = new Log({ ...parts, keys, boot, segmentRecords: this.#limits.segmentRecords }, recovery);
      this.#notes = new Notes(folder, this.#catalog, recovery.sealed.size, this.#limits);
      this.#rounds = new Rounds({
        ...{ catalog: this.#catalog, clock, keys, limits: this.#limits, log: this.#log, notes: this.#notes },
        record: (kind, records) => this.#record(kind, SYSTEM, records),
        seal: () => this.#sealWaiting(),
        warn: (reason) => this.#tell({ type: 'warning', reason }),
      });
      const { recovered } = recovery;
      this.#tell({
        type: 'ready',
        ...this.#identity(),
        retired: this.#senders.retired,
        ...(recovered && { recovered }),
      });
      this.#setState('sealing', '');
      this.#atStart = new Steps([
        () => recovered && this.#record(KIND.recovery, SYSTEM, [recovered]),
        () =>
          recordPredecessor(options.predecessor, {
            ...{ catalog: this.#catalog, logVkey: keys.logVkey },
            record: (said) => this.#record(KIND.audit, SYSTEM, [said]),
            seal: () => this.#sealWaiting(),
          }),
        () => this.#rounds!.sealStatements(),
        () => this.#keeping.finish(),
      ]);
      this.#guarded(() => this.#atStart.go());
    } catch (error) {
      if (!(error instanceof DamagedError)) throw error;
      this.#setState('damaged', `${error.message}. Nothing is taken in or signed until that is mended.`);
      this.#tell({ type: 'ready', ...this.#identity(), retired: this.#senders.retired });
    }
    this.#called = {
      ...{ catalog: this.#catalog, archive: this.#archive, senders: this.#senders, keeping: this.#keeping },
      notes: this.#notes,
      size: () => this.#log?.sealed.size ?? 0,
      now: this.#now,
      guarded: (work, frees) => this.#guarded(work, frees),
      record: (kind, retentionClass, records) => this.#record(kind, retentionClass, records),
      register: (address) => this.#senders.register(address, this.#now().receiveUs, this.#numbered),
      sealAll: () => this.sealAll(),
      release: () => this.#reserve.release(),
      witnessed: (size) => this.#witnessed(size),
      close: () => this.close(),
    };
    this.tick();
  }

  #now = () => ({ receiveUs: this.#options.clock.receiveUs(), monotonicUs: this.#options.clock.monotonicUs() });

  #identity = () => ({
    size: this.#log?.sealed.size ?? 0,
    logVkey: this.#options.keys.logVkey,
    created: this.#options.keys.created,
  });

  /** A sender has got a number. */
  #numbered = (id: number, address: string): void => {
    this.#tell({ type: 'source', id, address });
    const { isFull } = this.#senders;
    if (isFull && !this.#allGiven) this.#tell({ type: 'warning', reason: ALL_NUMBERS_GIVEN });
    this.#allGiven = isFull;
  };

  #tell(message: FromSealer): void {
    this.#options.tell(message);
  }

  get state(): SealState {
    return this.#state;
  }

  /** Whether records are taken in. */
  get #open(): boolean {
    return !this.#closed && (this.#state === 'sealing' || this.#state === 'full');
  }

  #setState(state: SealState, reason: string): void {
    if (state === this.#state && reason === this.#reason) return;
    if (state === 'full' && this.#state !== 'full') this.#options.toReceiver({ type: 'pause' });
    if (state === 'sealing' && this.#state === 'full') this.#options.toReceiver({ type: 'resume' });
    this.#state = state;
    this.#reason = reason;
    this.#tell({ type: 'state', state, reason });
  }

  /**
   * Runs what writes, or what `frees` room. Where the disk takes nothing that is told, and tried again. Returns why it
   * didn't come about.
   */
  #guarded(work: () => void, frees = false): string | undefined {
    if (!this.#open || !this.#log) return this.#reason;
    const now = this.#options.clock.monotonicUs();
    if (this.#state === 'full' && now < this.#retryAt) return this.#reason;
    let full = this.#full();
    try {
      if (full !== undefined && this.#reserve.isUsedUp && !frees) {
        this.#setState('full', full);
        return full;
      }
      work();
      // What did come about may have needed little of the disk.
      if (this.#state === 'full') this.#sealOnce();
      full = this.#full();
      this.#setState(full === undefined ? 'sealing' : 'full', full ?? '');
      return undefined;
    } catch (error) {
      const problem = diskProblem(error);
      if (problem === undefined) throw error;
      this.#retryAt = now + this.#limits.retryUs;
      this.#setState('full', full ?? problem);
      return problem;
    }
  }

  /** Why nothing more is taken from outside: the disk has its reserve left, and no more. */
  #full(): string | undefined {
    return this.#reserve.look(Math.min(this.#waiting.bytes, this.#batchBytes));
  }

  #isUsedUp(): boolean {
    this.#full();
    return this.#reserve.isUsedUp;
  }

  /** From the receiver. */
  hear(message: ToSeal): void {
    if (message.type === 'dropped') {
      if (this.#open) this.#gaps.add(message);
      return;
    }
    const { batch } = message;
    const fault = faultOf(batch);
    if (fault !== undefined || !this.#open) {
      this.#totals.refused += batch.count;
      this.#options.toReceiver({ type: 'credit', bytes: batch.raw.length });
      if (fault !== undefined) this.#addGap(`malformed: ${fault}`, batch.count);
      return;
    }
    if (batch.count > 0) this.#waiting.add(batch, this.#options.clock.monotonicUs());
  }

  #addGap(reason: string, count: number): void {
    const nowUs = this.#options.clock.receiveUs();
    this.#gaps.add({ reason, fromUs: nowUs, atUs: nowUs, bySource: [['others', count]] });
  }

  /** Seals if it is time to. Call it after `hear`, and a few times a second. */
  pump(): void {
    if (!this.#open || !this.#log) return;
    const { sealRecords, sealBytes } = this.#limits;
    const due = (): boolean =>
      this.#waiting.records >= sealRecords || this.#waiting.bytes >= sealBytes || this.#overdue();
    if (due()) {
      this.#guarded(() => {
        do this.#sealOnce();
        while (due() && !this.#isUsedUp());
      });
    } else if (this.#state === 'full') {
      this.#guarded(() => this.#sealOnce());
    } else if (this.#options.clock.monotonicUs() - this.#waiting.since >= this.#limits.writeAfterUs) {
      // Not sealed yet, but in the file, and to be found.
      this.#guarded(() => this.#writeOnce());
    }
  }

  #overdue(): boolean {
    const since = Math.min(this.#unsealedSince ?? Number.POSITIVE_INFINITY, this.#waiting.since);
    return this.#options.clock.monotonicUs() - since >= this.#limits.sealAfterUs;
  }

  /** Writes and seals what waits, or some batches of it. */
  #sealOnce(): void {
    for (let left = this.#limits.sealBatches; left > 0 && this.#waiting.records > 0; left--) this.#writeOnce();
    this.#seal();
  }

  /** Writes what waits, or a batch of it. */
  #writeOnce(): void {
    if (this.#isUsedUp()) return;
    const log = this.#log!;
    if (log.room === 0) this.#closeSegment();
    const most = Math.min(this.#limits.batchRecords, log.room);
    const { since } = this.#waiting;
    const parts = this.#waiting.peek(most, this.#batchBytes, (peers, firstUs) =>
      this.#senders.idsOf(peers, firstUs, this.#numbered),
    );
    const written = log.write(parts, KIND.log, (source) => this.#senders.classOf(source));
    this.#unsealedSince = Math.min(this.#unsealedSince ?? Number.POSITIVE_INFINITY, since);
    this.#wrote(written);
    const bytes = this.#waiting.take(parts);
    if (bytes > 0) this.#options.toReceiver({ type: 'credit', bytes });
  }

  #wrote(written: Written): void {
    this.#unsealedSince ??= this.#options.clock.monotonicUs();
    this.#totals.records += written.records;
    this.#totals.written += written.bytes;
    this.#totals.bytes += written.rawBytes;
    this.search.wrote(written);
  }

  #seal(): void {
    const log = this.#log!;
    const sealed = log.seal();
    this.#unsealedSince = undefined;
    if (sealed) this.#announce(sealed);
    const age = this.#options.clock.monotonicUs() - this.#segmentSince;
    if (log.room === 0 || age >= this.#limits.segmentUs) this.#closeSegment();
  }

  #announce({ from, size, root, note }: Sealed): void {
    this.#notes?.add(size, note);
    this.#tell({ type: 'sealed', from, size, root, note, atUs: this.#options.clock.receiveUs() });
    this.search.tell({ type: 'sealed', size });
  }

  #closeSegment(): void {
    const log = this.#log!;
    const sealed = log.seal();
    if (sealed) this.#announce(sealed);
    const segment = log.closeSegment();
    this.#segmentSince = this.#options.clock.monotonicUs();
    if (segment !== undefined) this.search.tell({ type: 'closed', segment });
  }

  /** Writes records of the appliance itself; they are sealed within five seconds. */
  #record(kind: Kind, retentionClass: number, records: readonly (object | string)[]): void {
    const texts = records.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
    const received = internalRecords(texts, this.#now(), this.#flags);
    for (let from = 0; from < received.count; ) {
      if (this.#log!.room === 0) this.#closeSegment();
      const to = Math.min(received.count, from + Math.min(this.#log!.room, this.#limits.batchRecords));
      this.#wrote(this.#log!.write([{ received, sources: [0], from, to }], kind, () => retentionClass));
      from = to;
    }
  }

  /** From the main thread. */
  async call(message: ToSealer): Promise<void> {
    const answered = answer(message, this.#called);
    if (answered) this.#tell(answered);
  }

  /** Seals all that waits; why not, where it can't. */
  sealAll(): string | undefined {
    const error = this.#guarded(() => this.#sealWaiting());
    return error ?? (this.#waiting.records > 0 ? this.#reason : undefined);
  }

  #sealWaiting(): void {
    do this.#sealOnce();
    while (this.#waiting.records > 0 && !this.#isUsedUp());
  }

  #witnessed(size: number): void {
    const own = this.#log?.sealed.size;
    if (own === undefined || size <= own || this.#state === 'refused') return;
    const reason = `a witness has seen ${size} records of this log, and here are ${own}: it was copied, or rolled back to an older state. Nothing is taken in or signed any more.`;
    this.#setState('refused', reason);
  }

  /** What is done by the clock. Call it a few times a second. */
  tick(): void {
    const { clock } = this.#options;
    const now = clock.monotonicUs();
    if (now >= this.#nextSecond) {
      this.#nextSecond = now + 1e6;
      this.#everySecond(now);
    }
    this.pump();
  }

  #lookAtClock(): void {
    this.#flags = this.#options.synchronised?.() === false ? FLAG.unsynchronised : 0;
  }

  #everySecond(now: number): void {
    this.#lookAtClock();
    this.#guarded(() => {
      this.#atStart.go();
      const gaps = this.#gaps.list();
      if (gaps.length > 0) this.#record(KIND.gap, SYSTEM, gaps);
      this.#gaps.clear();
      this.#rounds!.look();
    });
    this.#guarded(() => this.#keeping.look(now), true);
    const oldest = Math.min(this.#waiting.since, this.#unsealedSince ?? Number.POSITIVE_INFINITY);
    this.#tell({
      type: 'stats',
      ...{ size: this.#log?.sealed.size ?? 0, ...this.#totals },
      waiting: this.#waiting.records + (this.#log ? this.#log.size - this.#log.sealed.size : 0),
      ...(oldest < Number.POSITIVE_INFINITY && { oldestUs: this.#options.clock.receiveUs() - (now - oldest) }),
    });
  }

  close(): void {
    this.#closed = true;
    this.#log?.close();
    this.#archive.close();
    this.#catalog.close();
  }
}
