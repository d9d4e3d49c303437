import { base64, equal, readable, utf8, whole } from './bytes.mjs';
import { ed25519Key, isSigned, parseCheckpoint, parseNote } from './note.mjs';

/** @typedef {{ index?: number, last?: number, defect: string, text: string }} Finding */
/** @typedef {import('./note.mjs').Vkey} Vkey */
/** @typedef {{ number: number, key: Vkey, size: number, root: Uint8Array, seconds: number }} Epoch */
/** @typedef {{ sha256: import('./tree.mjs').Sha256, ed25519: import('./note.mjs').Ed25519 }} Primitives */

const STATEMENT = 'gatehouse/epoch/v1';
/** A clock that goes back by more was turned back. */
export const CLOCK_SLACK_US = 2_000_000;

/** Texts of the statements in a file of them. @param {string} text @returns {string[]} */
export const splitStatements = (text) => text.split(/^(?=gatehouse\/epoch\/v1$)/m).filter((one) => one.trim() !== '');

/**
 * Follows the keys from the first to the newest: each statement names the next key and the log's size and root at that
 * moment, and is signed by the log key and by the key before, which is destroyed after that.
 * @param {Primitives} primitives @param {string} origin @param {Vkey} logKey @param {string[]} statements
 * @returns {Promise<{ epochs: Epoch[], findings: Finding[] }>}
 */
export async function followKeys({ sha256, ed25519 }, origin, logKey, statements) {
  /** @type {Epoch[]} */
  const epochs = [];
  /** @type {Finding[]} */
  const findings = [];
  const fault = (/** @type {string} */ text) => findings.push({ defect: 'key chain', text });
  for (const [number, text] of statements.entries()) {
    const note = parseNote(text);
    const [format, of, digits, encoded, sizeDigits, rootText, secondsDigits, end, ...more] =
      note?.body.split('\n') ?? [];
    const [size, seconds] = [whole(sizeDigits), whole(secondsDigits)];
    const [raw, root] = [base64(encoded, 32), base64(rootText, 32)];
    const malformed = size === undefined || seconds === undefined || !raw || !root || end !== '' || more.length > 0;
    if (!note || format !== STATEMENT || malformed) {
      fault(`The statement about the key of epoch ${number} cannot be read.`);
      break;
    }
    if (of !== origin) fault(`The statement about the key of epoch ${number} is about another log, ${of}.`);
    if (whole(digits) !== number) {
      fault(`The chain of keys is broken: where epoch ${number} should follow, there is epoch ${digits}.`);
      break;
    }
    const key = ed25519Key(sha256, `${origin}/epoch-${number}`, raw);
    const before = epochs[number - 1];
    if (!(await isSigned(ed25519, note, logKey))) {
      fault(`The statement about the key of epoch ${number} isn’t signed by the log key.`);
    }
    if (!(await isSigned(ed25519, note, before?.key ?? key))) {
      fault(
        before
          ? `The key of epoch ${number} isn’t signed by the key before it, that of epoch ${number - 1}.`
          : 'The statement about the first epoch key isn’t signed by that key itself.',
      );
    }
    if (before && (size < before.size || (size === before.size && !equal(root, before.root)))) {
      fault(
        `The statement about the key of epoch ${number} has ${size} records: fewer than, or others than, the one before.`,
      );
    }
    if (!before && (size !== 0 || !equal(root, sha256(utf8(''))))) {
      fault('The first statement isn’t about an empty log.');
    }
    // The first key is made when the box is set up, maybe before it knows the time.
    if (before && number > 1 && seconds * 1e6 < before.seconds * 1e6 - CLOCK_SLACK_US) {
      findings.push({
        index: size,
        defect: 'clock turned back',
        text: `The clock was turned back before record ${size}: the key of epoch ${number} was made on ${readable(seconds * 1e6)}, that before it on ${readable(before.seconds * 1e6)}.`,
      });
    }
    epochs.push({ number, key, size, root, seconds });
  }
  if (epochs.length === 0 && findings.length === 0) fault('The chain of keys is missing.');
  return { epochs, findings };
}

/**
 * Checks that a checkpoint is signed by the log key and by the epoch key of its time.
 * @param {Primitives} primitives @param {string} origin @param {Vkey} logKey @param {Epoch[]} epochs
 * @param {string} text @param {string} what as it is called in the findings
 * @returns {Promise<{ note?: import('./note.mjs').Note, checkpoint?: import('./note.mjs').Checkpoint, epoch?: Epoch, findings: Finding[] }>}
 */
export async function checkCheckpoint({ ed25519 }, origin, logKey, epochs, text, what) {
  /** @type {Finding[]} */
  const findings = [];
  const fault = (/** @type {string} */ said) => findings.push({ defect: 'signature', text: said });
  const note = parseNote(text);
  const checkpoint = note && parseCheckpoint(note.body);
  if (!note || !checkpoint) {
    fault(`${what} cannot be read.`);
    return { findings };
  }
  if (checkpoint.origin !== origin) fault(`${what} is about another log, ${checkpoint.origin}.`);
  if (!(await isSigned(ed25519, note, logKey))) fault(`${what} isn’t signed by the log key.`);
  /** @type {Epoch | undefined} */
  let signer;
  for (const epoch of epochs) if (await isSigned(ed25519, note, epoch.key)) signer = epoch;
  if (!signer) {
    fault(`${what} isn’t signed by any key of the chain of epoch keys.`);
  } else {
    const until = epochs[signer.number + 1]?.size ?? Number.POSITIVE_INFINITY;
    if (checkpoint.size < signer.size || checkpoint.size > until) {
      const time =
        until === Number.POSITIVE_INFINITY ? `from record ${signer.size} on` : `from record ${signer.size} to ${until}`;
      fault(
        `${what} has ${checkpoint.size} records and is signed by the key of epoch ${signer.number}, which signed ${time}.`,
      );
    }
  }
  return { note, checkpoint, ...(signer && { epoch: signer }), findings };
}
