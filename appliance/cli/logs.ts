import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Config, loadConfig } from '../config/index.ts';
import type { Memory } from '../logs/index.ts';
import { DATABASE_FILE, KEY_FILE, openKeyFile, type SecretBox } from '../store/index.ts';
import { LOGS_FOLDER } from './bundle.ts';
import { CommandError, type Terminal, UsageError } from './command.ts';

const PROGRESS_MS = 2000;

/** Loaded when it is needed, so that the commands which need no capability start without them. */
export const importLogs = () => import('../logs/index.ts');
export type LogsModule = Awaited<ReturnType<typeof importLogs>>;

/** The log of a data folder, and what else is known of it. */
export interface LogPlace {
  config: Config;
  folder: string;
  secrets: SecretBox;
  memory: Memory;
  /** What could not be looked at. */
  remarks: string[];
}

/** Throws CommandError where there is no log. */
export function openPlace({ env }: Terminal, { readMemory, readPredecessor }: LogsModule): LogPlace {
  const config = loadConfig(env);
  const folder = path.join(config.dataDir, LOGS_FOLDER);
  const remarks: string[] = [];
  let memory: Memory = { sources: new Map() };
  const database = path.join(config.dataDir, DATABASE_FILE);
  if (config.database) {
    remarks.push('The database is on PostgreSQL: what it remembers of the log was not looked at.');
  } else if (!existsSync(database)) {
    remarks.push(`There is no ${database}: nothing remembers how large the log was.`);
  } else {
    try {
      memory = readMemory(database);
    } catch (error) {
      remarks.push(`What ${database} remembers of the log cannot be read: ${(error as Error).message}.`);
    }
  }
  const none = ['genesis', 'segments'].every((name) => !existsSync(path.join(folder, name)));
  if (none && memory.anchor) {
    throw new CommandError(`The log in ${folder} is gone: the database remembers ${memory.anchor.size} records of it.`);
  }
  if (!existsSync(folder)) {
    const before = readPredecessor(config.dataDir);
    const where = before
      ? `The log was set aside to ${before.folder}: start the appliance to begin the next one.`
      : `There is no log in ${config.dataDir}. Set GATEHOUSE_DATA.`;
    throw new CommandError(where);
  }
  return { config, folder, secrets: openSecrets(config.dataDir), memory, remarks };
}

/** A key file is never made here: without the one that is missing, records can't be read. */
function openSecrets(dataDir: string): SecretBox {
  if (existsSync(path.join(dataDir, KEY_FILE))) return openKeyFile(dataDir);
  const none = (): never => {
    throw new Error(`${path.join(dataDir, KEY_FILE)} is missing: restore it from a backup`);
  };
  return { seal: none, open: none, rotate: none };
}

/** A time of an option in µs since 1970. Throws UsageError. */
export function timeOf(option: string, text: string, { parseMicroseconds }: LogsModule): number {
  const us = parseMicroseconds(text);
  if (us !== undefined) return us;
  throw new UsageError(`${option} ${text}: write a time with its zone, such as 2026-05-31T18:00:00Z`);
}

/** What an option that may be given more than once was given. */
export const manyOf = (value: unknown): string[] => (value ?? []) as string[];

/** Checks the verifier keys of an option. Throws UsageError. */
export function keysOf(option: string, value: unknown, open: (vkey: string) => unknown): string[] {
  const keys = manyOf(value);
  for (const key of keys) {
    try {
      open(key);
    } catch (error) {
      throw new UsageError(`${option} ${key}: ${(error as Error).message}`);
    }
  }
  return keys;
}

/** Says on standard error how far something is, every other second. */
export function progressOn({ err }: Terminal, what: string): (done: number) => void {
  let next = Date.now() + PROGRESS_MS;
  return (done) => {
    if (Date.now() < next) return;
    next = Date.now() + PROGRESS_MS;
    err(`${what}: ${Math.floor(Math.min(1, done) * 100)} %`);
  };
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** 1234567 → `1.2 MB` */
export function sizeText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  for (; value >= 1000 && unit < UNITS.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

const MAX_TEXT = 100;
/** A text of an option, for people. Throws UsageError. */
export function textOf(option: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = (value as string).trim();
  if (text !== '' && text.length <= MAX_TEXT && !/\p{Cc}/u.test(text)) return text;
  throw new UsageError(`${option} must be a text of at most ${MAX_TEXT} characters in one line`);
}

/** Who is named in the report. */
export function userOf({ env }: Terminal): string {
  const name = env.SUDO_USER ?? env.LOGNAME ?? env.USER;
  return name ? `${name}, on the box` : 'somebody on the box';
}
