import { type OpenedCheckpoint, openCheckpoint } from './checkpoint.ts';
import { fromBase64, MerkleError, parseDecimal, parseHash, toBase64 } from './hash.ts';
import { MAX_NOTE_BYTES, type Verifier } from './note.ts';
import { verifyInclusion } from './tree.ts';

/** A tree of 2^53 leaves has no longer a path. */
export const MAX_PROOF_HASHES = 63;
/** Of opaque extra data. */
const MAX_EXTRA_BYTES = 65_536;
const MAX_PROOF_BYTES = MAX_NOTE_BYTES + 2 * MAX_EXTRA_BYTES;

const FIRST_LINE = 'c2sp.org/tlog-proof@v1';

/** That a leaf is in a log, to be checked offline: c2sp.org/tlog-proof@v1. */
export interface TlogProof {
  /** Not authenticated. */
  extra?: Uint8Array;
  index: number;
  hashes: Uint8Array[];
  /** The whole note. */
  checkpoint: string;
}

export function formatProof({ extra, index, hashes, checkpoint }: TlogProof): string {
  return [
    FIRST_LINE,
    ...(extra ? [`extra ${toBase64(extra)}`] : []),
    `index ${index}`,
    ...hashes.map(toBase64),
    '',
    checkpoint,
  ].join('\n');
}

/** Throws a MerkleError with what is wrong. Nothing is verified; the checkpoint isn't even read. */
export function parseProof(text: string): TlogProof {
  if (Buffer.byteLength(text) > MAX_PROOF_BYTES) throw new MerkleError(`a proof has at most ${MAX_PROOF_BYTES} bytes`);
  const blank = text.indexOf('\n\n');
  if (blank < 0) throw new MerkleError('a proof has a blank line before its checkpoint');
  const lines = text.slice(0, blank).split('\n', MAX_PROOF_HASHES + 4);
  if (lines.shift() !== FIRST_LINE) throw new MerkleError(`a proof begins with the line ${FIRST_LINE}`);
  const proof: TlogProof = { index: 0, hashes: [], checkpoint: text.slice(blank + 2) };
  if (lines[0]?.startsWith('extra ')) proof.extra = parseExtra(lines.shift()!.slice('extra '.length));
  const index = lines.shift() ?? '';
  if (!index.startsWith('index ')) throw new MerkleError('a proof has a line “index …”');
  proof.index = parseDecimal(index.slice('index '.length), 'the index of a proof');
  proof.hashes = parseHashes(lines);
  return proof;
}

/** The lines of an inclusion or a consistency proof. */
export function parseHashes(lines: readonly string[]): Buffer[] {
  if (lines.length > MAX_PROOF_HASHES) throw new MerkleError(`a proof has at most ${MAX_PROOF_HASHES} hashes`);
  return lines.map((line) => parseHash(line, 'a line of a proof'));
}

/** That the leaf with this hash is in the log that one of the keys has signed. Throws a MerkleError otherwise. */
export function verifyProof(proof: TlogProof, leaf: Uint8Array, verifiers: readonly Verifier[]): OpenedCheckpoint {
  const checkpoint = openCheckpoint(proof.checkpoint, verifiers);
  const { size, root } = checkpoint;
  if (!verifyInclusion({ leaf, index: proof.index, size, root, proof: proof.hashes })) {
    throw new MerkleError(`the proof does not show that this is leaf ${proof.index} of ${checkpoint.origin}`);
  }
  return checkpoint;
}

function parseExtra(text: string): Buffer {
  const extra = fromBase64(text);
  if (!extra || extra.length > MAX_EXTRA_BYTES) {
    throw new MerkleError(`the extra data of a proof is base64 of at most ${MAX_EXTRA_BYTES} bytes`);
  }
  return extra;
}
