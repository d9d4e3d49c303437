import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { openKeyFile } from '../../store/index.ts';
import { openArchive } from '../archive/archive.ts';
import { Catalog } from '../archive/catalog.ts';
import { SEGMENTS } from '../archive/files.ts';
import { TileStore } from '../archive/tiles.ts';
import { openLogKeys } from '../keys/index.ts';
import { leafHash } from '../merkle/hash.ts';
import { Frontier, inclusionProof, verifyInclusion } from '../merkle/tree.ts';
import { leafOf, recordOf } from '../record/leaf.ts';
import { plainHasher } from '../record/sha256.ts';
import { blockOf } from '../record/testing.ts';
import { CLASSES, KIND, type Kind, type RetentionClass } from '../record/types.ts';
import { internalRecords } from '../seal/assemble.ts';
import { Log } from '../seal/log.ts';
import { recover } from '../seal/recovery.ts';
import type { Vault } from './index.ts';

export const START_US = 1_700_000_000e6;
export const classNumber = (name: RetentionClass): number => CLASSES.indexOf(name);

/** Source `10 × class + n` has class `class`. */
const classOf = (source: number): number => Math.floor(source / 10);

export interface Message {
  text: string;
  source: number;
  receiveUs: number;
}

/** A log in `<data>/logs` as the sealing thread has it open, without the thread. */
export function openBed(data: string) {
  const folder = path.join(data, 'logs');
  const secrets = openKeyFile(data);
  const keys = openLogKeys({ folder, secrets, origin: 'gatehouse/acme/hq/edge-1' });
  mkdirSync(path.join(folder, SEGMENTS), { recursive: true });
  const catalog = new Catalog(folder, secrets, false);
  const archive = openArchive({ folder, secrets });
  const tiles = new TileStore(folder);
  const hasher = plainHasher();
  const parts = { folder, catalog, tiles, archive, hasher };
  const recovery = recover({ ...parts, origin: keys.origin, logVkey: keys.logVkey });
  const log = new Log({ ...parts, keys, boot: 1, segmentRecords: 65_536 }, recovery);
  const rewritten: number[] = [];
  const write = (texts: readonly string[], kind: Kind, nowUs: number): void => {
    const received = internalRecords(texts, { receiveUs: nowUs, monotonicUs: 1 });
    log.write([{ received, sources: [0], from: 0, to: texts.length }], kind, () => classNumber('system'));
  };
  const closeSegment = (): void => {
    log.seal();
    log.closeSegment();
  };
  const vault: Vault = {
    ...{ folder, catalog, tiles, archive, closeSegment },
    seal(records) {
      if (records.length > 0) write(records, KIND.erasure, START_US);
      log.seal();
    },
    rewritten: (segment) => void rewritten.push(segment),
  };
  return {
    ...{ vault, rewritten, closeSegment, secrets, write },
    /** One batch, sealed. */
    add(messages: readonly Message[], kind: Kind = KIND.log): void {
      const received = {
        ...blockOf(messages.map(({ text }) => text)),
        receiveUs: Float64Array.from(messages, ({ receiveUs }) => receiveUs),
        peer: Uint16Array.from(messages, (_, i) => i),
        peers: messages.map(({ source }) => `192.0.2.${source}:514`),
      };
      const sources = messages.map(({ source }) => source);
      log.write([{ received, sources, from: 0, to: messages.length }], kind, classOf);
      log.seal();
    },
    close(): void {
      log.close();
      archive.close();
      catalog.close();
    },
  };
}
export type Bed = ReturnType<typeof openBed>;

/** Every record that is there by its index: its message, undefined where that is erased. */
export function recordsOf({ vault }: Bed): Map<number, string | undefined> {
  const found = new Map<number, string | undefined>();
  for (const block of vault.archive.blocks({ from: 0, to: Number.POSITIVE_INFINITY })) {
    for (let i = 0; i < block.count; i++) {
      const { index, raw, erased } = recordOf(block, i);
      found.set(index, erased ? undefined : Buffer.from(raw).toString());
    }
  }
  return found;
}

/** The leaf hashes from a leaf on, as long as none of these records has expired. */
export const leafHashes = ({ vault }: Bed, from = 0): Uint8Array[] =>
  Array.from({ length: vault.archive.size() - from }, (_, i) => leafHash(vault.archive.leaf(from + i)!));

/**
 * Throws unless every record that is there has its leaf in the tree whose first leaves were `before`, and a sample of
 * them (a proof is some hundred hashes), those at the edges of tiles among it, a proof.
 */
export function checkProofs(bed: Bed, before: readonly Uint8Array[]): void {
  const { archive } = bed.vault;
  const size = archive.size();
  if (size === 0) return;
  const records = recordsOf(bed);
  const hashes = [...before, ...leafHashes(bed, before.length)];
  const frontier = new Frontier();
  for (const hash of hashes) frontier.append(hash);
  const root = frontier.root();
  const note = archive.checkpoint()!;
  if (!note.includes(`\n${size}\n${Buffer.from(root).toString('base64')}\n`)) throw new Error('the root has changed');
  for (const block of archive.blocks({ from: 0, to: size })) {
    for (let i = 0; i < block.count; i++) {
      const index = block.index[i]!;
      const leaf = leafHash(leafOf(block, i));
      if (!Buffer.from(leaf).equals(hashes[index]!)) throw new Error(`record ${index} is another one`);
      records.delete(index);
      if (index % 256 !== 0 && index % 256 !== 255 && index % 97 !== 10) continue;
      const proof = inclusionProof(index, size, archive.readHash);
      if (!verifyInclusion({ leaf, index, size, root, proof })) throw new Error(`record ${index} has no proof`);
    }
  }
  if (records.size > 0) throw new Error('a record was read once only');
}
