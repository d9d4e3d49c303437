import { existsSync, renameSync } from 'node:fs';
import path from 'node:path';
import { type Config, loadConfig } from '../config/index.ts';
import { DATABASE_FILE, lockFolder, openDatabase, syncFile } from '../store/index.ts';
import { LOGS_FOLDER } from './bundle.ts';
import { type Command, CommandError, type Terminal, UsageError } from './command.ts';
import { importLogs, type LogsModule, openPlace, textOf, userOf } from './logs.ts';

export const setAsideCommand: Command = {
  name: 'logs set-aside',
  usage: '--reason <text> [--to <folder>] [--by <name>] [--json]',
  summary: 'keep a damaged log as evidence and let the next start begin another; the appliance must be stopped',
  options: {
    reason: { type: 'string' },
    to: { type: 'string' },
    by: { type: 'string' },
    json: { type: 'boolean' },
  },
  takes: [0, 0],
  async run({ flags }, terminal) {
    const reason = textOf('--reason', flags.reason);
    if (reason === undefined) throw new UsageError('--reason is missing: the next log records why this one ends');
    const by = textOf('--by', flags.by) ?? userOf(terminal);
    const config = loadConfig(terminal.env);
    if (!existsSync(config.dataDir)) throw new CommandError(`There is no ${config.dataDir}. Set GATEHOUSE_DATA.`);
    const logs = await importLogs();
    const lock = lockFolder(config.dataDir);
    try {
      const said =
        unfinished(config, logs) ?? setAside(terminal, logs, { reason, by, to: flags.to as string | undefined });
      const remembersStill = !forget(config, logs);
      const next = nextSteps(config, remembersStill);
      const { event: _, ...told } = said;
      if (flags.json) terminal.out(JSON.stringify({ ...told, next }));
      else tell(terminal, said, next);
    } finally {
      lock.release();
    }
  },
};

type Predecessor = NonNullable<ReturnType<LogsModule['readPredecessor']>>;

/** What a call before this one began: it was interrupted when the folder had its new name already. */
function unfinished({ dataDir }: Config, { readPredecessor }: LogsModule): Predecessor | undefined {
  const begun = readPredecessor(dataDir);
  return begun && existsSync(begun.folder) && !existsSync(path.join(dataDir, LOGS_FOLDER)) ? begun : undefined;
}

/** Nothing is copied or deleted: the folder gets another name, after it is noted what it is. */
function setAside(
  terminal: Terminal,
  logs: LogsModule,
  { reason, by, to }: { reason: string; by: string; to: string | undefined },
): Predecessor {
  const { config, folder, secrets, memory } = openPlace(terminal, logs);
  const at = new Date().toISOString();
  const target = targetOf(folder, to === undefined ? undefined : path.resolve(terminal.cwd, to), at);
  const { identity, checkpoint } = logs.readStatus({ folder, secrets, witnesses: [] });
  const { anchor } = memory;
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const said: Predecessor = {
    ...{ event: 'logs.set_aside', at, by, reason, folder: target },
    origin: identity?.origin ?? null,
    log_key: identity?.logKey ?? null,
    size: checkpoint?.size ?? null,
    root: checkpoint ? base64(checkpoint.root) : null,
    remembered: anchor ? { size: anchor.size, root: base64(anchor.root), at: anchor.at } : null,
  };
  logs.leavePredecessor(config.dataDir, said);
  try {
    renameSync(folder, target);
  } catch (error) {
    logs.dropPredecessor(config.dataDir);
    throw new CommandError(`${folder} was left as it is: ${whyNot(error as NodeJS.ErrnoException, target)}`);
  }
  for (const parent of new Set([folder, target].map((name) => path.dirname(name)))) syncFile(parent);
  return said;
}

function targetOf(folder: string, given: string | undefined, at: string): string {
  const stamp = at.slice(0, 19).replaceAll(/[-:]/g, '');
  const target = given ?? `${folder}-set-aside-${stamp}Z`;
  if (target === folder || target.startsWith(folder + path.sep)) {
    throw new UsageError(`--to ${target} is in the log itself: name another folder`);
  }
  if (existsSync(target)) throw new CommandError(`${target} exists: name a new folder.`);
  if (!existsSync(path.dirname(target))) throw new CommandError(`There is no folder ${path.dirname(target)}.`);
  return target;
}

function whyNot({ code, message }: NodeJS.ErrnoException, target: string): string {
  if (code === 'EXDEV') return `${target} is on another file system. Name a folder beside it, and copy it from there.`;
  if (code === 'EBUSY') return 'it is a file system of its own. Mount it elsewhere, then run: logs forget.';
  return `${message}.`;
}

/** Has the database remember no log; false where that can't be done from here. */
function forget({ dataDir, database }: Config, { setAnchorIn }: LogsModule): boolean {
  if (database) return false;
  const file = path.join(dataDir, DATABASE_FILE);
  if (!existsSync(file)) return true;
  const db = openDatabase(file);
  try {
    setAnchorIn(db, undefined);
  } finally {
    db.close();
  }
  return true;
}

const nextSteps = ({ logs }: Config, remembersStill: boolean): string[] => [
  ...(remembersStill ? ["The database is on PostgreSQL: run 'DELETE FROM log_anchor' in it."] : []),
  ...(logs.witnesses.length > 0
    ? ['Witnesses have seen more of this log: give the next one another name (logs.edge in gatehouse.yaml).']
    : []),
  'Start the appliance and write down the keys of the new log; its first record names this one.',
  ...(logs.witnesses.length > 0 ? ['Tell the witnesses its key.'] : []),
  'Keep the folder, and keys.json with it: it is the evidence.',
];

function tell({ out }: Terminal, { folder, origin, size, root }: Predecessor, next: readonly string[]): void {
  const what = size === null ? 'no checkpoint that can be read' : `${size} records, root ${root}`;
  out(`Set aside: ${origin ?? 'a log whose name cannot be read'} (${what}) is in ${folder}.`);
  for (const step of next) out(`  - ${step}`);
}
