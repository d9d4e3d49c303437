import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WitnessConfig } from '../../config/index.ts';
import type { Logger, Store } from '../../store/index.ts';
import type { Archive } from '../archive/index.ts';
import { parseCheckpoint } from '../merkle/checkpoint.ts';
import { toBase64 } from '../merkle/hash.ts';
import { parseNote } from '../merkle/note.ts';
import { consistencyProof } from '../merkle/tree.ts';
import type { Post } from '../post.ts';
import { requestTimestamp } from '../timestamp/client.ts';
import { createWitnesses } from '../witness/client.ts';
import { writeAnchor } from './anchor.ts';

const ROUND_MS = 60_000;
/** How long a start waits for the first round. */
const START_MS = 5_000;
const DAY_MS = 86_400_000;
/** A time-stamping authority that has failed is asked again after this. */
const RETRY_MS = 3_600_000;

export interface WitnessState {
  name: string;
  url: string;
  lastSize?: number;
  lastAtUs?: number;
  error?: string;
}

export interface TimestampState {
  url: string;
  lastSize?: number;
  lastAtUs?: number;
  error?: string;
}

/** What the sealing thread is told. */
export interface Told {
  cosigned(size: number, lines: string[]): void;
  timestamp(size: number, token: Uint8Array, genTimeUs: number): void;
  /** A witness has seen a larger log. */
  witnessSize(size: number): void;
}

export interface RoundsOptions {
  archive: Pick<Archive, 'checkpoint' | 'readHash' | 'timestamps'>;
  sealer: Told;
  witnesses: readonly WitnessConfig[];
  tsa: string | undefined;
  /** PEM of the authorities that time-stamps may be by; none: by any. */
  tsaCa?: readonly string[];
  store: Store;
  log: Logger;
  http: Post;
  /** Milliseconds since 1970. */
  now(): number;
}

/**
 * Once a minute: the witnesses cosign the newest checkpoint, once a day an authority puts its time on it, the main
 * database remembers it, and `log.sealed` tells of it.
 */
export function createRounds(options: RoundsOptions) {
  const { archive, sealer, store, log, now, tsa } = options;
  const witnesses = createWitnesses(
    options.witnesses.map(({ url, key }) => ({ url, vkey: key })),
    options.http,
  );
  const states = new Map<string, WitnessState>();
  const stamped: TimestampState | undefined = tsa === undefined ? undefined : { url: tsa };
  let stampedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let told = 0;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  async function cosign(note: string, size: number): Promise<number> {
    const results = await witnesses.round({
      note,
      size,
      prove: (old) => consistencyProof(old, size, archive.readHash),
    });
    const lines: string[] = [];
    for (const result of results) {
      const { name, url } = result;
      const before = states.get(url);
      if ('line' in result) {
        lines.push(result.line);
        states.set(url, { name, url, lastSize: size, lastAtUs: now() * 1000 });
        continue;
      }
      const error =
        'ahead' in result
          ? `it has cosigned ${result.ahead} records, and here are ${size}: this is an older copy of the log`
          : result.error.message;
      // Said once, not each minute.
      if (before?.error !== error) log.warn({ witness: name, url }, error);
      states.set(url, { ...before, name, url, error });
      if ('ahead' in result && isTrusted(url)) sealer.witnessSize(result.ahead);
    }
    if (lines.length > 0) sealer.cosigned(size, lines);
    return lines.length;
  }

  /** The time of the token; null where none was due, or none was given. */
  async function stamp(note: string, size: number): Promise<number | null> {
    if (!stamped) return null;
    triedAt = now();
    try {
      const digest = hash('sha256', parseNote(note).text, 'buffer');
      const { token, genTimeUs } = await requestTimestamp({
        url: stamped.url,
        digest,
        http: options.http,
        trusted: options.tsaCa ?? [],
      });
      sealer.timestamp(size, token, genTimeUs);
      stampedAt = now();
      Object.assign(stamped, { lastSize: size, lastAtUs: genTimeUs });
      delete stamped.error;
      return genTimeUs;
    } catch (error) {
      stamped.error = (error as Error).message;
      log.warn({ url: stamped.url }, stamped.error);
      return null;
    }
  }

  async function round(why: 'minute' | 'export'): Promise<void> {
    const note = archive.checkpoint();
    if (note === undefined) return;
    const { size, root } = parseCheckpoint(parseNote(note).text);
    const cosignatures = await cosign(note, size);
    const due = why === 'export' || (now() - stampedAt >= DAY_MS && now() - triedAt >= RETRY_MS);
    const genTimeUs = due && stamped?.lastSize !== size ? await stamp(note, size) : null;
    if (size === told) return;
    await writeAnchor(store, {
      from: told,
      size,
      root: toBase64(root),
      cosignatures,
      genTime: genTimeUs === null ? null : new Date(genTimeUs / 1000).toISOString(),
      atMs: now(),
    });
    told = size;
  }

  /** One after another; a failure is logged and doesn't end the next. */
  function run(why: 'minute' | 'export'): Promise<void> {
    running = running
      .then(() => round(why))
      .catch((error) => log.error({ err: error }, 'the log could not be witnessed; it is tried again in a minute'));
    return running;
  }

  return {
    /** `size`: leaves that were told of before. The first round is over when it resolves, or 5 s are: a witness may know of more. */
    async start(size: number): Promise<void> {
      told = size;
      const last = archive.timestamps().at(-1);
      if (stamped && last) {
        Object.assign(stamped, { lastSize: last.size, lastAtUs: last.genTimeUs });
        stampedAt = last.genTimeUs / 1000;
      }
      // Who doesn't answer keeps nobody out: the round goes on behind.
      await Promise.race([run('minute'), sleep(START_MS, undefined, { ref: false })]);
      timer = setInterval(() => void run('minute'), ROUND_MS);
    },
    /** Now, with a time-stamp: before an export. */
    now: (): Promise<void> => run('export'),
    witnesses: (): WitnessState[] =>
      options.witnesses.map(({ url, key }) => states.get(url) ?? { name: key.split('+')[0]!, url }),
    timestamp: (): TimestampState | undefined => stamped,
    async stop(): Promise<void> {
      clearInterval(timer);
      await running;
    },
  };
}
/**
 * That a witness knows of more stops the sealing, and is signed by nobody: over a connection that anybody can change it is
 * shown, and no more.
 */
export function isTrusted(url: string): boolean {
  // As the address is understood when it is called: in small letters, 127.1 as 127.0.0.1, without a name's last dot.
  const { protocol, hostname } = URL.parse(url) ?? {};
  return protocol === 'https:' || /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(hostname ?? '');
}

export type Rounds = ReturnType<typeof createRounds>;
