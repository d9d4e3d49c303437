import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type VerifyOptions, verifyArchive } from '../../appliance/logs/export/index.ts';
import { verifyFolder } from '../../appliance/logs/export/testing.ts';
import { openKeyFile } from '../../appliance/store/index.ts';
import { type Json, until } from '../api/support.ts';
import { ADMIN_PASSWORD, type Client, createClient, FREE_PORTS } from '../harness.ts';

export const run = promisify(execFile);
export const portOf = (address: string | undefined): number => Number(address?.split(':').at(-1));

/** A search; its records, the newest first. */
export async function search(admin: Client, query: Record<string, string>): Promise<Json[]> {
  const { status, body } = await admin.get(`/v1/logs?${new URLSearchParams(query)}`);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

/** Asks until so many records match, and no more do; a record can be found within five seconds. */
export const found = (admin: Client, query: Record<string, string>, count = 1): Promise<Json[]> =>
  until(`${count} records match ${JSON.stringify(query)}`, async () => {
    const records = await search(admin, query);
    if (records.length < count) return sleep(50, undefined);
    assert.equal(records.length, count, JSON.stringify(records));
    return records;
  });

/** util-linux' logger. */
export const logger = (port: number, ...args: string[]) =>
  run('logger', ['-n', '127.0.0.1', '-P', String(port), ...args]);

/** Sends datagrams from 127.0.0.1, or another address of this machine. */
export async function sendUdp(port: number, lines: readonly string[], from = '127.0.0.1'): Promise<void> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, from, resolve));
  for (const [i, line] of lines.entries()) {
    await new Promise<void>((resolve, reject) => {
      socket.send(line, port, '127.0.0.1', (error) => (error ? reject(error) : resolve()));
    });
    // So that the receive buffer of a small system is enough.
    if (i % 50 === 49) await sleep(1);
  }
  socket.close();
}

export const status = async (admin: Client): Promise<Json> => {
  const { status: code, body } = await admin.get('/v1/logs/status');
  assert.equal(code, 200, JSON.stringify(body));
  return body;
};

/** The log has this state; its status then. */
export const inState = (admin: Client, state: string): Promise<Json> =>
  until(`the log is ${state}`, async () => {
    const now = await status(admin);
    return now.state === state ? now : sleep(50, undefined);
  });

/** Asks for an export and waits until it is built: its ZIP, unpacked in `folder`. */
export async function exported(admin: Client, request: Json, folder: string): Promise<{ folder: string; view: Json }> {
  const queued = await admin.post('/v1/logs/exports', request);
  assert.equal(queued.status, 202, JSON.stringify(queued.body));
  assert.equal(queued.body.status, 'queued');
  const at = queued.headers.get('location') as string;
  const view = await until('the export is built', async () => {
    const { body } = await admin.get(at);
    assert.notEqual(body.status, 'failed', body.error);
    assert.ok(['queued', 'running', 'done'].includes(body.status) && body.progress >= 0 && body.progress <= 1);
    return body.status === 'done' ? body : sleep(50, undefined);
  });
  const zip = await (
    await fetch(`${admin.url}${at}/download`, { headers: { authorization: admin.authorization as string } })
  ).bytes();
  assert.equal(zip.length, view.bytes);
  mkdirSync(folder, { recursive: true });
  const file = `${folder}.zip`;
  writeFileSync(file, zip);
  await run('unzip', ['-q', '-d', folder, file]);
  return { folder, view };
}

/** What `node verify.mjs` says of an unpacked export. */
export const verifyExport = verifyFolder;

/** The log of a stopped appliance has no fault. */
export async function assertVerified(
  dataDir: string,
  more: Pick<VerifyOptions, 'atLeast' | 'keys'> = {},
): Promise<number> {
  const verified = await verifyArchive({ folder: path.join(dataDir, 'logs'), secrets: openKeyFile(dataDir), ...more });
  assert.deepEqual(verified.findings, []);
  return verified.size;
}

export function tempFolder(t: Pick<TestContext, 'after'>): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-logs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const MAIN = fileURLToPath(new URL('../../appliance/main.ts', import.meta.url));

export interface Ended {
  code: number | null;
  signal: string | null;
  err: string;
}

/** `node appliance/main.ts` as a process of its own over a data folder; once it is ready. */
export async function startProcess(
  t: Pick<TestContext, 'after'>,
  dataDir: string,
  settings: Record<string, string> = {},
) {
  const child: ChildProcess = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      ...FREE_PORTS,
      GATEHOUSE_DATA: dataDir,
      GATEHOUSE_ADMIN_PASSWORD: ADMIN_PASSWORD,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout?.on('data', (data) => {
    out += data;
  });
  child.stderr?.on('data', (data) => {
    err += data;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, err }));
  });
  t.after(() => child.kill('SIGKILL'));
  const url = await until('the appliance is ready', () => {
    if (child.exitCode !== null) throw new Error(`it ended: ${err}`);
    return /^gatehouse ready (http:\S+)$/m.exec(out)?.[1];
  });
  const { body } = await createClient(url).post('/api/v1/auth/login', { username: 'admin', password: ADMIN_PASSWORD });
  return {
    child,
    ended,
    url,
    dataDir,
    out,
    err: () => err,
    /** What was printed of the keys at the first start. */
    keys: [...out.matchAll(/^gatehouse log key (\S+)/gm)].map(([, key]) => key as string),
    radius: Object.fromEntries([...out.matchAll(/\b(auth|acct) (127\.0\.0\.1:\d+)/g)].map(([, a, b]) => [a, b])) as {
      auth: string;
      acct: string;
    },
    logs: { syslog: /^gatehouse syslog ([^\s,]+)/m.exec(out)?.[1] as string },
    anonymous: createClient(url),
    admin: createClient(url, `Session ${body.session_hash}`),
  };
}
export type Process = Awaited<ReturnType<typeof startProcess>>;
