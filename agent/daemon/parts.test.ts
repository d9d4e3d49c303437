import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import Type from 'typebox';
import { AGENT_VERSION, ConfigError, readConfig } from '../config.ts';
import { HUB_KEY, spokeState } from '../controller/testing/fake-controller.ts';
import type { Platform, TunnelConfig } from '../os/platform.ts';
import agentPackage from '../package.json' with { type: 'json' };
import { JsonFile } from './files.ts';
import { Log, redact } from './log.ts';
import { networkFingerprint } from './network.ts';
import { EndpointResolver } from './resolver.ts';
import { Saver } from './saver.ts';
import { TunnelWorker } from './worker.ts';

describe('settings', () => {
  test('defaults, by system', () => {
    assert.deepEqual(readConfig({}, 'linux'), {
      stateDir: '/var/lib/gatehouse-agent',
      socketPath: '/run/gatehouse/agent.sock',
      interfaceName: 'gh0',
    });
    assert.match(readConfig({}, 'win32').socketPath, /^\\\\\.\\pipe\\ProtectedPrefix\\Administrators\\Gatehouse$/);
  });

  test('what can not be used is named', () => {
    const cases: [string, string][] = [
      ['GATEHOUSE_AGENT_INTERFACE', 'sixteen-letters-'],
      ['GATEHOUSE_AGENT_INTERFACE', 'a b'],
      ['GATEHOUSE_AGENT_INTERFACE', '..'],
      ['GATEHOUSE_AGENT_INTERFACE', ''],
      ['GATEHOUSE_AGENT_SOCKET', 'relative'],
      ['GATEHOUSE_AGENT_SOCKET', `/${'x'.repeat(120)}`],
      ['GATEHOUSE_AGENT_STATE', 'relative'],
    ];
    for (const [name, value] of cases) {
      assert.throws(
        () => readConfig({ [name]: value }, 'linux'),
        (error: Error) => {
          assert.ok(error instanceof ConfigError);
          return error.message.startsWith(name);
        },
      );
    }
  });

  test('the version is that of the package', () => assert.equal(AGENT_VERSION, agentPackage.version));
});

describe('the log', () => {
  test('secrets are left out', () => {
    const credential = `ghd_${'ab'.repeat(32)}`;
    assert.equal(redact(`has ${credential}.`), 'has ghd_….');
    assert.equal(redact(`key ${HUB_KEY}, x`), `key ${HUB_KEY.slice(0, 6)}…, x`);
    assert.ok(!redact('authorization: Bearer abcdefghijkl').includes('abcdefghijkl'));
    assert.ok(!redact('--token=abcdefghijkl').includes('abcdefghijkl'));
    assert.equal(redact('tunnel connected to 10.0.0.1:51820'), 'tunnel connected to 10.0.0.1:51820');
  });

  test('keeps the last 2000 lines, each one line', () => {
    const sink: string[] = [];
    const log = new Log(
      (line) => sink.push(line),
      () => new Date(0),
    );
    for (let i = 0; i < 2100; i += 1) log.write(`line ${i}\n\u001b[31m`);
    assert.equal(sink.length, 2100);
    assert.equal(log.last(10_000).length, 2000);
    assert.deepEqual(log.last(1), ['1970-01-01T00:00:00.000Z line 2099 [31m']);
  });
});

test('files are replaced whole with mode 0600; what is half or wrong is damaged', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-files-'));
  const file = new JsonFile(folder, 'a.json', Type.Object({ a: Type.Integer() }));
  assert.equal(await file.read(), null);
  await file.write({ a: 1 });
  await file.write({ a: 2 });
  assert.deepEqual(await file.read(), { a: 2 });
  assert.equal(statSync(file.path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ['a.json']);
  for (const bad of ['', '{"a":', '{"a":"x"}', '\0\0\0']) {
    writeFileSync(file.path, bad);
    await assert.rejects(file.read(), { name: 'DamagedFileError', message: /a\.json is damaged/ });
  }
  await file.setAside();
  assert.equal(await file.read(), null);
  await file.write(null);
  rmSync(folder, { recursive: true });
});

test('the network is what is not loopback, link-local or our own', () => {
  const address = (cidr: string, internal = false) => ({
    address: cidr.split('/')[0]!,
    cidr,
    internal,
    family: 'IPv4' as const,
    mac: '',
    netmask: '',
  });
  const interfaces = {
    lo: [address('127.0.0.1/8', true)],
    gh0: [address('10.10.0.5/32')],
    eth0: [address('fe80::1/64'), address('192.0.2.2/24')],
    wlan0: [],
  };
  assert.equal(networkFingerprint('gh0', interfaces), 'eth0 192.0.2.2/24');
  assert.equal(networkFingerprint('gh0', { lo: interfaces.lo, gh0: interfaces.gh0 }), '');
});

