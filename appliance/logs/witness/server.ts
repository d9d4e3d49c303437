import { hash } from 'node:crypto';
import { type SecretBox, type Store, timestamp } from '../../store/index.ts';
import { type Checkpoint, parseCheckpoint } from '../merkle/checkpoint.ts';
import { createCosigner } from '../merkle/cosignature.ts';
import { EMPTY_ROOT, MerkleError, sameHash, toBase64 } from '../merkle/hash.ts';
import { type Note, noteVerifier, parseNote, signatureLine, type Verifier, verifyNote } from '../merkle/note.ts';
import { verifyConsistency } from '../merkle/tree.ts';
import { openWitnessKey } from './key.ts';
import { type AddCheckpoint, parseAddCheckpoint } from './request.ts';
import type { WitnessedRow, WitnessTables } from './tables.ts';

/** With 409 the body is the size that is known here, otherwise cosignature lines or what is wrong. */
export interface Answer {
  status: 200 | 400 | 403 | 404 | 409 | 422;
  body: string;
}

export interface WitnessOptions {
  store: Store;
  secrets: SecretBox;
  /** Where the logs are, `<data>/logs`. */
  folder: string;
  /** This appliance's own origin. */
  origin: string;
  /** Verifier keys of the logs that are cosigned here. */
  trusted: readonly string[];
  /** Milliseconds since 1970. */
  now(): number;
}

class Refusal extends Error {
  readonly answer: Answer;
  constructor(status: Answer['status'], body: string) {
    super(body);
    this.answer = { status, body };
  }
}

/**
 * This appliance as a witness of other sites' logs (c2sp.org/tlog-witness): it cosigns a checkpoint only if the log has
 * done nothing but grow since the last one. Rejects where a trusted key isn't one, or its own can't be opened.
 */
export async function createWitness({ store, secrets, folder, origin, trusted, now }: WitnessOptions) {
  const cosigner = createCosigner(`${origin}/witness`, await openWitnessKey({ store, secrets, folder }));
  const logs = Map.groupBy(trusted.map(noteVerifier), ({ name }) => name);
  const origins = new Map([...logs.keys()].map((name) => [hash('sha256', name), name]));
  const db = store.as<WitnessTables>();

  const latest = (of: string): Promise<WitnessedRow | undefined> =>
    db.selectFrom('log_witnessed').selectAll().where('origin', '=', of).executeTakeFirst();

  async function cosign(body: string): Promise<Answer> {
    const { request, note, checkpoint } = read(body);
    const signed = verify(note, logs.get(checkpoint.origin)).map(signatureLine).join('');
    if (request.old > checkpoint.size) throw new Refusal(400, 'the old size is larger than the checkpoint');
    const before = await latest(checkpoint.origin);
    if ((before?.size ?? 0) !== request.old) return sizeOf(before);
    checkGrowth(before, checkpoint, request.proof);

    const at = now();
    const line = cosigner.cosign(note.text, Math.floor(at / 1000));
    const row = {
      origin: checkpoint.origin,
      size: checkpoint.size,
      root: toBase64(checkpoint.root),
      note: `${note.text}\n${signed}${line}`,
      at: timestamp(at),
    };
    // Only if no other request came in between: of two, one would roll the log back.
    if (await replace(before, row)) return { status: 200, body: line };
    return sizeOf(await latest(checkpoint.origin));
  }

  const replace = (before: WitnessedRow | undefined, row: WitnessedRow): Promise<boolean> =>
    store.transaction<WitnessTables, boolean>(async (tx) => {
      const result = before
        ? await tx.db
            .updateTable('log_witnessed')
            .set(row)
            .where('origin', '=', row.origin)
            .where('size', '=', before.size)
            .where('root', '=', before.root)
            .executeTakeFirst()
        : await tx.db
            .insertInto('log_witnessed')
            .values(row)
            .onConflict((conflict) => conflict.doNothing())
            .executeTakeFirst();
      return Number('numUpdatedRows' in result ? result.numUpdatedRows : result.numInsertedOrUpdatedRows) === 1;
    });

  return {
    /** What other sites configure. */
    vkey: cosigner.vkey,
    /** `add-checkpoint`; rejects only where the database does. */
    async addCheckpoint(body: string): Promise<Answer> {
      try {
        return await cosign(body);
      } catch (error) {
        if (error instanceof Refusal) return error.answer;
        throw error;
      }
    },
    /** The newest checkpoint that was cosigned of the log whose origin has this SHA-256 (hexadecimal). */
    async checkpoint(originHash: string): Promise<string | undefined> {
      const of = origins.get(originHash);
      return of === undefined ? undefined : (await latest(of))?.note;
    },
  };
}
export type Witness = Awaited<ReturnType<typeof createWitness>>;

const sizeOf = (row: WitnessedRow | undefined): Answer => ({ status: 409, body: `${row?.size ?? 0}\n` });

function read(body: string): { request: AddCheckpoint; note: Note; checkpoint: Checkpoint } {
  try {
    const request = parseAddCheckpoint(body);
    const note = parseNote(request.checkpoint);
    return { request, note, checkpoint: parseCheckpoint(note.text) };
  } catch (error) {
    if (error instanceof MerkleError) throw new Refusal(400, error.message);
    throw error;
  }
}

function verify(note: Note, keys: readonly Verifier[] | undefined) {
  if (!keys) throw new Refusal(404, 'this witness does not know the log');
  try {
    return verifyNote(note, keys);
  } catch (error) {
    if (error instanceof MerkleError) throw new Refusal(403, error.message);
    throw error;
  }
}

/** RFC 6962, section 2.1.2: the log has done nothing but grow. */
function checkGrowth(before: WitnessedRow | undefined, { size, root }: Checkpoint, proof: Uint8Array[]): void {
  if (size === 0 && !sameHash(root, EMPTY_ROOT)) throw new Refusal(422, 'this is not the root of an empty log');
  const old = before?.size ?? 0;
  const oldRoot = before ? Buffer.from(before.root, 'base64') : EMPTY_ROOT;
  if (!verifyConsistency({ old, oldRoot, size, root, proof })) {
    throw new Refusal(422, `the checkpoint is not shown to continue the one of size ${old}`);
  }
}
