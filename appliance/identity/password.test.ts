import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpError } from '../http/index.ts';
import { createGate, createGates, GateFull } from './gate.ts';
import { ARGON2_COST, hashPassword, isOutdated, verifyPassword } from './password.ts';
import { CHEAP } from './testing.ts';

test('a hash is Argon2id in PHC string format and knows its password', async () => {
  const hash = await hashPassword('pässword', ARGON2_COST);
  assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.equal(await verifyPassword('pässword', hash, ARGON2_COST), true);
  assert.equal(await verifyPassword('pa\u0308ssword', hash, ARGON2_COST), true, 'typed decomposed');
  assert.equal(await verifyPassword('password', hash, ARGON2_COST), false);
  assert.notEqual(await hashPassword('pässword', CHEAP), await hashPassword('pässword', CHEAP));
});

test('a hash from another implementation is understood', async () => {
  // printf password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32 -e (the reference implementation's own test vector)
  const hash = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
  assert.equal(await verifyPassword('password', hash, CHEAP), true);
  assert.equal(await verifyPassword('passwore', hash, CHEAP), false);
});

test('without a hash nothing fits; what is no hash is a fault', async () => {
  assert.equal(await verifyPassword('', null, CHEAP), false);
  await assert.rejects(verifyPassword('x', 'plain', CHEAP), /not Argon2id/);
});

test('a hash is outdated when any of its costs has risen', async () => {
  const hash = await hashPassword('x', CHEAP);
  assert.equal(isOutdated(hash, CHEAP), false);
  assert.equal(isOutdated(hash, { ...CHEAP, memory: 16 }), true);
  assert.equal(isOutdated(hash, { ...CHEAP, passes: 2 }), true);
  assert.equal(isOutdated(await hashPassword('x', { ...CHEAP, memory: 64 }), CHEAP), false);
});

test('the gate runs a few at a time, in order, and refuses what is too much', async () => {
  const gate = createGate(2, 3);
  const order: number[] = [];
  let running = 0;
  let most = 0;
  const work = (n: number) =>
    gate(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(n);
      running--;
      if (n === 1) throw new Error('failed');
    });
  const results = await Promise.allSettled([0, 1, 2, 3, 4, 5].map(work));
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected'],
  );
  const refused = (results[5] as PromiseRejectedResult).reason as HttpError;
  assert.ok(refused instanceof HttpError);
  assert.equal(refused.status, 503);
  assert.deepEqual(refused.headers, { 'retry-after': '5' });
  assert.equal(most, 2);
  assert.deepEqual(order, [0, 1, 2, 3, 4]);
  await gate(async () => undefined); // a failure gives its place back
});

test('gates with places together: a flood at one does not shut the other, which has its turn at once', async () => {
  const [flooded, quiet] = createGates(1, [100, 2]) as [ReturnType<typeof createGate>, ReturnType<typeof createGate>];
  const order: string[] = [];
  let running = 0;
  const work = (gate: typeof quiet, name: string) =>
    gate(async () => {
      assert.equal(++running, 1);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(name);
      running--;
    });
  const flood = Array.from({ length: 101 }, () => work(flooded, 'flood'));
  await assert.rejects(work(flooded, 'more'), GateFull);
  const others = [work(quiet, 'first'), work(quiet, 'second')];
  await assert.rejects(work(quiet, 'third'), GateFull);
  await Promise.all([...flood, ...others]);
  assert.ok(order.indexOf('first') <= 2 && order.indexOf('second') <= 4, order.slice(0, 6).join());
  assert.equal(order.length, 103);
});
