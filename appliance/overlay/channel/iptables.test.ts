import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { contains, hostCidr, parseCidr } from '../addresses.ts';
import { evaluate, evaluateExternal, isBlocked } from '../policy/evaluate.ts';
import { policedNetworks } from '../policy/testing.ts';
import { network } from '../testing.ts';
import { iptablesRules } from './iptables.ts';

/** The verdict of the first rule that matches, as iptables would find it. */
function verdict(rules: string[], source: string, destination: string): string | undefined {
  const holds = (cidr: string | undefined, address: string): boolean =>
    cidr === undefined ||
    contains(parseCidr(cidr.includes('/') ? cidr : hostCidr(cidr))!, parseCidr(hostCidr(address))!);
  for (const rule of rules) {
    const [, s, d, target] = /^iptables -A FORWARD(?: -s (\S+))?(?: -d (\S+))? -j (\w+)$/.exec(rule) ?? [];
    if (target && holds(s, source) && holds(d, destination)) return target;
  }
  return undefined;
}

test('for every network: the rules let through what the evaluator allows, and nothing else', () => {
  fc.assert(
    fc.property(policedNetworks, (net) => {
      const rules = iptablesRules(net);
      for (const from of net.peers.values()) {
        // What a hub sends itself isn't forwarded.
        if (from.isHub) continue;
        const [source] = from.addresses as [string];
        for (const to of net.peers.values()) {
          if (to === from) continue;
          const expected = evaluate(net, from, to).allowed ? 'ACCEPT' : 'DROP';
          assert.equal(verdict(rules, source, to.addresses[0]!), expected, `${from.id} → ${to.id}`);
        }
        for (const address of ['192.168.1.1', '192.168.1.200', '192.168.9.9', '172.16.5.5', '10.9.1.1', '8.8.8.8']) {
          const expected = evaluateExternal(net, from, address).allowed ? 'ACCEPT' : 'DROP';
          assert.equal(verdict(rules, source, address), expected, `${from.id} → ${address}`);
        }
        if (isBlocked(net, from)) assert.ok(!rules.some((rule) => rule.includes(`-s ${source} `)));
      }
    }),
  );
});

test('an open network: one rule a laptop and family', () => {
  const net = network([{ id: 'hub', isHub: true }, { id: 'a' }], { cidrs: ['10.77.0.0/16', 'fd77::/64'] });
  assert.deepEqual(iptablesRules(net), [
    'iptables -A FORWARD -s 10.77.0.2 -d 10.77.0.0/16 -j ACCEPT',
    'ip6tables -A FORWARD -s fd77::2 -d fd77::/64 -j ACCEPT',
    'iptables -A FORWARD -j DROP',
    'ip6tables -A FORWARD -j DROP',
  ]);
});
