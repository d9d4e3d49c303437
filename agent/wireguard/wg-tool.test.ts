import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { requires } from '../../test/requires.ts';
import { type Commands, systemCommands } from '../os/run.ts';
import type { DeviceConfig, WgBackend } from './backend.ts';
import { DeviceKeeper } from './keeper.ts';
import { uapiBackend, uapiPath } from './uapi.ts';
import { parseDump, planSet, renderConfig, wgToolBackend } from './wg-tool.ts';

const key = (n: number): string => Buffer.alloc(32, n).toString('base64');

test('the dump of wg(8)', () => {
  const text = `${key(1)}\t${key(2)}\t51820\t0xca6c\n${key(3)}\t(none)\t(none)\t(none)\t0\t0\t0\toff\n${key(4)}\t${key(5)}\t[2001:db8::1]:7\t10.0.0.0/8,::/0\t1700000000\t1\t2\t25\n`;
  assert.deepEqual(parseDump(text), {
    privateKey: key(1),
    listenPort: 51820,
    fwmark: 0xca6c,
    peers: [
      { publicKey: key(3), allowedIps: [], lastHandshake: 0, rx: 0, tx: 0, keepalive: 0 },
      {
        publicKey: key(4),
        presharedKey: key(5),
        endpoint: '[2001:db8::1]:7',
        allowedIps: ['10.0.0.0/8', '::/0'],
        lastHandshake: 1700000000,
        rx: 1,
        tx: 2,
        keepalive: 25,
      },
    ],
  });
  assert.deepEqual(parseDump('(none)\t(none)\t0\toff\n'), { listenPort: 0, fwmark: 0, peers: [] });
  for (const bad of ['', 'x', `${key(1)}\t${key(2)}\t1\toff\nshort\n`])
    assert.throws(() => parseDump(bad), { code: 'apply-failed' });
});

test('secrets go by files of mode 0600 in a folder of mode 0700, never as arguments', async () => {
  const calls: string[][] = [];
  const contents: string[] = [];
  const commands: Commands = {
    find: () => '/usr/bin/wg',
    launch: async () => 0,
    run: async (program, args) => {
      calls.push([program, ...args]);
      for (const file of args.filter((arg) => path.isAbsolute(arg))) {
        assert.equal(statSync(file).mode & 0o777, 0o600);
        assert.equal(statSync(path.dirname(file)).mode & 0o777, 0o700);
        contents.push(readFileSync(file, 'utf8'));
      }
      return '';
    },
  };
  await wgToolBackend('gh0', commands).set({
    privateKey: key(1),
    peers: [
      { publicKey: key(2), presharedKey: key(3), replaceAllowedIps: true, allowedIps: [] },
      { publicKey: key(4), presharedKey: null },
    ],
  });
  assert.deepEqual(contents, [`${key(1)}\n`, `${key(3)}\n`, '']);
  const words = calls[0]!.map((word) => (path.isAbsolute(word) ? 'FILE' : word));
  assert.deepEqual(words, [
    'wg',
    'set',
    'gh0',
    'private-key',
    'FILE',
    'peer',
    key(2),
    'preshared-key',
    'FILE',
    'allowed-ips',
    '',
    'peer',
    key(4),
    'preshared-key',
    'FILE',
  ]);
});

test('many peers go in several calls, and a peer with many blocks by a file', () => {
  const blocks = Array.from({ length: 1001 }, (_, n) => `10.0.${n >> 8}.${n & 255}/32`);
  const peers = Array.from({ length: 2000 }, (_, n) => ({
    publicKey: Buffer.from(String(n).padStart(32)).toString('base64'),
    keepalive: 1,
  }));
  const steps = planSet(
    { peers: [...peers, { publicKey: key(1), replaceAllowedIps: true, allowedIps: blocks }] },
    () => [],
  );
  assert.ok(steps.length > 2 && steps.length < 10);
  const last = steps.at(-1)!;
  assert.ok('addconf' in last && last.addconf.includes('10.0.3.232/32'));
  assert.deepEqual(
    planSet({ peers: [{ publicKey: key(1), allowedIps: ['10.2.0.0/16'] }] }, () => ['10.1.0.0/16']),
    [{ set: ['peer', key(1), 'allowed-ips', '10.1.0.0/16,10.2.0.0/16'] }],
  );
});

test('no value carries a line into the configuration', () => {
  const config: DeviceConfig = {
    privateKey: key(1),
    fwmark: 0,
    peers: [{ publicKey: key(2), allowedIps: ['::/0\n[Peer]'], keepalive: 0 }],
  };
  assert.throws(() => renderConfig(config), { code: 'apply-failed' });
});

