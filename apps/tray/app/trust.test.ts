import assert from 'node:assert/strict';
import type { Stats } from 'node:fs';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { inspectSocket, readPlace } from './trust.ts';

const stats = (kind: 'folder' | 'socket' | 'link', uid: number, gid = 0, mode = 0o750): Stats =>
  ({
    uid,
    gid,
    mode,
    isDirectory: () => kind === 'folder',
    isSocket: () => kind === 'socket',
  }) as Stats;

const place = { platform: 'linux', socketPath: '/run/gatehouse/agent.sock', ownUid: null } as const;
const good = { '/run/gatehouse': stats('folder', 0, 984), '/run/gatehouse/agent.sock': stats('socket', 0, 984, 0o660) };
type Files = Record<string, Stats | string>;

const look =
  (files: Files) =>
  async (file: string): Promise<Stats> => {
    const found = files[file] ?? 'ENOENT';
    if (typeof found === 'string') throw Object.assign(new Error(found), { code: found });
    return found;
  };

describe('the socket is looked at before anything is said', () => {
  const cases: [string, Files, number | null, string][] = [
    ['root’s folder and socket', {}, null, 'trusted'],
    ['no folder', { '/run/gatehouse': 'ENOENT' }, null, 'absent'],
    ['no socket', { '/run/gatehouse/agent.sock': 'ENOENT' }, null, 'absent'],
    ['a folder that isn’t ours to enter', { '/run/gatehouse/agent.sock': 'EACCES' }, null, 'denied'],
    ['a user’s socket', { '/run/gatehouse/agent.sock': stats('socket', 1000) }, null, 'untrusted'],
    ['a user’s folder', { '/run/gatehouse': stats('folder', 1000) }, null, 'untrusted'],
    ['another user’s socket in development', { '/run/gatehouse/agent.sock': stats('socket', 1001) }, 1000, 'untrusted'],
    [
      'our own in development',
      { '/run/gatehouse': stats('folder', 1000), '/run/gatehouse/agent.sock': stats('socket', 1000) },
      1000,
      'trusted',
    ],
    ['a folder that everybody may write', { '/run/gatehouse': stats('folder', 0, 0, 0o757) }, null, 'untrusted'],
    ['a folder that a group may write', { '/run/gatehouse': stats('folder', 0, 984, 0o770) }, null, 'untrusted'],
    ['a folder that root’s group may write', { '/run/gatehouse': stats('folder', 0, 0, 0o770) }, null, 'trusted'],
    ['a link in place of the folder', { '/run/gatehouse': stats('link', 0) }, null, 'untrusted'],
    ['a link in place of the socket', { '/run/gatehouse/agent.sock': stats('link', 0) }, null, 'untrusted'],
    ['a folder in place of the socket', { '/run/gatehouse/agent.sock': stats('folder', 0) }, null, 'untrusted'],
  ];
  for (const [name, files, ownUid, kind] of cases) {
    test(`${name}: ${kind}`, async () => {
      assert.equal((await inspectSocket({ ...place, ownUid }, look({ ...good, ...files }))).kind, kind);
    });
  }

  test('on Windows the name says who could make the pipe', async () => {
    const kind = async (socketPath: string, ownUid: number | null = null) =>
      (await inspectSocket({ platform: 'win32', socketPath, ownUid })).kind;
    assert.equal(await kind('\\\\.\\pipe\\ProtectedPrefix\\Administrators\\Gatehouse'), 'trusted');
    assert.equal(await kind('\\\\.\\pipe\\Gatehouse'), 'untrusted');
    assert.equal(await kind('\\\\.\\pipe\\x\\ProtectedPrefix\\Administrators\\Gatehouse'), 'untrusted');
    assert.equal(await kind('\\\\.\\pipe\\Gatehouse', -1), 'trusted');
  });

  test('real files', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-trust-'));
    const run = path.join(folder, 'run');
    mkdirSync(run, { mode: 0o750 });
    const socketPath = path.join(run, 'agent.sock');
    const server = createServer().listen(socketPath);
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const own = { platform: 'linux', socketPath, ownUid: process.getuid?.() ?? null } as const;
      assert.equal((await inspectSocket(own)).kind, 'trusted');
      assert.equal(lstatSync(socketPath).isSocket(), true);
      symlinkSync(run, path.join(folder, 'link'));
      assert.equal(
        (await inspectSocket({ ...own, socketPath: path.join(folder, 'link', 'agent.sock') })).kind,
        'untrusted',
      );
      chmodSync(run, 0o777);
      assert.equal((await inspectSocket(own)).kind, 'untrusted');
    } finally {
      server.close();
      rmSync(folder, { recursive: true });
    }
  });

  test('the environment: an absolute path, and one’s own user only when asked for', () => {
    assert.deepEqual(readPlace({}, 'darwin', 501), {
      platform: 'darwin',
      socketPath: '/var/run/gatehouse/agent.sock',
      ownUid: null,
    });
    assert.equal(readPlace({ GATEHOUSE_TRAY_TRUST_OWN: '1' }, 'linux', 1000).ownUid, 1000);
    assert.equal(readPlace({ GATEHOUSE_TRAY_TRUST_OWN: 'yes' }, 'linux', 1000).ownUid, null);
    assert.throws(() => readPlace({ GATEHOUSE_AGENT_SOCKET: 'agent.sock' }, 'linux', 0), /GATEHOUSE_AGENT_SOCKET/);
  });
});
