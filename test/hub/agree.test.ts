import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { Firewall } from '../../agent/firewall/index.ts';
import { compile } from '../../appliance/overlay/compile.ts';
import { evaluate, evaluateExternal } from '../../appliance/overlay/policy/evaluate.ts';
import { policedNetworks } from '../../appliance/overlay/policy/testing.ts';
import type { NetworkSnapshot } from '../../appliance/overlay/snapshot.ts';
import { requires } from '../requires.ts';
import { type Bed, makeBed, until, WG } from './bed.ts';

const OUTSIDE = ['192.168.1.5', '192.168.1.200', '192.168.7.7', '172.16.5.9', '172.16.9.9', '10.9.1.1', '198.51.100.7'];
const PORT = 5000;
const needs = requires('root', 'ip', 'nft');

describe('the evaluator and the hub’s kernel', needs, () => {
  let bed: Bed;
  let firewall: Firewall;
  before(async () => {
    bed = makeBed(5, OUTSIDE);
    firewall = new Firewall({ name: WG, commands: bed.commands, log: () => undefined });
    for (const [n, probe] of [[1, bed.hub] as const, ...bed.peers]) await probe.listen([bed.v4(n)], PORT);
    await bed.lan.listen(OUTSIDE, PORT);
  });
  after(async () => {
    await firewall?.remove();
    await bed?.remove();
  });

  let round = 0;
  /** Everybody sends to everybody and to the outside; what arrives, as `from → to`. */
  async function arrivals(expected: Set<string>): Promise<Set<string>> {
    const text = `round ${round++}`;
    const everybody = [[1, bed.hub] as const, ...bed.peers];
    const listeners = [...everybody.map(([, probe]) => probe), bed.lan];
    const found = async (wanted: string): Promise<Set<string>> => {
      const heard = (await Promise.all(listeners.map((probe) => probe.heard()))).flat();
      const those = heard.filter((one) => one.text.startsWith(`${wanted} `));
      return new Set(those.map((one) => `${one.text.split(' ').at(-1)} → ${one.at}`));
    };
    const sendAll = async (what: string): Promise<string[]> => {
      const all = everybody.map(async ([n, probe]) => {
        const inside = everybody.filter(([other]) => other !== n).map(([other]) => bed.v4(other));
        // What the hub itself sends to the LAN isn't the overlay's.
        const to = n === 1 ? inside : [...inside, ...OUTSIDE];
        await probe.send(bed.v4(n), to, PORT, `${what} ${bed.v4(n)}`);
        return to.map((address) => `${bed.v4(n)} → ${address}`);
      });
      return (await Promise.all(all)).flat();
    };
    await sendAll(text);
    await until(async () => (await found(text)).isSupersetOf(expected));
    // Packets of one path keep their order: once these have come through an open hub, no others are on their way.
    await firewall.remove();
    const open = await sendAll(`after ${text}`);
    await until(async () => (await found(`after ${text}`)).size === open.length);
    return found(text);
  }

  function allowed(network: NetworkSnapshot): Set<string> {
    const peers = [...network.peers.values()];
    const found = new Set<string>();
    for (const from of peers) {
      for (const to of peers)
        if (from !== to && evaluate(network, from, to).allowed) found.add(`${from.addresses[0]} → ${to.addresses[0]}`);
      if (from.isHub) continue;
      for (const address of OUTSIDE)
        if (evaluateExternal(network, from, address).allowed) found.add(`${from.addresses[0]} → ${address}`);
    }
    return found;
  }

  test('agree on every pair, and on addresses outside', async () => {
    const [first] = fc.sample(policedNetworks, 1) as [NetworkSnapshot];
    let last = compile(first, first.hubs[0]!);
    await fc.assert(
      fc.asyncProperty(policedNetworks, async (network) => {
        const state = compile(network, network.hubs[0]!);
        // By way of another network's rules, so that the difference is tried and not only the whole.
        await firewall.apply(last);
        await firewall.apply(state);
        last = state;
        const expected = allowed(network);
        assert.deepEqual([...(await arrivals(expected))].sort(), [...expected].sort());
      }),
      { numRuns: 15, endOnFailure: true },
    );
  });
});
