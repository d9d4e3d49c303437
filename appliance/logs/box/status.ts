import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { SecretBox } from '../../store/index.ts';
import { readCheckpoint } from '../archive/archive.ts';
import { Catalog, type KeptCheckpoint, type SegmentInfo, type Source, type Timestamp } from '../archive/catalog.ts';
import { CHECKPOINT, segmentFile } from '../archive/files.ts';
import { openArchive } from '../archive/index.ts';
import { OWN_SOURCE } from '../archive/sources.ts';
import { type LogIdentity, readLogIdentity, verifyStatements } from '../keys/index.ts';
import { type Checkpoint, parseCheckpoint } from '../merkle/checkpoint.ts';
import { cosignatureTime, cosignatureVerifier } from '../merkle/cosignature.ts';
import { type Note, noteVerifier, parseNote, verifyNote } from '../merkle/note.ts';
import { enoughOf, roomOf } from '../seal/reserve.ts';

/** What the files of a log say; what cannot be read is in `problems`. Times are µs since 1970. */
export interface BoxStatus {
  /** 'begun': nothing is sealed yet. 'damaged': there are problems. */
  state: 'begun' | 'sealed' | 'damaged';
  problems: string[];
  identity?: { origin: string; logKey: string; firstEpochKey: string };
  /** The present one. */
  epoch?: { number: number; key: string; sinceUs: number };
  /** The newest; `atUs` as the file says. */
  checkpoint?: { size: number; root: Uint8Array; atUs: number; cosignatures: Cosignature[] };
  segments: { count: number; closed: number };
  diskBytes: number;
  /** Of the file system, where the system tells; with less than `enoughBytes` free syslog isn't taken, or soon won't be. */
  disk?: { freeBytes: number; enoughBytes: number };
  /** The first record that is there. */
  oldest?: { index: number; receivedUs: number };
  /** The appliance itself first. */
  sources: Source[];
  /** The newest time-stamp. */
  timestamp?: { size: number; atUs: number };
}

export interface Cosignature {
  name: string;
  atUs: number;
  /** Undefined where the witness's key isn't known here. */
  genuine?: boolean;
}

export interface BoxOptions {
  folder: string;
  secrets: SecretBox;
  /** vkeys of witnesses. */
  witnesses: readonly string[];
  /** Leaves that the database remembers. */
  remembered?: number | undefined;
}

/** Files without which nothing more can be signed. */
const KEY_FILES = ['log.key', 'epoch.key'];

/** Looks at a log's files without reading its records, and while it is written to. Throws nothing. */
export function readStatus({ folder, secrets, witnesses, remembered }: BoxOptions): BoxStatus {
  const problems: string[] = [];
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      const { message } = error as Error;
      if (!problems.includes(message)) problems.push(message);
      return undefined;
    }
  };
  // Before the catalog: a segment that is closed meanwhile is no problem.
  const checkpoint = attempt(() => newest(folder));
  const isUnreadable = problems.length > 0;
  const catalog = readCatalog(folder, secrets, attempt);
  const identity = attempt(() => readLogIdentity(folder));
  const epochs = (identity && attempt(() => verifyStatements(identity.statements(), identity.genesisVkeys))) ?? [];
  const last = epochs.at(-1);
  for (const name of identity ? KEY_FILES : []) {
    const file = path.join(folder, name);
    if (!statSync(file, { throwIfNoEntry: false })) problems.push(`${file} is missing: nothing more can be sealed`);
  }
  if (checkpoint && identity) attempt(() => checkSignature(checkpoint, identity));
  const size = checkpoint?.size ?? 0;
  const segments = catalog?.segments ?? [];
  if (!isUnreadable && remembered !== undefined && remembered > size) {
    problems.push(`the database remembers ${remembered} records, the checkpoint has ${size}: it is an older one`);
  }
  const kept = catalog?.checkpoints.at(-1)?.size ?? 0;
  if (!isUnreadable && kept > size) {
    problems.push(`a checkpoint of ${kept} records was kept, the newest has ${size}: it is an older one`);
  }
  problems.push(...segmentProblems(folder, segments, size));
  const oldest = size > 0 && catalog ? attempt(() => oldestOf(folder, secrets)) : undefined;
  const stamp = catalog?.timestamps.at(-1);
  const state = problems.length > 0 ? 'damaged' : checkpoint ? 'sealed' : 'begun';
  return {
    state,
    problems,
    ...(identity && {
      identity: {
        origin: identity.origin,
        logKey: identity.genesisVkeys[0],
        firstEpochKey: identity.genesisVkeys[1],
      },
    }),
    ...(last && { epoch: { number: last.number, key: last.vkey, sinceUs: last.atSeconds * 1e6 } }),
    ...(checkpoint && {
      checkpoint: {
        size,
        root: checkpoint.root,
        atUs: checkpoint.atUs,
        cosignatures: cosignaturesOf(checkpoint, witnesses),
      },
    }),
    segments: { count: segments.length, closed: segments.filter(({ closed }) => closed).length },
    diskBytes: attempt(() => sizeOf(folder)) ?? 0,
    ...diskOf(folder),
    ...(oldest && { oldest }),
    sources: [
      { id: OWN_SOURCE, address: '', firstSeenUs: (epochs[0]?.atSeconds ?? 0) * 1e6 },
      ...(catalog?.sources ?? []),
    ],
    ...(stamp && { timestamp: { size: stamp.size, atUs: stamp.genTimeUs } }),
  };
}

