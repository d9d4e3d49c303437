import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { linuxPlatform } from '../linux.ts';
import type { Platform } from '../platform.ts';
import { laptop, type Recorder, recorder } from '../recorder.ts';

// The kernel's WireGuard, against a stand-in for ip(8) and wg(8): not every machine that runs the tests has it.
let folder: string;
let link: string | null;
/** What `ip -batch` was given. */
let batches: string[];
let kernel: string | Error;
let missing: string[];
let commands: Recorder;

const at = (...parts: string[]): string => path.join(folder, ...parts);
const LINK = '[{"flags":["NOARP","UP"],"mtu":1420,"linkinfo":{"info_kind":"wireguard"},"addr_info":[]}]';

function platform(capabilities = '000001ffffffffff'): Platform {
  writeFileSync(at('status'), `Name:\tnode\nCapEff:\t${capabilities}\n`);
  const paths = {
    procSys: at('sys'),
    processStatus: at('status'),
    resolvConf: at('resolv.conf'),
    uapiFolder: at('wireguard'),
    tun: at('tun'),
    module: at('module'),
  };
  commands = recorder((line) => {
    if (line.startsWith('ip -j -d address')) return link ?? new Error('Device "gh0" does not exist.');
    if (line.startsWith('ip link add')) {
      if (typeof kernel === 'string') link = LINK;
      return kernel;
    }
    if (line === 'ip link delete dev gh0') link = null;
    if (line.includes('-batch')) batches.push(...readFileSync(line.split(' ').at(-1)!, 'utf8').trim().split('\n'));
    if (line === 'wg show gh0 dump') return '(none)\t(none)\t40000\toff\n';
    return line.startsWith('ip -j') ? '[]' : '';
  }, missing);
  return linuxPlatform({ stateDir: at('state'), log: () => undefined, commands, paths });
}

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
  mkdirSync(at('sys/net/ipv6/conf/gh0'), { recursive: true });
  writeFileSync(at('sys/net/ipv6/conf/gh0/disable_ipv6'), '0\n');
  [link, batches, kernel, missing] = [null, [], '', ['resolvectl', 'resolvconf']];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const masked = (line: string): string => line.replaceAll(/\/\S*gatehouse-\w+\/\d+/g, 'FILE');

test('a device in the kernel is made, configured by wg, adopted and deleted', async () => {
  const tunnel = await platform().openTunnel('gh0');
  assert.equal(tunnel.driver, 'kernel');
  assert.ok(commands.take().includes('ip link add dev gh0 type wireguard'));
  await tunnel.apply(laptop());
  const [hub] = laptop().state.peers;
  assert.deepEqual(commands.take().map(masked).slice(0, 2), [
    'wg show gh0 dump',
    `wg set gh0 private-key FILE peer ${hub!.publicKey} endpoint 192.0.2.1:51820 persistent-keepalive 25 allowed-ips 10.77.0.0/24,fd77::/64`,
  ]);
  assert.deepEqual(batches, [
    'address add 10.77.0.2/32 dev gh0',
    'address add fd77::2/128 dev gh0',
    'route add 10.77.0.0/24 dev gh0 metric 5200 proto 71',
    'route add fd77::/64 dev gh0 metric 5200 proto 71',
  ]);
  await tunnel.apply(laptop());
  assert.deepEqual(commands.take(), []);
  const adopted = await platform().openTunnel('gh0');
  assert.equal(adopted.driver, 'kernel');
  assert.deepEqual(commands.take(), ['ip -j -d address show dev gh0']);
  assert.ok((await adopted.repair(laptop())).includes('1 WireGuard peer(s)'));
  assert.ok(commands.take().map(masked).includes('wg syncconf gh0 FILE'));
  await adopted.close();
  assert.equal(link, null);
});

test('one changed peer is one call of wg, and nothing of ip', async () => {
  const tunnel = await platform().openTunnel('gh0');
  await tunnel.apply(laptop());
  commands.take();
  const [hub] = laptop().state.peers;
  await tunnel.apply(laptop({ peers: [{ ...hub!, keepalive: 10 }] }));
  assert.deepEqual(commands.take(), [`wg set gh0 peer ${hub!.publicKey} persistent-keepalive 10`]);
});

test('what lacks is said', async () => {
  await assert.rejects(platform('0000000000000000').openTunnel('gh0'), {
    code: 'no-privileges',
    message: /run as root or with CAP_NET_ADMIN/,
  });
  kernel = new Error('Error: Unknown device type.');
  missing = ['wireguard-go'];
  await assert.rejects(platform().openTunnel('gh0'), { code: 'no-wireguard', message: /apt install wireguard-go/ });
  missing = [];
  await assert.rejects(platform().openTunnel('gh0'), { code: 'no-wireguard', message: /modprobe tun/ });
  kernel = new Error('RTNETLINK answers: Operation not permitted');
  await assert.rejects(platform().openTunnel('gh0'), { code: 'no-privileges' });
  for (const name of ['', '../x', 'a b', '-f', 'sixteen-letters-'])
    await assert.rejects(platform().openTunnel(name), { code: 'apply-failed' }, name);
});

test('a kernel device that the agent did not make is left alone', async () => {
  link = LINK;
  await assert.rejects(platform().openTunnel('gh0'), { code: 'apply-failed', message: /GATEHOUSE_AGENT_INTERFACE/ });
  await platform().recover('gh0');
  assert.equal(link, LINK);
});

test('a command that ip refuses is named', async () => {
  const tunnel = await platform().openTunnel('gh0');
  const { run } = commands;
  commands.run = async (program, args, input) => {
    if (!args.includes('-batch')) return run(program, args, input);
    await recorder(() => new Error('Error: Invalid scope.\nCommand failed /tmp/x:2')).run(program, args);
    return '';
  };
  await assert.rejects(tunnel.apply(laptop()), {
    code: 'apply-failed',
    message: /^ip address add fd77::2\/128 dev gh0: Error: Invalid scope\.$/,
  });
});

test('a state that carries a command is refused before anything is run', async () => {
  const tunnel = await platform().openTunnel('gh0');
  commands.take();
  await assert.rejects(tunnel.apply(laptop({ routes: ['10.0.0.0/8\nlink delete dev eth0'] })), {
    code: 'apply-failed',
  });
  assert.deepEqual(commands.take(), []);
});

test('the doctor says what lacks and what to do', async () => {
  missing = ['wireguard-go', 'wg', 'modprobe', 'resolvectl', 'resolvconf'];
  const findings = await platform('0000000000000000').diagnose('gh0');
  assert.deepEqual(
    findings.map(({ check, result }) => `${check} ${result}`),
    [
      'privileges failed',
      'wireguard failed',
      'tun warning',
      'ip ok',
      'interface ok',
      'sockets ok',
      'dns ok',
      'forwarding ok',
      'firewall ok',
      'ipv6 warning',
    ],
  );
  for (const { result, advice } of findings) assert.equal(advice !== null, result !== 'ok');
});
