import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AgentPeer, type AgentSession, POSTURE_FACTS, type PostureCheck, type Traffic } from '@gatehouse/protocol';
import fc from 'fast-check';
import { bytes, duration, formatDirectory, formatPeers, formatProfiles } from './format.ts';
import { formatSessions, formatTraffic } from './history.ts';
import { formatPosture } from './posture.ts';
import { columns, cut, table, wrap } from './table.ts';

const NOW = Date.parse('2026-11-01T12:00:00Z');
const lines = (text: string): string[] => text.split('\n').slice(0, -1);
const widest = (text: string): number => Math.max(...lines(text).map(columns));

test('a table that fits: two spaces between, nothing at the end of a line', () => {
  assert.equal(
    table([
      ['a', 'bb', 'c'],
      ['ddd', '', ''],
    ]),
    'a    bb  c\nddd\n',
  );
  assert.equal(
    table([
      ['日本', 'x'],
      ['ab', 'y'],
    ]),
    '日本  x\nab    y\n',
  );
  assert.equal(table([['a\u001b[2J\nb\u202e', 'x']]), 'a?[2J?b?  x\n');
});

test('a table that does not: names are cut, the last column is wrapped, or gets lines of its own', () => {
  const rows = [
    ['NAME', 'SENT', 'ROUTES'],
    ['a-laptop-with-a-long-name', '1.0 KiB', '10.0.0.0/8 192.168.0.0/16'],
  ];
  assert.deepEqual(lines(table(rows, { width: 40, names: [0] })), [
    'NAME             SENT     ROUTES',
    'a-laptop-with-…  1.0 KiB  10.0.0.0/8',
    '                          192.168.0.0/16',
  ]);
  assert.deepEqual(lines(table(rows, { width: 40 })), [
    'NAME                       SENT',
    '    ROUTES',
    'a-laptop-with-a-long-name  1.0 KiB',
    '    10.0.0.0/8 192.168.0.0/16',
  ]);
  assert.deepEqual(wrap('it took 12.5 ms and 1.0 KiB more', 12), ['it took', '12.5 ms and', '1.0 KiB more']);
  assert.equal(cut('日本語', 4), '日…');
});

test('whatever is in it, no line is wider than the terminal for anything but one long word', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', '-', 'é', '語', '\u0000'), minLength: 1, maxLength: 20 });
  const cell = fc.array(word, { maxLength: 6 }).map((words) => words.join(' '));
  const row = fc.tuple(fc.string({ maxLength: 60 }), fc.string({ maxLength: 8 }), cell);
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), fc.integer({ min: 40, max: 120 }), (rows, width) => {
      const text = table(rows, { width, names: [0] });
      const most = Math.max(width, 4 + Math.max(...rows.flatMap(([, , last]) => last.split(' ').map(columns))));
      assert.ok(widest(text) <= most, text);
      // Into a pipe: a line a row.
      assert.equal(lines(table(rows)).length, rows.length);
      // Nothing of the last column is lost.
      const kept = text.replace(/\s/g, '');
      for (const [, , last] of rows)
        for (const each of last.split(' ')) assert.ok(kept.includes(each.replace(/\0/g, '?')));
    }),
  );
});

test('numbers for people', () => {
  assert.deepEqual([0, 1023, 1024, 102_400, 5 * 2 ** 40].map(bytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '100 KiB',
    '5.0 TiB',
  ]);
  assert.deepEqual([0, 119, 120, 7200, 172_800].map(duration), ['0 s', '119 s', '2 min', '2 h', '2 d']);
});

const peer = (name: string, more: Partial<AgentPeer> = {}): AgentPeer => ({
  name,
  publicKey: 'k',
  hub: false,
  endpoint: '198.51.100.200:51820',
  allowedIps: ['10.77.0.0/16', 'fd77:6a7e:4057::/64'],
  lastHandshake: new Date(NOW - 119 * 60_000).toISOString(),
  latency: 12.4,
  rx: 1024 ** 3 - 1,
  tx: 1024 ** 3 - 1,
  ...more,
});

test('peers fit 80 columns, with everything that they tell', () => {
  const text = formatPeers(
    [peer('gate', { hub: true }), peer('x'.repeat(253), { latency: null, endpoint: null })],
    NOW,
    80,
  );
  assert.ok(widest(text) <= 80, text);
  assert.match(text, /^gate +hub +119 min ago +12\.4 ms +1024 MiB +1024 MiB\n {4}198\.51\.100\.200:51820, 10\.77/m);
  for (const route of ['10.77.0.0/16', 'fd77:6a7e:4057::/64']) assert.ok(text.includes(route));
});

test('the directory: an address a line; who is away, who is not known; more than there are', () => {
  const names = [
    { name: 'nas', dns: 'nas.office.internal', addresses: ['10.77.0.9', 'fd77::9'], online: true },
    { name: 'old\u001b[31m', dns: null, addresses: [], online: null },
    { name: 'away', dns: null, addresses: ['10.77.0.8'], online: false },
  ];
  assert.deepEqual(lines(formatDirectory({ names, more: true }, undefined, 80)), [
    'NAME      ONLINE  ADDRESS    NAME IN DNS',
    'nas       yes     10.77.0.9  nas.office.internal',
    '                  fd77::9',
    'old?[31m  -       -          -',
    'away      no      10.77.0.8  -',
    'There are more: gatehouse directory <part of a name or an address>.',
  ]);
  const nothing = formatDirectory({ names: [], more: false }, 'x\u001b', 80);
  assert.match(nothing.replaceAll('\n', ' '), /nothing that this device may reach with 'x\?' in its name/);
  assert.match(formatDirectory({ names: [], more: false }, undefined), /lists nothing that this device may reach\.\n$/);
});

