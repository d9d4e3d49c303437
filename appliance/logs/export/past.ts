import type { Archive, KeptCheckpoint, Timestamp } from '../archive/index.ts';
import { parseStatementBody, readLogIdentity } from '../keys/index.ts';
import { parseNote } from '../merkle/note.ts';
import type { ReadHash } from '../merkle/tree.ts';
import { consistencyText } from './proofs.ts';

/** Kept checkpoints after the first record that go with an export: the earliest, which bound the times most. */
const MAX_KEPT = 1000;

/** What an export says about the log's past: its keys, and earlier states with the proof that they are its beginnings. */
export interface Past {
  origin: string;
  logVkey: string;
  epoch0Vkey: string;
  statements: string[];
  /** Notes by size. */
  checkpoints: KeptCheckpoint[];
  timestamps: Timestamp[];
  /** Consistency proofs, as text, by size. */
  proofs: [size: number, text: string][];
}

/** `first` is the export's first leaf; `size` that of the checkpoint it is made for. */
export function pastOf(archive: Archive, folder: string, read: ReadHash, first: number, size: number): Past {
  const { origin, genesisVkeys, statements } = readLogIdentity(folder);
  // A statement about a later state than the checkpoint's is of a key that came meanwhile.
  const named = statements().map((text) => ({ text, size: parseStatementBody(parseNote(text).text).size }));
  const chain = named.filter((statement) => statement.size <= size);
  const timestamps = archive.timestamps().filter((stamp) => stamp.size <= size);
  const stamped = new Set(timestamps.map((stamp) => stamp.size));
  const kept = archive.checkpoints().filter((checkpoint) => checkpoint.size <= size);
  const before = kept.findLast((checkpoint) => checkpoint.size <= first);
  let near = 0;
  const checkpoints = kept.filter((one) => {
    if (one.why === 'epoch' || stamped.has(one.size) || one === before) return true;
    return one.size > first && ++near <= MAX_KEPT;
  });
  const sizes = new Set([...chain.map((statement) => statement.size), ...checkpoints.map((one) => one.size)]);
  const proofs = [...sizes]
    .filter((old) => old > 0 && old < size)
    .sort((a, b) => a - b)
    .map((old): [number, string] => [old, consistencyText(old, size, read)]);
  const [logVkey, epoch0Vkey] = genesisVkeys;
  return { origin, logVkey, epoch0Vkey, statements: chain.map(({ text }) => text), checkpoints, timestamps, proofs };
}
