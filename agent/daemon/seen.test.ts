import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PeerState } from '@gatehouse/protocol';
import { Seen } from './seen.ts';

const stat = (publicKey: string, endpoint?: string) => ({
  publicKey,
  lastHandshake: 1,
  rx: 1,
  tx: 1,
  keepalive: 25,
  allowedIps: [],
  ...(endpoint !== undefined && { endpoint }),
});
const state = (peers: { publicKey: string; endpoint?: string }[]) => ({ interface: {}, peers }) as unknown as PeerState;

test('a new device is told where peers were last seen; a configured endpoint stays', () => {
  const seen = new Seen();
  seen.learn({ peers: [stat('a', '198.51.100.7:1'), stat('b', '198.51.100.8:2'), stat('c')] });
  seen.learn({ peers: [stat('a', '198.51.100.7:9')] });
  const filled = seen.fill(state([{ publicKey: 'a' }, { publicKey: 'b', endpoint: 'hub:51820' }, { publicKey: 'c' }]));
  assert.deepEqual(
    filled.peers.map(({ endpoint }) => endpoint),
    ['198.51.100.7:9', 'hub:51820', undefined],
  );
});

test('what is no longer a peer is forgotten', () => {
  const seen = new Seen();
  seen.learn({ peers: [stat('a', '198.51.100.7:1')] });
  seen.fill(state([]));
  assert.equal(seen.fill(state([{ publicKey: 'a' }])).peers[0]?.endpoint, undefined);
});

test('the port of the device before is known, and when it changes', () => {
  const seen = new Seen();
  assert.equal(seen.learn({ peers: [] }), false);
  // On a link that is down.
  assert.equal(seen.learn({ peers: [], listenPort: 0 }), false);
  assert.equal(seen.port, undefined);
  assert.equal(seen.learn({ peers: [], listenPort: 40001 }), true);
  assert.equal(seen.learn({ peers: [], listenPort: 40001 }), false);
  assert.equal(seen.port, 40001);
});
