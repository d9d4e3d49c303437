import { fstatSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { SecretBox } from '../../store/index.ts';
import { readHeads, segmentFile, withFile } from '../archive/files.ts';
import { type Archive, openArchive, type SegmentInfo } from '../archive/index.ts';
import { type Epoch, readLogIdentity, verifyStatements } from '../keys/index.ts';
import { parseCheckpoint } from '../merkle/checkpoint.ts';
import { cosignatureTime, cosignatureVerifier } from '../merkle/cosignature.ts';
import { leafHash, sameHash } from '../merkle/hash.ts';
import { noteVerifier, parseNote, verifyNote } from '../merkle/note.ts';
import { TILE_HEIGHT, TILE_WIDTH } from '../merkle/tiles.ts';
import { foldHashes, rootAt } from '../merkle/tree.ts';
import { HASH_BYTES, KIND } from '../record/types.ts';
import { isUnsynchronised, timeOf } from './format.ts';
import { cachedHashes } from './proofs.ts';
import { frameRecords, type Leafed } from './records.ts';
import { type Anchor, clockChecker } from './verifier/clock.mjs';

export interface Finding {
  /** The leaf, or the first of those among which it is. */
  index?: number;
  last?: number;
  defect: string;
  text: string;
}

export interface Verified {
  /** Leaves under the checkpoint. */
  size: number;
  /** Records that were read. */
  records: number;
  findings: Finding[];
  /** What was proved, for people. */
  proved: string[];
  remarks: string[];
}

export interface VerifyOptions {
  folder: string;
  secrets: SecretBox;
  /** Microseconds since 1970: only records of segments with such in them are read. */
  fromUs?: number | undefined;
  toUs?: number | undefined;
  /** vkeys as they were noted when the log was set up; without them those in the folder count. */
  keys?: readonly string[] | undefined;
  witnessVkeys?: readonly string[] | undefined;
  /** A size that the log has had, as somebody else knows. */
  atLeast?: number | undefined;
  /** Told 0 to 1. */
  onProgress?: ((done: number) => void) | undefined;
}

/** Records that wait to be sealed: more are never written. */
const MAX_WAITING = 1000;
/** Findings that are told of one kind. */
const MAX_TOLD = 20;

/** Verifies the log on the box: each record, the tree, what was signed, and what was signed earlier. */
export async function verifyArchive(options: VerifyOptions): Promise<Verified> {
  const { folder } = options;
  const written = writtenLeaves(options); // before the checkpoint is read, as the log goes on meanwhile
  const archive = openArchive(options);
  const result: Verified = { size: 0, records: 0, findings: [], proved: [], remarks: [] };
  const fault = (finding: Finding): void => {
    const same = result.findings.filter(({ defect }) => defect === finding.defect).length;
    if (same < MAX_TOLD) result.findings.push(finding);
  };
  try {
    const signed = checkSignatures(archive, options, fault, result);
    if (!signed) return result;
    const { size, root, states, anchors } = signed;
    result.size = size;
    const read = cachedHashes(archive);
    checkAge(archive, size, written, options.atLeast, fault);
    await checkRecords(archive, size, options, anchors, fault, result);
    checkTiles(archive, size, fault);
    attempt('tree', fault, () => {
      if (sameHash(rootAt(size, read), root)) return;
      const tail = size - (size % TILE_WIDTH);
      const where = result.findings.some(({ defect }) => defect === 'altered') ? {} : { index: tail, last: size - 1 };
      fault({
        ...where,
        defect: 'tree',
        text: `The records and tiles don’t make up the root that the checkpoint of ${size} records has.`,
      });
    });
    let from = 0;
    for (const state of states) {
      if (state.size > size) {
        fault({
          index: size,
          last: state.size - 1,
          defect: 'rolled back',
          text: `${state.what} is about ${state.size} records, the checkpoint about ${size}: an older copy or checkpoint was put in place of a newer.`,
        });
        break;
      }
      const now = attempt('tree', fault, () => rootAt(state.size, read));
      if (now && !sameHash(now, state.root)) {
        fault({
          index: from,
          last: state.size - 1,
          defect: 'past altered',
          text: `The past was altered, one of the records ${from} to ${state.size - 1}: ${state.what} of ${state.size} records isn’t the beginning of this log.`,
        });
        break;
      }
      from = state.size;
    }
    if (result.findings.length === 0) {
      result.proved.push(
        `${result.records} records are exactly what was sealed, and make up the root of the checkpoint of ${size}.`,
        `${new Set(states.map((state) => state.size)).size} earlier states are beginnings of this log, the end of each epoch among them.`,
      );
    }
    return result;
  } finally {
    archive.close();
  }

  function writtenLeaves({ secrets }: VerifyOptions): { before: number; last: number } {
    const early = openArchive({ folder, secrets });
    try {
      const open = early.segments().at(-1)?.first ?? 0;
      const frames = withFile(segmentFile(folder, open), (fd) => readHeads(fd, 0, fstatSync(fd).size).frames) ?? [];
      const last = frames.at(-1);
      return last ? { before: last.batchFirst, last: last.batchFirst + last.batchCount } : { before: open, last: open };
    } finally {
      early.close();
    }
  }
}

type Fault = (finding: Finding) => void;

/** What went wrong while something was read is a finding. */
function attempt<T>(defect: string, fault: Fault, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    const { message, index } = error as Error & { index?: number };
    fault({ ...(index !== undefined && { index }), defect, text: `${message}.` });
    return undefined;
  }
}

