import type { ParseArgsOptionsConfig } from 'node:util';
import type { Logger } from '../store/index.ts';

/** What a command works with; a test passes its own. */
export interface Terminal {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  out(line: string): void;
  err(line: string): void;
}

export interface Command {
  /** As typed, such as `admin reset-password`. */
  name: string;
  /** What follows the name. */
  usage: string;
  summary: string;
  options: ParseArgsOptionsConfig;
  /** How many arguments it takes: least, most. */
  takes: readonly [number, number];
  run(call: Call, terminal: Terminal): Promise<void>;
}

export interface Call {
  args: string[];
  flags: Record<string, unknown>;
}

/** The store's warnings on standard error; what it merely tells is left out. */
export function stderrLog({ err }: Terminal): Logger {
  const tell = (_details: object, message: string) => err(message);
  return { info: () => undefined, warn: tell, error: tell };
}

/** The command was called wrongly: exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The command could not do it, for a reason that the message tells: exit code 1. */
export class CommandError extends Error {
  override name = 'CommandError';
}
