import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AgentStatus } from '@gatehouse/protocol';
import fc from 'fast-check';
import { allowed, predict, predictEnroll, settlePrediction } from './index.ts';
import {
  ago,
  anyAction,
  anySnapshot,
  anyStatus,
  because,
  down,
  NOW,
  notEnrolled,
  profile,
  snapshot,
  status,
} from './testing.ts';
import type { Prediction } from './types.ts';

const two = [profile('office', { active: true }), profile('home')];

describe('what is shown at once', () => {
  test('connect, disconnect, another network, leaving', () => {
    assert.deepEqual(predict(snapshot(down), { id: 'connect' }), { of: 'connect', at: NOW });
    assert.deepEqual(predict(snapshot({}), { id: 'disconnect' }), { of: 'disconnect', at: NOW });
    const s = snapshot({ profiles: two });
    assert.deepEqual(predict(s, { id: 'use-profile', profile: 'home' }), { of: 'use', at: NOW, profile: 'home' });
    assert.deepEqual(predict(s, { id: 'remove-profile', profile: 'office' }), {
      of: 'leave',
      at: NOW,
      profile: 'office',
    });
  });
  test('nothing for what is not allowed, or asks the daemon for no change', () => {
    assert.equal(predict(snapshot({}), { id: 'connect' }), null);
    assert.equal(predict(snapshot(notEnrolled), { id: 'connect' }), null);
    assert.equal(predict(snapshot({}), { id: 'enroll' }), null);
    assert.equal(predict(snapshot({}), { id: 'use-profile', profile: 'nowhere' }), null);
    assert.equal(predict(snapshot({}), { id: 'quit' }), null);
  });
  test('whatever comes: only what is allowed is predicted', () => {
    fc.assert(
      fc.property(anySnapshot, anyAction, (s, action) => {
        if (predict(s, action)) assert.ok(allowed(s, action));
      }),
    );
  });
});

describe('what becomes of it', () => {
  const at = (of: Prediction['of'], more: Partial<Prediction> = {}): Prediction => ({ of, at: NOW - 1000, ...more });
  const table: [string, Prediction, Partial<AgentStatus>, boolean][] = [
    ['connect: not yet', at('connect'), down, true],
    ['connect: the daemon connects', at('connect'), because('connecting', 'no-handshake'), false],
    ['connect: connected', at('connect'), {}, false],
    ['connect: nobody is enrolled', at('connect'), notEnrolled, false],
    ['connect: it failed', at('connect'), because('error', 'no-wireguard', { since: ago(0) }), false],
    ['disconnect: not yet', at('disconnect'), {}, true],
    ['disconnect: nearly', at('disconnect'), { target: 'down' }, true],
    ['disconnect: done', at('disconnect'), down, false],
    ['use: not yet', at('use', { profile: 'home' }), { profiles: two }, true],
    [
      'use: an older error is no answer',
      at('use', { profile: 'home' }),
      { profiles: two, ...because('error', 'revoked') },
      true,
    ],
    ['use: done', at('use', { profile: 'home' }), { profiles: [profile('home', { active: true })] }, false],
    ['use: it is gone', at('use', { profile: 'home' }), {}, false],
    ['leave: not yet', at('leave', { profile: 'home' }), { profiles: two }, true],
    ['leave: done', at('leave', { profile: 'home' }), {}, false],
    ['enroll: not yet', at('enroll', { before: [] }), notEnrolled, true],
    ['enroll: done', at('enroll', { before: [] }), {}, false],
    ['enroll: a second, not yet', at('enroll', { before: ['office'] }), {}, true],
    [
      'enroll: a second, done',
      at('enroll', { before: ['office'] }),
      { profiles: [profile('home', { active: true })] },
      false,
    ],
  ];
  for (const [name, prediction, agent, stays] of table) {
    test(name, () => assert.deepEqual(settlePrediction(prediction, status(agent), NOW), stays ? prediction : null));
  }
  test('signed out and enrolled again in the same network', () => {
    const out = [profile('office', { active: true, revoked: true })];
    const prediction = predictEnroll(snapshot({ ...because('error', 'revoked'), profiles: out }));
    assert.ok(prediction);
    assert.ok(settlePrediction(prediction, status({ ...because('error', 'revoked'), profiles: out }), NOW));
    assert.equal(settlePrediction(prediction, status({}), NOW), null);
  });
  test('whatever comes: nothing outlives 15 s, also when the clock is set back', () => {
    const of = fc.constantFrom('connect', 'disconnect', 'enroll', 'use', 'leave') as fc.Arbitrary<Prediction['of']>;
    fc.assert(
      fc.property(of, anyStatus, fc.integer({ min: 15_001, max: 1e9 }), fc.boolean(), (kind, agent, age, back) => {
        assert.equal(settlePrediction({ of: kind, at: NOW }, agent, back ? NOW - age : NOW + age), null);
      }),
    );
  });
});
