import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';
import { fromBase64, MerkleError, toBase64 } from './hash.ts';

export const MAX_NOTE_BYTES = 65_536;
/** The format asks for 16 at least. */
export const MAX_SIGNATURES = 64;

/** Signature types of c2sp.org/signed-note: Ed25519 over the text, and a witness's timestamped cosignature. */
export const ALGORITHM = { ed25519: 1, cosignature: 4 } as const;
export type Algorithm = (typeof ALGORITHM)[keyof typeof ALGORITHM];

const KEY_BYTES = 32;
const KEY_ID_BYTES = 4;

/** `name+<8 hex digits>+<base64>`: what others need to know of a key to check what it signs. */
export interface VerifierKey {
  name: string;
  /** 8 lower-case hexadecimal digits: the start of a hash over name, algorithm and key. */
  id: string;
  algorithm: Algorithm;
  publicKey: KeyObject;
}

export interface NoteSignature {
  name: string;
  id: string;
  /** Without the key id. */
  signature: Buffer;
}

/** Checks what one key signs. */
export interface Verifier {
  name: string;
  id: string;
  verify(text: string, signature: Uint8Array): boolean;
}

export interface Signer {
  vkey: string;
  /** The signature line, with its newline. */
  sign(text: string): string;
}

export interface Note {
  /** With its last newline, without the blank line after it. */
  text: string;
  signatures: NoteSignature[];
}

/** What a key's name may be: not empty, no space of any kind, no plus. */
export const isKeyName = (name: string): boolean => /^[^\p{White_Space}+]+$/u.test(name);

/** c2sp.org/signed-note. Throws a MerkleError with what is wrong. */
export function parseVkey(vkey: string): VerifierKey {
  // The base64 may have a plus in it, the name and the id may not.
  const [, name = '', id = '', text = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/su.exec(vkey) ?? [];
  const bytes = fromBase64(text);
  if (!isKeyName(name) || !bytes || bytes.length === 0) {
    throw new MerkleError('a verifier key has the form name+id+key');
  }
  const algorithm = bytes[0] as Algorithm;
  if (!Object.values(ALGORITHM).includes(algorithm) || bytes.length !== 1 + KEY_BYTES) {
    throw new MerkleError(`the key of ${name} is not an Ed25519 key`);
  }
  if (keyId(name, bytes) !== id) throw new MerkleError(`the id of the key of ${name} is not that of this key`);
  const publicKey = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: bytes.subarray(1).toString('base64url') },
    format: 'jwk',
  });
  return { name, id, algorithm, publicKey };
}

export function formatVkey(name: string, algorithm: Algorithm, publicKey: KeyObject): string {
  const bytes = keyBytes(algorithm, publicKey);
  return `${name}+${keyId(name, bytes)}+${toBase64(bytes)}`;
}

/** The verifier of an Ed25519 key (type 1). Throws a MerkleError for another kind. */
export function noteVerifier(vkey: string): Verifier {
  const { name, id, algorithm, publicKey } = parseVkey(vkey);
  if (algorithm !== ALGORITHM.ed25519) throw new MerkleError(`the key of ${name} is not one that signs notes`);
  return { name, id, verify: (text, signature) => verify(null, Buffer.from(text), publicKey, signature) };
}

/** Signs notes with an Ed25519 key (type 1). */
export function noteSigner(name: string, privateKey: KeyObject): Signer {
  const vkey = formatVkey(name, ALGORITHM.ed25519, createPublicKey(privateKey));
  const { id } = parseVkey(vkey);
  return { vkey, sign: (text) => signatureLine({ name, id, signature: sign(null, Buffer.from(text), privateKey) }) };
}

/** A whole note. The text ends with a newline and has no control character. */
export function signNote(text: string, signers: readonly Signer[]): string {
  const note = `${text}\n${signers.map((signer) => signer.sign(text)).join('')}`;
  if (parseNote(note).text !== text) throw new MerkleError('the text of a note ends with one newline');
  return note;
}

/** `— <name> <base64>\n` */
export function signatureLine({ name, id, signature }: NoteSignature): string {
  return `— ${name} ${Buffer.concat([Buffer.from(id, 'hex'), signature]).toString('base64')}\n`;
}

/** Throws a MerkleError with what is wrong. Nothing is verified. */
export function parseNote(note: string): Note {
  assertText(note, 'a note');
  const split = note.lastIndexOf('\n\n');
  if (split < 0) throw new MerkleError('a note has a blank line before its signatures');
  return { text: note.slice(0, split + 1), signatures: parseSignatures(note.slice(split + 2)) };
}

/** One signature line or more, and nothing else. */
export function parseSignatures(lines: string): NoteSignature[] {
  assertText(lines, 'a list of signatures');
  if (!lines.endsWith('\n')) throw new MerkleError('a signature line ends with a newline');
  const split = lines.slice(0, -1).split('\n', MAX_SIGNATURES + 1);
  if (split.length > MAX_SIGNATURES) throw new MerkleError(`a note has at most ${MAX_SIGNATURES} signatures`);
  return split.map((line) => {
    const [, name = '', text = ''] = /^— ([^ ]+) ([^ ]+)$/.exec(line) ?? [];
    const bytes = fromBase64(text);
    if (!isKeyName(name) || !bytes || bytes.length <= KEY_ID_BYTES) {
      throw new MerkleError('a signature line has the form “— name base64”');
    }
    return {
      name,
      id: bytes.toString('hex', 0, KEY_ID_BYTES),
      signature: bytes.subarray(KEY_ID_BYTES),
    };
  });
}

/**
 * The signatures by known keys, the first of each. Unknown keys are ignored; throws a MerkleError when a known key's
 * signature is wrong or none is there.
 */
export function verifyNote(note: Note, verifiers: readonly Verifier[]): NoteSignature[] {
  const verified = new Map<Verifier, NoteSignature>();
  for (const signature of note.signatures) {
    const verifier = verifiers.find(({ name, id }) => name === signature.name && id === signature.id);
    if (!verifier) continue;
    if (!verifier.verify(note.text, signature.signature)) {
      throw new MerkleError(`the signature of ${signature.name} does not fit the text`);
    }
    if (!verified.has(verifier)) verified.set(verifier, signature);
  }
  if (verified.size === 0) throw new MerkleError('the note has no signature of a known key');
  return [...verified.values()];
}

function assertText(text: string, what: string): void {
  if (Buffer.byteLength(text) > MAX_NOTE_BYTES) throw new MerkleError(`${what} has at most ${MAX_NOTE_BYTES} bytes`);
  if (!text.isWellFormed()) throw new MerkleError(`${what} is not valid UTF-8`);
  if (/[\0-\x09\x0b-\x1f]/.test(text)) throw new MerkleError(`${what} has a control character in it`);
}

function keyBytes(algorithm: Algorithm, publicKey: KeyObject): Buffer {
  const { crv, x } = publicKey.export({ format: 'jwk' });
  if (crv !== 'Ed25519' || x === undefined) throw new MerkleError('notes are signed with Ed25519 keys');
  return Buffer.concat([Buffer.of(algorithm), Buffer.from(x, 'base64url')]);
}

const keyId = (name: string, bytes: Uint8Array): string =>
  hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), bytes]), 'hex').slice(0, 2 * KEY_ID_BYTES);
