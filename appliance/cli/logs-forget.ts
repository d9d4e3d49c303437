import { existsSync } from 'node:fs';
import path from 'node:path';
import { loadConfig } from '../config/index.ts';
import { DATABASE_FILE, lockFolder, openDatabase } from '../store/index.ts';
import { LOGS_FOLDER } from './bundle.ts';
import { type Command, CommandError } from './command.ts';
import { importLogs } from './logs.ts';

export const forgetCommand: Command = {
  name: 'logs forget',
  usage: '',
  summary: 'let the next start begin a new log, after the old one was moved away; the appliance must be stopped',
  options: {},
  takes: [0, 0],
  async run(_call, { env, out }) {
    const { dataDir, database } = loadConfig(env);
    const folder = path.join(dataDir, LOGS_FOLDER);
    if (existsSync(path.join(folder, 'genesis'))) {
      throw new CommandError(`There is a log in ${folder}. Move it away first, and keep it: it is the evidence.`);
    }
    if (database) throw new CommandError("The database is on PostgreSQL: run 'DELETE FROM log_anchor' in it.");
    const file = path.join(dataDir, DATABASE_FILE);
    if (!existsSync(file)) throw new CommandError(`There is no database in ${dataDir}. Set GATEHOUSE_DATA.`);
    const lock = lockFolder(dataDir);
    try {
      const { anchorIn, setAnchorIn } = await importLogs();
      const db = openDatabase(file);
      try {
        const anchor = anchorIn(db);
        setAnchorIn(db, undefined);
        out(
          anchor
            ? `Forgot the log of ${anchor.size} records. The next start begins a new one: write down its keys.`
            : 'The database remembers no log: the next start begins one.',
        );
      } finally {
        db.close();
      }
    } finally {
      lock.release();
    }
  },
};
