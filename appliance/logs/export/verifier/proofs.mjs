import { base64, lines, whole } from './bytes.mjs';
import { pathLength } from './tree.mjs';

/** @typedef {{ names: string[], stream: (name: string) => AsyncIterable<Uint8Array> }} Folder */
/** @typedef {(index: number) => Promise<Uint8Array[] | undefined>} ProofOf */

export const PROOF_FORMAT = 'gatehouse/proofs/v1';
const TLOG_PROOF = 'c2sp.org/tlog-proof@v1';

/**
 * Gives the inclusion proofs of the records of one file, which are asked for in the order of their indexes. They are
 * either a file each (c2sp.org/tlog-proof), or, for many, one file of lines: the format, the size of the log, and of each
 * record `index <n>` and the hashes of its path from the bottom up to where it is the path of the record before.
 * @param {Folder} folder @param {string} name `records` @param {number} size of the log @param {string} checkpoint
 * @returns {ProofOf}
 */
export function proofReader(folder, name, size, checkpoint) {
  const file = `proofs/${name}.txt`;
  if (!folder.names.includes(file)) return (index) => single(folder, index, checkpoint);
  const rows = compact(folder, file, size);
  /** @type {{ index: number, path: Uint8Array[] } | undefined} */
  let row;
  let ended = false;
  return async (index) => {
    while (!ended && (row === undefined || row.index < index)) {
      const next = await rows.next();
      ended = next.done === true;
      if (!next.done) row = next.value;
    }
    return row?.index === index ? row.path : undefined;
  };
}

/** @param {Folder} folder @param {number} index @param {string} checkpoint */
async function single(folder, index, checkpoint) {
  const file = `proofs/${index}.tlog-proof`;
  if (!folder.names.includes(file)) return undefined;
  const all = [];
  for await (const line of lines(folder, file)) all.push(line);
  const blank = all.indexOf('');
  if (all[0] !== TLOG_PROOF || all[1] !== `index ${index}` || blank < 2) return undefined;
  if (`${all.slice(blank + 1).join('\n')}\n` !== checkpoint) return undefined;
  return hashes(all.slice(2, blank));
}

/** @param {Folder} folder @param {string} file @param {number} size */
async function* compact(folder, file, size) {
  /** @type {number | undefined} */
  let index;
  /** @type {Uint8Array[]} */
  let path = [];
  /** @type {string[]} */
  let changed = [];
  let at = 0;
  const row = () => {
    const need = index === undefined || index >= size ? -1 : pathLength(index, size) - changed.length;
    const found = need < 0 || need > path.length ? undefined : hashes(changed);
    path = found ? [...found, ...path.slice(path.length - need)] : [];
    return { index: index ?? -1, path };
  };
  for await (const line of lines(folder, file)) {
    at++;
    if (at === 1 && line !== PROOF_FORMAT) return;
    if (at === 2 && whole(line) !== size) return;
    if (at <= 2) continue;
    if (line.startsWith('index ')) {
      if (index !== undefined) yield row();
      index = whole(line.slice(6));
      changed = [];
    } else {
      changed.push(line);
      if (changed.length > 64) return;
    }
  }
  if (index !== undefined) yield row();
}

/** @param {string[]} texts @returns {Uint8Array[] | undefined} */
export function hashes(texts) {
  const found = texts.map((text) => base64(text, 32));
  return found.every((hash) => hash !== undefined) ? /** @type {Uint8Array[]} */ (found) : undefined;
}
