import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AgentStatus } from '@gatehouse/protocol';
import fc from 'fast-check';
import { conditionsOf } from './conditions.ts';
import { type NoticeMemory, noNotices, noticesOf } from './index.ts';
import { stateOf } from './state.ts';
import { anySnapshot, because, down, NOW, notEnrolled, profile, snapshot } from './testing.ts';
import { DEFAULT_SETTINGS, type Notice, type Snapshot } from './types.ts';

const miss = (fact: string) => ({ fact, wanted: 'true', policy: 'p' });
const standing = (admitted: boolean, ...facts: string[]) => ({
  standing: { admitted, reason: null, missing: facts.map(miss), reported: null },
});
const silent = because('degraded', 'no-traffic');
const captive: Partial<AgentStatus> = { captive: { url: 'http://login.example' } };
const gone: Partial<Snapshot> = { link: { kind: 'down', starting: false } };
const QUIET = 'quiet' as const;
const STALE = new Date(NOW - 86_400_000).toISOString();

type Step = [second: number, agent: Partial<AgentStatus> | null, more?: Partial<Snapshot>, quiet?: typeof QUIET];

/** Plays snapshots at their second, the last one repeated each 3 s in between; what was told, as `second key`. */
function play(steps: Step[], until = 0): { told: string[]; notices: Notice[]; memory: NoticeMemory } {
  let memory: NoticeMemory = noNotices;
  const told: string[] = [];
  const notices: Notice[] = [];
  steps.forEach(([second, agent, more, quiet], i) => {
    const end = steps[i + 1]?.[0] ?? Math.max(until, second + 1);
    for (let at = second; at < end; at += 3) {
      const result = noticesOf(memory, snapshot(agent, { ...more, now: NOW + at * 1000 }), quiet === QUIET);
      memory = result.memory;
      notices.push(...result.notices);
      told.push(...result.notices.map(({ key }) => `${at} ${key}`));
    }
  });
  return { told, notices, memory };
}
const click = (of: 'connect' | 'disconnect', second: number): Partial<Snapshot> => ({
  prediction: { of, at: NOW + second * 1000 },
});
const off = (kind: keyof typeof DEFAULT_SETTINGS.notifications): Partial<Snapshot> => ({
  settings: { ...DEFAULT_SETTINGS, notifications: { ...DEFAULT_SETTINGS.notifications, [kind]: false } },
});

