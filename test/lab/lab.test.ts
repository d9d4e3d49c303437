// The main job end to end, on a network of real kernels' namespaces: docs/lab.md says what is proven here.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requires } from '../requires.ts';
import { CONTROLLER, type Lab } from './lab.ts';
import { HOME } from './plan.ts';
import { allowedIpsArrive, dnsArrives } from './scenarios/changes.ts';
import { carriesWithoutAgents, isOneDevice, rebuildsTunnelOf, survivesKillOf } from './scenarios/crashes.ts';
import { deletedPeerIsOut, downAndUp, newTokenCutsOff } from './scenarios/devices.ts';
import { carriesWithoutController, deadFullTunnelIsMended } from './scenarios/outages.ts';
import {
  carriesIpv6AndFullPackets,
  laptopsReachEachOther,
  sessionsAreLive,
  tokensAreSpent,
  wgAgrees,
} from './scenarios/tunnel.ts';
import { type Scenario, tell } from './story.ts';
import { takeSnapshot } from './table.ts';

/** Each builds on the one before, as an administrator's day would. */
const SCENARIOS: Scenario[] = [
  ['three agents enroll by token', (lab) => lab.enrollAll()],
  ['the laptops reach each other through the hub', laptopsReachEachOther],
  ['IPv6 crosses it, and packets of the full size', carriesIpv6AndFullPackets],
  ['wg, a foreign program, sees keys, preshared keys, handshakes and bytes', wgAgrees],
  ['a spent token is worth nothing', tokensAreSpent],
  ['the controller shows three live sessions, bob behind his router', sessionsAreLive],
  ['the table shows them all', showsTable],
  ["a hub's additional_allowed_ips arrive, and go", allowedIpsArrive],
  ["a network's DNS arrives", dnsArrives],
  ['kill -9 of the controller', (lab) => survivesKillOf(lab, CONTROLLER)],
  ["kill -9 of the hub's agent", (lab) => survivesKillOf(lab, 'hub')],
  ["kill -9 of alice's agent", (lab) => survivesKillOf(lab, 'alice')],
  ["alice's agent restarted: it keeps its port", (lab) => isOneDevice(lab, 'alice', 2)],
  ['all agents dead at a time: the tunnel carries on', carriesWithoutAgents],
  ["kill -9 of the hub's wireguard-go", (lab) => rebuildsTunnelOf(lab, 'hub')],
  ["kill -9 of bob's wireguard-go", (lab) => rebuildsTunnelOf(lab, 'bob')],
  ['ten seconds without the controller: the tunnel carries on', (lab) => carriesWithoutController(lab, 2)],
  ['a full tunnel that is dead can be mended by the controller', deadFullTunnelIsMended],
  ['down leaves nothing behind, up restores', downAndUp],
  ['a new token cuts the old device off', newTokenCutsOff],
  ['a deleted peer is out', deletedPeerIsOut],
];

async function showsTable(lab: Lab): Promise<void> {
  const snapshot = await takeSnapshot(lab);
  assert.deepEqual(
    snapshot.peers.map(({ peer, state, cause }) => [peer, state, cause]),
    ['hub', 'alice', 'bob'].map((name) => [name, 'connected', null]),
  );
  for (const row of snapshot.peers) assert.ok(row.rx > 0 && row.tx > 0 && row.handshakeAge !== null, row.peer);
  assert.equal(snapshot.sessions.length, 3);
}

test('the lab', requires('root', 'ip', 'wg', 'wireguard-go', 'ping', 'nft'), (t) => tell(t, HOME, SCENARIOS));
