import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Cidr, contains } from './cidr.ts';
import { holdsAny, insideAny } from './cover.ts';

/** Few addresses, so that blocks meet. */
const anyBlock: fc.Arbitrary<Cidr> = fc.oneof(
  fc.record({ family: fc.constant(4 as const), address: fc.bigInt(0n, 2n ** 32n - 1n), prefix: fc.nat(32) }),
  fc.record({ family: fc.constant(4 as const), address: fc.bigInt(0n, 15n), prefix: fc.integer({ min: 26, max: 32 }) }),
  fc.record({
    family: fc.constant(6 as const),
    address: fc.bigInt(0n, 15n),
    prefix: fc.integer({ min: 122, max: 128 }),
  }),
  fc.record({ family: fc.constant(6 as const), address: fc.bigInt(0n, 2n ** 128n - 1n), prefix: fc.nat(128) }),
);
const whole = (block: Cidr): Cidr => ({ ...block, prefix: block.family === 4 ? 32 : 128 });

describe('many blocks and many addresses', () => {
  test('say what each pair would', () => {
    fc.assert(
      fc.property(fc.array(anyBlock), fc.array(anyBlock), (some, others) => {
        const inside = insideAny(some);
        for (const inner of others)
          assert.equal(
            inside(inner),
            some.some((block) => contains(block, inner)),
          );
        const addresses = others.map(whole);
        const holds = holdsAny(addresses);
        for (const block of some)
          assert.equal(
            holds(block),
            addresses.some((address) => contains(block, address)),
          );
      }),
      { numRuns: 1000 },
    );
  });
});
