import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DeviceChange, DeviceConfig, PeerConfig } from './backend.ts';
import { canonicalNetwork } from './cidr.ts';
import { type DeviceHeld, diffDevice } from './diff.ts';

const key = (n: number): string => Buffer.alloc(32, n).toString('base64');

/** WireGuard as its documentation has it: one owner a block, the last one that claims it. */
class Model {
  privateKey: string | undefined;
  listenPort: number | undefined;
  fwmark = 0;
  peers = new Map<string, { presharedKey?: string; endpoint?: string; keepalive: number; allowed: Set<string> }>();

  constructor(held?: DeviceHeld) {
    if (held)
      this.apply({
        ...(held.privateKey !== undefined && { privateKey: held.privateKey }),
        ...(held.listenPort !== undefined && { listenPort: held.listenPort }),
        fwmark: held.fwmark ?? 0,
        peers: held.peers.map((peer) => ({ ...peer, replaceAllowedIps: true })),
      });
  }

  apply(change: DeviceChange | undefined): this {
    if (change?.privateKey !== undefined) this.privateKey = change.privateKey;
    if (change?.listenPort !== undefined) this.listenPort = change.listenPort;
    if (change?.fwmark !== undefined) this.fwmark = change.fwmark;
    for (const next of change?.peers ?? []) {
      if (next.remove) {
        this.peers.delete(next.publicKey);
        continue;
      }
      const peer = this.peers.get(next.publicKey) ?? { keepalive: 0, allowed: new Set<string>() };
      this.peers.set(next.publicKey, peer);
      if (next.presharedKey === null) delete peer.presharedKey;
      else if (next.presharedKey !== undefined) peer.presharedKey = next.presharedKey;
      if (next.endpoint !== undefined) peer.endpoint = next.endpoint;
      if (next.keepalive !== undefined) peer.keepalive = next.keepalive;
      if (next.replaceAllowedIps) peer.allowed.clear();
      for (const block of (next.allowedIps ?? []).map(canonicalNetwork)) {
        for (const other of this.peers.values()) other.allowed.delete(block);
        peer.allowed.add(block);
      }
    }
    return this;
  }

  /** Without endpoints that the wanted state leaves open. */
  view(want: DeviceConfig): unknown {
    const open = new Set(want.peers.filter((peer) => peer.endpoint === undefined).map((peer) => peer.publicKey));
    return {
      privateKey: this.privateKey,
      listenPort: want.listenPort === undefined ? undefined : this.listenPort,
      fwmark: this.fwmark,
      peers: [...this.peers]
        .map(([publicKey, { allowed, endpoint, ...peer }]) => ({
          publicKey,
          ...peer,
          endpoint: open.has(publicKey) ? undefined : endpoint,
          allowed: [...allowed].sort(),
        }))
        .sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1)),
    };
  }
}

const block = fc.constantFrom(
  '10.0.0.0/8',
  '10.1.0.0/16',
  '10.1.2.3/32',
  '10.1.2.3/16',
  '0.0.0.0/0',
  'fd00::/64',
  'FD00:0::1/128',
  '::/0',
);
const peer = fc.record(
  {
    publicKey: fc.integer({ min: 1, max: 6 }).map(key),
    presharedKey: fc.constantFrom(key(101), key(102)),
    endpoint: fc.constantFrom('192.0.2.1:1', '192.0.2.1:2', '[2001:db8::1]:1'),
    allowedIps: fc.array(block, { maxLength: 4 }),
    keepalive: fc.constantFrom(0, 25),
  },
  { requiredKeys: ['publicKey', 'allowedIps', 'keepalive'] },
);
const device: fc.Arbitrary<DeviceConfig> = fc.record(
  {
    privateKey: fc.constantFrom(key(201), key(202)),
    listenPort: fc.constantFrom(51820, 51821),
    fwmark: fc.constantFrom(0, 7),
    peers: fc.uniqueArray(peer, { selector: (item) => item.publicKey, maxLength: 6 }) as fc.Arbitrary<PeerConfig[]>,
  },
  { requiredKeys: ['privateKey', 'fwmark', 'peers'] },
) as fc.Arbitrary<DeviceConfig>;

