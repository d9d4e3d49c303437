import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createBus, SYSTEM } from '../events/index.ts';
import { createReview } from './review.ts';
import type { LiveSession } from './sessions/index.ts';

const session = (userId: string | null, mac: string | null) => ({ userId, mac }) as LiveSession;
const SESSIONS = [session('a', 'm1'), session('b', 'm2'), session(null, 'm3')];

function bed() {
  const bus = createBus();
  const walks: (string | null)[][] = [];
  let release: () => void = () => undefined;
  const gate = { wait: Promise.resolve() };
  const errors: string[] = [];
  const review = createReview({
    settled: () => gate.wait,
    reauthorizeWhere: async (concerns) => {
      walks.push(SESSIONS.filter(concerns).map(({ mac }) => mac));
    },
    log: { info() {}, warn() {}, error: (_details: object, message: string) => void errors.push(message) },
  });
  review.listen(bus);
  const tell = (type: string, data: object) =>
    bus.deliver({ id: 1, at: '', type, data: { ...data, actor: SYSTEM } as Record<string, unknown> });
  const hold = () => {
    gate.wait = new Promise((resolve) => {
      release = resolve;
    });
  };
  return { walks, tell, hold, release: () => release(), gate, errors };
}

describe('sessions are decided anew', () => {
  test('of those whom an event concerns', async () => {
    const { walks, tell } = bed();
    for (const [type, data] of [
      ['identity.user.updated', { userId: 'a', changed: ['groups'] }],
      ['access.device.updated', { deviceId: 'd', mac: 'm2', changed: [] }],
      ['access.posture.changed', { deviceId: 'd', mac: 'm3', userId: 'a', peerId: null }],
      ['access.voucher.deleted', { voucherId: 'v' }],
      ['access.policy.updated', { policyId: 'p', name: 'x', version: 2 }],
    ] as const) {
      await tell(type, data);
      await setImmediate();
    }
    assert.deepEqual(walks, [['m1'], ['m2'], ['m1', 'm3'], ['m3'], ['m1', 'm2', 'm3']]);
  });

  test('once for many events, and no event waits for it', async () => {
    const { walks, tell, hold, release } = bed();
    hold();
    for (let user = 0; user < 10_000; user++)
      await tell('identity.user.updated', { userId: String(user), changed: [] });
    await tell('identity.user.updated', { userId: 'b', changed: [] });
    release();
    await setImmediate();
    assert.deepEqual(walks, [['m2']]);
  });

  test('again after a directory that could not be read', async () => {
    const { walks, tell, gate, errors } = bed();
    gate.wait = Promise.reject(new Error('gone'));
    await tell('identity.user.updated', { userId: 'a', changed: [] });
    await setImmediate();
    assert.equal(errors.length, 1);
    gate.wait = Promise.resolve();
    await tell('identity.user.updated', { userId: 'b', changed: [] });
    await setImmediate();
    assert.deepEqual(walks, [['m1', 'm2']]);
  });
});