describe('what people are told', () => {
  const table: [string, Step[], string[], number?][] = [
    ['nothing at the first snapshot', [[0, because('error', 'revoked')]], [], 60],
    [
      'nothing of what was there when the daemon was first heard',
      [
        [0, null],
        [3, captive],
      ],
      [],
      60,
    ],
    [
      'signed out',
      [
        [0, {}],
        [3, because('error', 'revoked')],
      ],
      ['3 signed-out:office'],
      60,
    ],
    [
      'captive, and its end',
      [
        [0, {}],
        [3, captive],
        [30, {}],
      ],
      ['3 captive', '30 recovered'],
      60,
    ],
    [
      'quarantined, and its end',
      [
        [0, {}],
        [3, standing(false, 'firewall')],
        [30, standing(true)],
      ],
      ['9 quarantined:office', '30 admitted'],
      60,
    ],
    [
      'a fact missed, once',
      [
        [0, {}],
        [3, standing(true, 'firewall')],
      ],
      ['3 fact:firewall'],
      900,
    ],
    [
      'several facts at once are one',
      [
        [0, {}],
        [3, standing(true, 'firewall', 'screen_lock')],
      ],
      ['3 fact:screen_lock'].slice(1).concat('3 fact:firewall'),
      60,
    ],
    [
      'a fact after quarantine told of it',
      [
        [0, {}],
        [3, standing(false, 'firewall')],
        [12, standing(true, 'firewall')],
      ],
      ['9 quarantined:office', '12 admitted'],
      60,
    ],
    [
      'what passes by itself within seconds',
      [
        [0, {}],
        [3, silent],
        [6, {}],
      ],
      [],
      60,
    ],
    [
      'what lasts',
      [
        [0, {}],
        [3, silent],
      ],
      ['9 cause:no-traffic'],
      60,
    ],
    [
      'one trouble through several states',
      [
        [0, {}],
        [3, silent],
        [30, because('error', 'no-traffic')],
      ],
      ['9 cause:no-traffic'],
      90,
    ],
    [
      'a restart of the daemon',
      [
        [0, {}],
        [3, null, gone],
        [6, {}],
      ],
      [],
      60,
    ],
    [
      'the daemon stays away',
      [
        [0, {}],
        [3, null, gone],
      ],
      ['9 link:daemon-down'],
      60,
    ],
    [
      'a trouble isn’t told again after a restart',
      [
        [0, {}],
        [3, captive],
        [30, null, gone],
        [33, captive],
      ],
      ['3 captive'],
      60,
    ],
    [
      'an absent controller',
      [
        [0, {}],
        [3, because('degraded', 'controller-unreachable')],
      ],
      [],
      60,
    ],
    [
      'no network, which the system tells',
      [
        [0, {}],
        [3, because('degraded', 'no-network')],
        [60, {}],
      ],
      [],
      90,
    ],
    [
      'closed by others',
      [
        [0, {}],
        [3, down],
      ],
      ['3 disconnected'],
      60,
    ],
    [
      'closed by hand',
      [
        [0, {}],
        [3, {}, click('disconnect', 3)],
        [6, down],
      ],
      [],
      60,
    ],
    [
      'connected by hand',
      [
        [0, down],
        [3, down, click('connect', 3)],
        [6, {}],
      ],
      [],
      60,
    ],
    [
      'connected after a problem, by hand',
      [
        [0, {}],
        [3, captive],
        [30, captive, click('connect', 30)],
        [33, {}],
      ],
      ['3 captive'],
      60,
    ],
    [
      'left by hand',
      [
        [0, {}],
        [3, notEnrolled],
      ],
      [],
      60,
    ],
    [
      'an update',
      [
        [0, {}],
        [3, {}, { update: { kind: 'ready', version: '0.2.0' } }],
      ],
      ['3 update:0.2.0'],
      1800,
    ],
    [
      'no news of updates: once, and not because the network is away',
      [
        [0, {}],
        [3, {}, { update: { kind: 'failed', message: 'x', stale: STALE } }],
        [6, {}, { update: { kind: 'checking', stale: STALE } }],
        [9, {}, { update: { kind: 'none', checked: STALE, stale: STALE } }],
        [900, {}, { update: { kind: 'checking', stale: STALE } }],
        [903, {}, { update: { kind: 'failed', message: 'x', stale: STALE } }],
        [1600, {}, { update: { kind: 'none', checked: STALE, stale: STALE } }],
      ],
      [`9 update:stale:${STALE}`],
      1800,
    ],
    [
      'what came in sleep and holds after it',
      [
        [0, {}],
        [3, captive, {}, QUIET],
        [30, captive],
        [90, {}],
      ],
      ['30 captive', '90 recovered'],
      900,
    ],
    [
      'signed out in sleep',
      [
        [0, {}],
        [3, {}, {}, QUIET],
        [6, because('error', 'revoked'), {}, QUIET],
        [30, because('error', 'revoked')],
      ],
      ['30 signed-out:office'],
      3600,
    ],
    [
      'quarantined in the seconds after sleep, with what to fix',
      [
        [0, {}],
        [3, {}, {}, QUIET],
        [24, standing(false, 'firewall'), {}, QUIET],
        [27, standing(false, 'firewall')],
        [60, standing(true)],
      ],
      ['33 quarantined:office', '60 admitted'],
      900,
    ],
    [
      'quarantined in sleep, and let in shortly after',
      [
        [0, {}],
        [3, standing(false), {}, QUIET],
        [30, standing(false)],
        [33, {}],
      ],
      [],
      900,
    ],
    [
      'an error of sleep that lasts',
      [
        [0, {}],
        [3, because('error', 'no-wireguard'), {}, QUIET],
        [30, because('error', 'no-wireguard')],
      ],
      ['36 cause:no-wireguard'],
      900,
    ],
    [
      'an error of sleep that ends',
      [
        [0, {}],
        [3, because('error', 'no-wireguard'), {}, QUIET],
        [30, because('error', 'no-wireguard')],
        [33, {}],
      ],
      [],
      900,
    ],
    [
      'a trouble of sleep that mends itself while the network comes back',
      [
        [0, {}],
        [3, silent, {}, QUIET],
        [30, silent],
        [84, {}],
      ],
      [],
      900,
    ],
    [
      'and one that doesn’t',
      [
        [0, {}],
        [3, silent, {}, QUIET],
        [30, silent],
        [120, {}],
      ],
      ['90 cause:no-traffic', '120 recovered'],
      900,
    ],
    [
      'a trouble that turns into an error after sleep',
      [
        [0, {}],
        [3, silent, {}, QUIET],
        [30, silent],
        [48, because('error', 'no-traffic')],
      ],
      ['48 cause:no-traffic'],
      900,
    ],
    [
      'one that began just before sleep gets its time after it',
      [
        [0, {}],
        [3, because('error', 'no-wireguard')],
        [6, because('error', 'no-wireguard'), {}, QUIET],
        [3600, because('error', 'no-wireguard')],
      ],
      ['3606 cause:no-wireguard'],
      3700,
    ],
    [
      'told before sleep, and holding after it, whatever came between and however long it slept',
      [
        [0, {}],
        [3, because('error', 'revoked')],
        [9, because('error', 'revoked'), {}, QUIET],
        [30, {}, {}, QUIET],
        [36_000, because('error', 'revoked')],
      ],
      ['3 signed-out:office'],
      37_000,
    ],
    [
      'kept out before sleep, let in in it',
      [
        [0, {}],
        [3, standing(false)],
        [30, standing(true), {}, QUIET],
        [60, standing(true)],
      ],
      ['9 quarantined:office'],
      900,
    ],
    [
      'kept out for a moment only',
      [
        [0, {}],
        [3, standing(false)],
        [6, standing(true)],
      ],
      [],
      60,
    ],
    [
      'kept out when the app started, let in later',
      [
        [0, standing(false)],
        [30, standing(true)],
      ],
      ['30 admitted'],
      60,
    ],
    [
      'told before sleep, ended in it, and back later',
      [
        [0, {}],
        [3, captive],
        [9, {}, {}, QUIET],
        [3600, {}],
        [3700, captive],
      ],
      ['3 captive', '3700 captive'],
      4000,
    ],
    [
      'the daemon that is away after sleep',
      [
        [0, {}],
        [3, null, gone, QUIET],
        [30, null, gone],
      ],
      ['36 link:daemon-down'],
      900,
    ],
    [
      'signed out in sleep, and the daemon away for a moment after it',
      [
        [0, {}],
        [3, because('error', 'revoked'), {}, QUIET],
        [30, null, gone],
        [33, because('error', 'revoked')],
      ],
      ['33 signed-out:office'],
      900,
    ],
    [
      'heard first in sleep',
      [
        [0, null, {}, QUIET],
        [3, captive, {}, QUIET],
        [30, captive],
      ],
      [],
      900,
    ],
    [
      'a quarantine told a while ago is told once more when it comes back and lasts',
      [
        [0, {}],
        [3, standing(false)],
        [60, {}],
        [120, standing(false)],
      ],
      ['9 quarantined:office', '60 admitted', '609 quarantined:office'],
      1800,
    ],
    [
      'and its end',
      [
        [0, {}],
        [3, captive, {}, QUIET],
        [30, {}],
      ],
      [],
      60,
    ],
    [
      'told before sleep, ended in it',
      [
        [0, {}],
        [3, captive],
        [9, {}, {}, QUIET],
        [30, {}],
      ],
      ['3 captive'],
      60,
    ],
    [
      'a kind turned off',
      [
        [0, {}, off('problems')],
        [3, captive, off('problems')],
        [9, captive],
      ],
      [],
      60,
    ],
  ];
  for (const [name, steps, told, until] of table) test(name, () => assert.deepEqual(play(steps, until).told, told));

  test('every notice has texts in the language, and leads where it helps', () => {
    const settings = { ...DEFAULT_SETTINGS, language: 'de' as const };
    const german = (agent: Partial<AgentStatus>) =>
      play(
        [
          [0, {}],
          [3, agent, { settings }],
        ],
        30,
      ).notices[0];
    assert.deepEqual(german(captive)?.action, { id: 'open-portal' });
    assert.equal(german(captive)?.title, 'Beim WLAN anmelden');
    assert.match(
      german(standing(true, 'firewall', 'screen_lock'))?.body ?? '',
      /^Firewall: Schalten Sie .* Und noch eine Sache\.$/,
    );
  });
});