describe('endpoints', () => {
  const state = spokeState(HUB_KEY, 'gate.example:51820');
  const endpoint = (resolver: EndpointResolver) => resolver.apply(state).peers[0]?.endpoint;

  test('names become addresses, addresses stay', async () => {
    const asked: string[] = [];
    const resolver = new EndpointResolver(async (host) => {
      asked.push(host);
      return '2001:db8::1';
    });
    assert.equal(endpoint(resolver), undefined);
    assert.equal(await resolver.refresh(state, false), true);
    assert.equal(endpoint(resolver), '[2001:db8::1]:51820');
    assert.equal(await resolver.refresh(state, false), false);
    assert.equal(await resolver.refresh(state, true), false);
    assert.deepEqual(asked, ['gate.example', 'gate.example']);
    const plain = spokeState(HUB_KEY);
    await resolver.refresh(plain, true);
    assert.deepEqual(resolver.apply(plain), plain);
    assert.deepEqual(resolver.addresses, {});
  });

  test('a name that fails keeps its last address, and is said to be unresolved', async () => {
    let answer: (host: string) => Promise<string> = async () => {
      throw new Error('ENOTFOUND');
    };
    const resolver = new EndpointResolver((host) => answer(host), { 'gate.example': '192.0.2.7' });
    assert.equal(await resolver.refresh(state, true), false);
    assert.equal(endpoint(resolver), '192.0.2.7:51820');
    assert.equal(resolver.unresolved('gate.example:51820'), 'gate.example');
    assert.equal(resolver.unresolved('192.0.2.10:51820'), null);
    answer = async () => '192.0.2.8';
    assert.equal(await resolver.refresh(state, true), true);
    assert.equal(resolver.unresolved('gate.example:51820'), null);
  });

  test('a lookup that never ends is given up', async () => {
    const resolver = new EndpointResolver(() => new Promise(() => undefined), {}, 20);
    assert.equal(await resolver.refresh(state, true), false);
    assert.equal(resolver.unresolved('gate.example:51820'), 'gate.example');
  });
});

test('the saver writes at once, then the newest only, and flushes', async () => {
  const written: number[] = [];
  let newest = 0;
  const saver = new Saver(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    written.push(newest);
  });
  const saves: Promise<void>[] = [];
  for (newest = 1; newest <= 50; newest += 1) saves.push(saver.save());
  newest = 50;
  await saver.flush();
  await Promise.all(saves);
  assert.equal(written.at(-1), 50);
  assert.ok(written.length <= 3, `${written.length} writes`);
});

describe('the tunnel worker', () => {
  const config = (name: string): TunnelConfig => ({ privateKey: name, state: spokeState(HUB_KEY) });
  const fake = () => {
    const calls: string[] = [];
    const device = { gone: false };
    const platform: Platform = {
      openTunnel: async () => {
        calls.push('open');
        device.gone = false;
        return {
          name: 'gh0',
          driver: 'fake',
          dnsMode: null,
          apply: async ({ privateKey }) => {
            await new Promise((resolve) => setImmediate(resolve));
            calls.push(privateKey);
            if (device.gone) throw new Error('gone');
          },
          repair: async () => [],
          read: async () => {
            if (device.gone) throw new Error('gone');
            return { peers: [] };
          },
          close: async () => void calls.push('close'),
        };
      },
      recover: async () => void calls.push('recover'),
      diagnose: async () => [],
    };
    return { calls, device, worker: new TunnelWorker(platform, 'gh0') };
  };

  test('skips states that were replaced before their turn', async () => {
    const { calls, worker } = fake();
    await worker.apply(config('a'));
    const second = worker.apply(config('b'));
    await Promise.all([second, worker.apply(config('c')), worker.apply(config('d'))]);
    assert.deepEqual(calls, ['open', 'a', 'd']);
    await worker.close();
    await worker.close();
    assert.deepEqual(calls.slice(3), ['close', 'recover']);
    assert.equal(await worker.read(), null);
  });

  test('opens anew when the device is gone', async () => {
    const { calls, device, worker } = fake();
    await worker.apply(config('a'));
    device.gone = true;
    await assert.rejects(worker.apply(config('b')), /gone/);
    await worker.apply(config('b'));
    device.gone = true;
    await assert.rejects(worker.read(), /gone/);
    await worker.apply(config('b'));
    assert.deepEqual(calls, ['open', 'a', 'b', 'open', 'b', 'open', 'b']);
  });
});
