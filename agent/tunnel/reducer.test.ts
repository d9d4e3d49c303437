import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { reduce } from './reducer.ts';
import { type Effect, type Input, initialState, type Now, TIMES, type TunnelState } from './state.ts';

const WALL = 1_700_000_000_000;
const HUB = { publicKey: 'hub', name: 'gate' };
const at = (seconds: number): Now => ({ mono: seconds * 1000, wall: WALL + seconds * 1000 });
const unix = (seconds: number): number => WALL / 1000 + seconds;

const up: Input = { type: 'target', target: 'up' };
const down: Input = { type: 'target', target: 'down' };
const spoke: Input = { type: 'configured', role: 'spoke', hub: HUB };
const hub: Input = { type: 'configured', role: 'hub', hub: null };
const applied: Input = { type: 'applied' };
const online: Input = { type: 'controller', connected: true };
const offline: Input = { type: 'controller', connected: false, code: 'controller-unreachable', message: 'No answer.' };
const tick: Input = { type: 'tick' };
const reading = (lastHandshake: number, rx: number): Input => ({ type: 'reading', lastHandshake, rx });
const failed = (code: 'no-privileges' | 'apply-failed' | 'no-wireguard', jitter = 0): Input => ({
  type: 'failed',
  code,
  message: 'why',
  jitter,
});

/** Plays inputs at their second; a tick each second between them, as the daemon does. */
function play(steps: [number, Input][], from: TunnelState = initialState(at(0))) {
  let state = from;
  let clock = from.tickAt / 1000;
  const effects: Effect[][] = [];
  for (const [second, input] of steps) {
    for (; clock + 1 < second; clock += 1) state = reduce(state, tick, at(clock + 1)).state;
    const step = reduce(state, input, at(second));
    state = step.state;
    effects.push(step.effects);
    clock = second;
  }
  return { state, effects, last: effects.at(-1) ?? [] };
}

const connected: [number, Input][] = [
  [0, { type: 'enrolled' }],
  [0, up],
  [1, online],
  [1, spoke],
  [1, applied],
  [2, reading(unix(2), 92)],
];

