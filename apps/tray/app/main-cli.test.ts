import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { CONNECTED, fakeDaemon } from '../test/electron/fake-daemon.ts';

test('the app’s logic answers on the command line, by the same table', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-cli-'));
  const daemon = await fakeDaemon(folder, CONNECTED);
  const env = { ...process.env, GATEHOUSE_AGENT_SOCKET: daemon.socketPath, GATEHOUSE_TRAY_TRUST_OWN: '1' };
  const run = (...args: string[]): Promise<{ out: string; code: number }> =>
    new Promise((resolve) => {
      const cli = path.join(import.meta.dirname, 'main-cli.ts');
      execFile(process.execPath, [cli, ...args], { env }, (error, stdout, stderr) => {
        resolve({ out: stdout || stderr, code: Number(error?.code ?? 0) });
      });
    });
  try {
    const [model, sessions, wrong] = await Promise.all([
      run('model'),
      run('call', 'sessions'),
      run('call', 'act', '{"id":"format-disk"}'),
    ]);
    assert.equal((JSON.parse(model.out) as { view: { kind: string } }).view.kind, 'connected');
    assert.deepEqual([sessions.out.trim(), sessions.code], ['[]', 0]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.out, /act takes something else/);
  } finally {
    await daemon.close();
    rmSync(folder, { recursive: true });
  }
});
