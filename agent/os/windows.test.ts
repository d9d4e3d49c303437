import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import type { Platform } from './platform.ts';
import { holds, laptop, memoryDevice, type Recorder, recorder } from './recorder.ts';
import { windowsPlatform } from './windows.ts';

// Recorded by hand from Microsoft's and WireGuard's documentation; not yet run on Windows.
const ROUTES = `IPv4-Routentabelle\r
Aktive Routen:\r
     Netzwerkziel    Netzwerkmaske          Gateway    Schnittstelle Metrik\r
          0.0.0.0          0.0.0.0      192.168.1.1    192.168.1.23     35\r
        127.0.0.0        255.0.0.0   Auf Verbindung         127.0.0.1    331\r
`;

const paths = {
  system32: 'C:\\Windows\\System32',
  wireguard: 'C:\\Program Files\\WireGuard',
  wireguardGo: 'C:\\Gatehouse\\wireguard-go.exe',
};
const SERVICE = `${paths.wireguard}\\wireguard.exe`;
const WG = `${paths.wireguard}\\wg.exe`;
const NETSH = 'C:\\Windows\\System32\\netsh.exe interface';
const POWERSHELL = 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe -NoProfile -NonInteractive -Command';

const stateDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
after(() => rmSync(stateDir, { recursive: true, force: true }));

let commands: Recorder;
let device: ReturnType<typeof memoryDevice>;
const platform = (): Platform =>
  windowsPlatform({ stateDir, log: () => undefined, commands, paths, pipe: () => device });

beforeEach(() => {
  rmSync(path.join(stateDir, 'os-gh0.json'), { force: true });
  device = memoryDevice();
  commands = recorder((line) => (line.includes('route.exe print') ? ROUTES : ''), [SERVICE]);
});

test('wireguard-go: a tunnel comes up, changes by differences, and goes', async () => {
  const tunnel = await platform().openTunnel('gh0');
  assert.deepEqual(commands.take(), [
    'C:\\Windows\\System32\\fltmc.exe filters',
    'launch C:\\Gatehouse\\wireguard-go.exe gh0',
  ]);
  await tunnel.apply(laptop());
  assert.ok(holds(device, laptop()));
  assert.deepEqual(commands.take(), [
    `${NETSH} ipv4 set subinterface gh0 mtu=1420 store=active`,
    `${NETSH} ipv6 set subinterface gh0 mtu=1420 store=active`,
    `${NETSH} ipv4 add address name=gh0 address=10.77.0.2 mask=255.255.255.255 store=active`,
    `${NETSH} ipv6 add address interface=gh0 address=fd77::2/128 store=active`,
    `${NETSH} ipv4 add route prefix=10.77.0.0/24 interface=gh0 nexthop=0.0.0.0 store=active`,
    `${NETSH} ipv6 add route prefix=fd77::/64 interface=gh0 nexthop=:: store=active`,
    `${NETSH} ipv4 set dnsservers name=gh0 source=static address=10.77.0.1 register=none validate=no`,
    `${NETSH} ipv6 set dnsservers name=gh0 source=dhcp`,
    `${POWERSHELL} Set-DnsClient -InterfaceAlias 'gh0' -ConnectionSpecificSuffix 'corp.internal'`,
  ]);
  await tunnel.apply(laptop({ routes: ['10.77.0.0/24'] }));
  assert.deepEqual(commands.take(), [
    `${NETSH} ipv6 delete route prefix=fd77::/64 interface=gh0 nexthop=:: store=active`,
  ]);
  await tunnel.close();
  assert.equal(
    commands.take().at(-1),
    'C:\\Windows\\System32\\taskkill.exe /F /FI PID eq 4711 /FI IMAGENAME eq wireguard-go.exe',
  );
});

test('a default route is two halves, with the hub past the tunnel by the LAN’s gateway', async () => {
  const tunnel = await platform().openTunnel('gh0');
  await tunnel.apply(laptop({ dns: { servers: [], search: [] } }));
  commands.take();
  await tunnel.apply(laptop({ dns: { servers: [], search: [] }, routes: ['0.0.0.0/0', '10.77.0.0/24', 'fd77::/64'] }));
  assert.deepEqual(commands.take(), [
    'C:\\Windows\\System32\\route.exe print -4',
    'C:\\Windows\\System32\\route.exe add 192.0.2.1 mask 255.255.255.255 192.168.1.1',
    `${NETSH} ipv4 add route prefix=0.0.0.0/1 interface=gh0 nexthop=0.0.0.0 store=active`,
    `${NETSH} ipv4 add route prefix=128.0.0.0/1 interface=gh0 nexthop=0.0.0.0 store=active`,
  ]);
  await tunnel.close();
  assert.equal(commands.take()[0], 'C:\\Windows\\System32\\route.exe delete 192.0.2.1');
});

test('WireGuardNT: the service holds the device, wg.exe configures it, and the real key is in no file', async () => {
  commands = recorder((line) => (line === `${WG} show gh0 dump` ? '(none)\t(none)\t0\toff\n' : ''));
  const tunnel = await platform().openTunnel('gh0');
  const file = path.join(stateDir, 'gh0.conf');
  assert.deepEqual(commands.take(), [
    'C:\\Windows\\System32\\fltmc.exe filters',
    `${SERVICE} /installtunnelservice ${file}`,
    `${WG} show gh0 dump`,
  ]);
  assert.equal(tunnel.driver, 'wireguard-nt');
  await tunnel.apply(laptop());
  assert.doesNotMatch(readFileSync(file, 'utf8'), new RegExp(laptop().privateKey));
  const lines = commands.take();
  assert.equal(lines[0], `${WG} show gh0 dump`);
  assert.match(lines[1]!, /wg\.exe set gh0 private-key \S+ peer /);
  assert.ok(!lines.join('\n').includes(laptop().privateKey));
  await tunnel.close();
  assert.equal(commands.take().at(-1), `${SERVICE} /uninstalltunnelservice gh0`);
  await platform().recover('gh0');
  assert.equal(existsSync(file), false);
});

test('what lacks is said', async () => {
  commands = recorder((line) => (line.includes('fltmc') ? new Error('denied') : ''), [SERVICE, paths.wireguardGo]);
  await assert.rejects(platform().openTunnel('gh0'), { code: 'no-privileges', message: /administrator/ });
  assert.deepEqual(
    (await platform().diagnose('gh0')).map(({ check, result }) => `${check} ${result}`),
    ['privileges failed', 'wireguard failed', 'dns ok'],
  );
  commands = recorder(undefined, [SERVICE, paths.wireguardGo]);
  await assert.rejects(platform().openTunnel('gh0'), { code: 'no-wireguard' });
  await assert.rejects(platform().openTunnel("gh0'; calc"), { code: 'apply-failed' });
});
