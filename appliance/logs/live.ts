import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpError } from '../http/index.ts';
import type { Archive } from './archive/index.ts';
import { OTHER_SOURCES, OWN_SOURCE } from './archive/sources.ts';
import {
  type Backend,
  type ExportRequest,
  type Filter,
  type Proven,
  QueryFault,
  type SourceInfo,
  type Status,
} from './backend.ts';
import { proofOf, startExport } from './export/index.ts';
import { type LogIdentity, parseStatementBody } from './keys/index.ts';
import { parseCheckpoint } from './merkle/checkpoint.ts';
import { parseNote } from './merkle/note.ts';
import { parsers } from './parse/index.ts';
import { OTHERS, type Receiver, type ReceiverStats } from './receive/index.ts';
import { CLASSES, KIND } from './record/types.ts';
import type { Rounds } from './rounds/rounds.ts';
import { NO_PLACE } from './seal/calls.ts';
import type { SealerThread } from './seal/start.ts';
import { queryFault, type Search, type SearchStats } from './search/index.ts';

const AUDIT = CLASSES.indexOf('audit');
/** An export by words names its records one by one. */
const MAX_PICKED = 1_000_000;
const PAGE = 1_000;
/** How much of the progress of such an export is finding them. */
const FINDING = 0.2;
/** How often the figures of the receiver and the search are fetched. */
const REFRESH_MS = 1_000;

/** The threads that run, and what is known of them. */
export interface Threads {
  dataDir: string;
  folder: string;
  archive: Archive;
  identity: LogIdentity;
  sealer: SealerThread;
  search: Search;
  receiver: Receiver | undefined;
  rounds: Rounds;
  /** vkeys. */
  witnesses: readonly string[];
  strict(kind: typeof KIND.audit, retentionClass: number, entry: { event: string }): Promise<void>;
  siteExists(id: string): boolean;
  /** Milliseconds since 1970. */
  now(): number;
}