interface State {
  size: number;
  root: Uint8Array;
  what: string;
}

function checkSignatures(archive: Archive, options: VerifyOptions, fault: Fault, result: Verified) {
  const identity = attempt('key', fault, () => readLogIdentity(options.folder));
  const text = attempt('checkpoint', fault, () => archive.checkpoint());
  if (!identity || text === undefined) {
    if (identity)
      fault({ defect: 'checkpoint', text: 'There is no checkpoint: nothing was sealed, or it was removed.' });
    return undefined;
  }
  const { origin, genesisVkeys } = identity;
  for (const noted of options.keys ?? []) {
    if (!genesisVkeys.includes(noted))
      fault({ defect: 'key', text: `This log doesn’t begin with the key that was noted: ${noted}` });
  }
  const epochs = attempt('key chain', fault, () => verifyStatements(identity.statements(), genesisVkeys)) ?? [];
  const states: State[] = epochs.slice(1).map(({ size, root, number }) => ({
    size,
    root,
    what: `what the key of epoch ${number - 1} has signed at its end`,
  }));
  const anchors: Anchor[] = [];
  const check = (note: string, what: string) =>
    attempt('signature', fault, () => {
      const parsed = parseNote(note);
      const checkpoint = parseCheckpoint(parsed.text);
      if (checkpoint.origin !== origin) throw new Error(`${what} is about another log, ${checkpoint.origin}`);
      const keys = epochKeys(epochs, checkpoint.size);
      const isSigned = (vkey: string): boolean => {
        try {
          return verifyNote(parsed, [noteVerifier(vkey)]).length > 0;
        } catch {
          return false;
        }
      };
      if (!isSigned(genesisVkeys[0])) fault({ defect: 'signature', text: `${what} isn’t signed by the log key.` });
      if (!keys.some(isSigned))
        fault({ defect: 'signature', text: `${what} isn’t signed by the epoch key of its time.` });
      for (const vkey of options.witnessVkeys ?? []) {
        const verifier = cosignatureVerifier(vkey);
        const mine = parsed.signatures.filter(({ name, id }) => name === verifier.name && id === verifier.id);
        if (mine.length === 0) continue;
        const [signature] = attempt('cosignature', fault, () => verifyNote(parsed, [verifier])) ?? [];
        if (signature)
          anchors.push({
            size: checkpoint.size,
            us: cosignatureTime(signature.signature) * 1e6,
            by: `the witness ${verifier.name}`,
          });
      }
      return checkpoint;
    });
  const latest = check(text, 'The checkpoint');
  if (!latest) return undefined;
  for (const { note } of attempt('catalog', fault, () => archive.checkpoints()) ?? []) {
    const kept = check(note, 'A kept checkpoint');
    if (kept) states.push({ size: kept.size, root: kept.root, what: 'a kept checkpoint' });
  }
  for (const vkey of options.witnessVkeys ?? []) {
    const { name } = cosignatureVerifier(vkey);
    const seen = anchors
      .filter(({ by }) => by === `the witness ${name}`)
      .sort((a, b) => a.size - b.size)
      .at(-1);
    if (seen)
      result.proved.push(`The witness ${name} has seen this log with ${seen.size} records on ${timeOf(seen.us)}.`);
    else result.remarks.push(`The witness ${name} has not cosigned any checkpoint that is kept here.`);
  }
  states.sort((a, b) => a.size - b.size);
  return { size: latest.size, root: latest.root, states, anchors };
}

