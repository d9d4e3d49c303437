import { existsSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { type Config, loadConfig } from '../config/index.ts';
import { createFolder, DATABASE_FILE, lockFolder, prepareFolder, replaceFile, syncFile } from '../store/index.ts';
import { type BundleFile, CONFIG_FILE, readBundle } from './bundle.ts';
import { type Command, CommandError, stderrLog, type Terminal, UsageError } from './command.ts';

export const restoreCommand: Command = {
  name: 'restore',
  usage: '<folder> [--yes]',
  summary: 'put a backup in the place of what is there, which is kept aside; the appliance must be stopped',
  options: { yes: { type: 'boolean', short: 'y' } },
  takes: [1, 1],
  async run({ args, flags }, terminal) {
    const config = loadConfig(terminal.env);
    const folder = path.resolve(terminal.cwd, args[0]!);
    const { manifest, files } = readBundle(folder);
    if (files.includes(DATABASE_FILE)) checkDatabase(path.join(folder, DATABASE_FILE));
    // A settings file elsewhere (/etc) has an owner and a mode of its own.
    const elsewhere = path.dirname(config.configFile) !== config.dataDir;
    const ours = files.filter((name) => name !== CONFIG_FILE || !elsewhere);
    prepareFolder(config.dataDir, stderrLog(terminal));
    const lock = lockFolder(config.dataDir);
    try {
      if (!flags.yes)
        await confirm(`Replace what is in ${config.dataDir} by the backup of ${manifest.created}?`, terminal);
      const aside = replaceAll(config, folder, ours);
      terminal.out(`Restored the backup of ${manifest.created} to ${config.dataDir}.`);
      if (aside) terminal.out(`What was there is in ${aside}: delete it when all is well, it holds secrets.`);
    } finally {
      lock.release();
    }
    if (ours.length < files.length) {
      terminal.err(
        `The settings ${config.configFile} were left as they are; the backup's are in ${path.join(folder, CONFIG_FILE)}.`,
      );
    }
    if (manifest.database === 'postgres') {
      terminal.err('The database of this backup is on PostgreSQL: restore it with psql or pg_restore.');
    }
  },
};

/** Refuses a copy that SQLite cannot use, before anything is replaced. */
function checkDatabase(file: string): void {
  let verdict: unknown;
  try {
    // The file's own journal mode would make SQLite write beside it; as a read-only image it does not.
    const db = new DatabaseSync(`${pathToFileURL(file).href}?immutable=1`, { readOnly: true });
    try {
      verdict = db.prepare('PRAGMA integrity_check(1)').get()?.integrity_check;
    } finally {
      db.close();
    }
  } catch (error) {
    verdict = (error as Error).message;
  }
  if (verdict !== 'ok') throw new CommandError(`The database in the backup is damaged: ${String(verdict)}`);
}

async function confirm(question: string, { stdin, err }: Terminal): Promise<void> {
  if (!stdin.isTTY) throw new UsageError(`${question} Add --yes to say so.`);
  err(`${question} What is there is kept aside. (yes/no)`);
  const lines = createInterface({ input: stdin });
  const answer = (await lines.question('')).trim().toLowerCase();
  lines.close();
  if (answer !== 'yes' && answer !== 'y') throw new CommandError('Nothing was changed.');
}

/** Moves what is there aside and copies the backup in. Returns the folder with the old files, if there were any. */
function replaceAll(config: Config, folder: string, files: readonly BundleFile[]): string | undefined {
  const { dataDir } = config;
  const placeOf = (name: BundleFile) => (name === CONFIG_FILE ? config.configFile : path.join(dataDir, name));
  const old: [string, string][] = files.map((name) => [placeOf(name), name]);
  if (files.includes(DATABASE_FILE)) {
    // The write-ahead log belongs to the database that goes: beside the new one it would ruin it.
    for (const end of ['-wal', '-shm']) old.push([path.join(dataDir, DATABASE_FILE + end), DATABASE_FILE + end]);
  }
  const moving = old.filter(([place]) => existsSync(place));
  const aside = path.join(dataDir, `replaced-${new Date().toISOString().replaceAll(/[-:.]/g, '')}`);
  if (moving.length > 0) createFolder(aside);
  for (const [place, name] of moving) {
    createFolder(path.dirname(path.join(aside, name)));
    renameSync(place, path.join(aside, name));
  }
  if (moving.length > 0) syncFile(aside);
  // The database last: a start after a crash in between then finds none of its own, not one without its keys.
  for (const name of files.toSorted((a, b) => Number(a === DATABASE_FILE) - Number(b === DATABASE_FILE))) {
    const place = placeOf(name);
    if (!existsSync(path.dirname(place))) createFolder(path.dirname(place));
    replaceFile(place, readFileSync(path.join(folder, name)), 0o600);
  }
  return moving.length > 0 ? aside : undefined;
}
