import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeviceStat } from '../os/platform.ts';
import type { DeviceChange, DeviceConfig, WgBackend } from './backend.ts';
import { DeviceKeeper } from './keeper.ts';

const key = (n: number): string => Buffer.alloc(32, n).toString('base64');
const NOW = 1_800_000_000;

/** A backend that answers `stat` and records what it is told. */
function recorder(stat: DeviceStat): WgBackend & { reads: number; sets: DeviceChange[]; fail: boolean } {
  return {
    reads: 0,
    sets: [],
    fail: false,
    async read() {
      this.reads++;
      return stat;
    },
    async set(change) {
      if (this.fail) throw new Error('refused');
      this.sets.push(change);
    },
  };
}

const held = (lastHandshake: number): DeviceStat => ({
  privateKey: key(1),
  listenPort: 40000,
  fwmark: 0,
  peers: [
    {
      publicKey: key(2),
      endpoint: '203.0.113.7:4242',
      lastHandshake,
      rx: 1,
      tx: 1,
      keepalive: 25,
      allowedIps: ['10.0.0.0/8'],
    },
  ],
});
const want = (endpoint: string): DeviceConfig => ({
  privateKey: key(1),
  fwmark: 0,
  peers: [{ publicKey: key(2), endpoint, keepalive: 25, allowedIps: ['10.0.0.0/8'] }],
});

test('adoption leaves a living session’s endpoint alone, and replaces a dead one’s', async () => {
  const alive = recorder(held(NOW - 100));
  assert.equal(await new DeviceKeeper(alive, () => NOW).apply(want('192.0.2.1:1')), 0);
  assert.deepEqual(alive.sets, []);
  const dead = recorder(held(NOW - 1000));
  assert.equal(await new DeviceKeeper(dead, () => NOW).apply(want('192.0.2.1:1')), 1);
  assert.deepEqual(dead.sets, [{ peers: [{ publicKey: key(2), endpoint: '192.0.2.1:1' }] }]);
});

test('the device is read once; then differences are to what was applied', async () => {
  const backend = recorder(held(NOW - 100));
  const keeper = new DeviceKeeper(backend, () => NOW);
  await keeper.apply(want('192.0.2.1:1'));
  await keeper.apply(want('192.0.2.1:1'));
  assert.equal(await keeper.apply(want('192.0.2.1:2')), 1);
  assert.equal(backend.reads, 1);
  assert.deepEqual(backend.sets, [{ peers: [{ publicKey: key(2), endpoint: '192.0.2.1:2' }] }]);
});

test('after a failure the device is read again', async () => {
  const backend = recorder(held(0));
  const keeper = new DeviceKeeper(backend, () => NOW);
  backend.fail = true;
  await assert.rejects(keeper.apply(want('192.0.2.1:1')));
  backend.fail = false;
  await keeper.apply(want('192.0.2.1:1'));
  assert.equal(backend.reads, 2);
});

test('repair uses sync where the driver has it, keeps living endpoints and the port', async () => {
  const stat = held(NOW - 1);
  stat.peers[0]!.keepalive = 0;
  const synced: DeviceConfig[] = [];
  const backend: WgBackend = {
    ...recorder(stat),
    read: async () => stat,
    sync: async (config) => void synced.push(config),
  };
  assert.deepEqual(await new DeviceKeeper(backend, () => NOW).repair(want('192.0.2.1:1')), ['1 WireGuard peer(s)']);
  const { endpoint, ...peer } = want('192.0.2.1:1').peers[0]!;
  assert.equal(endpoint, '192.0.2.1:1');
  assert.deepEqual(synced, [{ ...want(''), listenPort: 40000, peers: [peer] }]);
});

const fresh: DeviceStat = { listenPort: 40000, fwmark: 0, peers: [] };
const bound = (formerPort: number, listenPort?: number): DeviceConfig => ({
  ...want('192.0.2.1:1'),
  formerPort,
  ...(listenPort !== undefined && { listenPort }),
});
const ports = (sets: DeviceChange[]) => sets.map(({ listenPort }) => listenPort);

test('a new device gets the port of the one before; one that runs keeps its own, and the state has the last word', async () => {
  const made = recorder(fresh);
  const keeper = new DeviceKeeper(made, () => NOW);
  await keeper.apply(bound(41000));
  await keeper.apply(bound(41001));
  assert.deepEqual(ports(made.sets), [41000, undefined]);
  const running = recorder(held(NOW - 100));
  await new DeviceKeeper(running, () => NOW).apply(bound(41000));
  assert.deepEqual(running.sets, []);
  const named = recorder(fresh);
  await new DeviceKeeper(named, () => NOW).apply(bound(41000, 51820));
  assert.deepEqual(ports(named.sets), [51820]);
});

test('where somebody else has the port of before, the system chooses one', async () => {
  const backend = recorder(fresh);
  const { set } = backend;
  backend.set = async (change) => {
    if (change.listenPort === 41000) throw new Error('the UDP port is in use');
    await set.call(backend, change);
  };
  await new DeviceKeeper(backend, () => NOW).apply(bound(41000));
  assert.deepEqual(ports(backend.sets), [0, undefined]);
});
