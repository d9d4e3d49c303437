import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Uint8ArrayReader, Uint8ArrayWriter, ZipReader } from '@zip.js/zip.js';
import { openKeyFile, type SecretBox } from '../../store/index.ts';
import { Catalog } from '../archive/catalog.ts';
import { segmentFile } from '../archive/files.ts';
import { TileStore } from '../archive/tiles.ts';
import { type LogKeys, openLogKeys } from '../keys/index.ts';
import { formatCheckpoint } from '../merkle/checkpoint.ts';
import type { Cosigner } from '../merkle/cosignature.ts';
import { leafHash } from '../merkle/hash.ts';
import { Frontier, foldHashes } from '../merkle/tree.ts';
import { encodeFrame } from '../record/frame.ts';
import { leafOf } from '../record/leaf.ts';
import { blockOf } from '../record/testing.ts';
import type { Block } from '../record/types.ts';

export const ORIGIN = 'gatehouse/acme/lisbon/edge-1';
const TILE = 256;
/** 2060-11-22T12:00:00Z: after today, when the log’s first key is made. */
export const NOON = Date.UTC(2060, 10, 22, 12) * 1000;

type Sealed = Block & { seed: Uint8Array };
/** A test, or what ends with several. */
export type Ends = { after(fn: () => unknown): void };

/** What somebody may do who holds all that is on the box: write a log as he likes, and sign it with the keys he has. */
export class TestLog {
  readonly dataDir: string;
  readonly folder: string;
  readonly secrets: SecretBox;
  readonly keys: LogKeys;
  /** One block a batch. */
  blocks: Sealed[] = [];
  /** Batches and kept states in the order in which they came. */
  #kept: { size: number; note: string; why: 'epoch' | 'cosigned' | 'timestamp'; atUs: number }[] = [];
  #stamps: { size: number; token: Uint8Array; genTimeUs: number }[] = [];
  #frontier = new Frontier();
  checkpoint = '';

  constructor(t: Ends, copyOf?: TestLog) {
    this.dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-export-'));
    t.after(() => rmSync(this.dataDir, { recursive: true, force: true }));
    if (copyOf) cpSync(copyOf.dataDir, this.dataDir, { recursive: true });
    this.secrets = openKeyFile(this.dataDir);
    this.folder = path.join(this.dataDir, 'logs');
    mkdirSync(path.join(this.folder, 'segments'), { recursive: true });
    this.keys = openLogKeys({ folder: this.folder, secrets: this.secrets, origin: ORIGIN });
    if (!copyOf) return;
    this.blocks = copyOf.blocks.map((block) => structuredClone(block));
    this.#kept = [...copyOf.#kept];
    this.#stamps = [...copyOf.#stamps];
    this.#frontier = new Frontier({ ...copyOf.#frontier.state() });
    this.checkpoint = copyOf.checkpoint;
  }

  get size(): number {
    return this.#frontier.size;
  }

  get root(): Uint8Array {
    return this.#frontier.root();
  }

  /** A batch of messages, 100 ms apart, from `atUs` on. */
  add(messages: readonly (string | Uint8Array)[], atUs: number, more: Partial<Block> = {}): void {
    const first = this.size;
    const times = Float64Array.from(messages, (_, i) => atUs + i * 100_000);
    const monotonicUs = times.map((us) => us - NOON + 3_600e6);
    this.#push(blockOf(messages, { first, receiveUs: times, monotonicUs, ...more }));
  }