describe('the tunnel state machine', () => {
  const table: [name: string, steps: [number, Input][], state: string, cause: string | null][] = [
    ['nobody enrolled', [[0, tick]], 'disconnected', 'not-enrolled'],
    ['nobody enrolled, up', [[0, up]], 'disconnected', 'not-enrolled'],
    ['enrolled, down', [[0, { type: 'enrolled' }]], 'disconnected', null],
    ['enrolled, up, nothing known', connected.slice(0, 2), 'connecting', 'controller-unreachable'],
    ['configured, being applied', connected.slice(0, 4), 'connecting', 'no-handshake'],
    ['applied, no handshake yet', connected.slice(0, 5), 'connecting', 'no-handshake'],
    ['handshake without bytes', [...connected.slice(0, 5), [2, reading(unix(2), 0)]], 'connecting', 'no-traffic'],
    ['bytes without handshake', [...connected.slice(0, 5), [2, reading(0, 92)]], 'connecting', 'no-handshake'],
    ['handshake and bytes', connected, 'connected', null],
    ['silent for less than 45 s', [...connected, [46, tick]], 'connected', null],
    ['silent for 45 s', [...connected, [47, tick]], 'degraded', 'no-traffic'],
    ['silent for more than 180 s', [...connected, [183, tick]], 'degraded', 'no-handshake'],
    ['bytes, but the handshake is too old', [...connected, [183, reading(unix(2), 500)]], 'degraded', 'no-handshake'],
    ['silence ended', [...connected, [60, reading(unix(60), 200)]], 'connected', null],
    ['controller away for 10 s', [...connected, [5, offline], [15, tick]], 'connected', null],
    ['controller away for longer', [...connected, [5, offline], [16, tick]], 'degraded', 'controller-unreachable'],
    ['controller back', [...connected, [5, offline], [16, tick], [17, online]], 'connected', null],
    ['no network', [...connected, [5, { type: 'network', up: false }]], 'degraded', 'no-network'],
    [
      'no network while connecting',
      [...connected.slice(0, 5), [5, { type: 'network', up: false }]],
      'connecting',
      'no-network',
    ],
    ['cut off', [...connected, [5, { type: 'revoked', message: 'x' }]], 'error', 'revoked'],
    ['cut off, up again', [...connected, [5, { type: 'revoked', message: 'x' }], [6, up]], 'error', 'revoked'],
    [
      'cut off, enrolled anew',
      [...connected, [5, { type: 'revoked', message: 'x' }], [6, { type: 'enrolled' }]],
      'connecting',
      'controller-unreachable',
    ],
    ['no privileges', [...connected.slice(0, 4), [2, failed('no-privileges')]], 'error', 'no-privileges'],
    ['no WireGuard', [...connected.slice(0, 4), [2, failed('no-wireguard')]], 'error', 'no-wireguard'],
    ['a change could not be applied', [...connected, [2, failed('apply-failed')]], 'error', 'apply-failed'],
    ['applied after all', [...connected, [2, failed('apply-failed')], [3, applied]], 'connected', null],
    ['device gone', [...connected, [3, { type: 'lost', message: 'gone', jitter: 0 }]], 'connecting', 'no-handshake'],
    [
      'name unresolved',
      [...connected.slice(0, 5), [2, { type: 'resolved', unresolved: 'gate.example' }]],
      'connecting',
      'endpoint-unresolved',
    ],
    [
      'name unresolved, but the tunnel works',
      [...connected, [3, { type: 'resolved', unresolved: 'gate.example' }]],
      'connected',
      null,
    ],
    [
      'certificate, nothing known',
      [...connected.slice(0, 2), [1, { type: 'controller', connected: false, code: 'certificate', message: 'x' }]],
      'error',
      'certificate',
    ],
    [
      'certificate, but the tunnel works',
      [...connected, [3, { type: 'controller', connected: false, code: 'certificate', message: 'x' }], [14, tick]],
      'degraded',
      'certificate',
    ],
    [
      'no hub in the network',
      [...connected.slice(0, 3), [1, { type: 'configured', role: 'spoke', hub: null }], [1, applied]],
      'connecting',
      'no-handshake',
    ],
    ['hub, up and controller reached', [...connected.slice(0, 3), [1, hub], [1, applied]], 'connected', null],
    [
      'hub, controller not reached yet',
      [...connected.slice(0, 2), [1, hub], [1, applied]],
      'connecting',
      'controller-unreachable',
    ],
    [
      'hub, controller not reached for long',
      [...connected.slice(0, 2), [1, hub], [1, applied], [12, tick]],
      'degraded',
      'controller-unreachable',
    ],
    [
      'spoke, controller never reached',
      [...connected.slice(0, 2), [1, spoke], [1, applied], [2, reading(unix(2), 92)], [12, tick]],
      'degraded',
      'controller-unreachable',
    ],
    ['down', [...connected, [5, down]], 'disconnected', null],
    ['left', [...connected, [5, { type: 'left' }]], 'disconnected', 'not-enrolled'],
  ];
  for (const [name, steps, state, cause] of table) {
    test(`${name} → ${state}${cause ? ` (${cause})` : ''}`, () => {
      const { state: reached } = play(steps);
      assert.deepEqual([reached.name, reached.cause?.code ?? null], [state, cause]);
    });
  }

  test('a lost controller is named together with the tunnel that still works', () => {
    const { state } = play([...connected, [5, offline], [16, tick]]);
    assert.match(state.cause?.message ?? '', /^No answer\. The tunnel still works/);
  });

  test('`since` is when the state began, not when its cause changed', () => {
    const { state } = play([...connected, [47, tick], [183, tick]]);
    assert.equal(state.cause?.code, 'no-handshake');
    assert.equal(state.since, WALL + 47_000);
  });
});