test('profiles fit 80 columns; the one that was cut off says so', () => {
  const profile = { url: 'https://gate.example.org', peerName: 'laptop-alice', networkName: 'office' };
  const id = '9bb13b7c-0d5b-4bb5-a0c8-6a2d1c6f1a52';
  const text = formatProfiles([{ ...profile, id, active: true, revoked: true }], 80);
  assert.ok(widest(text) <= 80, text);
  assert.match(text, /^\* {2}office \(cut off\) +laptop-alice +https:\/\/gate\.example\.org\n/m);
  assert.match(text, new RegExp(id));
});

test('traffic: each byte in one line, the newest last, the longest bar the most', () => {
  const series = (steps: number, step: number): Traffic['seconds'] => ({
    start: new Date(NOW - steps * step * 1000).toISOString(),
    step,
    rx: Array.from({ length: steps }, (_, i) => (i < 60 ? 0 : 2)),
    tx: Array.from({ length: steps }, (_, i) => (i === steps - 1 ? 1024 : 0)),
  });
  const traffic = { seconds: series(600, 1), minutes: series(1440, 60) };
  const minutes = lines(formatTraffic(traffic, false, 80));
  assert.equal(minutes[0], 'Through the tunnel, a minute a line, since 2026-11-01T11:50:00Z:');
  assert.match(minutes[2]!, /^10 min ago +0 B +0 B$/);
  assert.match(minutes[3]!, /^9 min ago +120 B +0 B +#{3}$/);
  assert.match(minutes[11]!, /^1 min ago +120 B +1\.0 KiB +#{20}$/);
  assert.match(minutes[12]!, /^sum +1\.1 KiB +1\.0 KiB$/);
  const hours = lines(formatTraffic(traffic, true, 80));
  assert.equal(hours.length, 27);
  assert.match(hours[2]!, /^24 h ago +0 B +0 B$/);
  assert.match(hours[26]!, /^sum +2\.7 KiB +1\.0 KiB$/);
});

test('sessions: when, how long, how much, and why it ended, in 80 columns', () => {
  const since = new Date(NOW - 3_600_000).toISOString();
  const session: AgentSession = {
    since,
    until: null,
    networkName: 'office',
    hub: 'gate',
    rx: 2048,
    tx: 10,
    ended: null,
  };
  const ended = (why: AgentSession['ended']): AgentSession => ({
    ...session,
    until: new Date(NOW).toISOString(),
    ended: why,
  });
  const text = formatSessions([session, ended('user'), ended('controller-unreachable'), ended('replaced')], NOW, 80);
  assert.ok(widest(text) <= 80, text);
  assert.match(text, /^2026-11-01T11:00:00Z {2}60 min {2}2\.0 KiB +10 B +office \(gate\) +goes on$/m);
  assert.match(text, / by hand$/m);
  assert.match(text, / controller$/m);
  assert.match(text, /^ +unreachable$/m);
  assert.match(text, / other network$/m);
  assert.match(formatSessions([], NOW), /no traffic yet/);
  // A clock that was set back makes no negative duration.
  assert.match(formatSessions([session], NOW - 7_200_000), / 0 s /);
});

test('posture: what fails says what is wanted and how to mend it; what is fine gets no praise', () => {
  const check = (fact: string, more: Partial<PostureCheck> = {}): PostureCheck => ({
    fact,
    value: false,
    result: 'ok',
    wanted: null,
    source: 'lsblk',
    ...more,
  });
  const collected = new Date(NOW - 60_000).toISOString();
  const standing = { admitted: false, reason: 'no disk encryption', missing: [], reported: null };
  const failing = [
    check('disk_encryption', { result: 'failed', wanted: 'true' }),
    check('mdm\u001b', { result: 'failed', value: null, wanted: 'acme', source: null }),
    check('firewall', { value: true, source: 'nftables' }),
  ];
  const text = formatPosture({ collected, checks: failing }, standing, 'linux', NOW, 80);
  assert.ok(widest(text) <= 80, text);
  assert.match(text, /^failed +disk encryption +no \(lsblk\)\n +→ wanted: true\. The disk/);
  assert.match(text, /^failed +mdm\? +not known\n +→ wanted: acme\. Ask your administrator/m);
  assert.match(text, /^ +firewall +yes \(nftables\)$/m);
  assert.match(text, /^ +controller +this device is kept out: no disk encryption$/m);
  const fine = formatPosture({ collected, checks: failing.slice(2) }, null, 'linux', NOW, 80);
  assert.deepEqual(lines(fine), [
    'firewall    yes (nftables)',
    'controller  no controller has judged it',
    'collected   60 s ago',
  ]);
});

test('for each fact of ours there is advice on each system that tells it', () => {
  for (const platform of ['linux', 'darwin', 'win32'] as const) {
    for (const fact of POSTURE_FACTS) {
      const checks = [{ fact, value: false, result: 'failed' as const, wanted: 'true', source: null }];
      const text = formatPosture({ collected: new Date(NOW).toISOString(), checks }, null, platform, NOW);
      assert.match(text, /→ wanted: true\. \S.*[.)]$/m, `${platform} ${fact}`);
      const untold = ['linux screen_lock', 'win32 mandatory_access_control'].includes(`${platform} ${fact}`);
      assert.equal(text.includes('Ask your administrator what is needed'), untold, `${platform} ${fact}`);
    }
  }
});
