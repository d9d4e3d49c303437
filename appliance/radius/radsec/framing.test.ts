import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Framer, MAX_FRAME, MIN_FRAME } from './framing.ts';

const packet = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length).fill(length & 255);
  bytes[2] = length >> 8;
  bytes[3] = length & 255;
  return bytes;
};

/** The packets that come out of a stream cut at these places. */
function feed(stream: Uint8Array, cuts: readonly number[]): { packets: number[][]; ok: boolean; pending: number } {
  const framer = new Framer();
  const packets: number[][] = [];
  const ends = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
  let [from, ok] = [0, true];
  for (const end of [...ends, stream.length]) {
    ok = ok && framer.push(stream.subarray(from, end), (bytes) => packets.push([...bytes]));
    from = end;
  }
  return { packets, ok, pending: framer.pending };
}

test('packets come out whole, however the stream is cut', () => {
  const lengths = fc.array(fc.integer({ min: MIN_FRAME, max: 300 }), { maxLength: 6 });
  fc.assert(
    fc.property(lengths, fc.array(fc.nat(5000), { maxLength: 20 }), (sizes, cuts) => {
      const parts = sizes.map(packet);
      const out = feed(Buffer.concat(parts), cuts);
      assert.deepEqual(out, { packets: parts.map((part) => [...part]), ok: true, pending: 0 });
    }),
  );
});

test('a packet is a copy: what comes later does not change it', () => {
  const chunk = packet(20);
  let kept: Uint8Array | undefined;
  new Framer().push(chunk, (bytes) => {
    kept = bytes;
  });
  chunk.fill(0);
  assert.deepEqual(kept, packet(20));
});

test('lengths: 20 to 4096', () => {
  for (const length of [MIN_FRAME, MAX_FRAME]) assert.equal(feed(packet(length), []).packets.length, 1);
  for (const length of [0, 3, MIN_FRAME - 1, MAX_FRAME + 1, 65_535]) {
    const bytes = new Uint8Array(20);
    bytes[2] = length >> 8;
    bytes[3] = length & 255;
    assert.deepEqual(feed(Buffer.concat([packet(30), bytes]), [2, 33]), {
      packets: [[...packet(30)]],
      ok: false,
      pending: 0,
    });
  }
});

test('whatever comes, it holds less than one packet', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 5 }), (chunks) => {
      const framer = new Framer();
      for (const chunk of chunks) {
        if (!framer.push(chunk, (bytes) => assert.equal(bytes.length, (bytes[2]! << 8) | bytes[3]!))) return;
        assert.ok(framer.pending < MAX_FRAME);
      }
    }),
  );
});
