import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { PeerState } from '@gatehouse/protocol';
import { Firewall } from '../../agent/firewall/index.ts';
import { PORTAL_PORT } from '../../agent/portal/index.ts';
import { requires } from '../requires.ts';
import { type Bed, makeBed, until, WG } from './bed.ts';

const [SERVER, SERVER6] = ['192.168.1.5', '2001:db8:1::5'];
const [OWN, STAFF, HELD] = [1, 10, 20];
/** Far more than an answer takes. */
const PATIENCE = 20_000;

describe('captive peers, by packets', requires('root', 'ip', 'nft'), () => {
  let bed: Bed;
  let firewall: Firewall;
  const peer = (n: number) => bed.peers.get(n)!;
  const key = (n: number): string => Buffer.alloc(32, n).toString('base64');
  const state = (members: Record<number, number>): PeerState => ({
    peer: { id: 'hub', name: 'hub', networkId: 'n', networkName: 'net', role: 'hub' },
    interface: { publicKey: key(1), addresses: [`${bed.v4(1)}/16`, `${bed.v6(1)}/64`], mtu: 1420 },
    routes: [],
    dns: { servers: [], search: [] },
    names: { domain: 'internal', label: 'hub', records: [], upstream: [] },
    firewall: {
      own: OWN,
      classes: [
        { id: OWN, allow: [], cidrs: [] },
        { id: STAFF, allow: [OWN, STAFF], cidrs: ['192.168.1.0/24', '2001:db8:1::/48'] },
        { id: HELD, allow: [], cidrs: [], captive: true },
      ],
      masquerade: [],
    },
    peers: Object.entries(members).map(([n, id]) => ({
      publicKey: key(Number(n)),
      name: `p${n}`,
      hub: false,
      allowedIps: [`${bed.v4(Number(n))}/32`, `${bed.v6(Number(n))}/128`],
      keepalive: 0,
      class: id,
    })),
  });

  before(async () => {
    bed = makeBed(4, [SERVER, SERVER6]);
    firewall = new Firewall({ name: WG, commands: bed.commands, log: () => undefined });
    // Echoes stand in for the portal: whatever answers on a connection to port 80 is there, as the LAN has nothing.
    for (const own of [bed.v4(1), bed.v6(1)]) await bed.hub.echo(own, PORTAL_PORT);
    await bed.hub.listen([bed.v4(1)], 53);
    await bed.hub.listen([bed.v4(1)], PORTAL_PORT);
    await bed.lan.listen([SERVER], 80);
    await peer(3).listen([bed.v4(3)], 80);
    await firewall.apply(state({ 2: STAFF, 3: STAFF, 4: STAFF, 5: STAFF }));
    // By way of elements, as it comes when somebody's day is over.
    await firewall.apply(state({ 2: HELD, 3: STAFF, 4: HELD, 5: STAFF }));
  });
  after(async () => {
    await firewall?.remove();
    await bed?.remove();
  });

  test('their port 80 is answered by the hub, whatever address they asked for', async () => {
    for (const [n, from, to] of [
      [2, bed.v4(2), SERVER],
      [4, bed.v6(4), SERVER6],
    ] as const) {
      await peer(n).open(from, to, 80, PATIENCE);
      await peer(n).write('where am I');
      await until(async () => (await peer(n).read()) === 'where am I');
    }
  });

  test('who is not held up goes where it was going, and not to the portal', async () => {
    await bed.lan.echo(SERVER, 80);
    await peer(5).open(bed.v4(5), SERVER, 80, PATIENCE);
    await peer(5).write('the server');
    await until(async () => (await peer(5).read()) === 'the server');
  });

  test('they may ask the hub for names; nothing else gets through until they are let in', async () => {
    const from = bed.v4(2);
    const say = async (text: string): Promise<void> => {
      await peer(2).send(from, [SERVER, bed.v4(3)], 80, text);
      await peer(2).send(from, [bed.v4(1)], PORTAL_PORT, text);
      await peer(2).send(from, [bed.v4(1)], 53, text);
    };
    const heard = async (text: string): Promise<string[]> => {
      const all = await Promise.all([bed.hub, bed.lan, peer(3)].map((probe) => probe.heard()));
      return all
        .flat()
        .filter((one) => one.text === text)
        .map(({ at }) => at)
        .sort();
    };
    await say('held');
    await until(async () => (await heard('held')).length > 0);
    await firewall.apply(state({ 2: STAFF, 3: STAFF, 4: HELD, 5: STAFF }));
    await say('free');
    await until(async () => (await heard('free')).length === 4);
    // Packets of one path keep their order: what was to come has come.
    assert.deepEqual(await heard('held'), [bed.v4(1)]);
    // The connection that was turned to the portal is dead: what it sends from now on doesn't arrive.
    await peer(2).write('again');
    await peer(4).write(' and again');
    await until(async () => (await peer(4).read()).endsWith(' and again'));
    assert.equal(await peer(2).read(), 'where am I');
  });
});
