import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { recordOf } from '../record/leaf.ts';
import { assemble, type Part } from './assemble.ts';
import { received } from './testing.ts';

const uint = (max: number) => fc.integer({ min: 0, max });
const batch = fc.record({
  messages: fc.array(fc.record({ text: fc.string({ maxLength: 8 }), peer: uint(3) }), { minLength: 1, maxLength: 30 }),
  skip: uint(5),
  leave: uint(5),
});

describe('a batch', () => {
  it('has each message once, in its class, at the leaf of its arrival, as it was received', () => {
    fc.assert(
      fc.property(
        fc.array(batch, { minLength: 1, maxLength: 4 }),
        fc.array(uint(2), { minLength: 4, maxLength: 4 }),
        (batches, classes) => {
          const expected: unknown[] = [];
          const parts = batches.map(({ messages, skip, leave }): Part => {
            const one = received(messages.map(({ text }) => text));
            one.peers = [0, 1, 2, 3].map((peer) => `192.0.2.${peer}:514`);
            const count = messages.length;
            one.receiveUs = Float64Array.from(messages, (_, i) => 1000 + i);
            one.monotonicUs = Float64Array.from(messages, (_, i) => 2000 + i);
            one.transport = Uint8Array.from(messages, (_, i) => i % 4);
            one.flags = Uint8Array.from(messages, (_, i) => i % 8);
            one.peer = Uint16Array.from(messages, ({ peer }) => peer);
            const from = Math.min(skip, count - 1);
            const to = Math.max(from + 1, count - leave);
            for (let i = from; i < to; i++) {
              const { text, peer } = messages[i]!;
              const common = [text, `192.0.2.${peer}:514`, 10 + peer, classes[peer]];
              expected.push([50 + expected.length, ...common, 1000 + i, 2000 + i, i % 4, i % 8]);
            }
            return { received: one, sources: [10, 11, 12, 13], from, to };
          });
          const fate = { first: 50, boot: 3, kind: 1, classOf: (source: number) => classes[source - 10]! } as const;
          const blocks = assemble(parts, fate).map(({ block }) => block);
          assert.equal(new Set(blocks.map((block) => block.class)).size, blocks.length);
          const found = blocks.flatMap((block) =>
            Array.from({ length: block.count }, (_, i) => {
              const { index, raw, peer, source, receiveUs, monotonicUs, transport, flags } = recordOf(block, i);
              const common = [Buffer.from(raw).toString(), peer, source, block.class];
              return [index, ...common, receiveUs, monotonicUs, transport, flags];
            }),
          );
          assert.deepEqual(
            found.sort(([a], [b]) => Number(a) - Number(b)),
            expected,
          );
        },
      ),
    );
  });
});