  #push(block: Sealed): void {
    this.blocks.push(block);
    for (let i = 0; i < block.count; i++) this.#frontier.append(leafHash(leafOf(block, i)));
  }

  /** Writes all of it to the folder, under a checkpoint that `sign` has signed. */
  seal(sign: (body: string) => string = (body) => this.keys.signCheckpoint(body)): void {
    for (const name of ['segments', 'tile', 'catalog.db', 'catalog.db-wal', 'catalog.db-shm']) {
      rmSync(path.join(this.folder, name), { recursive: true, force: true });
    }
    mkdirSync(path.join(this.folder, 'segments'));
    const catalog = new Catalog(this.folder, this.secrets, false);
    catalog.beginSegment(0);
    const { id, key } = catalog.makeKey(0, 3);
    const frames = this.blocks.map((block) => {
      const seed = block.erased.size === 0 ? block.seed : undefined;
      return encodeFrame(block, { first: block.index[0]!, count: block.count }, { id, key }, seed);
    });
    writeFileSync(segmentFile(this.folder, 0), Buffer.concat(frames));
    catalog.addSource({ id: 1, address: '192.0.2.1', firstSeenUs: NOON });
    for (const one of this.#kept) catalog.keepCheckpoint(one);
    for (const one of this.#stamps) catalog.addTimestamp(one);
    catalog.close();
    const tiles = new TileStore(this.folder);
    const hashes = this.blocks.flatMap((block) => Array.from(block.index, (_, i) => leafHash(leafOf(block, i))));
    for (let [level, row] = [1, hashes]; row.length >= TILE; level++) {
      const upper: Buffer[] = [];
      for (let end = TILE; end <= row.length; end += TILE) {
        upper.push(Buffer.from(foldHashes(Buffer.concat(row.slice(end - TILE, end)))));
      }
      for (const [index, hash] of upper.entries()) tiles.write(level, index, hash);
      row = upper;
    }
    this.checkpoint = sign(formatCheckpoint({ origin: ORIGIN, size: this.size, root: this.root }));
    writeFileSync(path.join(this.folder, 'checkpoint'), this.checkpoint);
  }

  /** The newest checkpoint, as it is signed now. */
  note(witness?: Cosigner, seconds = 0): string {
    const body = formatCheckpoint({ origin: ORIGIN, size: this.size, root: this.root });
    return this.keys.signCheckpoint(body) + (witness?.cosign(body, seconds) ?? '');
  }

  /** A checkpoint of the moment after a batch, signed by both keys as they are now. */
  batchNote(batch: number): string {
    const frontier = new Frontier();
    for (const block of this.blocks.slice(0, batch + 1)) {
      for (let i = 0; i < block.count; i++) frontier.append(leafHash(leafOf(block, i)));
    }
    return this.keys.signCheckpoint(formatCheckpoint({ origin: ORIGIN, size: frontier.size, root: frontier.root() }));
  }

  leafHash(index: number): Buffer {
    const block = this.blocks.find(({ index: own, count }) => own[0]! <= index && index < own[0]! + count)!;
    return leafHash(leafOf(block, index - block.index[0]!));
  }

  keep(note: string, why: 'epoch' | 'cosigned' | 'timestamp' = 'cosigned'): void {
    this.#kept.push({ size: this.size, note, why, atUs: NOON });
  }

  stamp(token: Uint8Array, genTimeUs: number): void {
    this.#stamps.push({ size: this.size, token, genTimeUs });
  }

  /** The day's end: the next key is named. */
  rotate(nowUs: number): void {
    this.keep(this.note(), 'epoch');
    this.keys.rotate({ size: this.size, root: this.root, nowSeconds: Math.floor(nowUs / 1e6) });
  }

  /** Forgets what others have confirmed. */
  forgetKept(from = 0): void {
    this.#kept = this.#kept.filter(({ size }) => size < from);
  }

  /** Writes the past anew: every batch as `change` makes it, leaves numbered anew. */
  rewrite(change: (block: Sealed, batch: number) => Sealed): void {
    const blocks = this.blocks;
    this.blocks = [];
    this.#frontier = new Frontier();
    for (const [batch, block] of blocks.entries()) {
      const changed = change(block, batch);
      const first = this.size;
      this.#push({ ...changed, index: Float64Array.from(changed.index, (_, i) => first + i) });
    }
  }
}

/** The messages of a block. */
export const messagesOf = (block: Block): string[] =>
  Array.from(block.ends, (end, i) => Buffer.from(block.raw.subarray(i === 0 ? 0 : block.ends[i - 1]!, end)).toString());

/** A block with other messages under the same salts and times. */
export function withMessages(block: Sealed, messages: readonly string[]): Sealed {
  const parts = messages.map((message) => Buffer.from(message));
  let end = 0;
  return {
    ...block,
    raw: new Uint8Array(Buffer.concat(parts)),
    ends: Uint32Array.from(parts, ({ length }) => {
      end += length;
      return end;
    }),
  };
}

/** Unpacks a ZIP. */
export async function unpack(file: string, into: string): Promise<void> {
  const reader = new ZipReader(new Uint8ArrayReader(new Uint8Array(readFileSync(file))));
  for (const entry of await reader.getEntries()) {
    if (entry.directory) continue;
    const target = path.join(into, entry.filename);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, await entry.getData(new Uint8ArrayWriter()));
  }
  await reader.close();
}

export interface Verdict {
  code: number;
  text: string;
}

/** What `node verify.mjs` in the folder says, and how it ends. */
export const verifyFolder = (folder: string, ...args: string[]): Promise<Verdict> =>
  new Promise((resolve) => {
    const options = { cwd: folder, timeout: 120_000, maxBuffer: 2 ** 26 };
    execFile(process.execPath, ['verify.mjs', ...args], options, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, text: stdout + stderr });
    });
  });

export const namesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
