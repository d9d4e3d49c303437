import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PeerState, WgPeer } from '@gatehouse/protocol';
import { requires } from '../../test/requires.ts';
import { type Agent, inNs, startAgent } from './netns.ts';
import type { TunnelConfig } from './platform.ts';

const needs = requires('root', 'wireguard-go', 'wg', 'ip', 'ping');

/** Names are unique to this run: the UAPI sockets of all namespaces share one folder. */
const run = process.pid.toString(36);
const HUB = {
  ns: `ghA-hub-${run}`,
  name: `gA${run}h`,
  address: '10.77.0.1/24',
  address6: 'fd77::1/64',
  outer: '192.0.2.1',
};
const SPOKE = {
  ns: `ghA-spk-${run}`,
  name: `gA${run}s`,
  address: '10.77.0.2/32',
  address6: 'fd77::2/128',
  outer: '192.0.2.2',
};
const sites = [HUB, SPOKE];
const DHCP = 'search lan.example\nnameserver 198.51.100.53\n';

function keyPair(): { privateKey: string; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const raw = (key: string): string => Buffer.from(key, 'base64url').toString('base64');
  return {
    privateKey: raw(privateKey.export({ format: 'jwk' }).d!),
    publicKey: raw(publicKey.export({ format: 'jwk' }).x!),
  };
}
const keys = { hub: keyPair(), spoke: keyPair() };
const psk = Buffer.alloc(32, 7).toString('base64');

function config(role: 'hub' | 'spoke', change: Partial<PeerState> = {}): TunnelConfig {
  const site = role === 'hub' ? HUB : SPOKE;
  const peer: WgPeer =
    role === 'hub'
      ? {
          publicKey: keys.spoke.publicKey,
          name: 'laptop',
          hub: false,
          presharedKey: psk,
          allowedIps: ['10.77.0.2/32', 'fd77::2/128'],
          keepalive: 0,
        }
      : {
          publicKey: keys.hub.publicKey,
          name: 'hub',
          hub: true,
          presharedKey: psk,
          endpoint: `${HUB.outer}:51877`,
          allowedIps: ['10.77.0.0/24', 'fd77::/64'],
          keepalive: 25,
        };
  const state: PeerState = {
    peer: { id: role, name: role, networkId: 'n', networkName: 'net', role },
    interface: {
      publicKey: keys[role].publicKey,
      addresses: [site.address, site.address6],
      ...(role === 'hub' && { listenPort: 51877 }),
      mtu: 1420,
    },
    routes: role === 'hub' ? [] : ['10.77.0.0/24', 'fd77::/64'],
    dns: { servers: [], search: [] },
    peers: [peer],
  };
  return { privateKey: keys[role].privateKey, state: { ...state, ...change } };
}

const agents: Agent[] = [];
const folders: string[] = [];
function stateDir(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
  folders.push(folder);
  return folder;
}
function agent(site: { ns: string }, folder = stateDir()): Agent {
  const started = startAgent(site.ns, folder);
  agents.push(started);
  return started;
}

/** The process of wireguard-go that serves an interface. */
function wireguardGo(name: string): number | undefined {
  const found = readdirSync('/proc').find((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const [program, argument] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      return program?.endsWith('wireguard-go') && argument === name;
    } catch {
      return false;
    }
  });
  return found === undefined ? undefined : Number(found);
}

const resolvConf = (site: { ns: string }): string => readFileSync(`/etc/netns/${site.ns}/resolv.conf`, 'utf8');
const setSysctl = (ns: string, key: string, value: number): string =>
  inNs(ns, 'sh', '-c', `echo ${value} > /proc/sys/${key}`);
const sysctl = (site: { ns: string }, key: string): string => inNs(site.ns, 'cat', `/proc/sys/${key}`).trim();

before(() => {
  if (needs.skip) return;
  for (const { ns } of sites) {
    mkdirSync(`/etc/netns/${ns}`, { recursive: true });
    writeFileSync(`/etc/netns/${ns}/resolv.conf`, DHCP);
    execFileSync('ip', ['netns', 'add', ns]);
    inNs(ns, 'ip', 'link', 'set', 'lo', 'up');
  }
  const [a, b] = [`gAv${run}a`, `gAv${run}b`];
  execFileSync('ip', ['link', 'add', a, 'netns', HUB.ns, 'type', 'veth', 'peer', 'name', b, 'netns', SPOKE.ns]);
  inNs(HUB.ns, 'ip', 'address', 'add', `${HUB.outer}/24`, 'dev', a);
  inNs(SPOKE.ns, 'ip', 'address', 'add', `${SPOKE.outer}/24`, 'dev', b);
  inNs(HUB.ns, 'ip', 'link', 'set', a, 'up');
  inNs(SPOKE.ns, 'ip', 'link', 'set', b, 'up');
});

