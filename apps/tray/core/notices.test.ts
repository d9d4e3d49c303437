import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AgentStatus } from '@gatehouse/protocol';
import fc from 'fast-check';
import { type NoticeMemory, noNotices, noticesOf } from './index.ts';
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
      'what happens in sleep',
      [
        [0, {}],
        [3, captive, {}, QUIET],
        [30, captive],
      ],
      [],
      60,
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
