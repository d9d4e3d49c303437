import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { Journal } from './journal.ts';
import { Sysctls } from './sysctl.ts';

let folder: string;
const proc = (key: string): string => path.join(folder, 'proc', key);
const value = (key: string): string => readFileSync(proc(key), 'utf8').trim();

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
  const values = {
    'net/ipv4/ip_forward': '0',
    'net/ipv4/conf/all/send_redirects': '1',
    'net/ipv4/conf/gh0/send_redirects': '1',
    'net/ipv4/conf/all/rp_filter': '0',
    'net/ipv4/conf/eth0/rp_filter': '1',
    'net/ipv4/conf/all/src_valid_mark': '0',
    'net/ipv6/conf/all/forwarding': '0',
    'net/ipv6/conf/eth0/accept_ra': '1',
    'net/ipv6/conf/eth1/accept_ra': '0',
  };
  for (const [key, text] of Object.entries(values)) {
    mkdirSync(path.dirname(proc(key)), { recursive: true });
    writeFileSync(proc(key), `${text}\n`);
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function sysctls(boot = 'boot'): Promise<Sysctls> {
  return new Sysctls(path.join(folder, 'proc'), await Journal.load(path.join(folder, 'state'), 'gh0', boot));
}
const hub = { name: 'gh0', hub: true, ipv4: true, ipv6: true, policy: false };

test('a hub forwards, keeps its own router advertisements, and all comes back by another process', async () => {
  const one = await sysctls();
  assert.deepEqual(await one.apply(await one.wanted(hub)), [
    'net.ipv4.ip_forward=1',
    'net.ipv4.conf.all.send_redirects=0',
    'net.ipv4.conf.gh0.send_redirects=0',
    'net.ipv6.conf.eth0.accept_ra=2',
    'net.ipv6.conf.all.forwarding=1',
  ]);
  const two = await sysctls();
  assert.deepEqual(await two.apply(await two.wanted(hub)), []);
  await two.restore();
  assert.deepEqual(
    ['net/ipv4/ip_forward', 'net/ipv4/conf/all/send_redirects', 'net/ipv6/conf/eth0/accept_ra'].map(value),
    ['0', '1', '1'],
  );
});

test('what is no longer wanted is put back', async () => {
  const one = await sysctls();
  await one.apply(await one.wanted(hub));
  await one.apply(await one.wanted({ ...hub, hub: false, policy: true }));
  assert.deepEqual(
    ['net/ipv4/ip_forward', 'net/ipv4/conf/all/rp_filter', 'net/ipv4/conf/all/src_valid_mark'].map(value),
    ['0', '2', '1'],
  );
});

test('a value that somebody else has set meanwhile is his', async () => {
  const one = await sysctls();
  await one.apply(await one.wanted(hub));
  writeFileSync(proc('net/ipv6/conf/eth0/accept_ra'), '0\n');
  await one.restore();
  assert.equal(value('net/ipv6/conf/eth0/accept_ra'), '0');
});

test('after a reboot the notes are void', async () => {
  const one = await sysctls();
  await one.apply(await one.wanted(hub));
  const two = await sysctls('another boot');
  await two.restore();
  assert.equal(value('net/ipv4/ip_forward'), '1');
});

test('a read-only /proc/sys is a clear error', async () => {
  const one = await sysctls();
  rmSync(proc('net/ipv4/ip_forward'));
  mkdirSync(proc('net/ipv4/ip_forward'));
  await assert.rejects(
    (async () => {
      const wanted = new Map([['net/ipv4/ip_forward', '1']]);
      one.read = async () => '0';
      await one.apply(wanted);
    })(),
    { code: 'apply-failed', message: /can't set net\.ipv4\.ip_forward=1 .*--sysctl/ },
  );
});
