import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { POSTURE_FACTS, PostureCheck, PostureFacts, type Standing } from '@gatehouse/protocol';
import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import { PostureCollector, postureChecks } from './index.ts';
import { ownMacs } from './macs.ts';
import * as darwin from './parse/darwin.ts';
import * as linux from './parse/linux.ts';
import * as windows from './parse/windows.ts';
import { systemProbe } from './probe.ts';
import { isSupported } from './support.ts';
import { answers, NOW } from './testing.ts';

const isFacts = Compile(PostureFacts);
const isCheck = Compile(PostureCheck);

test('this machine tells its facts, each with a source and by a name that people are shown', async () => {
  // All of it but apt, which may think for seconds.
  const probe = (until: number) => {
    const system = systemProbe(process.platform, until);
    const run: typeof system.run = async (program, ...more) =>
      program === 'apt-get' ? null : system.run(program, ...more);
    return { ...system, run };
  };
  const reading = await new PostureCollector(process.platform, probe).collect();
  assert.ok(isFacts.Check(reading.facts), JSON.stringify(reading.facts));
  assert.ok(Math.abs(reading.collected - Date.now()) < 60_000);
  assert.ok(Object.keys(reading.facts).length > 0);
  assert.deepEqual(Object.keys(reading.sources).sort(), Object.keys(reading.facts).sort());
  for (const fact of Object.keys(reading.facts)) assert.ok((POSTURE_FACTS as readonly string[]).includes(fact), fact);
  for (const check of postureChecks(reading, null)) assert.ok(isCheck.Check(check));
});

test('a system that never answers ends the collection with what is known until then', async () => {
  const files = { '/etc/os-release': 'ID=debian\nVERSION_ID="13"\n' };
  const slow = { ...answers('linux', { files }), run: () => new Promise<null>(() => undefined) };
  const { facts } = await new PostureCollector('linux', () => slow, 20).collect();
  assert.deepEqual([facts.os_name, facts.firewall], ['debian', undefined]);
  const broken = {
    ...answers('linux', { files }),
    list: async () => {
      throw new Error('no');
    },
  };
  assert.deepEqual((await new PostureCollector('linux', () => broken).collect()).facts, {});
  const other = await new PostureCollector('aix', () => answers('aix', {})).collect();
  assert.deepEqual([other.facts, other.sources, other.collected], [{}, {}, NOW]);
});

test('what is not answered once is as it was, for four hours and no longer', async () => {
  const files: Record<string, string> = { '/etc/os-release': 'ID=debian\nVERSION_ID="13"\n' };
  let now = NOW;
  const probe = () => ({ ...answers('linux', { files }), now: () => now });
  const collector = new PostureCollector('linux', probe);
  const version = async () => (await collector.collect()).facts.os_version;
  assert.equal(await version(), '13');
  delete files['/etc/os-release'];
  now += 4 * 3600_000 - 1;
  assert.equal(await version(), '13');
  now += 1;
  assert.equal(await version(), undefined);
  now = NOW - 1;
  assert.equal(await version(), undefined, 'nor while the clock is behind');
});

test('programs: bounded in time and words, without a shell, and nothing after the end', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-posture-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const program = (name: string, script: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return file;
  };
  const probe = systemProbe(process.platform, performance.now() + 60_000);
  const echo = program('echo', 'echo "$1"; echo err >&2; exit 3');
  assert.equal(await probe.run(echo, ['$(id) `id`; x']), null, 'a status that is no answer');
  assert.equal(await probe.run(echo, ['$(id) `id`; x'], { codes: [3] }), '$(id) `id`; x\n');
  assert.equal(await probe.run(echo, ['x'], { codes: [3], stderr: true }), 'x\nerr\n');
  assert.equal(await probe.run(program('sleep', 'exec sleep 60'), [], { ms: 50, codes: [3] }), null);
  assert.equal(await probe.run(program('talk', 'exec yes'), [], { codes: [3] }), null);
  assert.equal(await probe.run(program('ask', 'cat; echo heard'), []), 'heard\n', 'nobody types');
  assert.match((await probe.run(program('env', 'exec env'), [])) ?? '', /^PATH=/m);
  assert.equal(await probe.run(path.join(folder, 'none'), []), null);
  const over = systemProbe(process.platform, performance.now());
  assert.equal(await over.run(echo, ['x'], { codes: [3] }), null);
  assert.equal(await probe.read(path.join(folder, 'none')), null);
  assert.equal(await probe.read(folder), null);
  assert.equal(await probe.list(path.join(folder, 'none')), null);
  writeFileSync(path.join(folder, 'large'), 'x'.repeat(2 * 1024 * 1024));
  assert.equal((await probe.read(path.join(folder, 'large')))?.length, 1024 * 1024);
  assert.equal(await probe.changed(path.join(folder, 'none')), null);
  assert.ok(((await probe.changed(folder)) ?? 0) > 0);
});

