import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createDetector, type Detector, type Finding, MAX_ENDPOINTS, type Thresholds } from './detect.ts';
import { RECORDINGS, type Recorded, type Recording } from './recordings.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-03-01T08:00:00Z');

function thresholds({ conflict = 5, endpoint = 5, perDay = 10, port = 5, perWindow = 5 }: Recording['config'] = {}) {
  return {
    sessionConflictMs: conflict * MINUTE,
    endpointChangeMs: endpoint * MINUTE,
    maxEndpointChangesPerDay: perDay,
    portChangeMs: port * MINUTE,
    maxPortChangesPerWindow: perWindow,
  } satisfies Thresholds;
}
const DEFAULTS = thresholds();

function feed(detector: Detector, event: Recorded, limits: Thresholds = DEFAULTS, peer = 'p'): Finding[] {
  const at = START + event.s * 1000;
  if ('hub' in event) return detector.seen(peer, { at, hub: event.hub, endpoint: event.at }, limits);
  const { agent: connection, host: hostname, up: systemUptime, tunnel: wireguardUptime } = event;
  return detector.heard(peer, { at, connection, hostname, systemUptime, wireguardUptime }, limits);
}

describe('recorded sequences', () => {
  for (const { name, events, raises, config } of RECORDINGS) {
    test(`${name}: ${raises.join(', ') || 'nothing'}`, () => {
      const detector = createDetector();
      const found = new Set<string>();
      for (const event of [...events].sort((a, b) => a.s - b.s)) {
        for (const { type } of feed(detector, event, thresholds(config))) found.add(type);
      }
      assert.deepEqual([...found].sort(), [...raises].sort());
    });
  }
});

const [CONFLICT, SHARED] = ['two agents with two host names', 'one key in two places'].map(
  (name) => RECORDINGS.find((one) => one.name === name)?.events as Recorded[],
) as [Recorded[], Recorded[]];
const play = (detector: Detector, events: Recorded[], from = 0): Finding[] =>
  [...events].sort((a, b) => a.s - b.s).flatMap((event) => feed(detector, { ...event, s: event.s + from }));

test('a finding says what was seen, and where', () => {
  const detector = createDetector();
  const [shared] = play(detector, SHARED);
  assert.deepEqual(shared, {
    type: 'shared_config',
    endpoints: ['198.51.100.7:40000', '203.0.113.5:51820'],
    details: 'Same WireGuard key used from multiple IPs: 198.51.100.7, 203.0.113.5',
    since: START,
  });
  const [conflict] = play(detector, CONFLICT, 95);
  assert.equal(conflict?.details, 'Multiple active agents detected for the same peer: alpha, beta');
  assert.deepEqual(conflict?.endpoints, shared?.endpoints);
  const rivals = detector.rivals('p', START + 3 * MINUTE, DEFAULTS);
  assert.deepEqual(
    rivals.map(({ hostname, connection }) => [hostname, connection]),
    [
      ['beta', 'c2'],
      ['alpha', 'c1'],
    ],
  );
});

test('what was found holds until its evidence is old; a forgotten peer starts anew', () => {
  const detector = createDetector();
  play(detector, SHARED);
  play(detector, CONFLICT, 95);
  const types = (at: number) => detector.findings('p', START + at, DEFAULTS).map(({ type }) => type);
  assert.deepEqual(types(3 * MINUTE), ['session_conflict', 'shared_config']);
  assert.deepEqual(types(20 * MINUTE), []);
  assert.deepEqual(detector.rivals('p', START + 20 * MINUTE, DEFAULTS), []);
  detector.forget('p');
  assert.deepEqual(types(3 * MINUTE), []);
  assert.equal(detector.sizeOf('p'), 0);
  // One more flip, or one more report of each, is no new incident.
  assert.deepEqual(play(detector, SHARED.slice(0, 3), 200), []);
  assert.deepEqual(play(detector, CONFLICT.slice(-1), 200), []);
  assert.ok(play(detector, SHARED, 300).length > 0);
});

