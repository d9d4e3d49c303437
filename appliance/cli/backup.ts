import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { type Config, loadConfig } from '../config/index.ts';
import { copyDatabase, DATABASE_FILE, KEY_FILE, openDatabase, replaceFile, sha256Hex } from '../store/index.ts';
import { type BundleFile, CONFIG_FILE, LOGS_FOLDER, MANIFEST_FILE, type Manifest, TLS_FILES } from './bundle.ts';
import { type Command, CommandError } from './command.ts';

export const backupCommand: Command = {
  name: 'backup',
  usage: '[folder] [--json]',
  summary: 'copy database, keys and settings to a new folder, also while the appliance runs',
  options: { json: { type: 'boolean' } },
  takes: [0, 1],
  async run({ args, flags }, { env, cwd, out, err }) {
    const config = loadConfig(env);
    const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
    const folder = path.resolve(cwd, args[0] ?? `gatehouse-backup-${stamp}Z`);
    const manifest = writeBackup(config, folder);
    if (manifest.database === 'postgres') {
      err('The database is on PostgreSQL and is not in this copy: copy it with pg_dump at the same time.');
    }
    if (existsSync(path.join(config.dataDir, LOGS_FOLDER))) {
      err('The sealed log is not in this copy: its keys must not be copied. Export the records that you need to keep.');
    }
    err(`${folder} holds the keys of every secret: keep it where only you can read it.`);
    if (flags.json) out(JSON.stringify({ folder, ...manifest }));
    else out(`Backed up to ${folder}: ${Object.keys(manifest.files).join(', ')}.`);
  },
};

/** Makes the folder under another name and renames it: a backup is there whole, or not at all. */
function writeBackup(config: Config, folder: string): Manifest {
  const { dataDir } = config;
  if (existsSync(folder)) throw new CommandError(`${folder} exists: name a new folder for the backup.`);
  const partial = `${folder}.partial-${process.pid}`;
  try {
    mkdirSync(path.dirname(folder), { recursive: true });
    mkdirSync(partial, { mode: 0o700 });
    const files: Partial<Record<BundleFile, string>> = {};
    const add = (name: BundleFile, source: string): void => {
      if (!existsSync(source)) return;
      const content = readFileSync(source);
      const target = path.join(partial, name);
      mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 });
      replaceFile(target, content, 0o600);
      files[name] = sha256Hex(content);
    };
    if (!config.database) {
      const copy = path.join(partial, DATABASE_FILE);
      copyLive(path.join(dataDir, DATABASE_FILE), copy);
      files[DATABASE_FILE] = sha256Hex(readFileSync(copy));
    }
    // Keys after the database: a key that is added meanwhile does no harm, one that is missing would.
    add(KEY_FILE, path.join(dataDir, KEY_FILE));
    add(CONFIG_FILE, config.configFile);
    for (const name of TLS_FILES) add(name, path.join(dataDir, name));
    if (Object.keys(files).length === 0) throw new CommandError(nothingIn(dataDir));
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    const manifest: Manifest = {
      format: 1,
      version,
      created: new Date().toISOString(),
      database: config.database ? 'postgres' : 'sqlite',
      logs: 'not included',
      files,
    };
    replaceFile(path.join(partial, MANIFEST_FILE), `${JSON.stringify(manifest, undefined, 2)}\n`, 0o600);
    renameSync(partial, folder);
    return manifest;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

function copyLive(source: string, target: string): void {
  if (!existsSync(source)) throw new CommandError(nothingIn(path.dirname(source)));
  const db = openDatabase(source);
  try {
    copyDatabase(db, target);
  } finally {
    db.close();
  }
}

const nothingIn = (dataDir: string): string => `There is no database in ${dataDir}. Set GATEHOUSE_DATA.`;
