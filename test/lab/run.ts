import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Ran {
  /** Exit status; 128 and the signal's number as a shell would say it isn't needed here: a killed program is -1. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** What the program reads on its standard input; nothing by default. */
  input?: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Ends a program that hangs; 60 by default. */
  seconds?: number;
}

/** Runs a program to its end, whatever its exit status. Rejects only when it can't be started. */
export function attempt(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: (options.seconds ?? 60) * 1000,
      killSignal: 'SIGKILL',
      ...(options.env && { env: options.env }),
      ...(options.cwd && { cwd: options.cwd }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    // A program may end without reading: that is its right.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

/** Runs a program that must succeed, and gives its output. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const ran = await attempt(program, args, options);
  if (ran.code === 0) return ran.stdout;
  throw new Error(`${program} ${args.join(' ')}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`.trimEnd());
}

/** What is neither undefined, null nor false. */
type Found<T> = Exclude<T, undefined | null | false>;

/**
 * Asks `probe` until it finds something, and gives that. The deadline is there to end a test that will never pass, so
 * it is generous: nothing may be concluded from how long this took.
 */
export async function until<T>(what: string, probe: () => Promise<T> | T, seconds = 120): Promise<Found<T>> {
  const end = performance.now() + seconds * 1000;
  let last = 'nothing found';
  while (performance.now() < end) {
    try {
      const found = await probe();
      if (found !== undefined && found !== null && found !== false) return found as Found<T>;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    await sleep(250);
  }
  throw new Error(`waited ${seconds} s in vain for: ${what} (last: ${last})`);
}
