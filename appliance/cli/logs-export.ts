import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../config/index.ts';
import { type DomainEvent, event, SYSTEM } from '../events/index.ts';
import type { NamedSource } from '../logs/index.ts';
import { DATABASE_FILE, KEY_FILE, leaveEvent, openDatabase } from '../store/index.ts';
import { type Command, CommandError, type Terminal, UsageError } from './command.ts';
import {
  importLogs,
  type LogsModule,
  manyOf,
  openPlace,
  progressOn,
  sizeText,
  textOf,
  timeOf,
  userOf,
} from './logs.ts';

export const exportCommand: Command = {
  name: 'logs export',
  usage:
    '--from <time> --to <time> [--source <id, address or name>]... [--case <number>] [--by <name>] [--out <file.zip>] [--json]',
  summary: 'write sealed records with their proofs to a ZIP that anybody can verify, also while the appliance runs',
  options: {
    from: { type: 'string' },
    to: { type: 'string' },
    source: { type: 'string', multiple: true },
    case: { type: 'string' },
    by: { type: 'string' },
    out: { type: 'string' },
    json: { type: 'boolean' },
  },
  takes: [0, 0],
  async run({ flags }, terminal) {
    const logs = await importLogs();
    const [from, to] = [needed('--from', flags.from), needed('--to', flags.to)];
    const [fromUs, toUs] = [timeOf('--from', from, logs), timeOf('--to', to, logs)];
    if (fromUs > toUs) throw new UsageError('--from is later than --to: swap them');
    const caseNumber = textOf('--case', flags.case);
    const by = textOf('--by', flags.by) ?? userOf(terminal);
    const file = fileOf(flags.out as string | undefined, terminal);
    const place = openPlace(terminal, logs);
    if (!existsSync(path.join(place.config.dataDir, KEY_FILE))) {
      throw new CommandError(`There is no key file in ${place.config.dataDir}: restore it from a backup.`);
    }
    const { folder, secrets, memory } = place;
    const { identity, sources } = logs.readStatus({ folder, secrets, witnesses: [] });
    const all = logs.nameSources(sources, memory);
    const chosen = manyOf(flags.source).flatMap((text) => sourcesLike(text, all, logs));
    const witnesses = place.config.logs.witnesses.map(({ key }) => key);
    terminal.err(`Exporting to ${file}.`);
    // Before anything is read, as over the API.
    const said = { by, case: caseNumber ?? null, from, to, source: manyOf(flags.source), file };
    if (!leaveRecord(place.config, event('logs.exported', said, SYSTEM))) {
      terminal.err('There is no SQLite database to tell: that this export was made is not sealed in the log.');
    }
    const exported = await build(
      logs,
      {
        dataDir: place.config.dataDir,
        folder,
        file,
        fromUs,
        toUs: toUs + 1, // there the end doesn't belong to it
        ...(chosen.length > 0 && { sourceIds: [...new Set(chosen.map(({ id }) => id))] }),
        filter: { from, to, ...(chosen.length > 0 && { source: manyOf(flags.source) }) },
        sourceNames: Object.fromEntries(all.map(({ id, name }) => [id, name])),
        parsers: Object.fromEntries(all.flatMap(({ id, parser }) => (parser === null ? [] : [[id, parser]]))),
        ...(caseNumber !== undefined && { case: caseNumber }),
        by,
        atUs: Date.now() * 1000,
        witnesses,
      },
      terminal,
    );
    if (toUs >= Date.now() * 1000) terminal.err('What is not sealed yet, the last seconds, is not in it.');
    const { count, bytes, sha256 } = exported;
    if (flags.json) {
      terminal.out(JSON.stringify({ file, count, bytes, sha256, from, to, case: caseNumber ?? null, by }));
      return;
    }
    const keys = identity ? [identity.logKey, identity.firstEpochKey].map((key) => `--key ${key}`) : [];
    const command = ['node verify.mjs', ...keys, ...witnesses.map((key) => `--witness ${key}`)].join(' ');
    terminal.out(`Exported ${count} records to ${file} (${sizeText(bytes)}, SHA-256 ${sha256}).`);
    terminal.out('To verify it anywhere, open verify.html in it with a browser, or unpack it and run there:');
    terminal.out(`  ${command}`);
    terminal.out('Compare the keys with those noted when the log was set up.');
  },
};

/** Has the log record it, within a minute or at the next start. False where that can't be. */
function leaveRecord({ dataDir, database }: Config, record: DomainEvent): boolean {
  const file = path.join(dataDir, DATABASE_FILE);
  if (database || !existsSync(file)) return false;
  try {
    const db = openDatabase(file);
    try {
      leaveEvent(db, record);
    } finally {
      db.close();
    }
    return true;
  } catch (error) {
    throw new CommandError(
      `An export has to be recorded first, and ${file} can't be written: ${(error as Error).message}.`,
    );
  }
}

function needed(option: string, value: unknown): string {
  if (value === undefined) throw new UsageError(`${option} is missing: write a time such as 2026-05-31T18:00:00Z`);
  return value as string;
}

function fileOf(given: string | undefined, { cwd }: Terminal): string {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
  const file = path.resolve(cwd, given ?? `gatehouse-logs-${stamp}Z.zip`);
  if (existsSync(file)) throw new CommandError(`${file} exists: name a new file for the export.`);
  if (!existsSync(path.dirname(file))) throw new CommandError(`There is no folder ${path.dirname(file)}.`);
  return file;
}

function sourcesLike(text: string, all: readonly NamedSource[], { findSources }: LogsModule): NamedSource[] {
  const found = findSources(all, text);
  if (found.length > 0) return found;
  throw new UsageError(`--source ${text} is no id, address or name of a source: 'logs status' lists them`);
}

type Options = Parameters<LogsModule['startExport']>[0];

/** Ended by a signal, it leaves nothing behind. */
async function build({ startExport }: LogsModule, options: Options, terminal: Terminal) {
  const job = startExport(options, progressOn(terminal, 'Exported'));
  const stop = (): void => void job.cancel();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await job.done;
  } catch (error) {
    throw new CommandError(`The export was not made: ${(error as Error).message}.`);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
