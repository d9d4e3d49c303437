import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { parse } from '../parse/index.ts';
import { KIND } from '../record/types.ts';
import { Engine } from './engine.ts';
import { Library } from './library.ts';
import { hinted } from './match.ts';
import { type Line, MemoryArchive } from './testing.ts';
import { whois } from './whois.ts';

const root = mkdtempSync(path.join(tmpdir(), 'gatehouse-whois-'));
after(() => rmSync(root, { recursive: true, force: true }));

const T0 = Date.UTC(2026, 10, 22, 8) * 1000;
const MIN = 60e6;
const at = (minutes: number): number => T0 + minutes * MIN;

const lease = (
  minutes: number,
  action: string,
  ip: string,
  mac: string,
  more: Partial<Line> & { hostname?: string; lease?: number } = {},
): Line => {
  const { hostname = 'phone', lease: seconds, ...rest } = more;
  // What the device says of the time is a year off: the time of receipt counts.
  return {
    us: at(minutes),
    raw: `<189>date=2025-01-01 time=00:00:00 devname="FGT" devid="FGT60F" logid="0100026001" type="event" subtype="system" level="information" logdesc="DHCP Ack log" interface="lan" dhcp_msg="${action}" mac="${mac}" ip=${ip} ${seconds ? `lease=${seconds} ` : ''}hostname="${hostname}" msg="DHCP server sends a DHCP${action.toUpperCase()}"`,
    ...rest,
  };
};

const accounting = (minutes: number, status: string, entry: Record<string, unknown>): Line => ({
  ...{ us: at(minutes), source: 0, kind: KIND.access, class: 2 },
  raw: JSON.stringify({ event: 'radius.accounting', status, nas_id: 'ap1', ...entry }),
});
const alice = { user: 'alice', mac: 'aa:00:00:00:00:01', framed_ip: '10.0.0.5', session_id: 's1', ssid: 'staff' };
const bob = { user: 'bob', mac: 'aa:00:00:00:00:02', framed_ip: '10.0.0.5', session_id: 's2', ssid: 'staff' };

const nat = (minutes: number, inner: string, innerPort: number, outer: string, outerPort: number): Line => ({
  us: at(minutes),
  raw: `<189>date=2026-11-22 time=10:00:00 devname="FGT" devid="FGT60F" logid="0000000013" type="traffic" subtype="forward" srcip=${inner} srcport=${innerPort} dstip=198.51.100.9 dstport=443 action="close" trandisp="snat" transip=${outer} transport=${outerPort} sentbyte=10 rcvdbyte=10`,
});

let folders = 0;
async function who(lines: readonly Line[], ip: string, minutes: number, port?: number) {
  const archive = new MemoryArchive();
  const parseOf = hinted(parse);
  const library = new Library({ folder: path.join(root, `${folders++}`), archive, parse: parseOf, warn: assert.fail });
  library.start();
  [...lines]
    .sort((a, b) => a.us! - b.us!)
    .forEach((line, i) => {
      const { segment, frames } = archive.write([line]);
      library.add(segment, frames);
      if (i % 4 === 3) library.closed(archive.close());
      while (library.follow());
    });
  const asked = { ip, atUs: at(minutes), ...(port !== undefined && { port }) };
  const { answers, partial } = await whois(new Engine(library, parseOf), asked);
  assert.equal(partial, undefined);
  return answers;
}
type Answers = Awaited<ReturnType<typeof who>>;
const brief = (answers: Answers) =>
  answers.map(({ via, user, mac, confidence, conflict }) => [
    via,
    user ?? mac,
    confidence,
    ...(conflict ? ['conflict'] : []),
  ]);

test('RADIUS: between start and stop, by whoever has the address then', async () => {
  const lines = [
    accounting(0, 'Start', alice),
    accounting(30, 'Stop', { ...alice, seconds: 1800 }),
    accounting(40, 'Start', bob),
    accounting(50, 'Interim-Update', bob),
    accounting(70, 'Stop', bob),
  ];
  const [answer, ...others] = await who(lines, '10.0.0.5', 10);
  assert.deepEqual(others, []);
  assert.deepEqual(answer, {
    ...{ via: 'radius', ip: '10.0.0.5', user: 'alice', mac: 'aa:00:00:00:00:01', nas: 'ap1', ssid: 'staff' },
    ...{ fromUs: at(0), toUs: at(30), records: [0, 1], confidence: 'certain' },
  });
  assert.deepEqual(await who(lines, '10.0.0.5', 35), []);
  assert.deepEqual(brief(await who(lines, '10.0.0.5', 45)), [['radius', 'bob', 'certain']]);
  assert.deepEqual(await who(lines, '10.0.0.5', 80), []);
  assert.deepEqual(await who(lines, '10.0.0.6', 10), []);
});