test('apply(diff(a, b)) is b, and no peer is touched twice', () => {
  fc.assert(
    fc.property(device, device, (a, b) => {
      const change = diffDevice(a, b);
      assert.deepEqual(new Model(a).apply(change).view(b), new Model(b).view(b));
      const touched = (change?.peers ?? []).map(({ publicKey }) => publicKey);
      assert.equal(new Set(touched).size, touched.length);
    }),
    { numRuns: 2000 },
  );
});

test('diff(a, a) is nothing', () => {
  fc.assert(fc.property(device, (a) => assert.equal(diffDevice(a, structuredClone(a)), undefined)));
});

const plain = (n: number): PeerConfig => ({
  publicKey: Buffer.from(String(n).padStart(32, '0')).toString('base64'),
  allowedIps: [`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}/32`],
  keepalive: 0,
});
const config = (peers: PeerConfig[]): DeviceConfig => ({ privateKey: key(9), fwmark: 0, peers });

test('one changed peer of 10,000 is the one that is touched', () => {
  const peers = Array.from({ length: 10_000 }, (_, n) => plain(n));
  const changed = peers.with(5000, { ...peers[5000]!, keepalive: 25 });
  assert.deepEqual(diffDevice(config(peers), config(changed)), {
    peers: [{ publicKey: peers[5000]!.publicKey, keepalive: 25 }],
  });
});

test('a block that moves is taken from its old peer first', () => {
  const [a, b] = [plain(1), plain(2)];
  const before = config([a, { ...b, allowedIps: [...b.allowedIps, '10.9.0.0/16'] }]);
  const after = config([{ ...a, allowedIps: [...a.allowedIps, '10.9.0.0/16'] }, b]);
  assert.deepEqual(diffDevice(before, after)!.peers, [
    { publicKey: b.publicKey, replaceAllowedIps: true, allowedIps: b.allowedIps },
    { publicKey: a.publicKey, allowedIps: ['10.9.0.0/16'] },
  ]);
});

test('a new public key for the same address: the old peer goes first', () => {
  const [old, fresh] = [plain(1), { ...plain(2), allowedIps: plain(1).allowedIps }];
  const { peers } = diffDevice(config([old]), config([fresh]))!;
  assert.deepEqual(peers[0], { publicKey: old.publicKey, remove: true });
  assert.equal(peers[1]!.publicKey, fresh.publicKey);
});

test('a preshared key that goes is taken away', () => {
  const { presharedKey, ...without } = { ...plain(1), presharedKey: key(5) };
  assert.deepEqual(diffDevice(config([{ ...without, presharedKey }]), config([without]))!.peers, [
    { publicKey: without.publicKey, presharedKey: null },
  ]);
});

test('an endpoint is set again only when the wanted one changes, or the found one is dead', () => {
  const want = (endpoint: string): DeviceConfig => config([{ ...plain(1), endpoint }]);
  const roamed = { ...config([{ ...plain(1), endpoint: '203.0.113.7:4242' }]) };
  assert.equal(diffDevice(want('192.0.2.1:1'), want('192.0.2.1:1')), undefined);
  assert.equal(diffDevice(want('192.0.2.1:1'), want('192.0.2.1:2'))!.peers[0]!.endpoint, '192.0.2.1:2');
  assert.equal(
    diffDevice(roamed, want('192.0.2.1:1'), () => true),
    undefined,
  );
  assert.equal(diffDevice(roamed, want('192.0.2.1:1'))!.peers[0]!.endpoint, '192.0.2.1:1');
  assert.equal(diffDevice(want('[2001:DB8:0::1]:1'), want('[2001:db8::1]:1')), undefined);
});