describe('flapping', () => {
  const flap = (bad: Partial<AgentStatus>, every: number, seconds: number): Step[] =>
    Array.from({ length: Math.floor(seconds / every) }, (_, i) => [i * every, i % 2 ? bad : {}]);
  test('is bounded: a problem, its end, the problem once more, then silence for 10 minutes', () => {
    assert.deepEqual(play(flap(captive, 30, 600)).told, ['30 captive', '60 recovered', '90 captive']);
  });
  test('whatever flaps: at most 2 of a key in 10 minutes', () => {
    const states = [
      {},
      captive,
      silent,
      down,
      because('error', 'revoked'),
      standing(false, 'firewall'),
      standing(true),
    ];
    const step = fc.tuple(fc.nat(states.length - 1), fc.boolean());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (choices) => {
        const steps = choices.map(([choice, link], i): Step => [i * 9, states[choice] ?? {}, link ? {} : {}]);
        const { told } = play(steps.filter(([second]) => second < 600));
        const counts = Object.groupBy(told, (line) => line.split(' ')[1] ?? '');
        for (const [key, lines] of Object.entries(counts)) assert.ok((lines?.length ?? 0) <= 2, `${key}: ${lines}`);
      }),
      { numRuns: 200 },
    );
  });
});

describe('sleep', () => {
  const states: readonly (Partial<AgentStatus> | null)[] = [
    {},
    captive,
    silent,
    down,
    because('error', 'no-wireguard'),
    standing(false, 'firewall'),
    standing(true, 'firewall'),
    because('error', 'revoked'),
    null,
  ];
  const last = [standing(false, 'firewall'), because('error', 'revoked')];
  type Chosen = { state: Partial<AgentStatus> | null; quiet: boolean; seconds: number };
  const step: fc.Arbitrary<Chosen> = fc.record({
    state: fc.constantFrom(...states),
    quiet: fc.boolean(),
    seconds: fc.constantFrom(3, 9, 30, 700, 40_000),
  });
  /** Snapshots each 3 s, or fewer where nothing changes for long. */
  function* played(steps: readonly Chosen[]): Generator<{ s: Snapshot; quiet: boolean }> {
    let at = NOW;
    for (const { state, quiet, seconds } of steps) {
      const every = seconds > 1000 ? 60 : 3;
      for (let second = 0; second < seconds; second += every, at += every * 1000) {
        yield { s: snapshot(state, { ...(state === null && gone), now: at }), quiet };
      }
    }
  }
  const keysOf = (s: Snapshot): string[] => conditionsOf(s, stateOf(s), () => false).map(({ key }) => key);

  test('each change is told at most once; signed out or kept out for long is always told', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 14 }), fc.constantFrom(...last), (chosen, end) => {
        const start = { state: {}, quiet: false, seconds: 9 };
        const steps = [start, ...chosen, { state: end, quiet: false, seconds: 700 }];
        let memory: NoticeMemory = noNotices;
        /** Told, and not ended since by the daemon's word in a time that isn't quiet. */
        const open = new Set<string>();
        for (const { s, quiet } of played(steps)) {
          const result = noticesOf(memory, s, quiet);
          memory = result.memory;
          if (quiet) assert.deepEqual(result.notices, []);
          else if (s.link.kind === 'up') for (const key of open) if (!keysOf(s).includes(key)) open.delete(key);
          for (const { key } of result.notices) {
            if (['recovered', 'admitted', 'disconnected'].includes(key)) continue;
            assert.ok(keysOf(s).includes(key), `${key} holds when it is told`);
            assert.ok(!open.has(key), `${key} was told already`);
            open.add(key);
          }
        }
        const wanted = end === last[0] ? 'quarantined:office' : 'signed-out:office';
        assert.ok(open.has(wanted), `${wanted} was told`);
      }),
      { numRuns: 300 },
    );
  });
});

describe('whatever comes', () => {
  test('nothing while quiet; a repeated snapshot tells nothing twice; memory is plain and bounded', () => {
    fc.assert(
      fc.property(fc.array(anySnapshot, { maxLength: 12 }), fc.boolean(), (list, quiet) => {
        let memory = noNotices;
        for (const s of list) {
          const once = noticesOf(memory, s, quiet);
          const twice = noticesOf(once.memory, s, quiet);
          if (quiet) assert.deepEqual(once.notices, []);
          assert.deepEqual(twice.notices, []);
          for (const { title, body, key } of once.notices) assert.ok(title && body && key);
          memory = structuredClone(once.memory);
        }
        assert.ok(Object.keys(memory.holding).length < 40 && Object.keys(memory.told).length < 80);
      }),
      { numRuns: 300 },
    );
  });
  test('another network signed out is another notice', () => {
    const out = (id: string) => because('error', 'revoked', { profiles: [profile(id, { active: true })] });
    assert.deepEqual(
      play(
        [
          [0, {}],
          [3, out('a')],
          [6, out('b')],
        ],
        9,
      ).told,
      ['3 signed-out:a', '6 signed-out:b'],
    );
  });
});
