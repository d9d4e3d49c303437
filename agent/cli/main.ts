import type { AgentConfig } from '../config.ts';
import { readConfig } from '../config.ts';
import { clean } from '../text.ts';
import type { Terminal } from './ask.ts';
import { errorCode, exitCode } from './exit.ts';
import { hintOf, surroundings } from './hint.ts';
import { parse } from './parse.ts';
import { run } from './run.ts';

/** Of what is said on standard error, in UTF-16 units; what lists every network at its longest is cut. */
const MAX_MESSAGE = 4096;

/**
 * Runs one command of the CLI. Returns the exit status. What went wrong is said on standard error: a message, and under it
 * what to do; with `--json` one object `{"error", "code", "hint"}`.
 */
export async function runCli(
  argv: string[],
  terminal: Terminal,
  daemon: (config: AgentConfig) => Promise<number>,
): Promise<number> {
  try {
    return await run({ ...parse(argv), terminal, daemon });
  } catch (error) {
    complain(error, argv.includes('--json'), terminal);
    return exitCode(error);
  }
}

/** On one line: messages repeat what was typed, and what controllers call things. */
const oneLine = (text: string): string => clean(text.replace(/\s+/g, ' '), MAX_MESSAGE);

function complain(error: unknown, json: boolean, { stderr, env }: Terminal): void {
  const message = oneLine((error as Error).message);
  const hint = hintOf(error, socketOf(env), surroundings(env));
  const line = hint === null ? null : oneLine(hint);
  if (json) stderr.write(`${JSON.stringify({ error: message, code: errorCode(error), hint: line })}\n`);
  else stderr.write(`gatehouse: ${message}\n${line === null ? '' : `${line}\n`}`);
}

/** Undefined where the settings are what is wrong. */
function socketOf(env: NodeJS.ProcessEnv): string | undefined {
  try {
    return readConfig(env).socketPath;
  } catch {
    return undefined;
  }
}
