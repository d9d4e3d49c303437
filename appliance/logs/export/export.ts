import { renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { importFfi } from '../../ffi/index.ts';
import { openKeyFile, syncFile } from '../../store/index.ts';
import { type Archive, ArchiveError, openArchive } from '../archive/index.ts';
import { parseCheckpoint } from '../merkle/checkpoint.ts';
import { toBase64 } from '../merkle/hash.ts';
import { parseNote } from '../merkle/note.ts';
import { formatProof } from '../merkle/proof.ts';
import { inclusionProof, type ReadHash } from '../merkle/tree.ts';
import { type Parsed, parse } from '../parse/index.ts';
import { createHasher } from '../record/sha256.ts';
import { CLASSES, KIND } from '../record/types.ts';
import { verifierPage, verifierScript } from './bundle.ts';
import { base64, CSV_HEAD, csvRow, FORMAT, type Line, lineOf, MAX_SINGLE_PROOFS, timeOf } from './format.ts';
import { type Past, pastOf } from './past.ts';
import { cachedHashes, proofWriter } from './proofs.ts';
import { readme } from './readme.ts';
import { indexesOf, type Leafed, recordsIn } from './records.ts';
import { reportPdf } from './report.ts';
import { stampResponse } from './stamp.ts';
import type { Exported, ExportOptions } from './types.ts';
import { createSpool, createZip } from './zip.ts';

/** Records that are shown in the report. */
const MAX_SHOWN = 50;
/** Kinds that say how whole the log is: they are exported whatever was selected. */
const ABOUT_THE_LOG: ReadonlySet<number> = new Set([KIND.gap, KIND.erasure, KIND.recovery, KIND.timeSync]);
const SYSTEM_CLASSES = [CLASSES.indexOf('system'), CLASSES.indexOf('audit')];
const PROGRESS_EVERY = 1000;

/** The files beside the ZIP that hold what isn't in it yet. */
const partsOf = (file: string) => ({ zip: `${file}.part`, csv: `${file}.csv.part`, proofs: `${file}.proofs.part` });

export function removeParts(file: string): void {
  for (const part of Object.values(partsOf(file))) rmSync(part, { force: true });
}

/**
 * Makes the ZIP of an export, in one pass over its records, whatever they are many. `progress` is told 0 to 1. Throws
 * ArchiveError where the log cannot be read.
 */
export async function buildExport(options: ExportOptions, progress: (done: number) => void): Promise<Exported> {
  const hasher = await createHasher(importFfi);
  const archive = openArchive({ folder: options.folder, secrets: openKeyFile(options.dataDir), hasher });
  try {
    return await assemble(archive, options, progress);
  } finally {
    archive.close();
    removeParts(options.file);
  }
}

async function assemble(archive: Archive, options: ExportOptions, progress: (done: number) => void): Promise<Exported> {
  const checkpoint = archive.checkpoint() ?? '';
  if (checkpoint === '') throw new ArchiveError('nothing was sealed yet: there is nothing to export');
  const { size, root } = parseCheckpoint(parseNote(checkpoint).text);
  const read = cachedHashes(archive);
  const range = indexesOf(archive, { fromUs: options.fromUs, toUs: options.toUs, size });
  const first = range?.first ?? size;
  const past = pastOf(archive, options.folder, read, first, size);
  const parts = partsOf(options.file);
  const zip = createZip(parts.zip, new Date(options.atUs / 1000));
  const addresses = new Map(archive.sources().map(({ id, address }) => [id, address]));
  const nameOf = (id: number): string =>
    options.sourceNames?.[id] ?? (addresses.get(id) || (id === 0 ? 'appliance' : `${id}`));

  await zip.add('README.txt', readme(past, options));
  await zip.add('verify.mjs', verifierScript());
  await zip.add('verify.html', verifierPage());
  await zip.add('checkpoint', checkpoint);
  await addPast(zip, past, options);

  const selected = await addRecords();
  const side = { size, read };
  await addSide(zip, 'access', selected.accesses, side);
  await addSide(zip, 'erasures', selected.erasures, side);
  const bounds = selected.whole && range ? [range.first - 1, range.last + 1].filter((i) => i >= 0 && i < size) : [];
  const leaves = bounds.map((index) => ({ index, leaf: archive.leaf(index) })).filter(({ leaf }) => leaf);
  const boundLines = leaves.map(({ index, leaf }) => ({ index, leaf: base64(leaf!) }));
  await addSide(zip, 'bounds', boundLines, side);

  const made = timeOf(options.atUs);
  const filter = selected.whole ? null : (options.filter ?? { sources: options.sourceIds?.map(nameOf) });
  const head = {
    format: FORMAT,
    origin: past.origin,
    ...(options.case !== undefined && { case: options.case }),
    by: options.by,
    made_at: made,
    from: timeOf(options.fromUs),
    to: timeOf(options.toUs),
    whole: selected.whole,
    filter,
    count: selected.count,
    ...(range && { first: range.first, last: range.last }),
    absent: selected.absent,
    ...(selected.request !== undefined && { request: selected.request }),
    size,
  };
  const report = await reportPdf({
    ...head,
    madeAt: made,
    ...(filter && { selection: JSON.stringify(filter) }),
    erased: selected.erased,
    bySource: [...selected.bySource]
      .sort((a, b) => b[1] - a[1])
      .map(([id, count]): [string, number] => [nameOf(id), count]),
    root: toBase64(root),
    keys: [
      ['Log key', past.logVkey],
      ['First epoch key', past.epoch0Vkey],
    ],
    witnesses: (options.witnesses ?? []).map((vkey) => `Witness: ${vkey}`),
    timestamps: past.timestamps.map((stamp) => `Time-stamp of ${stamp.size} records: ${timeOf(stamp.genTimeUs)}`),
    files: Object.entries(zip.files)
      .map(([name, { sha256 }]): [string, string] => [name, sha256])
      .slice(0, 40),
    records: selected.shown.map((line) => ({
      index: line.index,
      received: line.received,
      source: line.source_name ?? '',
      message: line.erased ? '(erased)' : (line.raw ?? `base64:${line.raw_base64}`),
    })),
  });
  await zip.add('report.pdf', report);
  await zip.add('manifest.json', `${JSON.stringify({ ...head, files: zip.files }, undefined, 2)}\n`);
  const { bytes, sha256 } = await zip.close();
  syncFile(parts.zip);
  renameSync(parts.zip, options.file);
  return { file: options.file, bytes, sha256, count: selected.count };

  async function addRecords() {
    const csv = createSpool(parts.csv);
    const proofs = createSpool(parts.proofs);
    const writer = proofWriter(size, read);
    const whole = options.sourceIds === undefined && options.indexes === undefined;
    const sources = new Set(options.sourceIds);
    const indexes = new Set(options.indexes);
    const isWanted = ({ record }: Leafed): boolean =>
      whole ||
      ABOUT_THE_LOG.has(record.kind) ||
      ((!options.sourceIds || sources.has(record.source)) && (!options.indexes || indexes.has(record.index)));
    const reader = createReader(options.parsers ?? {});
    const found = {
      whole,
      count: 0,
      erased: 0,
      bySource: new Map<number, number>(),
      absent: [] as { from: number; to: number; why: string }[],
      shown: [] as Line[],
      accesses: [] as Line[],
      erasures: [] as Line[],
      /** The record by which this export was asked for. */
      request: undefined as number | undefined,
    };
    const erased = new Set<number>();
    const single: { index: number; hashes: Uint8Array[] }[] = [];
    csv.write(`${CSV_HEAD}\n`);
    proofs.write(writer.head);

    function* lines(): Generator<string> {
      if (!range) return;
      let next = range.first;
      for (const one of recordsIn(archive, { from: range.first, to: range.last + 1 })) {
        const { index, source } = one.record;
        if (whole && index > next) found.absent.push({ from: next, to: index - 1, why: 'expired' });
        next = index + 1;
        if (!isWanted(one)) continue;
        const line = lineOf(one, one.record.erased ? undefined : reader(one), nameOf(source));
        found.count++;
        found.bySource.set(source, (found.bySource.get(source) ?? 0) + 1);
        if (line.erased) erased.add(index);
        found.erased = erased.size;
        if (found.shown.length < MAX_SHOWN) found.shown.push(line);
        csv.write(`${csvRow(line)}\n`);
        const proof = writer.next(index);
        proofs.write(proof.text);
        if (single.length <= MAX_SINGLE_PROOFS) single.push({ index, hashes: proof.hashes });
        if (found.count % PROGRESS_EVERY === 0)
          progress(((index - range.first) / (range.last - range.first + 1)) * 0.8);
        yield `${JSON.stringify(line)}\n`;
      }
    }
    await zip.add('records.jsonl', lines());
    progress(0.8);
    await zip.add('records.csv', csv.read());
    progress(0.9);
    const spooled = proofs.read();
    if (single.length <= MAX_SINGLE_PROOFS) {
      for (const proof of single)
        await zip.add(`proofs/${proof.index}.tlog-proof`, formatProof({ ...proof, checkpoint }));
    } else {
      await zip.add('proofs/records.txt', spooled);
    }
    // What was done with the log since: looked at, and erased from it.
    for (const one of range ? recordsIn(archive, { from: range.first, to: size, classes: SYSTEM_CLASSES }) : []) {
      const { record } = one;
      if (record.erased) continue;
      const { event, indexes, export_id: id } = entryOf(record.raw);
      const name = nameOf(record.source);
      if (record.kind === KIND.audit && String(event).startsWith('logs.'))
        found.accesses.push(lineOf(one, undefined, name));
      // The file of an export that was asked for over the API is named after it.
      if (record.kind === KIND.audit && event === 'logs.exported' && path.basename(options.file, '.zip') === id)
        found.request = record.index;
      if (record.kind !== KIND.erasure || record.index <= range!.last) continue;
      const explains = event === 'logs.expired' ? found.absent.length > 0 : isAbout(indexes, erased);
      if (explains) found.erasures.push(lineOf(one, undefined, name));
    }
    return found;
  }
}

/** A record of the appliance itself. */
function entryOf(raw: Uint8Array): { event?: unknown; indexes?: unknown; export_id?: unknown } {
  try {
    return Object(JSON.parse(Buffer.from(raw).toString()));
  } catch {
    return {};
  }
}

/** Whether ranges of leaves have one of these in them. */
const isAbout = (ranges: unknown, leaves: ReadonlySet<number>): boolean =>
  Array.isArray(ranges) &&
  [...leaves].some((leaf) => ranges.some(([from, to]: [number, number]) => from <= leaf && leaf <= to));

/** Reads messages; who read the last one of a source is asked first. */
function createReader(chosen: Readonly<Record<number, string>>) {
  const last = new Map<number, string>();
  return ({ record }: Leafed): Parsed | undefined => {
    if (record.kind !== KIND.log) return undefined;
    const hint = chosen[record.source] ?? last.get(record.source);
    const read = parse(record.raw, hint, record.receiveUs);
    if (last.size < 8192) last.set(record.source, read.parser);
    return read;
  };
}

async function addPast(zip: ReturnType<typeof createZip>, past: Past, options: ExportOptions): Promise<void> {
  const { origin, logVkey, epoch0Vkey } = past;
  const keys = { origin, log: logVkey, epoch0: epoch0Vkey, witnesses: options.witnesses ?? [] };
  await zip.add('keys.json', `${JSON.stringify(keys, undefined, 2)}\n`);
  await zip.add('epochs.txt', past.statements.join(''));
  for (const { size, note } of past.checkpoints) await zip.add(`checkpoints/${size}`, note);
  for (const [size, proof] of past.proofs) await zip.add(`checkpoints/${size}.consistency`, proof);
  for (const { size, token } of past.timestamps) await zip.add(`timestamps/${size}.tsr`, stampResponse(token));
}

/** Records that aren't those of the export, but about them, with their proofs. */
async function addSide(
  zip: ReturnType<typeof createZip>,
  name: string,
  lines: readonly { index: number }[],
  { size, read }: { size: number; read: ReadHash },
): Promise<void> {
  const writer = proofWriter(size, read);
  await zip.add(
    `${name}.jsonl`,
    lines.map((line) => `${JSON.stringify(line)}\n`),
  );
  await zip.add(`proofs/${name}.txt`, [writer.head, ...lines.map(({ index }) => writer.next(index).text)]);
}

/** The proof of one record (c2sp.org/tlog-proof), by what is stored. */
export function proofOf(archive: Archive, index: number, checkpoint: string): string {
  const { size } = parseCheckpoint(parseNote(checkpoint).text);
  const hashes = inclusionProof(index, size, (level, at) => archive.readHash(level, at));
  return formatProof({ index, hashes, checkpoint });
}
