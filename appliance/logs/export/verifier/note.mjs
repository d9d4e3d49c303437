import { base64, concat, hex, utf8, whole } from './bytes.mjs';

/** @typedef {{ name: string, id: string, algorithm: number, key: Uint8Array, text: string }} Vkey */
/** @typedef {{ body: string, signatures: { name: string, bytes: Uint8Array }[] }} Note */
/** @typedef {{ origin: string, size: number, root: Uint8Array }} Checkpoint */
/** @typedef {import('./tree.mjs').Sha256} Sha256 */
/** @typedef {(key: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>} Ed25519 */

export const ED25519 = 1;
export const COSIGNATURE = 4;

/**
 * A verifier key (c2sp.org/signed-note): `name+id+base64(algorithm ‖ key)`.
 * @param {Sha256} sha256 @param {unknown} text @returns {Vkey | undefined}
 */
export function parseVkey(sha256, text) {
  const [, name = '', id = '', encoded = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+(\S+)$/.exec(String(text).trim()) ?? [];
  const bytes = base64(encoded, 33);
  if (!bytes || (bytes[0] !== ED25519 && bytes[0] !== COSIGNATURE)) return undefined;
  if (keyId(sha256, name, bytes) !== id) return undefined;
  return { name, id, algorithm: bytes[0], key: bytes.subarray(1), text: String(text).trim() };
}

/** @param {Sha256} sha256 @param {string} name @param {Uint8Array} typed algorithm ‖ key @returns {string} */
const keyId = (sha256, name, typed) => hex(sha256(concat(utf8(`${name}\n`), typed)).subarray(0, 4));

/** @param {Sha256} sha256 @param {string} name @param {Uint8Array} key @returns {Vkey} */
export function ed25519Key(sha256, name, key) {
  const id = keyId(sha256, name, concat(new Uint8Array([ED25519]), key));
  return { name, id, algorithm: ED25519, key, text: '' };
}

/** A signed note: text, empty line, lines of signatures. @param {string} text @returns {Note | undefined} */
export function parseNote(text) {
  const end = text.lastIndexOf('\n\n');
  if (end < 0 || text.length > 1_000_000 || !text.endsWith('\n')) return undefined;
  const signatures = [];
  for (const line of text.slice(end + 2, -1).split('\n')) {
    const [, name, encoded] = /^\u2014 ([^\s+]+) (\S+)$/.exec(line) ?? [];
    const bytes = base64(encoded);
    if (!name || !bytes || bytes.length < 5) return undefined;
    signatures.push({ name, bytes });
  }
  return { body: text.slice(0, end + 1), signatures };
}

/**
 * Whether the note bears a good signature of that key. A line of its name and id with a bad signature counts as none.
 * @param {Ed25519} verify @param {Note} note @param {Vkey} key @returns {Promise<boolean>}
 */
export async function isSigned(verify, note, key) {
  for (const { name, bytes } of note.signatures) {
    if (name !== key.name || hex(bytes.subarray(0, 4)) !== key.id || bytes.length !== 68) continue;
    if (await verify(key.key, utf8(note.body), bytes.subarray(4))) return true;
  }
  return false;
}

/**
 * When the witness says to have seen it (c2sp.org/tlog-cosignature), in seconds since 1970. `'bad'`: there is a line of
 * this witness and its signature is wrong; undefined: there is none.
 * @param {Ed25519} verify @param {Note} note @param {Vkey} key @returns {Promise<number | 'bad' | undefined>}
 */
export async function cosignedAt(verify, note, key) {
  /** @type {number | 'bad' | undefined} */
  let result;
  for (const { name, bytes } of note.signatures) {
    if (name !== key.name || hex(bytes.subarray(0, 4)) !== key.id) continue;
    result ??= 'bad';
    if (bytes.length !== 76) continue;
    const seconds = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(4));
    const message = utf8(`cosignature/v1\ntime ${seconds}\n${note.body}`);
    if (await verify(key.key, message, bytes.subarray(12))) return seconds;
  }
  return result;
}

/** The body of a checkpoint (c2sp.org/tlog-checkpoint). @param {string} body @returns {Checkpoint | undefined} */
export function parseCheckpoint(body) {
  const [origin = '', digits = '', encoded = ''] = body.split('\n');
  const size = whole(digits);
  const root = base64(encoded, 32);
  return origin && size !== undefined && root ? { origin, size, root } : undefined;
}