afterEach(async () => {
  for (const started of agents.splice(0)) await started.kill();
  if (needs.skip) return;
  for (const { ns, name } of sites) {
    try {
      inNs(ns, 'ip', 'link', 'delete', name);
    } catch {
      // Closed already.
    }
    for (const family of ['-4', '-6'])
      for (const { priority } of JSON.parse(inNs(ns, 'ip', '-j', family, 'rule', 'show')) as { priority: number }[])
        if (priority > 0 && priority < 32000) inNs(ns, 'ip', family, 'rule', 'del', 'priority', String(priority));
    writeFileSync(`/etc/netns/${ns}/resolv.conf`, DHCP);
    for (const key of ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding']) setSysctl(ns, key, 0);
    for (let look = 0; look < 100 && wireguardGo(name) !== undefined; look++) await sleep(20);
  }
});

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  if (needs.skip) return;
  for (const { ns, name } of sites) {
    execFileSync('ip', ['netns', 'delete', ns]);
    rmSync(`/etc/netns/${ns}`, { recursive: true, force: true });
    rmSync(`/var/run/wireguard/${name}.sock`, { force: true });
  }
});

async function pair(): Promise<{ hub: Agent; spoke: Agent; hubState: string; spokeState: string }> {
  const [hubState, spokeState] = [stateDir(), stateDir()];
  const [hub, spoke] = [agent(HUB, hubState), agent(SPOKE, spokeState)];
  await Promise.all([hub.call('open', HUB.name), spoke.call('open', SPOKE.name)]);
  await hub.call('apply', config('hub'));
  await spoke.call('apply', config('spoke'));
  return { hub, spoke, hubState, spokeState };
}

test('two devices shake hands and carry pings over IPv4 and IPv6, as wg sees it', needs, async () => {
  const { hub, spoke } = await pair();
  inNs(SPOKE.ns, 'ping', '-c', '2', '-i', '0.2', '-W', '5', '10.77.0.1');
  inNs(SPOKE.ns, 'ping', '-6', '-c', '2', '-i', '0.2', '-W', '5', 'fd77::1');
  const stat = await spoke.call('read');
  assert.equal(stat.peers.length, 1);
  assert.ok(stat.peers[0]!.lastHandshake > 0);
  assert.ok(stat.peers[0]!.rx > 0);
  assert.equal(stat.peers[0]!.presharedKey, psk);
  const dump = inNs(HUB.ns, 'wg', 'show', HUB.name, 'dump').split('\n');
  assert.deepEqual(dump[0]!.split('\t').slice(0, 3), [keys.hub.privateKey, keys.hub.publicKey, '51877']);
  const [publicKey, key, endpoint, blocks, handshake] = dump[1]!.split('\t');
  assert.deepEqual([publicKey, key, blocks], [keys.spoke.publicKey, psk, '10.77.0.2/32,fd77::2/128']);
  assert.ok(endpoint!.startsWith(`${SPOKE.outer}:`));
  assert.ok(Number(handshake) > 0);
  // The route is ours by its protocol and gives way to a LAN's by its metric.
  assert.match(inNs(SPOKE.ns, 'ip', 'route'), /10\.77\.0\.0\/24 dev \S+ proto 71 scope link metric 5200/);
  assert.deepEqual(await spoke.call('repair', config('spoke')), []);
  assert.deepEqual(await hub.call('repair', config('hub')), []);
  await Promise.all([hub.call('close'), spoke.call('close')]);
  assert.doesNotMatch(inNs(SPOKE.ns, 'ip', 'link'), new RegExp(SPOKE.name));
  assert.equal(existsSync(`/var/run/wireguard/${SPOKE.name}.sock`), false);
});