describe('effects', () => {
  test('up applies what is known and connects; without anything known it connects', () => {
    assert.deepEqual(
      play([
        [0, { type: 'enrolled' }],
        [0, spoke],
        [1, up],
      ]).last,
      ['apply', 'connect'],
    );
    assert.deepEqual(
      play([
        [0, { type: 'enrolled' }],
        [1, up],
      ]).last,
      ['connect'],
    );
    assert.deepEqual(play([[0, up]]).last, []);
  });

  test('down, leave and revocation take channel and tunnel down', () => {
    for (const input of [down, { type: 'left' }, { type: 'revoked', message: 'x' }] as Input[]) {
      assert.deepEqual(play([...connected, [5, input]]).last, ['disconnect', 'close']);
    }
  });

  test('a revoked device neither retries nor reconnects', () => {
    const { state } = play([...connected, [5, { type: 'revoked', message: 'x' }]]);
    for (let second = 6; second < 400; second += 1) assert.deepEqual(reduce(state, tick, at(second)).effects, []);
  });

  test('failures are retried with growing waits, up to a minute, until one attempt works', () => {
    let { state } = play(connected.slice(0, 4));
    const waits: number[] = [];
    let now = 2;
    for (let attempt = 0; attempt < 9; attempt += 1) {
      state = reduce(state, failed('no-privileges', 0.5), at(now)).state;
      const began = now;
      for (;;) {
        now += 0.25;
        const step = reduce(state, tick, at(now));
        state = step.state;
        if (step.effects.includes('apply')) break;
      }
      waits.push(now - began);
    }
    assert.deepEqual(waits, [0.75, 1.5, 3, 6, 12, 24, 45, 45, 45]);
    state = reduce(state, applied, at(now)).state;
    assert.equal(state.failure, null);
  });

  test('a device that is gone is opened anew at once; gone again within 10 s, with backoff', () => {
    const lost: Input = { type: 'lost', message: 'gone', jitter: 0 };
    const first = play([...connected, [3, lost]]);
    assert.deepEqual(first.last, ['apply']);
    const second = play(
      [
        [3, applied],
        [5, lost],
      ],
      first.state,
    );
    assert.deepEqual(second.last, []);
    assert.equal(second.state.cause?.code, 'apply-failed');
    assert.deepEqual(play([[6, tick]], second.state).last, ['apply']);
  });

  test('after sleep the channel reconnects and names are looked up', () => {
    const { state } = play([...connected, [2, tick]]);
    assert.deepEqual(reduce(state, tick, at(17)).effects.slice(0, 2), []);
    assert.deepEqual(reduce(state, tick, at(18)).effects.slice(0, 2), ['reconnect', 'resolve']);
  });

  test('another network: a sign of life is asked for, and names are looked up', () => {
    assert.deepEqual(play([...connected, [5, { type: 'network', up: true }]]).last, ['check', 'resolve']);
    assert.deepEqual(play([...connected, [5, { type: 'network', up: false }]]).last, []);
  });

  test('names are looked up anew after 60 s without a handshake, an unresolved one each 10 s', () => {
    const count = (first: TunnelState, seconds: number) => {
      let state = first;
      let found = 0;
      for (let second = 1; second <= seconds; second += 1) {
        const step = reduce(state, tick, { mono: first.tickAt + second * 1000, wall: WALL });
        state = step.state;
        if (step.effects.includes('resolve')) found += 1;
      }
      return found;
    };
    const waiting = play(connected.slice(0, 5)).state;
    assert.equal(count(waiting, 185), 3);
    const unresolved = play([[1, { type: 'resolved', unresolved: 'gate.example' }]], waiting).state;
    assert.equal(count(unresolved, 65), 6);
    assert.equal(count(play(connected).state, 40), 0);
  });

  test('the tunnel is repaired each 30 s while it is open', () => {
    assert.deepEqual(play([...connected, [30, tick]]).last, []);
    assert.deepEqual(play([...connected, [31, tick]]).last, ['repair']);
  });
});

describe('clocks', () => {
  test('a jump of the wall clock changes nothing', () => {
    const { state } = play(connected);
    for (const jump of [-1e9, 1e9]) {
      const later = { mono: 20_000, wall: WALL + jump };
      const next = reduce(state, reading(unix(2), 124), later).state;
      assert.equal(next.name, 'connected');
      const handshake = reduce(next, reading(Math.floor((WALL + jump) / 1000), 200), later).state;
      assert.equal(handshake.name, 'connected');
    }
  });

  test('a tunnel that is adopted with an old handshake is not taken for connected', () => {
    const { state } = play([...connected.slice(0, 5), [2, reading(unix(-300), 5000)]]);
    assert.deepEqual([state.name, state.cause?.code], ['connecting', 'no-handshake']);
  });
});

