import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { darwinPlatform } from './darwin.ts';
import type { Platform } from './platform.ts';
import { holds, laptop, memoryDevice, type Recorder, recorder } from './recorder.ts';

// Recorded by hand from the manual pages and wg-quick(8) for macOS; not yet run on macOS.
const NETSTAT = `Routing tables

Internet:
Destination        Gateway            Flags               Netif Expire
default            link#22            UCSIg               utun4
default            192.168.1.1        UGScg                 en0
127                127.0.0.1          UCS                   lo0
`;

const stateDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
after(() => rmSync(stateDir, { recursive: true, force: true }));

let commands: Recorder;
let device: ReturnType<typeof memoryDevice>;
function platform(): Platform {
  return darwinPlatform({ stateDir, log: () => undefined, commands, backend: () => device, uid: () => 0 });
}

beforeEach(() => {
  rmSync(path.join(stateDir, 'os-gh0.json'), { force: true });
  device = memoryDevice();
  commands = recorder((line) => {
    if (line === '/sbin/ifconfig -l') return 'lo0 en0 utun0 utun60\n';
    return line.startsWith('/usr/sbin/netstat') ? NETSTAT : '';
  });
});

const DNS =
  '/usr/sbin/scutil < "d.init\\nd.add ServerAddresses * 10.77.0.1\\nd.add SupplementalMatchDomains * corp.internal\\nd.add SearchDomains * corp.internal\\nset State:/Network/Service/gatehouse-gh0/DNS\\nquit\\n"';

test('a tunnel comes up, changes by differences, and goes', async () => {
  const tunnel = await platform().openTunnel('gh0');
  assert.deepEqual(commands.take(), ['/sbin/ifconfig -l', 'wireguard-go utun61']);
  await tunnel.apply(laptop());
  assert.ok(holds(device, laptop()));
  assert.deepEqual(commands.take(), [
    '/sbin/ifconfig utun61 mtu 1420 up',
    '/sbin/ifconfig utun61 inet 10.77.0.2/32 10.77.0.2 alias',
    '/sbin/ifconfig utun61 inet6 fd77::2/128 alias',
    '/sbin/route -q -n add -inet 10.77.0.0/24 -interface utun61',
    '/sbin/route -q -n add -inet6 fd77::/64 -interface utun61',
    DNS,
  ]);
  assert.equal(tunnel.dnsMode, 'scutil');
  await tunnel.apply(laptop());
  assert.deepEqual(commands.take(), []);
  await tunnel.apply(laptop({ routes: ['10.77.0.0/24', '10.88.0.0/16'] }));
  assert.deepEqual(commands.take(), [
    '/sbin/route -q -n delete -inet6 fd77::/64 -interface utun61',
    '/sbin/route -q -n add -inet 10.88.0.0/16 -interface utun61',
  ]);
  await tunnel.close();
  assert.deepEqual(commands.take(), ['/usr/sbin/scutil < "remove State:/Network/Service/gatehouse-gh0/DNS\\nquit\\n"']);
  assert.equal(existsSync(path.join(stateDir, 'os-gh0.json')), false);
});

test('a default route is two halves, with the hub past the tunnel by the LAN’s gateway', async () => {
  const tunnel = await platform().openTunnel('gh0');
  await tunnel.apply(laptop({ dns: { servers: [], search: [] } }));
  commands.take();
  await tunnel.apply(laptop({ dns: { servers: [], search: [] }, routes: ['0.0.0.0/0'] }));
  assert.deepEqual(commands.take(), [
    '/usr/sbin/netstat -n -r -f inet',
    '/sbin/route -q -n delete -inet 10.77.0.0/24 -interface utun61',
    '/sbin/route -q -n delete -inet6 fd77::/64 -interface utun61',
    '/sbin/route -q -n add -inet -host 192.0.2.1 -gateway 192.168.1.1',
    '/sbin/route -q -n add -inet 0.0.0.0/1 -interface utun61',
    '/sbin/route -q -n add -inet 128.0.0.0/1 -interface utun61',
  ]);
  await tunnel.close();
  assert.deepEqual(commands.take(), ['/sbin/route -q -n delete -inet -host 192.0.2.1 -gateway 192.168.1.1']);
});

test('a successor adopts a running device, makes a dead one anew, and recover undoes', async () => {
  await (await platform().openTunnel('gh0')).apply(laptop());
  commands.take();
  const adopted = await platform().openTunnel('gh0');
  await adopted.apply(laptop());
  assert.deepEqual(commands.take(), []);
  device.gone = true;
  await platform().openTunnel('gh0');
  assert.deepEqual(commands.take().slice(-2), ['/sbin/ifconfig -l', 'wireguard-go utun61']);
  await platform().recover('gh0');
  assert.equal(existsSync(path.join(stateDir, 'os-gh0.json')), false);
});

test('a hub forwards while it is up', async () => {
  const tunnel = await platform().openTunnel('gh0');
  const { peer } = laptop().state;
  await tunnel.apply(laptop({ peer: { ...peer, role: 'hub' }, dns: { servers: [], search: [] } }));
  assert.deepEqual(commands.take().slice(-2), [
    '/usr/sbin/sysctl -w net.inet.ip.forwarding=1',
    '/usr/sbin/sysctl -w net.inet6.ip6.forwarding=1',
  ]);
  await tunnel.close();
  assert.deepEqual(commands.take()[0], '/usr/sbin/sysctl -w net.inet.ip.forwarding=0');
});

test('what lacks is said', async () => {
  const options = { stateDir, log: () => undefined, backend: () => device };
  const user = darwinPlatform({ ...options, commands, uid: () => 501 });
  await assert.rejects(user.openTunnel('gh0'), { code: 'no-privileges' });
  const bare = darwinPlatform({ ...options, commands: recorder(undefined, ['wireguard-go']), uid: () => 0 });
  await assert.rejects(bare.openTunnel('gh0'), { code: 'no-wireguard', message: /brew install/ });
  assert.deepEqual(
    (await bare.diagnose('gh0')).map(({ check, result }) => `${check} ${result}`),
    ['privileges ok', 'wireguard failed', 'dns ok'],
  );
});

test('a failed command is named, and the next apply says everything again', async () => {
  let broken = true;
  commands = recorder((line) => (broken && line.includes('fd77::/64') ? new Error('bad address') : ''));
  const tunnel = await platform().openTunnel('gh0');
  await assert.rejects(tunnel.apply(laptop()), {
    code: 'apply-failed',
    message: /route -q -n add -inet6 fd77::\/64.*bad address/,
  });
  broken = false;
  commands.take();
  await tunnel.apply(laptop());
  assert.equal(commands.take().length, 5);
});