test('checks: ours in their order, then what else is asked for; what a policy misses has failed', () => {
  const reading = {
    collected: NOW,
    macs: [],
    facts: { firewall: false, os_name: 'debian', updates_pending: 0 },
    sources: { firewall: 'nftables', os_name: 'os-release', updates_pending: 'apt' },
  };
  const all = (standing: Standing | null) => postureChecks(reading, standing);
  const one = (standing: Standing | null, fact: string) => all(standing).find((check) => check.fact === fact);
  assert.deepEqual(
    all(null).map(({ fact }) => fact),
    [...POSTURE_FACTS],
  );
  assert.deepEqual(one(null, 'firewall'), {
    fact: 'firewall',
    value: false,
    result: 'ok',
    wanted: null,
    source: 'nftables',
  });
  assert.equal(one(null, 'updates_pending')?.result, 'ok', '0 is known');
  assert.deepEqual(one(null, 'antivirus'), {
    fact: 'antivirus',
    value: null,
    result: 'unknown',
    wanted: null,
    source: null,
  });
  const standing: Standing = {
    admitted: false,
    reason: 'x',
    missing: [
      { fact: 'firewall', wanted: 'true', policy: 'a' },
      { fact: 'firewall', wanted: 'true', policy: 'b' },
      { fact: 'screen_lock', wanted: 'true', policy: 'a' },
      { fact: 'edr', wanted: '>=7', policy: 'a' },
      { fact: 'edr', wanted: '!=9', policy: 'b' },
      { fact: 'constructor', wanted: 'true', policy: 'b' },
    ],
    reported: null,
  };
  assert.deepEqual(
    all(standing).map(({ fact }) => fact),
    [...POSTURE_FACTS, 'edr', 'constructor'],
  );
  const failed = (fact: string) => {
    const check = one(standing, fact);
    return [check?.value, check?.result, check?.wanted];
  };
  assert.deepEqual(failed('firewall'), [false, 'failed', 'true']);
  assert.deepEqual(failed('screen_lock'), [null, 'failed', 'true']);
  assert.deepEqual(failed('edr'), [null, 'failed', '>=7, !=9']);
  assert.deepEqual(failed('constructor'), [null, 'failed', 'true']);
  assert.equal(one(standing, 'os_name')?.result, 'ok');
});

const card = (mac: string, internal = false) => [{ mac, internal }];

test('MAC addresses: on Linux those of hardware, also where an interface has no address', async () => {
  const interfaces = {
    lo: card('00:00:00:00:00:00', true),
    br0: card('02:00:00:00:00:01'),
    docker0: card('02:42:00:00:00:01'),
    gh0: card('00:00:00:00:00:00'),
    veth1: card('02:00:00:00:00:09'),
  };
  const folders = {
    '/sys/class/net': ['br0', 'docker0', 'eth0', 'gh0', 'lo', 'wlan0', 'veth1', 'ib0'],
    '/sys/class/net/br0': ['address', 'bridge'],
    '/sys/class/net/docker0': ['address', 'bridge'],
    '/sys/class/net/eth0': ['address', 'device'],
    '/sys/class/net/wlan0': ['address', 'device', 'wireless'],
    '/sys/class/net/ib0': ['address', 'device'],
    '/sys/class/net/veth1': ['address'],
  };
  const files = {
    '/sys/class/net/eth0/address': '02:00:00:00:00:0A\n',
    '/sys/class/net/wlan0/address': '02:00:00:00:00:0b\n',
    '/sys/class/net/ib0/address': '80:00:00:48:fe:80:00:00:00:00:00:00:00:02:c9:03:00:00:00:01\n',
  };
  const macs = await ownMacs(answers('linux', { folders, files }), interfaces);
  assert.deepEqual(macs, ['02:00:00:00:00:0a', '02:00:00:00:00:0b']);
  // A container has no hardware: what it has an address on, but for bridges.
  const { '/sys/class/net': names, ...rest } = folders;
  const bare = Object.fromEntries(Object.entries(rest).filter(([, parts]) => !parts.includes('device')));
  const container = answers('linux', { folders: { ...bare, '/sys/class/net': names ?? [] } });
  assert.deepEqual(await ownMacs(container, interfaces), ['02:00:00:00:00:09']);
});