test("bytes after silence: the channel needn't wait out its back-off", () => {
  assert.deepEqual(play([...connected, [20, reading(unix(2), 200)]]).last, []);
  assert.deepEqual(play([...connected, [60, reading(unix(60), 200)]]).last, ['check']);
});

describe('properties', () => {
  const inputs = fc.oneof(
    fc.constantFrom<Input>(
      up,
      down,
      spoke,
      hub,
      applied,
      online,
      offline,
      tick,
      { type: 'enrolled' },
      { type: 'left' },
      { type: 'revoked', message: 'x' },
      { type: 'network', up: true },
      { type: 'network', up: false },
      { type: 'lost', message: 'gone', jitter: 0.5 },
      { type: 'resolved', unresolved: 'gate.example' },
      { type: 'resolved', unresolved: null },
      { type: 'configured', role: 'spoke', hub: { publicKey: 'other', name: 'b' } },
      { type: 'configured', role: 'spoke', hub: null },
      failed('no-privileges'),
    ),
    fc.record({
      type: fc.constant('reading' as const),
      lastHandshake: fc.oneof(fc.constant(0), fc.integer({ min: unix(-400), max: unix(400) })),
      rx: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1e6 })),
    }),
  );
  const runs = fc.array(fc.tuple(inputs, fc.integer({ min: 0, max: 60_000 }), fc.integer({ min: -1e6, max: 1e6 })), {
    maxLength: 60,
  });
  const walk = (run: [Input, number, number][], look: (s: TunnelState, e: Effect[], i: Input, n: Now) => void) => {
    let state = initialState(at(0));
    let mono = 0;
    for (const [input, wait, skew] of run) {
      mono += wait;
      const now = { mono, wall: WALL + mono + skew };
      const frozen = JSON.stringify(state);
      const step = reduce(state, input, now);
      assert.equal(JSON.stringify(state), frozen, 'the state before is left as it was');
      state = step.state;
      look(state, step.effects, input, now);
    }
    return { state, mono };
  };

  test('never connected without a fresh handshake and received bytes (a hub: without its controller)', () => {
    fc.assert(
      fc.property(runs, (run) => {
        walk(run, (state, _effects, _input, { mono }) => {
          if (state.name !== 'connected') return;
          assert.ok(state.open && state.network && state.target === 'up' && state.enrolled && state.revoked === null);
          if (state.role === 'hub') return assert.ok(state.controller.reached);
          assert.ok(state.hub && state.link && state.link.lastHandshake > 0 && state.link.rx > 0);
          assert.ok(mono - (state.link.handshakeAt ?? -Infinity) <= TIMES.handshake);
          assert.ok(mono - (state.link.rxAt ?? -Infinity) < TIMES.silent);
        });
      }),
    );
  });

  test('from anywhere `down` leads to disconnected with everything taken down', () => {
    fc.assert(
      fc.property(runs, (run) => {
        const { state, mono } = walk(run, () => undefined);
        const step = reduce(state, down, { mono, wall: WALL });
        assert.equal(step.state.name, 'disconnected');
        assert.deepEqual(step.effects, ['disconnect', 'close']);
        assert.equal(step.state.open, false);
        assert.deepEqual(reduce(step.state, tick, { mono: mono + 1e6, wall: WALL }).effects, []);
      }),
    );
  });

  test('whatever is not connected nor wanted down has a cause; a target of down never applies or connects', () => {
    fc.assert(
      fc.property(runs, (run) => {
        walk(run, (state, effects) => {
          if (state.name === 'connected') assert.equal(state.cause, null);
          else if (state.name !== 'disconnected') assert.ok(state.cause);
          if (state.target === 'down' || !state.enrolled || state.revoked !== null) {
            assert.ok(effects.every((effect) => effect === 'disconnect' || effect === 'close'));
          }
        });
      }),
    );
  });
});