test('RADIUS: an address that only later records tell, a stop that never came, silence', async () => {
  const { framed_ip: _, ...early } = alice;
  const late = [accounting(0, 'Start', early), accounting(20, 'Interim-Update', { ...alice, seconds: 1200 })];
  assert.deepEqual(brief(await who(late, '10.0.0.5', 10)), [['radius', 'alice', 'certain']]);
  const lost = [accounting(0, 'Start', alice), accounting(200, 'Start', bob), accounting(260, 'Stop', bob)];
  assert.deepEqual(brief(await who(lost, '10.0.0.5', 230)), [['radius', 'bob', 'certain']]);
  assert.deepEqual(brief(await who([accounting(0, 'Start', alice)], '10.0.0.5', 600)), [['radius', 'alice', 'likely']]);
});

test('DHCP: until it is released, leased again, or ends; a renewal goes on', async () => {
  const [a, b] = ['aa:00:00:00:00:01', 'aa:00:00:00:00:02'];
  const lines = [
    lease(0, 'Ack', '10.0.0.5', a, { lease: 3600 }),
    lease(30, 'Ack', '10.0.0.5', a, { lease: 3600 }),
    lease(80, 'Release', '10.0.0.5', a),
    lease(100, 'Ack', '10.0.0.5', b, { lease: 3600, hostname: 'laptop' }),
  ];
  const [answer] = await who(lines, '10.0.0.5', 70);
  assert.deepEqual(
    [answer?.mac, answer?.fromUs, answer?.toUs, answer?.confidence, answer?.hostname],
    [a, at(0), at(80), 'certain', 'phone'],
  );
  assert.deepEqual(await who(lines, '10.0.0.5', 90), []);
  assert.deepEqual(brief(await who(lines, '10.0.0.5', 120)), [['dhcp', b, 'certain']]);
  assert.deepEqual(await who(lines, '10.0.0.5', 161), []);
  const again = [lease(0, 'Ack', '10.0.0.5', a), lease(10, 'Ack', '10.0.0.5', b)];
  const [first] = await who(again, '10.0.0.5', 5);
  assert.deepEqual([first?.mac, first?.toUs], [a, at(10)]);
  assert.deepEqual(brief(await who(again, '10.0.0.5', 15)), [['dhcp', b, 'likely']]);
});

test('two servers that lease one address are a conflict that is shown', async () => {
  const lines = [
    lease(0, 'Ack', '10.0.0.5', 'aa:00:00:00:00:01', { lease: 7200, source: 1 }),
    lease(10, 'Ack', '10.0.0.5', 'aa:00:00:00:00:02', { lease: 7200, source: 2 }),
  ];
  const answers = await who(lines, '10.0.0.5', 20);
  assert.deepEqual(answers.map(({ mac, conflict }) => [mac, conflict]).sort(), [
    ['aa:00:00:00:00:01', true],
    ['aa:00:00:00:00:02', true],
  ]);
});

test('a lease has the user of the RADIUS session of its MAC at that moment, also where a MAC is used again', async () => {
  const mac = 'aa:00:00:00:00:09';
  const lines = [
    lease(0, 'Ack', '10.0.0.5', mac, { lease: 36_000 }),
    accounting(1, 'Start', { user: 'alice', mac, session_id: 'x' }),
    accounting(30, 'Stop', { user: 'alice', mac, session_id: 'x' }),
    accounting(40, 'Start', { user: 'bob', mac, session_id: 'y' }),
    accounting(90, 'Stop', { user: 'bob', mac, session_id: 'y' }),
  ];
  const [first] = await who(lines, '10.0.0.5', 10);
  assert.deepEqual([first?.user, first?.nas, first?.records.length], ['alice', 'ap1', 3]);
  assert.deepEqual(brief(await who(lines, '10.0.0.5', 60)), [['dhcp', 'bob', 'certain']]);
  assert.deepEqual(brief(await who(lines, '10.0.0.5', 100)), [['dhcp', mac, 'certain']]);
});