/** Keys of the epochs in which a checkpoint of this size may have been signed: at the change, two. */
const epochKeys = (epochs: readonly Epoch[], size: number): string[] =>
  epochs
    .filter((epoch, i) => epoch.size <= size && size <= (epochs[i + 1]?.size ?? Number.POSITIVE_INFINITY))
    .map(({ vkey }) => vkey);

/** Whether the checkpoint is as new as what was written. */
function checkAge(
  archive: Archive,
  size: number,
  written: { before: number; last: number },
  atLeast: number | undefined,
  fault: Fault,
): void {
  if (atLeast !== undefined && size < atLeast) {
    fault({
      index: size,
      last: atLeast - 1,
      defect: 'rolled back',
      text: `The log has ${size} records, but it is known to have had ${atLeast} already: an older copy was put in its place, or its end was cut off.`,
    });
  }
  const closed = archive.segments().reduce((end, segment) => (segment.closed ? segment.first + segment.count : end), 0);
  const waiting = Math.max(closed, written.before) - size;
  if (closed > size || waiting >= MAX_WAITING) {
    fault({
      index: size,
      last: Math.max(closed, written.last) - 1,
      defect: 'rolled back',
      text: `${Math.max(closed, written.last) - size} records are behind the checkpoint of ${size}, more than ever wait: an old checkpoint was put in place of a newer.`,
    });
  }
}

/** Reads the records, and compares what their hashes make up with the stored tiles, 256 at a time. */
async function checkRecords(
  archive: Archive,
  size: number,
  { fromUs = 0, toUs = Number.POSITIVE_INFINITY, onProgress }: VerifyOptions,
  anchors: readonly Anchor[],
  fault: Fault,
  result: Verified,
): Promise<void> {
  const clock = clockChecker(anchors);
  const sources = new Set(archive.sources().map(({ id }) => id));
  const tail = size - (size % TILE_WIDTH);
  let hashes = new Uint8Array(TILE_WIDTH * HASH_BYTES);
  let whole = true;
  let next = 0;
  /** To the next leaf, with its hash where it is known. */
  const step = (hash: Uint8Array | undefined): void => {
    const place = next++ % TILE_WIDTH;
    if (place === 0) whole = true;
    if (hash) hashes.set(hash, place * HASH_BYTES);
    else whole = false;
    if (place < TILE_WIDTH - 1 || !whole) return;
    const stored = archive.readHash(TILE_HEIGHT, (next - TILE_WIDTH) / TILE_WIDTH);
    if (stored && sameHash(stored, foldHashes(hashes))) return;
    const first = next - TILE_WIDTH;
    fault({
      index: first,
      last: next - 1,
      defect: 'altered',
      text: `One of the records ${first} to ${next - 1} isn’t what was sealed, or the stored hash of these is missing or was changed.`,
    });
    hashes = new Uint8Array(TILE_WIDTH * HASH_BYTES);
  };
  /** To that leaf; answers those in between whose records aren't there. */
  const skipTo = (index: number): { from: number; to: number } | undefined => {
    const from = next;
    while (next < index) step(attempt('damaged', fault, () => archive.readHash(0, next)));
    return from < index ? { from, to: index - 1 } : undefined;
  };
  /** Records that aren't there, and those that the log says have expired, by segment. */
  const [absent, expired] = [new Map<number, number>(), new Map<number, number>()];
  let expected = 0;
  for (const segment of archive.segments()) {
    if (segment.first !== expected) missing(fault, expected, segment.first - 1, 'no segment has them');
    expected = segment.first + segment.count;
    if (segment.toUs < fromUs || segment.fromUs >= toUs) continue;
    await checkSegment(segment);
  }
  if (expected < size) missing(fault, expected, size - 1, 'no segment has them');
  const all = fromUs <= 0 && toUs === Number.POSITIVE_INFINITY;
  for (const { first, count, expired: classes } of all ? archive.segments() : []) {
    if (classes.length === 0 || (absent.get(first) ?? 0) <= (expired.get(first) ?? 0)) continue;
    const said = `${expired.get(first) ?? 0} of which the log says that they had expired`;
    missing(fault, first, first + count - 1, `${absent.get(first)} of them aren’t there, ${said}`);
  }

  async function checkSegment(segment: SegmentInfo): Promise<void> {
    const end = Math.min(size, segment.first + segment.count);
    if (next !== segment.first) [next, whole] = [segment.first, false];
    let [fromSeen, toSeen] = [Number.POSITIVE_INFINITY, 0];
    /** Over records that have to have expired. */
    const pass = (index: number): void => {
      const gone = skipTo(index);
      if (!gone) return;
      absent.set(segment.first, (absent.get(segment.first) ?? 0) + gone.to - gone.from + 1);
      if (segment.expired.length === 0) missing(fault, gone.from, gone.to, 'they are not in their segment');
    };
    /** Over records that cannot be read, which was told. */
    const jump = (index: number): void => {
      [next, whole] = [index, index % TILE_WIDTH === 0];
    };
    const take = ({ record, leaf }: Leafed): void => {
      if (record.index < next) {
        fault({
          index: record.index,
          defect: 'order',
          text: `Record ${record.index} is there twice, or out of order.`,
        });
        return;
      }
      pass(record.index);
      noteExpiry(record, expired);
      result.records++;
      fromSeen = Math.min(fromSeen, record.receiveUs);
      toSeen = Math.max(toSeen, record.receiveUs);
      const told = clock.check(record.index, { ...record, unsynchronised: isUnsynchronised(record.flags) });
      if (told.finding) fault(told.finding);
      if (told.remark) result.remarks.push(told.remark);
      if (record.source !== 0 && record.source !== 65_535 && !sources.has(record.source)) {
        fault({
          index: record.index,
          defect: 'catalog',
          text: `The catalog doesn’t know source ${record.source} of record ${record.index}.`,
        });
      }
      const hash = leafHash(leaf);
      // The last tile isn't full and has no stored hash above it; the root is made of these.
      const stored = record.index < tail ? hash : archive.readHash(0, record.index);
      if (!stored || !sameHash(stored, hash)) {
        fault({
          index: record.index,
          defect: 'altered',
          text: `Record ${record.index} isn’t the one whose hash is stored.`,
        });
      }
      step(hash);
    };
    const frames = attempt('damaged', fault, () => archive.frames(segment.first));
    let batchEnd = segment.first;
    for (const batch of frames ? frameRecords(archive, segment.first, frames) : []) {
      if (batch.first > batchEnd) pass(batch.first);
      for (const error of batch.errors)
        fault({ index: batch.first, last: batch.first + batch.count - 1, defect: 'damaged', text: `${error}.` });
      for (const one of batch.errors.length > 0 ? [] : batch.records()) if (one.record.index < end) take(one);
      batchEnd = Math.min(end, batch.first + batch.count);
      if (batch.errors.length > 0) jump(batchEnd);
      else pass(batchEnd);
      onProgress?.(next / size);
      await setImmediate();
    }
    if (frames) pass(end);
    else jump(end);
    const told = segment.closed && segment.expired.length === 0 && frames && toSeen > 0;
    if (told && (fromSeen !== segment.fromUs || toSeen !== segment.toUs)) {
      fault({
        index: segment.first,
        last: end - 1,
        defect: 'catalog',
        text: `The catalog has other times for the records ${segment.first} to ${end - 1} than they have.`,
      });
    }
  }
}

