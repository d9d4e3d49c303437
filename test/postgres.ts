import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const DEBIAN = '/usr/lib/postgresql';
const START_TRIES = 300;
const run = promisify(execFile);

/** The folder of initdb and postgres: in the PATH, or the newest of Debian's. */
function programs(): string | undefined {
  const debian = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...debian.map((version) => path.join(DEBIAN, version, 'bin')),
    ...(process.env.PATH ?? '').split(':'),
  ];
  return folders.find((folder) => existsSync(path.join(folder, 'initdb')));
}

/** The options for a test that needs PostgreSQL, as `requires` gives them for other programs. */
export function requiresPostgres(): { skip: string | false } {
  if (programs()) return { skip: false };
  if (process.env.CI === 'true') throw new Error('this test needs PostgreSQL: install the package postgresql');
  return { skip: 'needs PostgreSQL (package postgresql)' };
}

export interface TestPostgres {
  /** Makes a new empty database; the answer is its postgres:// URL. */
  createDatabase(): Promise<string>;
  /** Ends every connection of a database from the server's side, as a restart would. */
  disconnectAll(url: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a real PostgreSQL of its own in a temporary folder, on a Unix socket only; as root it runs as `postgres`. */
export async function startPostgres(): Promise<TestPostgres> {
  const bin = programs();
  if (!bin) throw new Error('PostgreSQL is not installed (package postgresql)');
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-pg-'));
  const user: { uid?: number; gid?: number } = {};
  if (process.getuid?.() === 0) {
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    Object.assign(user, { uid: id('-u'), gid: id('-g') });
    chownSync(folder, user.uid!, user.gid!);
  }
  const options = { ...user, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C' } };
  const data = path.join(folder, 'data');
  const init = ['-D', data, '-U', 'gatehouse', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'];
  execFileSync(path.join(bin, 'initdb'), init, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  const settings = ['-c', 'listen_addresses=', '-c', `unix_socket_directories=${folder}`, '-c', 'fsync=off'];
  const server = spawn(path.join(bin, 'postgres'), ['-D', data, ...settings], { ...options, stdio: 'ignore' });
  const kill = () => server.kill('SIGQUIT');
  process.on('exit', kill);

  const url = (database: string) => `postgres://gatehouse@localhost/${database}?host=${encodeURIComponent(folder)}`;
  const query = async (sql: string) => {
    await run(path.join(bin, 'psql'), ['-X', '-q', '-d', url('postgres'), '-c', sql], options);
  };
  await ready(query, server);
  let made = 0;
  return {
    async createDatabase() {
      const name = `test_${++made}`;
      await query(`CREATE DATABASE ${name}`);
      return url(name);
    },
    disconnectAll: (of) =>
      query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${new URL(of).pathname.slice(1)}'`,
      ),
    async stop() {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      if (server.exitCode === null && server.signalCode === null) {
        kill();
        await ended;
      }
      process.off('exit', kill);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function ready(query: (sql: string) => Promise<void>, server: ChildProcess): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await query('SELECT 1');
    } catch (error) {
      if (server.exitCode !== null || tries >= START_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
