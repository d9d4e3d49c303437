import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { type Agent, inNs, startAgent } from '../../agent/os/netns.ts';
import type { TunnelConfig } from '../../agent/os/platform.ts';
import { compile } from '../../appliance/overlay/compile.ts';
import { generateKeyPair } from '../../appliance/overlay/keys.ts';
import { OPEN_POLICY } from '../../appliance/overlay/policy/model.ts';
import { network } from '../../appliance/overlay/testing.ts';
import { requires } from '../requires.ts';
import { until } from './bed.ts';

// Real tunnels: a hub and two laptops on a bridge of their own, as the controller compiles them.
const run = process.pid.toString(36);
const NAMES = ['hub', 'anna', 'ben'] as const;
type Name = (typeof NAMES)[number];
const ns = (name: Name): string => `gft${run}-${name}`;
const device = (name: Name): string => `gt${run}${name[0]}`;
const wire = `gft${run}-wire`;
const needs = requires('root', 'nft', 'ip', 'wireguard-go', 'ping');

const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
const keys = new Map(NAMES.map((name) => [name, generateKeyPair()]));
const agents = new Map<Name, Agent>();
const started: Agent[] = [];
const start = (name: Name): Agent => {
  const agent = startAgent(ns(name), path.join(folder, name));
  agents.set(name, agent);
  started.push(agent);
  return agent;
};

/** The state of one, where Anna may or may not be reached by Ben. */
function config(name: Name, open: boolean): TunnelConfig {
  const net = network(
    NAMES.map((id, i) => ({
      id,
      isHub: i === 0,
      publicKey: keys.get(id)!.publicKey,
      ...(i === 0 && { endpoint: '192.0.2.1' }),
    })),
    {
      cidrs: ['10.77.0.0/16', 'fd77::/64'],
      pskSecret: Buffer.alloc(32, 7),
      policy: {
        ...OPEN_POLICY,
        acl: {
          enabled: true,
          blocked: new Set(),
          rules: [
            { id: 'r', source_peer: 'ben', target_peer: 'anna', action: open ? 'allow' : 'deny', description: '' },
          ],
        },
      },
    },
  );
  const state = compile(net, net.peers.get(name)!);
  // These namespaces share the computer's /etc: with DNS, the laptops would replace its resolv.conf.
  return { privateKey: keys.get(name)!.privateKey, state: { ...state, dns: { servers: [], search: [] } } };
}

before(() => {
  if (needs.skip) return;
  execFileSync('ip', ['netns', 'add', wire]);
  inNs(wire, 'ip', 'link', 'add', 'bridge0', 'type', 'bridge');
  inNs(wire, 'ip', 'link', 'set', 'bridge0', 'up');
  for (const [i, name] of NAMES.entries()) {
    execFileSync('ip', ['netns', 'add', ns(name)]);
    inNs(wire, 'ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', ns(name));
    inNs(wire, 'ip', 'link', 'set', name, 'master', 'bridge0', 'up');
    inNs(ns(name), 'ip', 'link', 'set', 'lo', 'up');
    inNs(ns(name), 'ip', 'address', 'add', `192.0.2.${i + 1}/24`, 'dev', 'eth0');
    inNs(ns(name), 'ip', 'link', 'set', 'eth0', 'up');
  }
});

after(async () => {
  for (const agent of agents.values()) await agent.call('close').catch(() => undefined);
  for (const agent of started) await agent.kill();
  for (const name of NAMES) rmSync(`/var/run/wireguard/${device(name)}.sock`, { force: true });
  rmSync(folder, { recursive: true, force: true });
  if (needs.skip) return;
  for (const space of [...NAMES.map(ns), wire]) execFileSync('ip', ['netns', 'delete', space]);
});

/** One ping; true when it is answered. */
function ping(from: Name, to: string): boolean {
  try {
    inNs(ns(from), 'ping', '-c', '1', '-W', '1', to);
    return true;
  } catch {
    return false;
  }
}
const tables = (): string => inNs(ns('hub'), 'nft', 'list', 'tables');
const [ANNA, BEN] = ['10.77.0.2', '10.77.0.3'];

test('the firewall comes with the hub’s tunnel, outlives its agent and goes with it', needs, async () => {
  for (const name of NAMES) await start(name).call('open', device(name));
  for (const name of NAMES) await agents.get(name)!.call('apply', config(name, false));
  const table = `gatehouse_${device('hub')}`;
  assert.match(tables(), new RegExp(table));

  await until(async () => ping('anna', BEN));
  assert.equal(ping('anna', 'fd77::3'), true);
  assert.equal(ping('ben', ANNA), false);
  assert.equal(ping('ben', '10.77.0.1'), true);
  await agents.get('hub')!.call('apply', config('hub', true));
  assert.equal(ping('ben', ANNA), true);
  await agents.get('hub')!.call('apply', config('hub', false));
  assert.equal(ping('ben', ANNA), false);

  // A dead agent leaves the door as it was; the next one takes it over.
  await agents.get('hub')!.kill();
  assert.equal(ping('ben', ANNA), false);
  assert.equal(ping('anna', BEN), true);
  const next = start('hub');
  await next.call('open', device('hub'));
  await next.call('apply', config('hub', true));
  assert.equal(ping('ben', ANNA), true);
  await next.call('apply', config('hub', false));

  const finding = async () => (await next.call('findings', device('hub'))).find(({ check }) => check === 'firewall');
  assert.equal((await finding())?.result, 'ok');
  inNs(ns('hub'), 'nft', 'flush', 'ruleset');
  await until(async () => next.log.some((line) => line.includes('another program changed the firewall table')));
  assert.ok(tables().includes(table));
  assert.equal(ping('ben', ANNA), false);
  inNs(ns('hub'), 'nft', 'flush', 'ruleset');
  assert.deepEqual(await next.call('repair', config('hub', false)), ['the firewall']);

  await next.call('close');
  assert.equal(tables(), '');
});

test('what a killed hub’s agent left is cleared when nobody wants the tunnel any more', needs, async () => {
  const agent = start('hub');
  await agent.call('open', device('hub'));
  await agent.call('apply', config('hub', false));
  await agent.kill();
  assert.notEqual(tables(), '');
  await start('hub').call('recover', device('hub'));
  assert.equal(tables(), '');
  assert.equal(inNs(ns('hub'), 'cat', '/proc/sys/net/ipv4/ip_forward').trim(), '0');
});
