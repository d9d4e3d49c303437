import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressKey, FORGET_AFTER_MS, MAX_WAIT_MS, Throttle } from './throttle.ts';

const fail = (throttle: Throttle, times: number, now = 0, account = 'alice', address = '192.0.2.1') => {
  for (let i = 0; i < times; i++) throttle.failed(account, address, now);
};

test('waiting grows 1, 2, 4 … 30 s from the fifth failure of an account', () => {
  const waits = [0, 4, 5, 6, 7, 8, 9, 10, 11, 50].map((failures) => {
    const throttle = new Throttle();
    fail(throttle, failures);
    return throttle.wait('alice', '192.0.2.1', 0) / 1000;
  });
  assert.deepEqual(waits, [0, 0, 1, 2, 4, 8, 16, 30, 30, 30]);
});

test('an address waits from its twentieth failure on, for whichever account', () => {
  const throttle = new Throttle();
  for (let i = 0; i < 19; i++) throttle.failed(`user-${i}`, '192.0.2.1', 0);
  assert.equal(throttle.wait('bob', '192.0.2.1', 0), 0);
  throttle.failed('user-19', '192.0.2.1', 0);
  assert.equal(throttle.wait('bob', '192.0.2.1', 0), 1000);
  assert.equal(throttle.wait('bob', '192.0.2.2', 0), 0, 'another address goes on');
  throttle.succeeded('bob', '192.0.2.1', 0);
  assert.equal(throttle.wait('bob', '192.0.2.1', 0), 1000, 'an own account does not buy an address free');
});

test('an account is slowed for every address, and a success takes back only what came from its own', () => {
  const throttle = new Throttle();
  fail(throttle, 3, 0, 'alice', '192.0.2.1');
  fail(throttle, 3, 0, 'alice', '192.0.2.2');
  assert.equal(throttle.wait('alice', '192.0.2.3', 0), 2000);
  throttle.succeeded('alice', '192.0.2.1', 0);
  assert.equal(throttle.wait('alice', '192.0.2.1', 0), 0, 'three failures are left');
  fail(throttle, 2, 0, 'alice', '192.0.2.2');
  assert.equal(throttle.wait('alice', '192.0.2.4', 0), 1000);
});

test('failures are forgotten after 15 minutes', () => {
  const throttle = new Throttle();
  fail(throttle, 30);
  const later = FORGET_AFTER_MS;
  fail(throttle, 1, later);
  assert.equal(throttle.wait('alice', '192.0.2.1', later), 0);
});

test('a clock that was set back does not make anybody wait longer', () => {
  const throttle = new Throttle();
  fail(throttle, 30, 1_000_000_000);
  assert.ok(throttle.wait('alice', '192.0.2.1', 0) <= MAX_WAIT_MS);
  assert.equal(throttle.wait('alice', '192.0.2.1', MAX_WAIT_MS), 0);
});

test('addresses: IPv4 as it is, IPv6 by its /64', () => {
  for (const [address, key] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ] as const) {
    assert.equal(addressKey(address), key);
  }
});

const step = fc.record({
  account: fc.constantFrom('alice', 'bob'),
  address: fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.3'),
  after: fc.integer({ min: 0, max: 40_000 }),
  good: fc.boolean(),
});

test('nobody is ever told to wait longer than 30 s, and no attempt is needed to learn it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const throttle = new Throttle();
      let now = 0;
      for (const { account, address, after, good } of steps) {
        now += after;
        const wait = throttle.wait(account, address, now);
        assert.ok(wait >= 0 && wait <= MAX_WAIT_MS);
        assert.equal(throttle.wait(account, address, now), wait, 'asking again changes nothing');
        if (wait === 0) throttle[good ? 'succeeded' : 'failed'](account, address, now);
      }
    }),
  );
});

const quick = step.map((each) => ({ ...each, after: each.after % 2000 }));

test('whoever waits as told is let in, whatever others do meanwhile', () => {
  fc.assert(
    fc.property(fc.array(quick, { maxLength: 60 }), fc.array(quick, { maxLength: 60 }), (before, meanwhile) => {
      const throttle = new Throttle();
      let now = 0;
      const attack = ({ account, address, after }: (typeof before)[number], limit = Number.POSITIVE_INFINITY) => {
        now = Math.min(limit, now + after);
        if (throttle.wait(account, address, now) === 0) throttle.failed(account, address, now);
      };
      for (const each of before) attack(each);
      const wait = throttle.wait('alice', 'owner', now);
      fc.pre(wait > 0);
      const told = now + wait;
      for (const each of meanwhile) attack(each, told);
      assert.equal(throttle.wait('alice', 'owner', told), 0);
    }),
  );
});

test('memory is bounded', () => {
  const throttle = new Throttle(10);
  for (let i = 0; i < 1000; i++) {
    fail(throttle, 6, 0, `user-${i}`, `address-${i}`);
    throttle.wait(`user-${i}`, 'other', 0);
  }
  assert.ok(throttle.size <= 40);
});