/** Backend of the routes over the running threads. */
export function createLive(threads: Threads) {
  const { archive, identity, sealer, search, receiver, rounds, folder } = threads;
  let received: ReceiverStats | undefined;
  let rates = { messages: 0, bytes: 0 };
  let searched: SearchStats | undefined;
  const beganUs = parseStatementBody(parseNote(identity.statements()[0]!).text).atSeconds * 1e6;
  let known: SourceInfo[] = [];
  const look = (): void => {
    known = sourcesOf(archive, beganUs, received, searched, sealer.retired());
  };
  look();
  let diskBytes = 0;
  let stopped = false;

  async function refresh(): Promise<void> {
    let at = threads.now();
    while (!stopped) {
      await sleep(REFRESH_MS, undefined, { ref: false });
      const before = received;
      received = await receiver?.stats().catch(() => before);
      const last = searched;
      searched = await search.stats().catch(() => last);
      const [from, seconds] = [at, (threads.now() - at) / 1000];
      at = from + seconds * 1000;
      if (before && received && seconds > 0) {
        rates = {
          messages: Math.max(0, Math.round((received.messages - before.messages) / seconds)),
          bytes: Math.max(0, Math.round((received.bytes - before.bytes) / seconds)),
        };
      }
      if (!stopped) look();
    }
  }
  void refresh();

  /** The leaves that a filter by words finds. `progress` is told 0 to 1. */
  async function picked(
    filter: Filter,
    size: number,
    progress: (done: number) => void,
    signal: AbortSignal,
  ): Promise<number[]> {
    const indexes: number[] = [];
    for (let before: number | undefined = size; before !== undefined; ) {
      signal.throwIfAborted();
      const page = await search.query({ ...filter, limit: PAGE, before });
      if (page.next !== undefined) progress(1 - page.next / size);
      if (page.partial !== undefined && (page.lacks || page.next === undefined)) throw new Error(page.partial);
      for (const { index } of page.records) indexes.push(index);
      if (indexes.length > MAX_PICKED) throw new Error(`more than ${MAX_PICKED} records match: narrow it`);
      before = page.next;
    }
    return indexes.reverse();
  }

  async function proofAt(index: number): Promise<Proven | undefined> {
    // The search thread reads the record while its proof is made here.
    const [[record], sealed] = await Promise.all([search.read([index]), sealedAt(index)]);
    return record && sealed && { record, ...sealed };
  }

  async function sealedAt(index: number): Promise<Omit<Proven, 'record'> | undefined> {
    const leaf = archive.leaf(index);
    const stored = archive.record(index);
    const note = archive.checkpoint();
    if (!leaf || !stored) return undefined;
    return {
      leaf,
      ...(!stored.erased && { salt: stored.salt }),
      ...(note !== undefined && index < archive.size() && { proof: proofOf(archive, index, note) }),
    };
  }

  const backend: Backend = {
    query: (query) => readable(search.query(query)),
    queryFault,
    whois: (question) => readable(search.whois(question)),
    subscribe: (filter, listener) => search.subscribe(filter, listener),
    read: (indexes) => readable(search.read(indexes)),
    proof: (index) => readable(proofAt(index)),
    checkpoint: () => archive.checkpoint(),
    async status(): Promise<Status> {
      const { state, reason } = sealer.state();
      const stats = sealer.stats();
      const sealed = sealer.lastSealed();
      const stamped = rounds.timestamp();
      return {
        state,
        ...(reason !== '' && { reason }),
        size: ifReadable(() => archive.size()) ?? 0,
        ...ifReadable(() => rootOf(archive.checkpoint())),
        ...(sealed && { lastSealedUs: sealed.atUs }),
        lagSeconds: stats?.oldestUs === undefined ? 0 : Math.max(0, (threads.now() * 1000 - stats.oldestUs) / 1e6),
        origin: identity.origin,
        logKey: identity.genesisVkeys[0],
        genesis: identity.genesisVkeys.join('\n'),
        epoch: identity.statements().length - 1,
        rates,
        refused: (received?.dropped ?? [])
          .filter(({ reason }) => reason === 'connection')
          .map(({ address, count }) => ({ address, count })),
        witnesses: rounds.witnesses(),
        ...(stamped && { timestamp: stamped }),
        diskBytes,
        segments: ifReadable(() => archive.segments().length) ?? 0,
      };
    },
    sources: () => known,
    async addSource(address) {
      const id = await unlessRefused(sealer.register(address));
      look();
      return id;
    },
    async retireSource(id) {
      await unlessRefused(sealer.retire(id));
      look();
    },
    parsers,
    sendSettings(settings) {
      sealer.settings(settings);
      search.parsers(
        Object.fromEntries(settings.sources.flatMap(({ id, parser }) => (parser === undefined ? [] : [[id, parser]]))),
      );
    },
    expiring: (days) => sealer.expiring(days),
    erase: (indexes, reason, by) => sealer.erase(indexes, reason, by),
    seal: () => sealer.seal(),
    buildExport,
    siteExists: threads.siteExists,
    async record(entry) {
      try {
        await threads.strict(KIND.audit, AUDIT, entry);
      } catch (error) {
        throw new HttpError(503, `the log takes nothing in, so nothing of it is shown: ${(error as Error).message}`);
      }
    },
  };

  async function buildExport(request: ExportRequest, progress: (done: number) => void, signal: AbortSignal) {
    await rounds.now();
    const { filter } = request;
    const { source, fromUs = 0, toUs = request.requestedAtUs, ...words } = filter;
    const byWords = Object.keys(words).length > 0;
    // Finding is the shorter part, as far as one can tell before it.
    const part = byWords ? FINDING : 0;
    const finding = (done: number): void => progress(done * part);
    const job = startExport(
      {
        dataDir: threads.dataDir,
        folder,
        file: request.file,
        fromUs,
        toUs: toUs + 1, // there the end doesn't belong to it
        ...(source && !byWords && { sourceIds: source }),
        ...(byWords && { indexes: await picked(filter, request.size, finding, signal) }),
        filter: request.asked,
        sourceNames: request.sourceNames,
        parsers: request.parsers,
        ...(request.caseNumber !== undefined && { case: request.caseNumber }),
        by: request.requestedBy.username,
        atUs: request.requestedAtUs,
        witnesses: threads.witnesses,
      },
      (done) => progress(part + done * (1 - part)),
    );
    const abort = (): void => void job.cancel();
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    try {
      return await job.done;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  return {
    backend,
    /** A sender has got a number. */
    sourceSeen: look,
    async measure(): Promise<void> {
      diskBytes = await sizeOf(folder);
    },
    stop(): void {
      stopped = true;
    },
  };
}

/** Without a place for another sender it is a conflict; while nothing is sealed it can't be done: 503. */
function unlessRefused<T>(doing: Promise<T>): Promise<T> {
  return doing.catch(({ message }: Error) => {
    throw new HttpError(message === NO_PLACE ? 409 : 503, message);
  });
}

/** What can't be read is no fault of who asks: 503, with what is broken. */
function readable<T>(reading: Promise<T>): Promise<T> {
  return reading.catch((error: Error) => {
    if (error instanceof QueryFault) throw error;
    throw new HttpError(503, `the log cannot be read: ${error.message}`);
  });
}

const rootOf = (note: string | undefined): { root?: Uint8Array } =>
  note === undefined ? {} : { root: parseCheckpoint(parseNote(note).text).root };

/** What can be read; of a damaged log that may be nothing, which its state tells. */
function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The appliance itself and the senders that the catalog knows, what the receiver has dropped of theirs, and what search has heard. */
function sourcesOf(
  archive: Archive,
  beganUs: number,
  received: ReceiverStats | undefined,
  searched: SearchStats | undefined,
  retired: ReadonlySet<number>,
): SourceInfo[] {
  const heard = new Map(searched?.sources.map((source) => [source.id, source]));
  const [dropped, truncated] = [new Map<string, number>(), new Map<string, number>()];
  for (const { reason, address, count } of received?.dropped ?? []) {
    if (reason === 'connection') continue; // no messages
    const counts = reason === 'oversize' ? truncated : dropped;
    counts.set(address, (counts.get(address) ?? 0) + count);
  }
  const others = { id: OTHER_SOURCES, address: OTHERS, firstSeenUs: beganUs };
  return [
    { id: OWN_SOURCE, address: '', firstSeenUs: beganUs },
    ...archive.sources(),
    ...(dropped.has(OTHERS) || heard.has(OTHER_SOURCES) ? [others] : []),
  ].map(({ id, address, firstSeenUs }) => ({
    id,
    address,
    firstSeenUs,
    messages: 0,
    ...heard.get(id),
    dropped: dropped.get(address) ?? 0,
    truncated: truncated.get(address) ?? 0,
    ...(retired.has(id) && { retired: true }),
  }));
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = await stat(path.join(entry.parentPath, entry.name)).catch(() => undefined);
    bytes += file?.size ?? 0;
  }
  return bytes;
}
