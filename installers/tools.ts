import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

/** A build that can't go on; the message says what to do. */
export class BuildError extends Error {
  override name = 'BuildError';
}

/** Where a distribution puts programs; a build takes none from elsewhere. */
const FOLDERS = ['/usr/bin', '/usr/sbin', '/bin', '/sbin', '/usr/local/bin', '/opt/homebrew/bin'];

/** The Debian package that brings a program, where it is named otherwise. */
const PACKAGES: Record<string, string> = {
  'dpkg-deb': 'dpkg',
  rpmbuild: 'rpm',
  makensis: 'nsis',
  strip: 'binutils',
  'aarch64-linux-gnu-strip': 'binutils-aarch64-linux-gnu',
  'x86_64-linux-gnu-strip': 'binutils-x86-64-linux-gnu',
  'x86_64-w64-mingw32-gcc': 'gcc-mingw-w64-x86-64-win32',
};

/** The absolute path of a program; null where it isn't installed. */
export function findTool(name: string): string | null {
  return FOLDERS.map((folder) => path.join(folder, name)).find((file) => existsSync(file)) ?? null;
}

/** The absolute path of a program. Throws BuildError, which says what to install. */
export function tool(name: string): string {
  const found = findTool(name);
  if (found === null) throw new BuildError(`${name} is not installed: apt-get install ${PACKAGES[name] ?? name}`);
  return found;
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

/** Runs a program without a shell and gives its standard output. Throws BuildError with what it said. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, LC_ALL: 'C', ...options.env };
    const child = spawn(program, args, { ...options, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', (error) => reject(new BuildError(`${program} can't be started: ${error.message}`)));
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(stdout);
      const said = `${stderr}\n${stdout}`.trim().split('\n').slice(-20).join('\n');
      reject(new BuildError(`${path.basename(program)} failed (${signal ?? `exit ${code}`}): ${said}`));
    });
  });
}
