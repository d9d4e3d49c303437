import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { checkErrno, parseGet, serialiseSet, uapiBackend, uapiPath } from './uapi.ts';

const key = (n: number): string => Buffer.alloc(32, n).toString('base64');
const hex = (n: number): string => Buffer.alloc(32, n).toString('hex');
const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('a change in the words of the protocol', () => {
  const text = serialiseSet({
    privateKey: key(1),
    listenPort: 51820,
    fwmark: 7,
    peers: [
      { publicKey: key(2), remove: true },
      {
        publicKey: key(3),
        presharedKey: null,
        endpoint: '[2001:db8::1]:1',
        keepalive: 25,
        replaceAllowedIps: true,
        allowedIps: ['10.0.0.0/8', '::/0'],
      },
    ],
  });
  assert.equal(
    text,
    `set=1\nprivate_key=${hex(1)}\nlisten_port=51820\nfwmark=7\npublic_key=${hex(2)}\nremove=true\npublic_key=${hex(3)}\npreshared_key=${hex(0)}\nendpoint=[2001:db8::1]:1\npersistent_keepalive_interval=25\nreplace_allowed_ips=true\nallowed_ip=10.0.0.0/8\nallowed_ip=::/0\n\n`,
  );
});

test('no value can carry a line of its own', () => {
  const peer = { publicKey: key(2) };
  const bad = [
    { privateKey: `${key(1).slice(0, 40)}\n\n==`, peers: [] },
    { privateKey: 'short', peers: [] },
    { listenPort: 70000, peers: [] },
    { fwmark: 1.5, peers: [] },
    { peers: [{ publicKey: `${key(2)}\nremove=true` }] },
    { peers: [{ ...peer, endpoint: '192.0.2.1:1\nprivate_key=00' }] },
    { peers: [{ ...peer, endpoint: 'hub.example:1' }] },
    { peers: [{ ...peer, allowedIps: ['10.0.0.0/8\nallowed_ip=0.0.0.0/0'] }] },
    { peers: [{ ...peer, keepalive: -1 }] },
    { peers: [{ ...peer, presharedKey: 'x\n' }] },
  ];
  for (const change of bad) assert.throws(() => serialiseSet(change), { code: 'apply-failed' });
});

test('a device’s answer, with keys of later versions passed over', () => {
  const text = `private_key=${hex(1)}\nlisten_port=4\nfwmark=5\nnovelty=1\npublic_key=${hex(2)}\npreshared_key=${hex(0)}\nprotocol_version=1\nendpoint=192.0.2.1:9\nlast_handshake_time_sec=1700000000\nlast_handshake_time_nsec=5\ntx_bytes=12\nrx_bytes=13\npersistent_keepalive_interval=25\nallowed_ip=10.0.0.0/8\nallowed_ip=::/0\npublic_key=${hex(3)}\npreshared_key=${hex(4)}\n`;
  const empty = { lastHandshake: 0, rx: 0, tx: 0, keepalive: 0, allowedIps: [] };
  assert.deepEqual(parseGet(text), {
    privateKey: key(1),
    listenPort: 4,
    fwmark: 5,
    peers: [
      {
        publicKey: key(2),
        endpoint: '192.0.2.1:9',
        lastHandshake: 1700000000,
        tx: 12,
        rx: 13,
        keepalive: 25,
        allowedIps: ['10.0.0.0/8', '::/0'],
      },
      { publicKey: key(3), presharedKey: key(4), ...empty },
    ],
  });
  for (const bad of ['public_key=00\n', 'listen_port=x\n', 'rx_bytes=1\n', 'nonsense\n'])
    assert.throws(() => parseGet(bad), { code: 'apply-failed' });
});

test('errno becomes a message', () => {
  assert.equal(checkErrno('a=1\nerrno=0\n\n', 'gh0'), 'a=1\n');
  assert.throws(() => checkErrno('errno=-98\n\n', 'gh0'), { code: 'apply-failed', message: /UDP port is in use/ });
  assert.throws(() => checkErrno('errno=-22\n\n', 'gh0'), { message: /EINVAL/ });
  assert.throws(() => checkErrno('errno=-1\n\n', 'gh0'), { message: /errno 1/ });
  assert.throws(() => checkErrno('a=1\n', 'gh0'), { message: /cut off/ });
});

/** A device that answers every request with `pieces`, one after the other. */
async function device(name: string, pieces: string[]): Promise<{ file: string; close: () => void }> {
  const file = path.join(folder, `${name}.sock`);
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', async () => {
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (pieces.length === 0) socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(file, resolve));
  return { file, close: () => server.close() };
}

test('answers may come in any pieces, must end, and have a limit', async () => {
  const split = await device('split', [...'listen_port=7\nerrno=0\n\n']);
  assert.equal((await uapiBackend('split', split.file).read()).listenPort, 7);
  const huge = await device('huge', ['allowed_ip=10.0.0.0/8\n'.repeat(100)]);
  await assert.rejects(uapiBackend('huge', huge.file, 1000).read(), { message: /more than 1000 bytes/ });
  const mute = await device('mute', []);
  await assert.rejects(uapiBackend('mute', mute.file).read(), { message: /closed the connection/ });
  for (const { close } of [split, huge, mute]) close();
  await assert.rejects(uapiBackend('none', path.join(folder, 'none.sock')).read(), {
    code: 'apply-failed',
    message: /is gone/,
  });
});

test('where devices listen', () => {
  assert.equal(uapiPath('gh0', 'linux'), '/var/run/wireguard/gh0.sock');
  assert.equal(uapiPath('gh0', 'win32'), '\\\\.\\pipe\\ProtectedPrefix\\Administrators\\WireGuard\\gh0');
});