test('peers are told apart', () => {
  const detector = createDetector();
  const found = SHARED.flatMap((event, i) => feed(detector, event, DEFAULTS, `peer ${i % 2}`));
  assert.deepEqual(found, []);
});

test('a clock that is set back: what was remembered is dropped, and nothing is made of the jump', () => {
  const detector = createDetector();
  play(detector, SHARED.slice(0, 3));
  assert.deepEqual(play(detector, SHARED.slice(3), -86_400), []);
  assert.deepEqual(play(detector, SHARED.slice(0, 2), -86_300), []);
});

const endpoint = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }))
    .map(([ip, port]) => `203.0.113.${ip}:${port}`),
  fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 70_000 })).map(([ip, port]) => `${ip}:${port}`),
  fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 70_000 })).map(([ip, port]) => `[${ip}]:${port}`),
  fc.string(),
);
const number = fc.oneof(fc.nat(1_000_000), fc.constantFrom(0, 1e300, Number.MAX_SAFE_INTEGER));
const short = fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.string({ maxLength: 8, unit: 'binary' }));
const event: fc.Arbitrary<Recorded> = fc.oneof(
  fc.record({ s: fc.integer({ min: -1e6, max: 1e6 }), hub: short, at: endpoint }),
  fc.record({ s: fc.integer({ min: -1e6, max: 1e6 }), agent: short, host: short, up: number, tunnel: number }),
);
const limits: fc.Arbitrary<Thresholds> = fc.record({
  sessionConflictMs: fc.integer({ min: MINUTE, max: 2 ** 31 * MINUTE }),
  endpointChangeMs: fc.integer({ min: MINUTE, max: 2 ** 31 * MINUTE }),
  maxEndpointChangesPerDay: fc.integer({ min: 1, max: 1000 }),
  portChangeMs: fc.integer({ min: MINUTE, max: 2 ** 31 * MINUTE }),
  maxPortChangesPerWindow: fc.integer({ min: 1, max: 1000 }),
});

test('whatever is reported: it never throws, and finds each type at most once', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 300 }), limits, (events, config) => {
      const detector = createDetector();
      for (const one of events) {
        const found = feed(detector, one, config);
        assert.equal(new Set(found.map(({ type }) => type)).size, found.length);
        for (const { endpoints } of found) assert.ok(endpoints.length <= MAX_ENDPOINTS);
        const all = detector.findings('p', START + one.s * 1000, config);
        assert.equal(new Set(all.map(({ type }) => type)).size, all.length);
      }
    }),
    { numRuns: 200 },
  );
});

test('one machine on one connection, seen from one place, is never an incident', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 7200 }), { maxLength: 100 }), short, endpoint, (gaps, host, at) => {
      const detector = createDetector();
      let s = 0;
      for (const gap of gaps) {
        s += gap;
        const report = { s, agent: 'c', host, up: 1000 + s, tunnel: s };
        assert.deepEqual([...feed(detector, report), ...feed(detector, { s, hub: 'h', at })], []);
      }
    }),
  );
});

test('what is kept of a peer is bounded, whatever it does', () => {
  const detector = createDetector();
  let largest = 0;
  for (let i = 0; i < 5000; i++) {
    // Host names, connections, hubs, addresses and ports without end, within a second of one another.
    feed(detector, { s: i, agent: `c${i}`, host: `h${i}`, up: i * 7, tunnel: i * 3 });
    feed(detector, { s: i, hub: `hub ${i % 100}`, at: `10.${(i >> 8) & 255}.${i & 255}.1:${1 + (i % 60_000)}` });
    feed(detector, { s: i, hub: 'hub', at: `203.0.113.${i % 2}:${1 + (i % 60_000)}` });
    feed(detector, { s: i, hub: 'nat', at: `203.0.113.5:${1 + (i % 60_000)}` });
    largest = Math.max(largest, detector.sizeOf('p'));
  }
  assert.ok(largest < 1000, `${largest} entries`);
});
