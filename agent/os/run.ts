import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import path from 'node:path';
import { withTempFiles } from './temp.ts';

/** A program that failed: `stderr` is what it said, `code` its exit status, or `ENOENT` when it isn't installed. */
export class RunError extends Error {
  readonly code: number | string;
  readonly stderr: string;
  constructor(program: string, code: number | string, stderr: string) {
    super(code === 'ENOENT' ? `${program} is not installed` : `${program} failed: ${stderr.trim() || `exit ${code}`}`);
    this.name = 'RunError';
    this.code = code;
    this.stderr = stderr;
  }
}

/** How an adapter runs the system's programs; tests hand in a recorder. */
export interface Commands {
  /**
   * Runs a program without a shell and returns its standard output; `input` becomes its standard input, from a file.
   * Throws RunError.
   */
  run(program: string, args: readonly string[], input?: string): Promise<string>;
  /** Starts a program that goes on after this process has ended; returns its process id. Throws RunError. */
  launch(program: string, args: readonly string[]): Promise<number>;
  /** The absolute path of a program; null when it isn't installed. */
  find(program: string): string | null;
}

/** Fixed, so that nobody's PATH decides what a privileged daemon runs. */
const FOLDERS: Record<string, string[]> = {
  linux: ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin'],
  darwin: ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/opt/homebrew/bin', '/usr/local/bin'],
};
const TIMEOUT_MS = 30_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** What a program of the system is told of its surroundings: nothing of the daemon's own. */
export function toolEnvironment(platform: NodeJS.Platform): Record<string, string> {
  if (platform !== 'win32') return { PATH: FOLDERS[platform]?.join(':') ?? '/usr/sbin:/usr/bin', LC_ALL: 'C' };
  const { SystemRoot = 'C:\\Windows' } = process.env;
  return { SystemRoot, PATH: path.win32.join(SystemRoot, 'System32') };
}

/** Runs the system's own programs; `folders` are where a program is looked for that has no absolute path. */
export function systemCommands(platform: NodeJS.Platform, folders = FOLDERS[platform] ?? []): Commands {
  const find = (program: string): string | null => {
    if (path.isAbsolute(program)) return existsSync(program) ? program : null;
    return folders.map((folder) => path.join(folder, program)).find((file) => existsSync(file)) ?? null;
  };

  const start = (program: string, args: readonly string[], stdin: number | 'ignore'): Promise<string> =>
    new Promise((resolve, reject) => {
      const file = find(program);
      if (file === null) return reject(new RunError(program, 'ENOENT', ''));
      // spawn, since execFile has no way to say what standard input is.
      const child = spawn(file, args, {
        env: toolEnvironment(platform),
        cwd: path.parse(process.cwd()).root,
        timeout: TIMEOUT_MS,
        windowsHide: true,
        stdio: [stdin, 'pipe', 'pipe'],
      });
      const output = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr'] as const)
        child[name]!.setEncoding('utf8').on('data', (text: string) => {
          output[name] += text;
          if (output[name].length > MAX_OUTPUT_BYTES) child.kill('SIGKILL');
        });
      child.on('error', (error) => reject(new RunError(program, 'failed', error.message)));
      child.on('close', (code, signal) => {
        if (code === 0) return resolve(output.stdout);
        const said = output.stderr || output.stdout;
        reject(new RunError(program, code ?? signal ?? 'killed', signal ? `ended by ${signal}; ${said}` : said));
      });
    });

  return {
    find,
    launch: (program, args) =>
      new Promise((resolve, reject) => {
        const file = find(program);
        if (file === null) return reject(new RunError(program, 'ENOENT', ''));
        const options = { env: toolEnvironment(platform), detached: true, windowsHide: true, stdio: 'ignore' } as const;
        const child = spawn(file, args, options);
        child.on('error', (error) => reject(new RunError(program, 'failed', error.message)));
        child.on('spawn', () => {
          child.unref();
          resolve(child.pid!);
        });
      }),
    run: async (program, args, input) => {
      if (input === undefined) return start(program, args, 'ignore');
      return withTempFiles([input], async ([file]) => {
        // Not a pipe: Node's are sockets, and a program that opens /dev/stdin by name can't open those.
        const stdin = openSync(file!, 'r');
        try {
          return await start(program, args, stdin);
        } finally {
          closeSync(stdin);
        }
      });
    },
  };
}
