import { createPublicKey, type KeyObject } from 'node:crypto';
import { fromBase64, toBase64 } from '../merkle/hash.ts';
import { ALGORITHM, formatVkey, noteVerifier, parseNote, verifyNote } from '../merkle/note.ts';
import { HASH_BYTES } from '../record/types.ts';

const TITLE = 'gatehouse/epoch/v1';
const KEY_BYTES = 32;

/** What an epoch statement says: which key signs from `size` on, where the tree had `root`. */
export interface EpochStatement {
  origin: string;
  /** The epoch that is named; 0 is the first. */
  number: number;
  /** Its Ed25519 public key, 32 bytes. */
  publicKey: Uint8Array;
  size: number;
  /** 32 bytes. */
  root: Uint8Array;
  /** Seconds since 1970, by the appliance's clock. */
  atSeconds: number;
}

/** An epoch whose statement was verified. */
export interface Epoch extends EpochStatement {
  vkey: string;
}

/** The name under which the key of an epoch signs. */
export const epochName = (origin: string, number: number): string => `${origin}/epoch-${number}`;

/** The 32 bytes of a public Ed25519 key. */
export const rawPublicKey = (key: KeyObject): Buffer => Buffer.from(key.export({ format: 'jwk' }).x!, 'base64url');

/** The text of a statement: what its signatures are over. */
export const statementBody = (statement: EpochStatement): string =>
  `${[
    TITLE,
    statement.origin,
    statement.number,
    toBase64(statement.publicKey),
    statement.size,
    toBase64(statement.root),
    statement.atSeconds,
  ].join('\n')}\n`;

/** Reads the text of a statement. Throws when it isn't one, to the byte. */
export function parseStatementBody(body: string): EpochStatement {
  const [title, origin = '', number, key = '', size, root = '', at] = body.split('\n');
  const statement = {
    origin,
    number: Number(number),
    publicKey: fromBase64(key) ?? new Uint8Array(0),
    size: Number(size),
    root: fromBase64(root) ?? new Uint8Array(0),
    atSeconds: Number(at),
  };
  if (
    title !== TITLE ||
    ![statement.number, statement.size, statement.atSeconds].every((n) => Number.isSafeInteger(n) && n >= 0) ||
    statement.publicKey.length !== KEY_BYTES ||
    statement.root.length !== HASH_BYTES ||
    statementBody(statement) !== body // one spelling only
  ) {
    throw new Error('this is no epoch statement');
  }
  return statement;
}

/**
 * Checks the chain of epoch statements, from the first (epoch 0) on, against the verifier keys that were shown when the
 * log was set up: [log key, key of epoch 0]. Returns the epochs. Throws an Error that names the first bad one. That the
 * roots are those of the tree at their sizes is for the caller to check.
 */
export function verifyStatements(statements: readonly string[], genesisVkeys: readonly string[]): Epoch[] {
  const [logVkey = '', firstVkey = ''] = genesisVkeys;
  const epochs: Epoch[] = [];
  for (const [number, text] of statements.entries()) {
    try {
      epochs.push(verifyStatement(text, number, logVkey, firstVkey, epochs.at(-1)));
    } catch (error) {
      throw new Error(`the statement of epoch ${number} ${(error as Error).message}`, { cause: error });
    }
  }
  return epochs;
}

function verifyStatement(text: string, number: number, log: string, first: string, before?: Epoch): Epoch {
  const note = orElse('is malformed', () => parseNote(text));
  const statement = orElse('is malformed', () => parseStatementBody(note.text));
  const vkey = vkeyOf(epochName(statement.origin, number), statement.publicKey);
  if (statement.number !== number) throw new Error(`is that of epoch ${statement.number}`);
  if (!log.startsWith(`${statement.origin}+`)) throw new Error(`is of another log, ${statement.origin}`);
  if (!before && vkey !== first) throw new Error('names another key than was shown when the log was set up');
  if (before && statement.size < before.size) throw new Error(`is of size ${statement.size}, less than the one before`);
  orElse("isn't signed by the log key", () => verifyNote(note, [noteVerifier(log)]));
  const signer = before ?? { number: 0, vkey: first };
  orElse(`isn't signed by the key of epoch ${signer.number}`, () => verifyNote(note, [noteVerifier(signer.vkey)]));
  return { ...statement, vkey };
}

function orElse<T>(message: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Error(message, { cause: error });
  }
}

function vkeyOf(name: string, publicKey: Uint8Array): string {
  const x = Buffer.from(publicKey).toString('base64url');
  return formatVkey(
    name,
    ALGORITHM.ed25519,
    createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }),
  );
}
