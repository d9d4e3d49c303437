import { cosignatureTime, cosignatureVerifier } from '../merkle/cosignature.ts';
import { parseDecimal } from '../merkle/hash.ts';
import { parseNote, parseSignatures, signatureLine, type Verifier, verifyNote } from '../merkle/note.ts';
import type { Post } from '../post.ts';
import { formatAddCheckpoint, SIZE_TYPE } from './request.ts';

const MAX_ANSWER_BYTES = 16_384;
const MAX_TOLD = 200;

/** A witness hasn't cosigned; the message names it and says why. */
export class WitnessError extends Error {
  override name = 'WitnessError';
  /** Its answer was 422: what it was told doesn't continue what it knows, or the proof is wrong. */
  readonly inconsistent: boolean;
  constructor(message: string, options: { inconsistent?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.inconsistent = options.inconsistent ?? false;
  }
}

/** A cosignature line that was verified and when it was made, in seconds since 1970; or the size that it knows. */
export type WitnessAnswer = { line: string; seconds: number } | { size: number };

/**
 * Asks a witness to cosign a checkpoint: c2sp.org/tlog-witness. `note` is the whole checkpoint, `proof` is from the
 * size `old` to its size. Throws a WitnessError when it doesn't.
 */
export async function addCheckpoint(request: {
  url: string;
  vkey: string;
  note: string;
  old: number;
  proof: Uint8Array[];
  http: Post;
}): Promise<WitnessAnswer> {
  const { url, note, old, proof, http } = request;
  const verifier = cosignatureVerifier(request.vkey);
  const fail = (why: string, options?: ConstructorParameters<typeof WitnessError>[1]) =>
    new WitnessError(`the witness ${verifier.name} has not cosigned: ${why}`, options);
  const answer = await http({
    url: `${url}/add-checkpoint`,
    body: formatAddCheckpoint({ old, proof, checkpoint: note }),
    contentType: 'text/plain; charset=utf-8',
    maxBytes: MAX_ANSWER_BYTES,
  }).catch((error: Error) => {
    throw fail(error.message, { cause: error });
  });
  const text = answer.body.toString();
  try {
    if (answer.status === 200) return cosignatureOf(text, note, verifier);
    if (answer.status === 409 && answer.contentType === SIZE_TYPE && text.endsWith('\n')) {
      return { size: parseDecimal(text.slice(0, -1), 'the size that it knows') };
    }
  } catch (error) {
    throw fail((error as Error).message, { cause: error });
  }
  throw fail(`its answer is ${answer.status} ${toldBy(text)}`.trimEnd(), { inconsistent: answer.status === 422 });
}

function cosignatureOf(lines: string, note: string, verifier: Verifier): WitnessAnswer {
  const { text } = parseNote(note);
  const [signature] = verifyNote({ text, signatures: parseSignatures(lines) }, [verifier]);
  return { line: signatureLine(signature!), seconds: cosignatureTime(signature!.signature) };
}

/** What it says of itself, as one line that can be shown. */
const toldBy = (text: string): string =>
  text
    .slice(0, MAX_TOLD)
    .replaceAll(/[^\P{C}]+/gu, ' ')
    .trim();

export interface Witness {
  url: string;
  vkey: string;
}

/** A checkpoint of the log: the whole note, its size, and the consistency proof from an earlier size. */
export interface Sealed {
  note: string;
  size: number;
  prove(old: number): Promise<Uint8Array[]> | Uint8Array[];
}

type Outcome =
  | { line: string; seconds: number }
  /** It says that it has cosigned a larger checkpoint of this log than the newest here: this may be an old copy. */
  | { ahead: number };

/** What became of one witness in a round. */
export type RoundResult = { name: string; url: string } & (Outcome | { error: WitnessError });

/**
 * The witnesses of a log, which are asked at the same time; the size that each last knew is remembered, so that it
 * isn't asked for it. Throws a MerkleError when a key isn't a witness's.
 */
export function createWitnesses(witnesses: readonly Witness[], http: Post) {
  const all = witnesses.map((witness) => ({ ...witness, name: cosignatureVerifier(witness.vkey).name, known: 0 }));

  async function ask(witness: (typeof all)[number], { note, size, prove }: Sealed): Promise<Outcome> {
    // Once to learn the size that it knows, if it is another one.
    for (let attempt = 0; attempt < 2; attempt++) {
      const old = Math.min(witness.known, size);
      const answer = await addCheckpoint({ ...witness, note, old, proof: await prove(old), http });
      witness.known = 'size' in answer ? answer.size : size;
      if (!('size' in answer)) return answer;
      if (answer.size > size) return { ahead: answer.size };
    }
    throw new WitnessError(`the witness ${witness.name} has not cosigned: it says another size each time`);
  }

  return {
    /** Never rejects. One round at a time. */
    round: (checkpoint: Sealed): Promise<RoundResult[]> =>
      Promise.all(
        all.map(async (witness): Promise<RoundResult> => {
          const { name, url } = witness;
          try {
            return { name, url, ...(await ask(witness, checkpoint)) };
          } catch (cause) {
            const error = cause instanceof WitnessError ? cause : new WitnessError((cause as Error).message, { cause });
            return { name, url, error };
          }
        }),
      ),
  };
}
