import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Client, createClient, FREE_PORTS } from '../../harness.ts';
import type { LogServer } from './server.ts';

const PASSWORD = 'bench-password';

/** The whole appliance as a process, and its API. What is in `data` is there already, and stays. */
export async function startOurs(data?: string): Promise<LogServer & { api: Client }> {
  const folder = data ?? mkdtempSync(path.join(tmpdir(), 'gatehouse-bench-logs-'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'gatehouse.yaml'), JSON.stringify({ log: { level: 'warn' } }));
  const child = spawn(process.execPath, [path.join(import.meta.dirname, '../../../appliance/main.ts')], {
    env: { ...process.env, ...FREE_PORTS, GATEHOUSE_DATA: folder, GATEHOUSE_ADMIN_PASSWORD: PASSWORD },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  while (!out.includes('gatehouse ready')) await once(child.stdout, 'data');
  const anonymous = createClient(/gatehouse ready (\S+)/.exec(out)?.[1] as string);
  const signedIn = await anonymous.post('/api/v1/auth/login', { username: 'admin', password: PASSWORD });
  const api = anonymous.as(`Session ${signedIn.body.session_hash}`);
  const status = async () => (await api.get('/v1/logs/status')).body;
  return {
    name: 'Gatehouse, sealed',
    api,
    pid: child.pid as number,
    port: Number(/gatehouse syslog \S+:(\d+)/.exec(out)?.[1]),
    stored: async () => (await status()).size,
    lag: async () => (await status()).lag_seconds,
    bytes: async () => sizeOf(path.join(folder, 'logs')),
    async stop() {
      child.kill('SIGTERM');
      await Promise.race([once(child, 'exit'), new Promise((resolve) => setTimeout(resolve, 12_000))]);
      child.kill('SIGKILL');
      if (data === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function sizeOf(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += statSync(path.join(entry.parentPath, entry.name)).size;
  }
  return bytes;
}
