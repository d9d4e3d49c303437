import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { DnsWant } from '../dns.ts';
import { type Recorder, recorder } from '../recorder.ts';
import { chooseDnsMode, LinuxDns } from './dns.ts';
import { Journal } from './journal.ts';
import { renderResolvConf } from './resolv-conf.ts';

let folder: string;
let resolvConf: string;
const LAN = 'nameserver 192.168.1.1\nsearch lan\n';
const want: DnsWant = { servers: ['10.77.0.1'], search: ['corp.internal'], exclusive: false };
const NO_TOOLS = ['resolvectl', 'resolvconf'];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
  mkdirSync(path.join(folder, 'etc'));
  resolvConf = path.join(folder, 'etc/resolv.conf');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** As a fresh process sees it. */
async function dns(commands: Recorder = recorder(undefined, NO_TOOLS)): Promise<LinuxDns> {
  const journal = await Journal.load(path.join(folder, 'state'), 'gh0', 'boot');
  return new LinuxDns('gh0', { commands, journal, resolvConf, interfaceOrder: path.join(folder, 'interface-order') });
}
const text = (): string => readFileSync(resolvConf, 'utf8');

test('a file: content and mode come back, by another process', async () => {
  writeFileSync(resolvConf, LAN, { mode: 0o640 });
  assert.equal(await (await dns()).apply(want), true);
  assert.match(text(), /nameserver 10\.77\.0\.1\nnameserver 192\.168\.1\.1\nsearch corp\.internal lan\n$/);
  assert.equal(await (await dns()).apply(want), false);
  await (await dns()).apply({ ...want, servers: ['10.77.0.9'] });
  assert.match(text(), /nameserver 10\.77\.0\.9\n/);
  assert.equal(await (await dns()).clear(), true);
  assert.equal(text(), LAN);
  assert.equal(statSync(resolvConf).mode & 0o777, 0o640);
  assert.equal(await (await dns()).clear(), false);
});

test('a symbolic link comes back as a link, and its target is never written', async () => {
  const target = path.join(folder, 'real.conf');
  writeFileSync(target, LAN);
  symlinkSync('../real.conf', resolvConf);
  await (await dns()).apply(want);
  assert.ok(!lstatSync(resolvConf).isSymbolicLink());
  assert.match(text(), /nameserver 192\.168\.1\.1/);
  assert.equal(readFileSync(target, 'utf8'), LAN);
  await (await dns()).clear();
  assert.equal(readlinkSync(resolvConf), '../real.conf');
  assert.equal(text(), LAN);
});

test('a link that could only be written through gets its target’s content back', async () => {
  const target = path.join(folder, 'real.conf');
  writeFileSync(target, LAN);
  symlinkSync('../real.conf', resolvConf);
  const one = await dns();
  await one.apply(want);
  // As in a read-only /etc: the link is still there, and our text is behind it.
  writeFileSync(target, text());
  rmSync(resolvConf);
  symlinkSync('../real.conf', resolvConf);
  assert.equal(await (await dns()).apply(want), false);
  await (await dns()).clear();
  assert.equal(readFileSync(target, 'utf8'), LAN);
  assert.equal(readlinkSync(resolvConf), '../real.conf');
});

test('where there was none, none is left', async () => {
  await (await dns()).apply(want);
  assert.match(text(), /nameserver 10\.77\.0\.1/);
  await (await dns()).apply({ servers: [], search: [], exclusive: false });
  assert.equal(lstatSync(resolvConf, { throwIfNoEntry: false }), undefined);
});

test('an outsider’s version stays, or becomes the one to put back', async () => {
  writeFileSync(resolvConf, LAN);
  await (await dns()).apply(want);
  writeFileSync(resolvConf, 'nameserver 9.9.9.9\n');
  await (await dns()).apply(want);
  assert.match(text(), /10\.77\.0\.1\nnameserver 9\.9\.9\.9/);
  await (await dns()).clear();
  assert.equal(text(), 'nameserver 9.9.9.9\n');
  await (await dns()).apply(want);
  rmSync(resolvConf);
  await (await dns()).clear();
  assert.equal(text(), 'nameserver 9.9.9.9\n');
  await (await dns()).apply(want);
  writeFileSync(resolvConf, LAN);
  await (await dns()).clear();
  assert.equal(text(), LAN);
});

