import { MerkleError, parseDecimal, parseHash, toBase64 } from './hash.ts';
import { type NoteSignature, parseNote, type Verifier, verifyNote } from './note.ts';

/** What a log says of itself: c2sp.org/tlog-checkpoint. */
export interface Checkpoint {
  origin: string;
  size: number;
  root: Uint8Array;
}

export interface OpenedCheckpoint extends Checkpoint {
  /** The text that is signed. */
  body: string;
  /** The signatures by known keys. */
  signatures: NoteSignature[];
}

/** The text to sign, as `signNote` takes it. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/** The text of a note. Extension lines are read over; throws a MerkleError with what is wrong. */
export function parseCheckpoint(body: string): Checkpoint {
  if (!body.endsWith('\n')) throw new MerkleError('a checkpoint ends with a newline');
  const lines = body.slice(0, -1).split('\n');
  const [origin = '', size = '', root = ''] = lines;
  if (lines.length < 3) throw new MerkleError('a checkpoint has three lines: origin, size and root');
  if (lines.includes('')) throw new MerkleError('a checkpoint has no empty line');
  return {
    origin,
    size: parseDecimal(size, 'the size of a checkpoint'),
    root: parseHash(root, 'the root of a checkpoint'),
  };
}

/** A whole checkpoint, signed by one of the keys at least. Throws a MerkleError otherwise. */
export function openCheckpoint(note: string, verifiers: readonly Verifier[]): OpenedCheckpoint {
  const parsed = parseNote(note);
  const checkpoint = parseCheckpoint(parsed.text);
  return { ...checkpoint, body: parsed.text, signatures: verifyNote(parsed, verifiers) };
}