test('behind a NAT, and behind one more', async () => {
  const lines = [
    accounting(0, 'Start', alice),
    accounting(60, 'Stop', alice),
    nat(20, '10.0.0.5', 50_000, '100.64.0.9', 41_000),
    nat(21, '100.64.0.9', 41_000, '203.0.113.7', 42_000),
    nat(22, '100.64.0.8', 41_001, '203.0.113.7', 42_001),
  ];
  const [answer, ...others] = await who(lines, '203.0.113.7', 20, 42_000);
  assert.deepEqual(others, []);
  assert.deepEqual(
    [answer?.via, answer?.user, answer?.ip, answer?.confidence],
    ['nat', 'alice', '10.0.0.5', 'certain'],
  );
  assert.deepEqual([answer?.nat?.ip, answer?.nat?.port, answer?.nat?.inner], ['203.0.113.7', 42_000, '100.64.0.9']);
  assert.deepEqual([...answer!.records].sort(), [0, 1, 2, 4]);
  const any = await who(lines, '203.0.113.7', 20);
  assert.deepEqual(
    brief(any).map(([, , sure]) => sure),
    ['likely', 'likely'],
  );
});

test('IPv6: however the address is written', async () => {
  const lines = [
    accounting(0, 'Start', { ...alice, framed_ip: undefined, framed_ipv6: '2001:db8::a' }),
    accounting(30, 'Stop', { ...alice, framed_ip: undefined, framed_ipv6: '2001:db8::a' }),
    lease(0, 'Ack', '2001:db8::b', 'aa:00:00:00:00:03', { lease: 3600 }),
    lease(50, 'Release', '2001:db8::b', 'aa:00:00:00:00:03'),
  ];
  for (const ip of ['2001:db8::a', '2001:DB8:0:0::A', '2001:0db8:0000:0000:0000:0000:0000:000a']) {
    const answers = await who(lines, ip, 10);
    assert.deepEqual(brief(answers), [['radius', 'alice', 'certain']], ip);
    assert.equal(answers[0]?.ip, '2001:db8::a');
  }
  for (const ip of ['2001:db8::b', '2001:db8:0::B']) {
    assert.deepEqual(brief(await who(lines, ip, 10)), [['dhcp', 'aa:00:00:00:00:03', 'certain']], ip);
  }
  assert.deepEqual(await who(lines, '2001:db8::c', 10), []);
  // An IPv4 address in IPv6 is the IPv4 one.
  const v4 = [accounting(0, 'Start', alice), accounting(30, 'Stop', alice)];
  assert.deepEqual(brief(await who(v4, '::ffff:10.0.0.5', 10)), [['radius', 'alice', 'certain']]);
});

const vpn = (minutes: number, action: string, user: string, ip: string): Line => ({
  us: at(minutes),
  raw: `<189>date=2026-11-22 time=10:00:00 devname="FGT" devid="FGT60F" logid="0101039947" type="event" subtype="vpn" level="information" logdesc="SSL VPN ${action}" action="${action}" tunneltype="ssl-tunnel" remip=198.51.100.7 tunnelip=${ip} user="${user}" msg="SSL tunnel"`,
});
const login = (minutes: number, said: string): Line => ({
  us: at(minutes),
  source: 7,
  raw: `<38>Nov 22 10:00:00 srv sshd[99]: ${said}`,
});

test('VPN: who was given the address, until the tunnel is down', async () => {
  const lines = [
    vpn(0, 'tunnel-up', 'carol', '10.212.134.200'),
    vpn(30, 'tunnel-down', 'carol', '10.212.134.200'),
    vpn(40, 'tunnel-up', 'dave', '10.212.134.200'),
  ];
  const [answer, ...others] = await who(lines, '10.212.134.200', 10);
  assert.deepEqual(others, []);
  assert.deepEqual(
    [answer?.via, answer?.user, answer?.fromUs, answer?.toUs, answer?.confidence, answer?.records],
    ['vpn', 'carol', at(0), at(30), 'certain', [0, 1]],
  );
  assert.deepEqual(await who(lines, '10.212.134.200', 35), []);
  assert.deepEqual(brief(await who(lines, '10.212.134.200', 50)), [['vpn', 'dave', 'certain']]);
  // Where the tunnel came from, its user was too, though others may be.
  assert.deepEqual(brief(await who(lines, '198.51.100.7', 10)), [['vpn', 'carol', 'likely']]);
});

test('a login says who was likely there; one that failed says nothing', async () => {
  const lines = [
    login(0, 'Failed password for mallory from 10.0.0.9 port 514 ssh2'),
    login(1, 'Accepted password for erin from 10.0.0.9 port 515 ssh2'),
  ];
  assert.deepEqual(brief(await who(lines, '10.0.0.9', 20)), [['vpn', 'erin', 'likely']]);
  assert.deepEqual(await who(lines, '10.0.0.9', 0.5), []);
  assert.deepEqual(await who(lines, '10.0.0.9', 2 * 24 * 60), []);
});

test('what is no address is refused', async () => {
  await assert.rejects(who([], '10.0.0.0/8', 0), /no address/);
});