test('a full tunnel asks the tunnel’s servers only', () => {
  assert.doesNotMatch(renderResolvConf('gh0', { ...want, exclusive: true }, LAN), /192\.168/);
});

test('a state folder that was lost leaves usable DNS', async () => {
  writeFileSync(resolvConf, LAN);
  await (await dns()).apply(want);
  rmSync(path.join(folder, 'state'), { recursive: true });
  await (await dns()).apply(want);
  await (await dns()).clear();
  assert.match(text(), /^nameserver 10\.77\.0\.1\nnameserver 192\.168\.1\.1\n/);
});

test('the way is chosen by what the file leads to', async () => {
  writeFileSync(resolvConf, 'nameserver 127.0.0.53\n');
  assert.equal(await chooseDnsMode({ commands: recorder(), resolvConf }), 'resolvectl');
  assert.equal(await chooseDnsMode({ commands: recorder(() => new Error('not running')), resolvConf }), 'resolvconf');
  assert.equal(await chooseDnsMode({ commands: recorder(undefined, ['resolvectl']), resolvConf }), 'resolvconf');
  writeFileSync(resolvConf, LAN);
  assert.equal(await chooseDnsMode({ commands: recorder(undefined, ['resolvconf']), resolvConf }), 'resolv.conf');
});

test('systemd-resolved gets the tunnel’s domains, or everything', async () => {
  writeFileSync(resolvConf, 'nameserver 127.0.0.53\n');
  let set = '';
  const commands = recorder((line) =>
    line === 'resolvectl dns gh0'
      ? `Link 5 (gh0): ${set}\n`
      : line === 'resolvectl domain gh0'
        ? `Link 5 (gh0): ${set && 'corp.internal'}\n`
        : '',
  );
  await (await dns(commands)).apply(want);
  assert.deepEqual(commands.take().slice(-3), [
    'resolvectl dns gh0 10.77.0.1',
    'resolvectl domain gh0 corp.internal',
    'resolvectl default-route gh0 no',
  ]);
  set = '10.77.0.1';
  assert.equal(await (await dns(commands)).apply(want), false);
  commands.take();
  await (await dns(commands)).apply({ ...want, exclusive: true });
  assert.deepEqual(commands.take().slice(-2), [
    'resolvectl domain gh0 corp.internal ~.',
    'resolvectl default-route gh0 yes',
  ]);
  await (await dns(commands)).clear();
  assert.deepEqual(commands.take(), ['resolvectl revert gh0']);
});

test('resolvconf gets its lines on standard input', async () => {
  writeFileSync(resolvConf, LAN);
  writeFileSync(path.join(folder, 'interface-order'), 'lo.inet*\ntun*\neth*\n');
  const commands = recorder(undefined, ['resolvectl']);
  await (await dns(commands)).apply({ ...want, exclusive: true });
  await (await dns(commands)).clear();
  assert.deepEqual(commands.take(), [
    'resolvconf -a tun.gh0 -m 0 -x < "nameserver 10.77.0.1\\nsearch corp.internal\\n"',
    'resolvconf -d tun.gh0 -f',
  ]);
  assert.equal(text(), LAN);
});

test('nothing but addresses and names gets into the file', async () => {
  const one = await dns();
  for (const bad of [
    { servers: ['10.0.0.1\nnameserver 6.6.6.6'] },
    { search: ['a\nnameserver 6.6.6.6'] },
    { search: ['-x'] },
  ])
    await assert.rejects(one.apply({ ...want, ...bad }), { code: 'apply-failed' });
});
