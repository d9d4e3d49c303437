import { base64, equal, lines, textOf } from './bytes.mjs';
import { commitment, differs, kindName, payloadOf, readLeaf } from './leaf.mjs';
import { CSV_HEAD, isRow } from './table.mjs';
import { leafHash } from './tree.mjs';

/** @typedef {import('./chain.mjs').Finding} Finding */
/**
 * @typedef {{
 *   sha256: import('./tree.mjs').Sha256,
 *   inclusion: { check(index: number, hash: Uint8Array, path: Uint8Array[]): boolean },
 *   proofOf: import('./proofs.mjs').ProofOf,
 *   fault: (finding: Finding) => void,
 *   leavesOnly?: boolean,
 * }} Checks
 */

const MAX_TOLD = 200;

/**
 * Reads the records of a file and checks each: its line says what its leaf does, its message is the one that was sealed,
 * and the leaf is in the log.
 * @param {import('./proofs.mjs').Folder} folder @param {string} name @param {Checks} checks
 */
export async function* checkRecords(folder, name, { sha256, inclusion, proofOf, fault, leavesOnly = false }) {
  let previous = -1;
  let at = 0;
  for await (const text of lines(folder, name)) {
    at++;
    /** @type {import('./leaf.mjs').Line} */
    let line;
    try {
      line = JSON.parse(text);
    } catch {
      line = { index: -1 };
    }
    const { index } = line ?? {};
    const bytes = base64(line?.leaf);
    const leaf = readLeaf(bytes);
    if (!Number.isSafeInteger(index) || index < 0 || !bytes || !leaf) {
      const what = Number.isSafeInteger(index) && index >= 0 ? { index } : {};
      fault({
        ...what,
        defect: 'unreadable',
        text: `Line ${at} cannot be read as a record${what.index === undefined ? `, after record ${previous}` : ` (${index})`}.`,
      });
      continue;
    }
    if (index <= previous) {
      fault({
        index,
        defect: 'order',
        text: `Record ${index} comes after record ${previous}: records were put in another order, or one is there twice.`,
      });
      continue;
    }
    previous = index;
    const wrong = leavesOnly ? undefined : differs(line, leaf);
    if (wrong) {
      fault({ index, defect: 'field', text: `Record ${index}: “${wrong}” isn’t what was sealed.` });
    }
    const payload = line.erased || leavesOnly ? undefined : payloadOf(line);
    if (
      !line.erased &&
      !leavesOnly &&
      !(payload && equal(commitment(sha256, payload.salt, payload.peer, payload.raw), leaf.commitment))
    ) {
      fault({
        index,
        defect: 'altered',
        text: `Record ${index} isn’t what was sealed: its message, its sender or its salt was changed.`,
      });
    }
    const path = await proofOf(index);
    if (!path) {
      fault({
        index,
        defect: 'no proof',
        text: `Record ${index} has no proof that it is in the log: it was put in, or its proof is missing.`,
      });
    } else if (!inclusion.check(index, leafHash(sha256, bytes), path)) {
      fault({
        index,
        defect: 'not in the log',
        text: `Record ${index} isn’t in the log under this checkpoint: it was changed, put in, or has another’s place.`,
      });
    }
    yield { index, line, leaf, payload };
  }
}

/**
 * Compares records.csv with the records, row by row.
 * @param {import('./proofs.mjs').Folder} folder @param {(finding: Finding) => void} fault
 */
export function tableReader(folder, fault) {
  const rows = folder.names.includes('records.csv') ? lines(folder, 'records.csv') : undefined;
  let broken = false;
  const next = async () => (rows ? (await rows.next()).value : undefined);
  const wrong = (/** @type {Finding} */ finding) => {
    broken = true;
    fault(finding);
  };
  return {
    async start() {
      if (rows && (await next()) !== CSV_HEAD)
        wrong({ defect: 'table', text: 'The head of records.csv isn’t that of an export.' });
    },
    /** @param {number} index @param {import('./leaf.mjs').Line} line */
    async check(index, line) {
      if (!rows || broken || isRow(await next(), line)) return;
      wrong({ index, defect: 'table', text: `records.csv says something else than the record ${index} itself.` });
    },
    async end() {
      if (rows && !broken && (await next()) !== undefined)
        wrong({ defect: 'table', text: 'records.csv has rows that aren’t among the records.' });
    },
  };
}

/** What the log says about itself: gaps, erasures, starts after a crash. @param {string[]} remarks */
export function selfReports(remarks) {
  let told = 0;
  /** @type {{ from: number, to: number, record: number, at: string, reason: string }[]} */
  const erasures = [];
  /** Records that expired, by the segment they were in. @type {Map<number, { count: number, record: number, at: string }>} */
  const expired = new Map();
  return {
    /** @param {number} index */
    erasureOf: (index) => erasures.find(({ from, to }) => from <= index && index <= to),
    /**
     * Whether the log says that as many records have expired, by segment. What it says is used up by that.
     * @param {number} from @param {number} to
     */
    expiryOf(from, to) {
      const segments = [...expired.keys()].sort((a, b) => a - b);
      let found;
      for (const [i, segment] of segments.entries()) {
        const next = segments[i + 1] ?? Number.POSITIVE_INFINITY;
        if (segment > to || next <= from) continue;
        if (!found && segment > from) return undefined;
        found = expired.get(segment);
        found.count -= Math.min(to + 1, next) - Math.max(from, segment);
        if (found.count < 0) return undefined;
      }
      return found;
    },
    /** @param {number} index @param {import('./leaf.mjs').Line} line @param {import('./leaf.mjs').Leaf} leaf @param {Uint8Array | undefined} raw */
    note(index, line, leaf, raw) {
      const kind = kindName(leaf.kind);
      if (!['gap', 'erasure', 'recovery'].includes(kind)) return;
      /** @type {Record<string, unknown>} */
      let said = {};
      let text = '';
      try {
        text = raw ? textOf(raw) : '';
        const parsed = JSON.parse(text);
        if (parsed && typeof parsed === 'object') said = parsed;
      } catch {
        // It is told as it is.
      }
      const at = String(line.received);
      for (const [from, to] of kind === 'erasure' && Array.isArray(said.indexes) ? said.indexes : []) {
        erasures.push({ from: Number(from), to: Number(to), record: index, at, reason: String(said.reason ?? '') });
      }
      if (kind === 'erasure' && said.event === 'logs.expired') {
        const count = (expired.get(Number(said.segment))?.count ?? 0) + Number(said.count);
        expired.set(Number(said.segment), { count, record: index, at });
      }
      if (++told > MAX_TOLD) return;
      const what = {
        gap: 'messages were lost',
        erasure: 'payloads were erased, or records had expired',
        recovery: 'the log was taken up again after a crash',
      };
      remarks.push(
        `Record ${index} (${line.received}) says that ${what[/** @type {keyof typeof what} */ (kind)]}: ${text.slice(0, 300)}`,
      );
    },
  };
}
