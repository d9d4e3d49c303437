import { hex, readable } from './bytes.mjs';
import { checkCheckpoint } from './chain.mjs';
import { cosignedAt, parseCheckpoint, parseNote } from './note.mjs';
import { hashes } from './proofs.mjs';
import { checkTimestamp } from './timestamp.mjs';
import { isConsistent } from './tree.mjs';

/** @typedef {import('./chain.mjs').Finding} Finding */
/** @typedef {import('./chain.mjs').Epoch} Epoch */
/** @typedef {import('./note.mjs').Vkey} Vkey */
/** @typedef {import('./clock.mjs').Anchor} Anchor */
/** @typedef {{ size: number, root: Uint8Array, note?: string }} Kept */

/**
 * The log's earlier states, by size: the checkpoints that were kept and the ends of epochs, which keys have signed that
 * are destroyed since. Each has to be a beginning of the log as it is now.
 * @param {import('./tree.mjs').Sha256} sha256 @param {import('./note.mjs').Checkpoint} latest @param {Kept[]} states
 * @param {(size: number) => Promise<string[] | undefined>} proofFor lines of the proof
 * @returns {Promise<{ good: number[], findings: Finding[] }>}
 */
export async function checkStates(sha256, latest, states, proofFor) {
  /** @type {Finding[]} */
  const findings = [];
  const good = [];
  let [wrong, from] = [0, 0];
  for (const { size, root } of [...states].sort((a, b) => a.size - b.size)) {
    if (size > latest.size) {
      findings.push({
        index: latest.size,
        last: size - 1,
        defect: 'rolled back',
        text: `The log has had ${size} records already, and this checkpoint has ${latest.size}: an older copy or checkpoint was put in place of a newer.`,
      });
      break;
    }
    const lines = size === 0 || size === latest.size ? [] : await proofFor(size);
    const proof = lines && hashes(lines);
    if (proof && isConsistent(sha256, size, root, latest.size, latest.root, proof)) {
      good.push(size);
      if (wrong === 0) from = size;
      continue;
    }
    if (wrong++ > 0) continue;
    const where = size === from ? `at ${size} records` : `one of the records ${from} to ${size - 1}`;
    findings.push({
      index: Math.min(from, Math.max(0, size - 1)),
      last: Math.max(0, size - 1),
      defect: proof ? 'past altered' : 'no proof',
      text: proof
        ? `The past was altered, ${where}: what was signed when the log had ${size} records isn’t the beginning of this log. A record was changed, deleted, put in or moved after it was sealed.`
        : `There is no proof that what was signed when the log had ${size} records is the beginning of this log.`,
    });
  }
  if (wrong > 1) findings.at(-1).text += ` The same is true of ${wrong - 1} later states.`;
  return { good, findings };
}

/**
 * Checks who has seen a checkpoint: its signatures, and cosignatures of the witnesses.
 * @param {import('./chain.mjs').Primitives} primitives @param {string} origin @param {Vkey} logKey @param {Epoch[]} epochs
 * @param {Vkey[]} witnesses @param {string} text
 */
export async function checkKept(primitives, origin, logKey, epochs, witnesses, text) {
  const size = parseCheckpoint(parseNote(text)?.body ?? '')?.size;
  const what = `The kept checkpoint${size === undefined ? '' : ` of ${size} records`}`;
  const { note, checkpoint, findings } = await checkCheckpoint(primitives, origin, logKey, epochs, text, what);
  /** @type {(Anchor & { witness: Vkey })[]} */
  const seen = [];
  for (const witness of note && checkpoint ? witnesses : []) {
    const seconds = await cosignedAt(primitives.ed25519, note, witness);
    if (seconds === 'bad')
      findings.push({ defect: 'cosignature', text: `${what} bears a wrong signature of the witness ${witness.name}.` });
    else if (seconds !== undefined)
      seen.push({ size: checkpoint.size, us: seconds * 1e6, by: `the witness ${witness.name}`, witness });
  }
  return { note, checkpoint, findings, seen };
}

/**
 * Checks a time-stamp of a checkpoint.
 * @param {import('./timestamp.mjs').CmsPrimitives} primitives @param {number} size @param {Uint8Array} bytes
 * @param {string | undefined} noteText
 * @returns {Promise<{ anchor?: Anchor, finding?: Finding, proved?: string, command?: string }>}
 */
export async function checkStamp(primitives, size, bytes, noteText) {
  const fault = (/** @type {string} */ why) => ({
    finding: { defect: 'time-stamp', text: `The time-stamp of the checkpoint of ${size} records isn’t good: ${why}.` },
  });
  const note = noteText === undefined ? undefined : parseNote(noteText);
  if (!note || noteText === undefined) return fault('its checkpoint is missing');
  try {
    const own = noteText.split('\n');
    const signed = own.slice(0, note.body.split('\n').length + 2).join('\n');
    const stamp = await checkTimestamp(primitives, bytes, [note.body, `${signed}\n`, noteText]);
    return {
      anchor: { size, us: stamp.us, by: `the time-stamp authority ${stamp.subject}` },
      proved: `The time-stamp authority “${stamp.subject}” (certificate by “${stamp.issuer}”, SHA-256 ${stamp.fingerprint}) says that the log with ${size} records was there on ${readable(stamp.us)}.`,
      command: `openssl ts -verify -digest ${hex(stamp.imprint)} -in FILE -CAfile <the authority’s root certificate>`,
    };
  } catch (error) {
    return fault(/** @type {Error} */ (error).message);
  }
}