/** Counts what a record says to have expired: retention/ writes these. */
function noteExpiry({ kind, raw }: Leafed['record'], expired: Map<number, number>): void {
  if (kind !== KIND.erasure) return;
  try {
    const { event, segment, count } = JSON.parse(Buffer.from(raw).toString());
    if (event === 'logs.expired') expired.set(segment, (expired.get(segment) ?? 0) + count);
  } catch {
    // It says nothing about records that are gone.
  }
}

const missing = (fault: Fault, from: number, to: number, why: string): void =>
  fault({
    index: from,
    last: to,
    defect: 'missing record',
    text: `${from === to ? `Record ${from} is` : `Records ${from} to ${to} are`} missing: ${why}.`,
  });

/** The upper tiles have to be the hashes of the lower. */
function checkTiles(archive: Archive, size: number, fault: Fault): void {
  for (let level = 2 * TILE_HEIGHT; 2 ** level <= size; level += TILE_HEIGHT) {
    for (let index = 0; (index + 1) * 2 ** level <= size; index++) {
      const lower = Array.from({ length: TILE_WIDTH }, (_, i) =>
        archive.readHash(level - TILE_HEIGHT, index * TILE_WIDTH + i),
      );
      const stored = archive.readHash(level, index);
      const whole = lower.every((hash) => hash !== undefined);
      if (whole && stored && sameHash(stored, foldHashes(Buffer.concat(lower as Uint8Array[])))) continue;
      const first = index * 2 ** level;
      fault({
        index: first,
        last: first + 2 ** level - 1,
        defect: 'tree',
        text: `The stored hash of the records ${first} to ${first + 2 ** level - 1} is missing, or isn’t that of its parts.`,
      });
    }
  }
}