test('a device that is gone, or out of reach, is an error that says so', async () => {
  const failing = (message: string): Commands => ({
    find: () => 'wg',
    launch: async () => 0,
    run: () => Promise.reject(new Error(message)),
  });
  await assert.rejects(wgToolBackend('gh0', failing('wg failed: Unable to access interface: No such device')).read(), {
    code: 'apply-failed',
  });
  await assert.rejects(wgToolBackend('gh0', failing('wg failed: Operation not permitted')).read(), {
    code: 'no-privileges',
  });
});

const name = `gAw${process.pid.toString(36)}`;
const ns = `ghA-wg-${process.pid.toString(36)}`;
const needs = requires('root', 'wireguard-go', 'wg', 'ip');

before(() => {
  if (needs.skip) return;
  execFileSync('ip', ['netns', 'add', ns]);
  execFileSync('ip', ['netns', 'exec', ns, 'wireguard-go', name], { stdio: 'ignore' });
});
after(() => {
  if (needs.skip) return;
  execFileSync('ip', ['netns', 'exec', ns, 'ip', 'link', 'delete', name]);
  execFileSync('ip', ['netns', 'delete', ns]);
});

// `wg` speaks to wireguard-go by the UAPI socket, so each driver checks what the other did.
for (const driver of ['uapi', 'wg'] as const)
  test(`a real device, set by ${driver} and read by the other`, needs, async () => {
    const uapi = uapiBackend(name, uapiPath(name, 'linux'));
    const tool = wgToolBackend(name, systemCommands('linux'));
    const [writer, reader]: WgBackend[] = driver === 'uapi' ? [uapi, tool] : [tool, uapi];
    await uapi.set({ peers: (await uapi.read()).peers.map(({ publicKey }) => ({ publicKey, remove: true })) });
    const keeper = new DeviceKeeper(writer!);
    const holds = async (config: DeviceConfig): Promise<void> => {
      const stat = await reader!.read();
      assert.deepEqual(
        [stat.privateKey, stat.listenPort, stat.fwmark ?? 0],
        [config.privateKey, config.listenPort, config.fwmark],
      );
      const found = stat.peers.map(({ lastHandshake, rx, tx, allowedIps, ...peer }) => ({
        ...peer,
        allowedIps: allowedIps.sort(),
      }));
      const byKey = (a: { publicKey: string }, b: { publicKey: string }): number =>
        a.publicKey < b.publicKey ? -1 : 1;
      assert.deepEqual(
        found.sort(byKey),
        config.peers.map((peer) => ({ ...peer, allowedIps: [...peer.allowedIps].sort() })).sort(byKey),
      );
    };
    const [a, b, c] = [11, 12, 13].map(key) as [string, string, string];
    const first: DeviceConfig = {
      privateKey: Buffer.from(key(1), 'base64').fill(0x40, 31).fill(8, 0, 1).toString('base64'),
      listenPort: 41999,
      fwmark: 0x47480001,
      peers: [
        {
          publicKey: a,
          presharedKey: key(21),
          endpoint: '192.0.2.1:7',
          allowedIps: ['10.1.0.0/16', '10.2.0.0/16'],
          keepalive: 25,
        },
        { publicKey: b, allowedIps: ['10.3.0.0/16', 'fd00::/64'], keepalive: 0 },
      ],
    };
    await keeper.apply(first);
    await holds(first);
    // A block moves, a preshared key goes, one peer is replaced by another with its address, the mark is cleared.
    const second: DeviceConfig = {
      ...first,
      fwmark: 0,
      peers: [
        { publicKey: a, endpoint: '[2001:db8::1]:7', allowedIps: ['10.1.0.0/16'], keepalive: 0 },
        { publicKey: c, allowedIps: ['10.3.0.0/16', '10.2.0.0/16', 'fd00::/64'], keepalive: 5 },
      ],
    };
    assert.equal(await keeper.apply(second), 3);
    await holds(second);
    const grown = {
      ...second,
      peers: second.peers.map((peer) =>
        peer.publicKey === c ? { ...peer, allowedIps: [...peer.allowedIps, '10.7.0.0/16'] } : peer,
      ),
    };
    assert.equal(await keeper.apply(grown), 1);
    await holds(grown);
    await uapi.set({
      fwmark: 9,
      peers: [
        { publicKey: a, presharedKey: key(50), keepalive: 9 },
        { publicKey: key(77) },
        { publicKey: c, remove: true },
      ],
    });
    assert.deepEqual(await keeper.repair(grown), ['the firewall mark', '3 WireGuard peer(s)']);
    await holds(grown);
    assert.deepEqual(await keeper.repair(grown), []);
  });