interface Newest extends Checkpoint {
  note: Note;
  atUs: number;
}

function newest(folder: string): Newest | undefined {
  const text = readCheckpoint(folder);
  if (text === undefined) return undefined;
  const file = path.join(folder, CHECKPOINT);
  const at = statSync(file);
  try {
    const note = parseNote(text);
    return { ...parseCheckpoint(note.text), note, atUs: Math.floor(at.mtimeMs * 1000) };
  } catch (error) {
    throw new Error(`${file} is damaged: ${(error as Error).message}`);
  }
}

function checkSignature({ origin, note }: Newest, identity: LogIdentity): void {
  if (origin !== identity.origin) throw new Error(`the checkpoint is that of another log, ${origin}`);
  try {
    verifyNote(note, [noteVerifier(identity.genesisVkeys[0])]);
  } catch (error) {
    throw new Error(`the checkpoint is not signed by the log key: ${(error as Error).message}`);
  }
}

interface Read {
  segments: SegmentInfo[];
  sources: Source[];
  checkpoints: KeptCheckpoint[];
  timestamps: Timestamp[];
}

function readCatalog(folder: string, secrets: SecretBox, attempt: <T>(work: () => T) => T | undefined) {
  const catalog = attempt(() => new Catalog(folder, secrets, true));
  if (!catalog) return undefined;
  const read: Read = {
    segments: attempt(() => catalog.segments()) ?? [],
    sources: attempt(() => catalog.sources()) ?? [],
    checkpoints: attempt(() => catalog.checkpoints()) ?? [],
    timestamps: attempt(() => catalog.timestamps()) ?? [],
  };
  catalog.close();
  return read;
}

/** Segments that are not there, or not as long as they were. */
function segmentProblems(folder: string, segments: readonly SegmentInfo[], size: number): string[] {
  const problems: string[] = [];
  let next = 0;
  for (const { first, count, closed, bytes } of segments) {
    if (first !== next) problems.push(`records ${next} to ${first - 1} are in no segment`);
    next = closed ? first + count : Math.max(first, size);
    const file = segmentFile(folder, first);
    const there = statSync(file, { throwIfNoEntry: false })?.size;
    if (there === undefined && (closed ? bytes > 0 : first < size)) problems.push(`${file} is missing`);
    else if (closed && bytes > 0 && there !== bytes)
      problems.push(`${file} has ${there} bytes and should have ${bytes}`);
  }
  if (next < size) problems.push(`records ${next} to ${size - 1} are in no segment`);
  return problems;
}

function oldestOf(folder: string, secrets: SecretBox): BoxStatus['oldest'] {
  const archive = openArchive({ folder, secrets });
  try {
    for (const block of archive.blocks({ from: 0, to: archive.size() })) {
      return { index: block.index[0]!, receivedUs: block.receiveUs[0]! };
    }
    return undefined;
  } finally {
    archive.close();
  }
}

/** Signatures on a checkpoint that aren't the log's own. */
function cosignaturesOf({ note, origin }: Newest, witnesses: readonly string[]): Cosignature[] {
  return note.signatures
    .filter(({ name }) => name !== origin && !name.startsWith(`${origin}/epoch-`))
    .map(({ name, id, signature }) => {
      const vkey = witnesses.find((one) => one.startsWith(`${name}+${id}+`));
      const atUs = cosignatureTime(signature) * 1e6;
      return { name, atUs, ...(vkey !== undefined && { genuine: isGenuine(vkey, note.text, signature) }) };
    });
}

function isGenuine(vkey: string, text: string, signature: Uint8Array): boolean {
  try {
    return cosignatureVerifier(vkey).verify(text, signature);
  } catch {
    return false;
  }
}

function diskOf(folder: string): Pick<BoxStatus, 'disk'> {
  const room = roomOf(folder);
  if (!room) return {};
  return { disk: { freeBytes: room.free, enoughBytes: enoughOf(room.total) } };
}

function sizeOf(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    // One may have gone since.
    if (entry.isFile())
      bytes += statSync(path.join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
