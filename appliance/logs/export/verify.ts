import { fstatSync } from 'node:fs';
import type { SecretBox } from '../../store/index.ts';
import { readHeads, segmentFile, withFile } from '../archive/files.ts';
import { type Archive, openArchive } from '../archive/index.ts';
import { type Epoch, readLogIdentity, verifyStatements } from '../keys/index.ts';
import { parseCheckpoint } from '../merkle/checkpoint.ts';
import { cosignatureTime, cosignatureVerifier } from '../merkle/cosignature.ts';
import { sameHash } from '../merkle/hash.ts';
import { noteVerifier, parseNote, verifyNote } from '../merkle/note.ts';
import { TILE_WIDTH } from '../merkle/tiles.ts';
import { rootAt } from '../merkle/tree.ts';
import { LIMITS } from '../seal/limits.ts';
import { timeOf } from './format.ts';
import { cachedHashes } from './proofs.ts';
import { checkStamps } from './stamps.ts';
import { straysIn } from './strays.ts';
import type { Anchor } from './verifier/clock.mjs';
import { attempt, checkRecords, checkTiles, type Fault, type Finding, type Stretch } from './walk.ts';

export interface Verified {
  /** Leaves under the checkpoint. */
  size: number;
  /** Records that were read. */
  records: number;
  /** Those of them that are of the stretch that was asked for. */
  within: number;
  findings: Finding[];
  /** What was proved, for people. */
  proved: string[];
  remarks: string[];
}

export interface VerifyOptions extends Stretch {
  folder: string;
  secrets: SecretBox;
  /** vkeys as they were noted when the log was set up; without them those in the folder count. */
  keys?: readonly string[] | undefined;
  witnessVkeys?: readonly string[] | undefined;
  /** PEM of the authorities whose time-stamps count; without them any does, which is said. */
  authorities?: readonly string[] | undefined;
  /** A state that the log has had, as the database of the appliance remembers. */
  atLeast?: { size: number; root: Uint8Array } | undefined;
}

/** Records that are written and not sealed yet: fewer than make a seal, and the batches that a crash cut short. */
const MAX_WAITING = LIMITS.sealRecords + LIMITS.batchRecords * LIMITS.sealBatches;
/** Findings that are told of one kind. */
const MAX_TOLD = 20;

/** Verifies the log on the box: each record, the tree, what was signed, and what was signed earlier. */
export async function verifyArchive(options: VerifyOptions): Promise<Verified> {
  const { folder } = options;
  const written = writtenLeaves(options); // before the checkpoint is read, as the log goes on meanwhile
  const archive = openArchive(options);
  const result: Verified = { size: 0, records: 0, within: 0, findings: [], proved: [], remarks: [] };
  const fault = (finding: Finding): void => {
    const same = result.findings.filter(({ defect }) => defect === finding.defect).length;
    if (same < MAX_TOLD) result.findings.push(finding);
  };
  try {
    // Before the checkpoints that they are of, which are kept first: the log goes on meanwhile.
    const timestamps = attempt('catalog', fault, () => archive.timestamps()) ?? [];
    const signed = checkSignatures(archive, options, fault, result);
    if (!signed) return result;
    const { size, root, states, anchors, checkpoints } = signed;
    result.size = size;
    const stamps = { timestamps, checkpoints, authorities: options.authorities ?? [] };
    anchors.push(...(await checkStamps(stamps, { fault, proved: result.proved, remarks: result.remarks })));
    const read = cachedHashes(archive);
    checkAge(size, written, options.atLeast?.size, fault);
    await checkRecords(archive, size, options, anchors, fault, result);
    checkTiles(archive, size, fault);
    result.remarks.push(...(attempt('damaged', fault, () => straysIn(archive, options)) ?? []));
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
      const earlier = new Set(states.map((state) => state.size)).size;
      result.proved.push(
        result.records === size
          ? `${size} records are exactly what was sealed, and make up the root of the checkpoint of ${size}.`
          : `${result.records} records are exactly what was sealed, as the hashes that are stored of all ${size} have it; these make up the root of the checkpoint of ${size}.`,
        ...(earlier > 0
          ? [
              `${earlier === 1 ? '1 earlier state is a beginning' : `${earlier} earlier states are beginnings`} of this log, the end of each epoch among them.`,
            ]
          : []),
      );
    }
    return result;
  } finally {
    archive.close();
  }

  function writtenLeaves({ secrets }: VerifyOptions): Written {
    const early = openArchive({ folder, secrets });
    try {
      const segments = early.segments();
      const closed = segments.reduce((end, segment) => (segment.closed ? segment.first + segment.count : end), 0);
      const open = segments.at(-1)?.first ?? 0;
      const frames = withFile(segmentFile(folder, open), (fd) => readHeads(fd, 0, fstatSync(fd).size).frames) ?? [];
      const last = frames.at(-1);
      if (!last) return { closed, before: open, last: open };
      return { closed, before: last.batchFirst, last: last.batchFirst + last.batchCount };
    } finally {
      early.close();
    }
  }
}

/** How many leaves were written: those of closed segments, and before and with the last batch. */
interface Written {
  closed: number;
  before: number;
  last: number;
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
  const all = attempt('catalog', fault, () => archive.checkpoints()) ?? [];
  for (const { note } of all) {
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
  // One that is larger than the log is told of by checkAge.
  if (options.atLeast && options.atLeast.size <= latest.size)
    states.push({ ...options.atLeast, what: 'what the database remembers' });
  states.sort((a, b) => a.size - b.size);
  const checkpoints = [...all, { size: latest.size, note: text }];
  return { size: latest.size, root: latest.root, states, anchors, checkpoints };
}

/** Keys of the epochs in which a checkpoint of this size may have been signed: at the change, two. */
const epochKeys = (epochs: readonly Epoch[], size: number): string[] =>
  epochs
    .filter((epoch, i) => epoch.size <= size && size <= (epochs[i + 1]?.size ?? Number.POSITIVE_INFINITY))
    .map(({ vkey }) => vkey);

/** Whether the checkpoint is as new as what was written. */
function checkAge(size: number, written: Written, atLeast: number | undefined, fault: Fault): void {
  if (atLeast !== undefined && size < atLeast) {
    fault({
      index: size,
      last: atLeast - 1,
      defect: 'rolled back',
      text: `The log has ${size} records, but it is known to have had ${atLeast} already: an older copy was put in its place, or its end was cut off.`,
    });
  }
  const { closed } = written;
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
