import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Telemetry } from '@gatehouse/protocol';
import { Compile } from 'typebox/compile';
import { HUB_KEY } from '../controller/testing/fake-controller.ts';
import type { PeerStat } from '../os/platform.ts';
import { TelemetryCollector } from './collect.ts';
import { TelemetryPace } from './pace.ts';
import type { Source } from './source.ts';

const schema = Compile(Telemetry);
const peer: PeerStat = {
  publicKey: HUB_KEY,
  endpoint: '192.0.2.10:51820',
  lastHandshake: 1_700_000_000,
  rx: 10,
  tx: 20,
  keepalive: 25,
  allowedIps: [],
};

test('this machine reports what the protocol asks for', async () => {
  const report = await new TelemetryCollector().collect([peer], 12.7, 1_700_000_005_900);
  assert.ok(schema.Check(report), JSON.stringify(report));
  assert.equal(report.wireguardUptime, 12);
  assert.ok(report.memory.total > 0 && report.memory.used > 0);
  assert.deepEqual(report.peers, [
    { publicKey: HUB_KEY, endpoint: '192.0.2.10:51820', handshakeAge: 5, rx: 10, tx: 20 },
  ]);
});

test('whatever the system answers, the report is one', async () => {
  const odd: unknown[] = [
    () => Promise.reject(new Error('no')),
    () => {
      throw new Error('no');
    },
    async () => undefined,
    async () => ({
      currentLoad: Number.NaN,
      total: -1,
      active: Infinity,
      hasBattery: true,
      percent: 250,
      distro: 'x'.repeat(500),
    }),
  ];
  for (const answer of odd) {
    const source = { osInfo: answer, currentLoad: answer, mem: answer, battery: answer } as unknown as Source;
    const report = await new TelemetryCollector(source).collect(
      [{ ...peer, endpoint: 'x'.repeat(100), lastHandshake: 9e9, rx: Number.NaN }],
      -1,
      0,
    );
    assert.ok(schema.Check(report), JSON.stringify(report));
  }
});

test('what does not change is asked for once', async () => {
  const asked: string[] = [];
  const ask = (name: string, answer: object) => async () => {
    asked.push(name);
    return answer;
  };
  let now = 0;
  const source = (hasBattery: boolean) =>
    ({
      osInfo: ask('os', {}),
      currentLoad: ask('cpu', {}),
      mem: ask('mem', {}),
      battery: ask('battery', { hasBattery, percent: 50, isCharging: false }),
    }) as unknown as Source;
  for (const [hasBattery, expected] of [
    [false, 1],
    [true, 2],
  ] as const) {
    asked.length = 0;
    const collector = new TelemetryCollector(source(hasBattery), () => now);
    for (let i = 0; i < 11; i += 1) {
      await collector.collect([], 0, 0);
      now += 30_000;
    }
    assert.equal(asked.filter((name) => name === 'battery').length, expected);
    assert.equal(asked.filter((name) => name === 'os').length, 1);
    assert.equal(asked.filter((name) => name === 'cpu').length, 11);
  }
});

test('telemetry is due each 30 s, and when an endpoint changes, but once a second at most', () => {
  const pace = new TelemetryPace();
  assert.equal(pace.due([peer], 0), true);
  pace.sent([peer], 0);
  assert.equal(pace.due([peer], 29_999), false);
  assert.equal(pace.due([peer], 30_000), true);
  const moved = { ...peer, endpoint: '198.51.100.1:1' };
  assert.equal(pace.due([moved], 999), false);
  assert.equal(pace.due([moved], 1_000), true);
  pace.sent([moved], 1_000);
  assert.equal(pace.due([moved], 2_000), false);
  pace.reset();
  assert.equal(pace.due([moved], 2_000), true);
});