test('a hub forwards and sends no redirects, and its settings come back', needs, async () => {
  const folder = stateDir();
  const hub = agent(HUB, folder);
  await hub.call('open', HUB.name);
  await hub.call('apply', config('hub'));
  const values = (): string[] =>
    ['net/ipv4/ip_forward', 'net/ipv4/conf/all/send_redirects', 'net/ipv6/conf/all/forwarding'].map((key) =>
      sysctl(HUB, key),
    );
  assert.deepEqual(values(), ['1', '0', '1']);
  assert.equal(sysctl(HUB, `net/ipv4/conf/${HUB.name}/send_redirects`), '0');
  setSysctl(HUB.ns, 'net/ipv4/ip_forward', 0);
  assert.equal((await hub.call('findings', HUB.name)).find(({ check }) => check === 'forwarding')?.result, 'failed');
  assert.deepEqual(await hub.call('repair', config('hub')), ['net.ipv4.ip_forward=1']);
  await hub.kill();
  const next = agent(HUB, folder);
  await next.call('recover', HUB.name);
  assert.deepEqual(values(), ['0', '1', '0']);
  assert.doesNotMatch(inNs(HUB.ns, 'ip', 'link'), new RegExp(HUB.name));
});

test('a killed daemon’s successor adopts the running tunnel without touching it', needs, async () => {
  const { spoke, spokeState } = await pair();
  inNs(SPOKE.ns, 'ping', '-c', '1', '-W', '5', '10.77.0.1');
  const device = wireguardGo(SPOKE.name);
  const before = (await spoke.call('read')).peers[0]!;
  await spoke.kill();
  inNs(SPOKE.ns, 'ping', '-c', '1', '-W', '5', '10.77.0.1');
  const next = agent(SPOKE, spokeState);
  await next.call('open', SPOKE.name);
  await next.call('apply', config('spoke'));
  assert.equal(wireguardGo(SPOKE.name), device);
  const after = (await next.call('read')).peers[0]!;
  assert.equal(after.lastHandshake, before.lastHandshake);
  assert.ok(after.rx >= before.rx);
  assert.match(next.log.join('\n'), /adopted/);
});

test('wireguard-go killed: read fails, and opening anew brings the tunnel back', needs, async () => {
  const { spoke } = await pair();
  inNs(SPOKE.ns, 'ping', '-c', '1', '-W', '5', '10.77.0.1');
  process.kill(wireguardGo(SPOKE.name)!, 'SIGKILL');
  while (inNs(SPOKE.ns, 'ip', 'link').includes(SPOKE.name)) await sleep(10);
  assert.equal(existsSync(`/var/run/wireguard/${SPOKE.name}.sock`), true);
  await assert.rejects(spoke.call('read'), { code: 'apply-failed', message: /is gone/ });
  const findings = await spoke.call('findings', SPOKE.name);
  assert.match(findings.find(({ check }) => check === 'sockets')!.detail, new RegExp(SPOKE.name));
  await spoke.call('open', SPOKE.name);
  await spoke.call('apply', config('spoke'));
  inNs(SPOKE.ns, 'ping', '-c', '2', '-W', '5', '10.77.0.1');
});

test('repair puts right what an outsider changed', needs, async () => {
  const { spoke } = await pair();
  const { ns, name } = SPOKE;
  inNs(ns, 'wg', 'set', name, 'peer', keys.hub.publicKey, 'allowed-ips', '10.99.0.0/16');
  inNs(ns, 'wg', 'set', name, 'peer', keyPair().publicKey);
  inNs(ns, 'ip', 'route', 'del', '10.77.0.0/24', 'dev', name);
  inNs(ns, 'ip', 'address', 'add', '10.66.0.1/32', 'dev', name);
  inNs(ns, 'ip', 'link', 'set', name, 'mtu', '1300');
  assert.deepEqual(await spoke.call('repair', config('spoke')), [
    '2 WireGuard peer(s)',
    `link set dev ${name} mtu 1420`,
    `address del 10.66.0.1/32 dev ${name}`,
    `route add 10.77.0.0/24 dev ${name} metric 5200 proto 71`,
  ]);
  inNs(ns, 'ping', '-c', '1', '-W', '5', '10.77.0.1');
});

