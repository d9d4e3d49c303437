import { accessIn, checkRequest } from './accesses.mjs';
import { clockChecker } from './clock.mjs';
import { proofReader } from './proofs.mjs';
import { checkRecords, selfReports, tableReader } from './records.mjs';
import { inclusionChecker } from './tree.mjs';

/**
 * @typedef {{
 *   folder: import('./proofs.mjs').Folder,
 *   manifest: Record<string, any>,
 *   checkpoint: { size: number, root: Uint8Array, text: string },
 *   anchors: import('./clock.mjs').Anchor[],
 *   sha256: import('./tree.mjs').Sha256,
 *   fault: (finding: import('./chain.mjs').Finding) => void,
 *   report: import('./core.mjs').Report,
 *   progress: (done: number) => void,
 * }} Contents
 */

/**
 * Checks the records of an export under its checkpoint, each and all together: what is missing has a reason that the log
 * itself gives, and the clock went on. @param {Contents} contents
 */
export async function checkContents({ folder, manifest, checkpoint, anchors, sha256, fault, report, progress }) {
  const { size, root, text: latestText } = checkpoint;
  const { proved, remarks, unproved } = report;
  const has = (/** @type {string} */ name) => folder.names.includes(name);
  const missing = (/** @type {string} */ name) =>
    fault({ defect: 'missing', text: `${name} is missing or cannot be read.` });

  const clock = clockChecker(anchors);
  const reports = selfReports(remarks);
  const inclusion = inclusionChecker(sha256, size, root);
  /** @type {Set<number>} */
  const erased = new Set();
  /** Gaps of which the export says that retention is their cause. @type {{ from: number, to: number }[]} */
  const expired = [];
  /** Accesses that are among the records themselves. @type {Map<number, string>} */
  const among = new Map();
  const bounds = await readBounds();
  const count = await checkMain();
  await checkAccesses();
  await checkSide('erasures.jsonl');
  for (const { from, to } of expired) {
    const why = reports.expiryOf(from, to);
    const which = from === to ? `Record ${from} isn’t` : `Records ${from} to ${to} aren’t`;
    if (why)
      remarks.push(
        `${which} there any more: the time to keep them had passed, as the log says itself on ${why.at} (record ${why.record}).`,
      );
    else
      fault({
        index: from,
        last: to,
        defect: 'missing record',
        text: `${which} in the export, and no record of the log says that they had expired.`,
      });
  }
  checkBounds(bounds);
  for (const index of erased) {
    const why = reports.erasureOf(index);
    if (why)
      remarks.push(
        `Record ${index}: its payload was erased on ${why.at} (record ${why.record}), reason: ${why.reason || 'none given'}. That it was there, and when, is proved.`,
      );
    else
      fault({
        index,
        defect: 'erased',
        text: `Record ${index} has no payload, and no record of the log says that it was erased.`,
      });
  }
  if (count > 0 && !report.findings.some(({ index }) => index !== undefined)) {
    proved.push(
      `${count} ${count === 1 ? 'record is' : 'records are'} exactly what was sealed (message, sender, times), each in its place in the log.`,
    );
    proved.push('The clock was not turned back between them, as far as their times and those of others tell.');
  }

  async function checkMain() {
    if (!has('records.jsonl')) {
      missing('records.jsonl');
      return 0;
    }
    const table = tableReader(folder, fault);
    if (!has('records.csv')) missing('records.csv');
    await table.start();
    const proofOf = proofReader(folder, 'records', size, latestText);
    let done = 0;
    let [first, next] = [-1, -1];
    /** @type {{ from: number, to: number, why: string }[]} */
    const absent = Array.isArray(manifest.absent) ? manifest.absent : [];
    const time = (/** @type {number} */ index, /** @type {import('./leaf.mjs').Leaf | undefined} */ leaf) => {
      const told = leaf ? clock.check(index, leaf) : {};
      if (told.finding) fault(told.finding);
      if (told.remark) remarks.push(told.remark);
    };
    time(manifest.first - 1, bounds.get(manifest.first - 1));
    for await (const { index, line, leaf, payload } of checkRecords(folder, 'records.jsonl', {
      sha256,
      inclusion,
      proofOf,
      fault,
    })) {
      if (first < 0) first = next = index;
      if (manifest.whole && index > next) gap(next, index - 1);
      next = index + 1;
      time(index, leaf);
      if (line.erased) erased.add(index);
      reports.note(index, line, leaf, payload?.raw);
      const access = accessIn(line, payload?.raw);
      if (access) among.set(index, access.event);
      await table.check(index, line);
      if (++done % 1000 === 0) progress(Math.min(0.99, done / manifest.count));
    }
    time(manifest.last + 1, bounds.get(manifest.last + 1));
    await table.end();
    if (done !== manifest.count)
      fault({
        defect: 'count',
        text: `The manifest speaks of ${manifest.count} records, ${done} are there that can be read.`,
      });
    if (manifest.whole && done > 0) {
      if (first !== manifest.first) gap(manifest.first, first - 1);
      if (next - 1 !== manifest.last) gap(next, manifest.last);
    } else if (done > 0) {
      remarks.push(
        `This export is a selection (${JSON.stringify(manifest.filter)}): it doesn’t show that nothing else was in the log.`,
      );
    }
    return done;

    /** @param {number} from @param {number} to */
    function gap(from, to) {
      const why = absent.find((one) => one.from <= from && one.to >= to)?.why;
      const which = from === to ? `Record ${from} is` : `Records ${from} to ${to} are`;
      if (why === 'expired') expired.push({ from, to });
      else
        fault({
          index: from,
          last: to,
          defect: 'missing record',
          text: `${which} missing, though the export says that it is whole.`,
        });
    }
  }

  /** @param {string} name @param {(index: number, line: import('./leaf.mjs').Line, raw: Uint8Array | undefined) => void} [each] */
  async function checkSide(name, each) {
    if (!has(name)) {
      missing(name);
      return 0;
    }
    const proofOf = proofReader(folder, name.replace('.jsonl', ''), size, latestText);
    let done = 0;
    for await (const { index, line, leaf, payload } of checkRecords(folder, name, {
      sha256,
      inclusion,
      proofOf,
      fault,
    })) {
      done++;
      if (name === 'erasures.jsonl') reports.note(index, line, leaf, payload?.raw);
      each?.(index, line, payload?.raw);
    }
    return done;
  }

  /** A whole export shows the leaves beside it, which reveal nothing, to prove where it begins and ends. */
  async function readBounds() {
    /** @type {Map<number, import('./leaf.mjs').Leaf>} */
    const found = new Map();
    if (!manifest.whole || manifest.count === 0 || !has('bounds.jsonl')) return found;
    const proofOf = proofReader(folder, 'bounds', size, latestText);
    const checks = { sha256, inclusion, proofOf, fault, leavesOnly: true };
    for await (const { index, leaf } of checkRecords(folder, 'bounds.jsonl', checks)) found.set(index, leaf);
    return found;
  }

  /** @param {Map<number, import('./leaf.mjs').Leaf>} bounds */
  function checkBounds(bounds) {
    if (!manifest.whole || manifest.count === 0) return;
    const [from, to] = [manifest.from, manifest.to].map((time) => Date.parse(time) * 1000);
    const outside = (/** @type {number} */ index) => {
      const leaf = bounds.get(index);
      return leaf !== undefined && (leaf.receiveUs < from || leaf.receiveUs >= to);
    };
    const open = [manifest.first - 1, manifest.last + 1].filter(
      (index) => index >= 0 && index < size && !outside(index),
    );
    for (const index of open) {
      const end = index < manifest.first ? `begins with record ${manifest.first}` : `ends with record ${manifest.last}`;
      fault({
        index,
        defect: 'missing record',
        text: `That the export ${end} isn’t proved: record ${index} belongs to it, or its leaf is missing.`,
      });
    }
    if (!report.findings.some(({ defect }) => defect === 'missing record')) {
      proved.push(
        `The export is whole: all that was received from ${manifest.from} to before ${manifest.to} and is kept still, records ${manifest.first} to ${manifest.last}.`,
      );
    }
  }

  /** What was done with the log since its first record here: all of it, as far as that can be seen. */
  async function checkAccesses() {
    /** @type {Map<number, import('./accesses.mjs').Access>} */
    const listed = new Map();
    await checkSide('access.jsonl', (index, line, raw) => {
      const access = accessIn(line, raw);
      if (access) listed.set(index, access);
      else fault({ index, defect: 'access', text: `Record ${index} in access.jsonl isn’t one about an access.` });
    });
    for (const [index, event] of among) {
      if (listed.has(index)) continue;
      const text = `Record ${index} is one about an access (${event}), and access.jsonl doesn’t have it: it was left out.`;
      fault({ index, defect: 'access', text });
    }
    const { whole, last } = manifest;
    const complete = whole ? `; of those up to record ${last} none is left out` : '';
    if (listed.size > 0)
      proved.push(`${listed.size} searches, exports and other accesses are in the log too (access.jsonl)${complete}.`);
    if (!whole)
      unproved.push(
        'That access.jsonl names all accesses: this export is a selection, and entries may have been left out.',
      );
    else if (last < size - 1)
      unproved.push(
        `That access.jsonl names all accesses after record ${last}, the last one here: entries may have been left out.`,
      );
    const request = checkRequest(manifest, listed);
    for (const finding of request.findings) fault(finding);
    proved.push(...request.proved);
    unproved.push(...request.unproved);
  }
}
