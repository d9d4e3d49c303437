import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EAP_LIMITS } from './limits.ts';
import { type Negotiation, negotiate, propose } from './negotiation.ts';
import { parseResponse } from './packet.ts';
import { Pool } from './pool.ts';
import { randomOf } from './random.ts';
import { Sessions } from './sessions.ts';
import { latin1, newState, Table } from './table.ts';
import type { Outcome, OuterMethod, Session } from './types.ts';

const session = (outer: OuterMethod, at: number, sessionTimeout?: number): Session =>
  ({ outer, at, verdict: { outcome: 'accept', sessionTimeout } }) as Session;

test('sessions: bounded, for their time only, for their method only', () => {
  let now = 1000;
  const sessions = new Sessions(3, 60, () => now);
  const id = (name: string) => Buffer.from(name);
  for (const name of ['a', 'b', 'c', 'd']) sessions.keep(id(name), id('state'), session('peap', now));
  assert.equal(sessions.size, 3);
  assert.equal(sessions.find(id('a'), 'peap'), undefined);
  assert.equal(sessions.find(id('b'), 'peap')?.state?.toString(), 'state');
  assert.equal(sessions.find(id('b'), 'ttls'), undefined);
  now += 60_000;
  assert.equal(sessions.find(id('b'), 'peap'), undefined);
  sessions.sweep();
  assert.equal(sessions.size, 0);
  // The time counts from when somebody got in, not from the last resume; a shorter verdict goes first.
  sessions.keep(id('e'), id('state'), session('peap', now - 59_000));
  sessions.keep(id('f'), id('state'), session('peap', now, 10));
  sessions.keep(id(''), id('state'), session('peap', now));
  assert.equal(sessions.size, 2);
  now += 2000;
  assert.equal(sessions.find(id('e'), 'peap'), undefined);
  assert.ok(sessions.find(id('f'), 'peap'));
  now += 9000;
  assert.equal(sessions.find(id('f'), 'peap'), undefined);
});

test('the table: bounded in all and by NAS, and the silent ones go first', () => {
  let now = 0;
  const gone: number[] = [];
  const limits = { conversations: 4, conversationsPerNas: 3, idle: 45_000 };
  const table = new Table<number>(
    limits,
    () => now,
    (value) => void gone.push(value),
  );
  for (let count = 1; count <= 4; count++) assert.equal(table.add(`s${count}`, 'one', count), count <= 3);
  assert.equal(table.add('s5', 'two', 5), true);
  assert.equal(table.add('s6', 'two', 6), false);
  now = 40_000;
  assert.equal(table.get('s1', 'one'), 1);
  assert.equal(table.get('s2', 'two'), undefined);
  now = 45_000;
  table.sweep();
  assert.deepEqual(gone, [2, 3, 5]);
  assert.equal(table.size, 1);
  assert.equal(table.add('s7', 'one', 7), true);
  table.remove('s7');
  table.remove('s7');
  assert.deepEqual(gone, [2, 3, 5, 7]);
});

test('a State starts with its worker, and no two are alike', () => {
  const states = new Set(Array.from({ length: 2000 }, () => latin1(newState(7))));
  assert.equal(states.size, 2000);
  for (const state of states) assert.equal(state.charCodeAt(0), 7);
  assert.equal(new Set(Array.from({ length: 2000 }, () => latin1(randomOf(16)))).size, 2000);
});

const negotiation = (...methods: OuterMethod[]): Negotiation => ({
  identity: 'anonymous',
  methods,
  inner: [],
  maxPacket: 1000,
  method: undefined,
  id: 0,
  request: new Uint8Array(0),
});
const response = (id: number, type: number, ...data: number[]) => {
  const parsed = parseResponse(Uint8Array.of(2, id, 0, 5 + data.length, type, ...data));
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
};

test('negotiation: the first that is offered, or the first of these that the peer wants', () => {
  const started = negotiation('peap', 'ttls', 'tls');
  const first = propose(started, 255);
  assert.deepEqual(first, { kind: 'challenge', eap: Uint8Array.of(1, 0, 0, 6, 25, 0x20) });
  // Of another request: the same again.
  assert.deepEqual(negotiate(started, response(9, 3, 13)), first);
  const next = negotiate(started, response(0, 3, 4, 13, 21));
  assert.deepEqual(next.kind === 'challenge' && [...next.eap], [1, 1, 0, 6, 21, 0x20]);
  assert.equal(negotiate(started, response(1, 21, 0)).kind, 'begun');
  assert.equal(negotiate(started, response(1, 3, 21)).kind, 'reject');
  assert.equal(negotiate(started, response(1, 25, 0)).kind, 'reject');
  assert.equal(negotiate(negotiation('peap'), response(0, 3, 0)).kind, 'reject');
  assert.equal(propose(negotiation(), 1).kind, 'reject');
});

test('a worker that dies: its rounds end without an answer, it is counted, and it comes back', async () => {
  // One that dies of every round but the first after its start.
  const script = `const { parentPort } = require('node:worker_threads');
    parentPort.on('message', ([[round, eap]]) => {
      if (eap === 'die') throw new Error('on purpose');
      if (eap === 'sulk') return parentPort.postMessage([{ kind: 'gauge', conversations: 5, sessions: 6 }]);
      parentPort.postMessage([[round, eap]]);
    });`;
  let crashes = 0;
  const errors: unknown[] = [];
  const pool = new Pool({
    workers: 1,
    log: { error: (said: unknown) => errors.push(said) } as never,
    limits: { ...EAP_LIMITS, pending: 2, idle: 0 },
    credentials: () => ({ key: '', chain: '', authorities: '' }),
    answer: async () => undefined,
    onCrash: () => void crashes++,
    script: new URL(
      `data:text/javascript,${encodeURIComponent(`import { createRequire } from 'node:module'; const require = createRequire('/'); ${script}`)}`,
    ),
  });
  const conversation = { state: 'state', nas: 'nas' };
  const round = (eap: string) =>
    new Promise<Outcome | false>((done) => {
      if (!pool.send(0, { request: undefined, done }, Buffer.from(eap), conversation)) done(false);
    });
  assert.equal(((await round('hello')) as Outcome).kind, 'challenge');
  // One that never comes to an end doesn't keep its place for ever.
  assert.deepEqual(await round('sulk'), { kind: 'none', reason: 'no answer in time' });
  assert.deepEqual([pool.conversations, pool.sessions], [5, 6]);
  const [died, lost, refused] = await Promise.all([round('die'), round('hello'), round('hello')]);
  assert.deepEqual(
    [died, lost, refused].map((end) => (end === false ? end : end.kind)),
    ['none', 'none', false],
  );
  assert.equal(pool.isUp(0), false);
  assert.equal(await round('hello'), false);
  assert.deepEqual([crashes, errors.length], [1, 1]);
  while (!pool.isUp(0)) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(((await round('hello')) as Outcome).kind, 'challenge');
  await pool.close();
  assert.equal(crashes, 1);
});
