import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { type Config, loadConfig } from '../config/index.ts';
import {
  createFolder,
  DATABASE_FILE,
  joinKeyFiles,
  KEY_FILE,
  lockFolder,
  openDatabase,
  prepareFolder,
  replaceFile,
  syncFile,
} from '../store/index.ts';
import { type BundleFile, CONFIG_FILE, LOGS_FOLDER, readBundle } from './bundle.ts';
import { type Command, CommandError, stderrLog, type Terminal, UsageError } from './command.ts';
import { importLogs } from './logs.ts';

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
      const log = await logThere(config.dataDir, folder);
      const aside = await replaceAll(config, folder, ours, log);
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
    terminal.err(aboutLog(config, manifest.database === 'postgres'));
  },
};

/** What has to outlive a restore where a sealed log stays: what is remembered of it, and the keys that it is encrypted with. */
interface LogThere {
  anchor?: Anchor;
  /** What this appliance has cosigned of others' logs. */
  witnessed: Witnessed;
  /** A key file with those of the backup too. */
  keys?: string;
}

type Witnessed = ReturnType<Awaited<ReturnType<typeof importLogs>>['witnessedIn']>;
type Anchor = NonNullable<Parameters<Awaited<ReturnType<typeof importLogs>>['setAnchorIn']>[1]>;

async function logThere(dataDir: string, backup: string): Promise<LogThere> {
  const { anchorIn, witnessedIn } = await importLogs();
  const read = <T>(what: (db: DatabaseSync) => T): T | undefined =>
    orNothing(() => {
      const db = openDatabase(path.join(dataDir, DATABASE_FILE), true);
      try {
        return what(db);
      } finally {
        db.close();
      }
    });
  const witnessed = read(witnessedIn) ?? [];
  if (!existsSync(path.join(dataDir, LOGS_FOLDER))) return { witnessed };
  const anchor = read(anchorIn);
  const keys = orNothing(() => {
    const [own, theirs] = [dataDir, backup].map((folder) => readFileSync(path.join(folder, KEY_FILE), 'utf8'));
    return joinKeyFiles(own!, theirs!);
  });
  return { witnessed, ...(anchor && { anchor }), ...(keys !== undefined && { keys }) };
}

/** What is missing or damaged may be why one restores. */
function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function aboutLog({ dataDir }: Config, isPostgres: boolean): string {
  const folder = path.join(dataDir, LOGS_FOLDER);
  const statement = 'DELETE FROM log_anchor';
  if (existsSync(folder)) {
    return isPostgres
      ? `The sealed log in ${folder} stays as it was. If it is not the one that the restored database knows, run '${statement}' in it before the appliance starts.`
      : `The sealed log in ${folder} stays as it was, and so does what was remembered of it: 'logs verify' compares them.`;
  }
  const anew = `No backup holds the sealed log: the next start begins a new one, with new keys, unless you put ${folder} back before.`;
  return isPostgres ? `${anew} For a new one run '${statement}' in the restored database before.` : anew;
}

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
async function replaceAll(
  config: Config,
  folder: string,
  files: readonly BundleFile[],
  log: LogThere,
): Promise<string | undefined> {
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
    const content = readFileSync(path.join(folder, name));
    if (name === DATABASE_FILE) await placeDatabase(place, content, log);
    else if (name === KEY_FILE && log.keys) replaceFile(place, log.keys, 0o600);
    else replaceFile(place, content, 0o600);
  }
  return moving.length > 0 ? aside : undefined;
}

/**
 * A backup remembers the log of its time. Beside a log that goes on, or beside a new one, the database has to remember
 * what that one had: it would take it for an older copy. What was cosigned of others' logs isn't forgotten either.
 */
async function placeDatabase(place: string, content: Uint8Array, { anchor, witnessed }: LogThere): Promise<void> {
  const { keepWitnessedIn, setAnchorIn } = await importLogs();
  const temporary = `${place}.restoring`;
  try {
    replaceFile(temporary, content, 0o600);
    const db = openDatabase(temporary);
    try {
      setAnchorIn(db, anchor);
      keepWitnessedIn(db, witnessed);
    } finally {
      db.close();
    }
    replaceFile(place, readFileSync(temporary), 0o600);
  } finally {
    for (const end of ['', '-wal', '-shm']) rmSync(temporary + end, { force: true });
  }
}