test('default routes go by policy routing and leave the LAN alone', needs, async () => {
  const { hub, spoke } = await pair();
  const all = config('spoke', { routes: ['0.0.0.0/0', '::/0'] });
  all.state.peers[0]!.allowedIps = ['0.0.0.0/0', '::/0'];
  await spoke.call('apply', all);
  inNs(HUB.ns, 'ip', 'address', 'add', '203.0.113.9/32', 'dev', 'lo');
  const route = (to: string): string => inNs(SPOKE.ns, 'ip', 'route', 'get', to);
  assert.match(route('203.0.113.9'), new RegExp(`dev ${SPOKE.name} table`));
  assert.match(route(HUB.outer), /dev gAv/);
  inNs(SPOKE.ns, 'ping', '-c', '1', '-W', '5', '203.0.113.9');
  assert.equal(sysctl(SPOKE, 'net/ipv4/conf/all/src_valid_mark'), '1');
  assert.deepEqual(await spoke.call('repair', all), []);
  await spoke.call('apply', config('spoke'));
  assert.doesNotMatch(inNs(SPOKE.ns, 'ip', 'rule'), /fwmark/);
  assert.match(inNs(SPOKE.ns, 'wg', 'show', SPOKE.name, 'fwmark'), /off/);
  assert.equal(sysctl(SPOKE, 'net/ipv4/conf/all/src_valid_mark'), '0');
  await spoke.call('apply', all);
  await Promise.all([hub.call('close'), spoke.call('close')]);
  for (const family of ['-4', '-6']) assert.doesNotMatch(inNs(SPOKE.ns, 'ip', family, 'rule'), /fwmark|suppress/);
});

test('a route that covers the hub’s own endpoint does not swallow the tunnel', needs, async () => {
  const { spoke } = await pair();
  inNs(SPOKE.ns, 'ip', 'route', 'add', '198.51.100.0/24', 'via', HUB.outer);
  inNs(HUB.ns, 'ip', 'address', 'add', '198.51.100.1/32', 'dev', 'lo');
  const wide = config('spoke', { routes: ['10.77.0.0/24', '198.51.0.0/16'] });
  wide.state.peers[0]!.endpoint = '198.51.100.1:51877';
  wide.state.peers[0]!.allowedIps = ['10.77.0.0/24', '198.51.0.0/16'];
  inNs(SPOKE.ns, 'ip', 'route', 'replace', 'default', 'via', HUB.outer);
  inNs(SPOKE.ns, 'ip', 'route', 'del', '198.51.100.0/24');
  await spoke.call('apply', wide);
  inNs(SPOKE.ns, 'ping', '-c', '2', '-W', '5', '10.77.0.1');
  inNs(SPOKE.ns, 'ip', 'route', 'del', 'default');
});

test('resolv.conf is a bind mount: written in place, and put back by a killed daemon’s successor', needs, async () => {
  const folder = stateDir();
  const dns = config('spoke', { dns: { servers: ['10.77.0.1'], search: ['corp.internal'] } });
  const first = agent(SPOKE, folder);
  await first.call('open', SPOKE.name);
  await first.call('apply', dns);
  assert.equal(await first.call('dnsMode'), 'resolv.conf');
  assert.match(
    resolvConf(SPOKE),
    /^# Written by Gatehouse.*\nnameserver 10\.77\.0\.1\nnameserver 198\.51\.100\.53\nsearch corp\.internal lan\.example\n$/,
  );
  await first.kill();
  const second = agent(SPOKE, folder);
  await second.call('recover', SPOKE.name);
  assert.equal(resolvConf(SPOKE), DHCP);
  await second.call('open', SPOKE.name);
  await second.call('apply', dns);
  await second.kill();
  const third = agent(SPOKE, folder);
  await third.call('open', SPOKE.name);
  await third.call('apply', dns);
  await third.call('close');
  assert.equal(resolvConf(SPOKE), DHCP);
});

test('a resolv.conf that DHCP rewrote meanwhile is the one that comes back', needs, async () => {
  const dns = config('spoke', { dns: { servers: ['10.77.0.1'], search: [] } });
  const one = agent(SPOKE);
  await one.call('open', SPOKE.name);
  await one.call('apply', dns);
  const renewed = 'nameserver 198.51.100.99\n';
  writeFileSync(`/etc/netns/${SPOKE.ns}/resolv.conf`, renewed);
  assert.deepEqual(await one.call('repair', dns), ['DNS (resolv.conf)']);
  assert.match(resolvConf(SPOKE), /nameserver 10\.77\.0\.1\nnameserver 198\.51\.100\.99\n/);
  await one.call('close');
  assert.equal(resolvConf(SPOKE), renewed);
  await one.call('open', SPOKE.name);
  await one.call('apply', dns);
  writeFileSync(`/etc/netns/${SPOKE.ns}/resolv.conf`, DHCP);
  await one.call('close');
  assert.equal(resolvConf(SPOKE), DHCP);
});

