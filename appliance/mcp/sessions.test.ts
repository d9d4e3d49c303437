import assert from 'node:assert/strict';
import test from 'node:test';
import { HttpError } from '../http/index.ts';
import { IDLE_MS, MAX_SESSIONS, MAX_SESSIONS_OF_USER, type Session, Sessions } from './sessions.ts';

function setUp() {
  const clock = { now: 0 };
  const closed: string[] = [];
  const sessions = new Sessions(() => clock.now);
  const make = (id: string, userId: string, open = 0): Session => ({
    id,
    userId,
    open,
    calls: new Set(),
    close: async () => void closed.push(id),
  });
  return { clock, closed, sessions, make };
}
const refused = (status: number) => (error: unknown) => error instanceof HttpError && error.status === status;

test("another's session is as unknown as none", async () => {
  const { sessions, make } = setUp();
  await sessions.add(make('a', 'alice'));
  assert.equal(sessions.use('a', 'alice').id, 'a');
  for (const id of ['b', '', undefined, ['a'], '__proto__'])
    assert.throws(() => sessions.use(id, 'alice'), refused(404));
  assert.throws(() => sessions.use('a', 'bob'), refused(404));
});

test('a session ends when it is not used, and counts as ended before anybody has swept', async () => {
  const { clock, closed, sessions, make } = setUp();
  await sessions.add(make('used', 'alice'));
  await sessions.add(make('unused', 'alice', 1));
  clock.now = IDLE_MS - 1;
  sessions.use('used', 'alice');
  await sessions.sweep();
  assert.deepEqual(closed, []);
  clock.now = IDLE_MS;
  assert.throws(() => sessions.use('unused', 'alice'), refused(404));
  await sessions.sweep();
  assert.deepEqual(closed, ['unused']);
  assert.equal(sessions.use('used', 'alice').id, 'used');
});

test('a running call keeps its session', async () => {
  const { clock, closed, sessions, make } = setUp();
  const session = make('a', 'alice');
  session.calls.add(Promise.resolve());
  await sessions.add(session);
  clock.now = 2 * IDLE_MS;
  await sessions.sweep();
  assert.deepEqual(closed, []);
  session.calls.clear();
  await sessions.sweep();
  assert.deepEqual(closed, ['a']);
});

test("a user's longest unused session makes room for the next", async () => {
  const { closed, sessions, make } = setUp();
  await sessions.add(make('bob', 'bob'));
  for (let i = 0; i < MAX_SESSIONS_OF_USER; i++) await sessions.add(make(`a${i}`, 'alice', i === 1 ? 1 : 0));
  sessions.use('a0', 'alice');
  await sessions.add(make('next', 'alice'));
  // a0 was just used, and somebody listens to a1.
  assert.deepEqual(closed, ['a2']);
  assert.equal(sessions.size, MAX_SESSIONS_OF_USER + 1);
});

test('a user whose sessions are all in use is refused', async () => {
  const { sessions, make } = setUp();
  for (let i = 0; i < MAX_SESSIONS_OF_USER; i++) await sessions.add(make(`a${i}`, 'alice', 1));
  await assert.rejects(sessions.add(make('next', 'alice')), refused(429));
  await sessions.add(make('bob', 'bob'));
});

test('the whole appliance is full: nobody ends the session of another', async () => {
  const { closed, sessions, make } = setUp();
  for (let i = 0; i < MAX_SESSIONS; i++) await sessions.add(make(`s${i}`, `user${i >> 3}`));
  await assert.rejects(sessions.add(make('next', 'alice')), refused(503));
  assert.deepEqual(closed, []);
  await sessions.add(make('next', 'user3'));
  assert.deepEqual(closed, ['s24']);
  assert.equal(sessions.size, MAX_SESSIONS);
});

test('at the end, calls finish before their sessions do', async () => {
  const { closed, sessions, make } = setUp();
  const session = make('a', 'alice');
  const { promise, resolve } = Promise.withResolvers<void>();
  session.calls.add(promise);
  await sessions.add(session);
  const finished = sessions.finish();
  await Promise.resolve();
  assert.deepEqual(closed, []);
  resolve();
  await finished;
  assert.deepEqual(closed, ['a']);
  assert.equal(sessions.size, 0);
});
