import { MerkleError, parseDecimal, toBase64 } from '../merkle/hash.ts';
import { parseHashes } from '../merkle/proof.ts';

/** The most that a witness reads of a request. */
export const MAX_REQUEST_BYTES = 65_536;
/** Of the answer 409: the size that the witness knows. */
export const SIZE_TYPE = 'text/x.tlog.size';

/** What `add-checkpoint` of c2sp.org/tlog-witness takes. */
export interface AddCheckpoint {
  /** The size that the witness knows already. */
  old: number;
  /** From the old size to the checkpoint's. */
  proof: Uint8Array[];
  /** The whole note. */
  checkpoint: string;
}

export const formatAddCheckpoint = ({ old, proof, checkpoint }: AddCheckpoint): string =>
  [`old ${old}`, ...proof.map(toBase64), '', checkpoint].join('\n');

/** Throws a MerkleError with what is wrong; the checkpoint isn't read yet. */
export function parseAddCheckpoint(body: string): AddCheckpoint {
  const blank = body.indexOf('\n\n');
  if (blank < 0) throw new MerkleError('the request has a blank line before its checkpoint');
  const [first = '', ...lines] = body.slice(0, blank).split('\n');
  if (!first.startsWith('old ')) throw new MerkleError('the request begins with a line “old <size>”');
  return {
    old: parseDecimal(first.slice('old '.length), 'the old size'),
    proof: parseHashes(lines),
    checkpoint: body.slice(blank + 2),
  };
}