test('with IPv6 switched off, IPv4 works and the error says what to do', needs, async () => {
  setSysctl(SPOKE.ns, 'net/ipv6/conf/default/disable_ipv6', 1);
  try {
    const hub = agent(HUB);
    await hub.call('open', HUB.name);
    await hub.call('apply', config('hub'));
    const spoke = agent(SPOKE);
    await spoke.call('open', SPOKE.name);
    await assert.rejects(spoke.call('apply', config('spoke')), {
      code: 'apply-failed',
      message: /IPv6 is switched off .*sysctl -w/,
    });
    inNs(SPOKE.ns, 'ping', '-c', '1', '-W', '5', '10.77.0.1');
  } finally {
    setSysctl(SPOKE.ns, 'net/ipv6/conf/default/disable_ipv6', 0);
  }
});

test('an interface that is not ours is left alone', needs, async () => {
  inNs(SPOKE.ns, 'ip', 'tuntap', 'add', 'dev', SPOKE.name, 'mode', 'tun');
  const one = agent(SPOKE);
  await assert.rejects(one.call('open', SPOKE.name), { code: 'apply-failed', message: /not made by this agent/ });
  await one.call('recover', SPOKE.name);
  assert.match(inNs(SPOKE.ns, 'ip', 'link'), new RegExp(SPOKE.name));
});

test('a listen port that another program holds is an error that says so', needs, async () => {
  const hub = agent(HUB);
  await hub.call('open', HUB.name);
  await hub.call('apply', config('hub'));
  const second = agent(HUB);
  const name = `${HUB.name}2`;
  await second.call('open', name);
  await assert.rejects(second.call('apply', config('hub')), { code: 'apply-failed', message: /UDP port is in use/ });
  await second.call('close');
});

test(
  'a device made anew has the port of before, or another where a program holds it; a running one keeps its own',
  needs,
  async () => {
    const listens = async (one: Agent) => (await one.call('read')).listenPort;
    const spoke = (formerPort: number): TunnelConfig => ({ ...config('spoke'), formerPort });
    const hub = agent(HUB);
    await hub.call('open', HUB.name);
    await hub.call('apply', config('hub'));
    const folder = stateDir();
    const one = agent(SPOKE, folder);
    await one.call('open', SPOKE.name);
    await one.call('apply', spoke(42_871));
    assert.equal(await listens(one), 42_871);
    await one.kill();
    const second = agent(SPOKE, folder);
    await second.call('open', SPOKE.name);
    await second.call('apply', spoke(42_872));
    assert.equal(await listens(second), 42_871);
    await second.call('close');
    const holder = agent(HUB);
    const name = `${HUB.name}2`;
    await holder.call('open', name);
    // The hub's own device has it.
    await holder.call('apply', { ...spoke(51_877), state: { ...config('spoke').state, routes: [] } });
    const other = await listens(holder);
    assert.ok(other && other !== 51_877);
    await holder.call('close');
  },
);

test('a device of the same name in another namespace is refused', needs, async () => {
  const hub = agent(HUB);
  await hub.call('open', HUB.name);
  const spoke = agent(SPOKE);
  await assert.rejects(spoke.call('open', HUB.name), { message: /another network namespace/ });
  await hub.call('close');
});

test('without CAP_NET_ADMIN the message says what to do', requires('root', 'ip', 'setpriv'), async () => {
  const script = `
    const { linuxPlatform } = await import(${JSON.stringify(path.join(import.meta.dirname, 'linux.ts'))});
    const platform = linuxPlatform({ stateDir: '/nonexistent', log() {} });
    await platform.openTunnel('gAnope').catch((error) => console.log(error.code, error.message));
    console.log(JSON.stringify((await platform.diagnose('gAnope')).find(({ check }) => check === 'privileges')));`;
  const said = execFileSync(
    'setpriv',
    ['--bounding-set', '-net_admin', '--inh-caps', '-net_admin', process.execPath, '--input-type=module', '-e', script],
    { encoding: 'utf8' },
  );
  assert.match(said, /^no-privileges .*run as root or with CAP_NET_ADMIN/);
  assert.match(said, /"result":"failed".*AmbientCapabilities/);
});