test('MAC addresses: elsewhere by the interfaces’ names; sixteen at most, each once', async () => {
  const mac = {
    en0: card('02:00:00:00:00:01'),
    awdl0: card('02:00:00:00:00:02'),
    bridge100: card('02:00:00:00:00:03'),
  };
  assert.deepEqual(await ownMacs(answers('darwin', {}), mac), ['02:00:00:00:00:01']);
  const windows = { 'Wi-Fi': card('02:00:00:00:00:04'), 'vEthernet (Default Switch)': card('02:00:00:00:00:05') };
  assert.deepEqual(await ownMacs(answers('win32', {}), windows), ['02:00:00:00:00:04']);
  const many = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [
      `en${String(i).padStart(2, '0')}`,
      card(`02:00:00:00:00:${String(10 + (i >> 1))}`),
    ]),
  );
  const found = await ownMacs(answers('darwin', {}), { ...many, multicast: card('01:00:5e:00:00:01') });
  assert.equal(found.length, 16);
  assert.equal(new Set(found).size, 16);
});

test('support: until the end of the last day, by release; an unknown one is neither', () => {
  const day = Date.parse('2026-08-31T23:59:59Z');
  assert.equal(isSupported('debian', '11', day), true);
  assert.equal(isSupported('debian', '11', day + 1_000), false);
  const supported: [name: string, version: string | undefined][] = [
    ...(['12', '13'] as const).map((version): [string, string] => ['debian', version]),
    ...['22.04', '24.04', '26.04', '26.10'].map((version): [string, string] => ['ubuntu', version]),
    ...['43', '44'].map((version): [string, string] => ['fedora', version]),
    ...['rhel', 'rocky', 'almalinux'].flatMap((name) =>
      ['8.10', '9.4', '10.2'].map((version): [string, string] => [name, version]),
    ),
    ['opensuse-leap', '16.0'],
    ['opensuse-tumbleweed', '20261030'],
    ['sles', '15.7'],
    ['arch', undefined],
    ['macos', '15.7.9'],
    ['macos', '26.6'],
    ['windows', '26200 home'],
    ['windows', '22631 enterprise'],
    ['windows', '19044 iot-ltsc'],
    // Has no date of its own: LTSC's.
    ['windows', '17763 iot-ltsc'],
    ['windows', '26100 server'],
  ];
  for (const [name, version] of supported) assert.equal(isSupported(name, version, NOW), true, `${name} ${version}`);
  const ended: [name: string, version: string][] = [
    ['debian', '10'],
    ['debian', '11'],
    ['ubuntu', '20.04'],
    ['ubuntu', '25.10'],
    ['fedora', '42'],
    ['opensuse-leap', '15.6'],
    ['sles', '15.6'],
    ['macos', '12.7.6'],
    ['macos', '13.6.1'],
    ['macos', '14.8.9'],
    ['windows', '19045 home'],
    ['windows', '26100 home'],
    ['windows', '14393 iot-ltsc'],
    ['windows', '25398 server'],
  ];
  for (const [name, version] of ended) assert.equal(isSupported(name, version, NOW), false, `${name} ${version}`);
  for (const [name, version] of [
    ['debian', '99'],
    ['debian', undefined],
    ['ubuntu', '24'],
    ['constructor', ''],
    ['windows', '26100'],
    ['windows', '26100 constructor'],
    ['windows', '26100 undefined'],
    ['nixos', '26.05'],
  ] as const) {
    assert.equal(isSupported(name, version, NOW), undefined, `${name} ${version}`);
  }
});

test('whatever the system says, no parser throws', () => {
  const shaped = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, 1, 'x', 'inet', 'input', 'filter', true),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(
        fc.constantFrom(
          ...['nftables', 'chain', 'rule', 'expr', 'xt', 'jump', 'target', 'hook', 'family', 'table', 'name', 'policy'],
          ...['blockdevices', 'children', 'type', 'uuid', 'fstype', 'firewall', 'antivirus', 'updates', 'build'],
        ),
        tie('value'),
      ),
    ),
  })).value;
  const nested = shaped.chain((value) =>
    fc.constantFrom(value, { nftables: value }, { nftables: [{ chain: value, rule: value }] }, { blockdevices: value }),
  );
  const texts = fc.oneof(
    fc.string(),
    nested.map((value) => JSON.stringify(value)),
  );
  const mount = { device: 'x', number: '1' };
  const { dnfAutomatic, isEncrypted, ...others } = linux;
  type Parser = (...texts: string[]) => unknown;
  const parsers = [others, darwin, windows].flatMap((file) => Object.values(file)) as Parser[];
  fc.assert(
    fc.property(texts, (text) => {
      for (const parser of parsers) parser(text, text, text);
      dnfAutomatic([text], text);
      isEncrypted(text, mount);
    }),
    { numRuns: 500 },
  );
});
