import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Framer } from './framing.ts';

interface Frame {
  text: string;
  truncated: boolean;
}

function frames(chunks: readonly Buffer[], { max = 65_535, tls = false, cut = false } = {}) {
  const found: Frame[] = [];
  let skipped = 0;
  const framer = new Framer({
    max,
    tls,
    onMessage: (bytes, start, end, truncated) => {
      found.push({ text: bytes.toString('latin1', start, end), truncated });
    },
    onSkipped: (bytes) => {
      skipped += bytes;
    },
  });
  for (const chunk of chunks) framer.push(chunk);
  framer.end(cut);
  assert.equal(framer.pending, false);
  return { found, skipped };
}

const texts = (stream: string, options = {}): string[] =>
  frames([Buffer.from(stream, 'latin1')], options).found.map(({ text }) => text);

describe('messages of a stream', () => {
  for (const [what, stream, expected] of [
    ['LF', '<1>a\n<2>b\n', ['<1>a', '<2>b']],
    ['CR LF', '<1>a\r\n<2>b\r\n', ['<1>a', '<2>b']],
    ['one CR is the end, not two', '<1>a\r\r\n', ['<1>a\r']],
    ['a CR within is part of it', '<1>a\rb\n', ['<1>a\rb']],
    ['NUL', '<1>a\0<2>b\0', ['<1>a', '<2>b']],
    ['LF and NUL together', '<1>a\n\0<2>b\n\0', ['<1>a', '<2>b']],
    ['counted', '4 <1>a5 <2>bb', ['<1>a', '<2>bb']],
    ['counted, with LF, CR and NUL inside', '8 <1>a\r\n\0b4 <2>c', ['<1>a\r\n\0b', '<2>c']],
    ['counted, and LF behind it', '4 <1>a\n4 <2>b\n', ['<1>a', '<2>b']],
    ['each told apart', '<1>a\n4 <2>b<3>c\n4 <4>d', ['<1>a', '<2>b', '<3>c', '<4>d']],
    ['a line that begins with digits', '12 Nov\n12\n0 <1>a\n007 <1>a\n', ['12 Nov', '12', '0 <1>a', '007 <1>a']],
    ['a count that can not be one', '1000000000 <1>a\n99999999 <1>b\n', ['1000000000 <1>a', '99999999 <1>b']],
    ['a negative count', '-4 <1>a\n', ['-4 <1>a']],
    ['empty lines are none', '\n\r\n\0\n<1>a\n\n', ['<1>a']],
    ['the last without its end', '<1>a\n<2>b', ['<1>a', '<2>b']],
    ['nothing but a count', '12', ['12']],
  ] as const) {
    test(what, () => assert.deepEqual(texts(stream), expected));
  }

  for (const [what, stream, expected] of [
    ['behind a counted one', '4 <1>a6 no pri3 abc', ['<1>a', 'no pri', 'abc']],
    ['with LF inside and behind', '4 <1>a\n5 a\nb c\n3 abc\n', ['<1>a', 'a\nb c', 'abc']],
    [
      'from the first on, as another count is where it ends',
      '6 no pri3 abc5 \n\0\r\n ',
      ['no pri', 'abc', '\n\0\r\n '],
    ],
    ['a line that is longer or shorter than its number', '3 packets dropped\n118 packets dropped\n', undefined],
    ['a line with digits where its number ends', '3 abc12\n3 abc012 x\n3 abc12345678 x\n', undefined],
    ['a line that is as long as its number', '6 no pri\n3 abc\n', undefined],
    ['lines behind a line again', '4 <1>a\n<1>b\n118 packets\n7 of 9\n', ['<1>a', '<1>b', '118 packets', '7 of 9']],
  ] as const) {
    test(`counts without a priority: ${what}`, () =>
      assert.deepEqual(texts(stream), expected ?? stream.split('\n').slice(0, -1)));
  }

  test('over TLS a count needs no priority behind it', () => {
    assert.deepEqual(texts('6 no pri3 abc<1>line\n', { tls: true }), ['no pri', 'abc', '<1>line']);
    assert.deepEqual(texts('6 no pri\n'), ['6 no pri']);
  });

  test('a message that is too long is truncated, and the next one is whole', () => {
    const long = `<1>${'x'.repeat(20)}`;
    for (const stream of [`${long}\n<2>b\n`, `23 ${long}4 <2>b`]) {
      const { found, skipped } = frames([Buffer.from(stream)], { max: 10 });
      assert.deepEqual(found, [
        { text: long.slice(0, 10), truncated: true },
        { text: '<2>b', truncated: false },
      ]);
      assert.equal(skipped, 13);
    }
  });

  test('what is exactly as long as may be is whole, with each end', () => {
    const exact = `<1>${'x'.repeat(7)}`;
    for (const stream of [`${exact}\n`, `${exact}\r\n`, `${exact}\0`, `10 ${exact}`, exact]) {
      assert.deepEqual(frames([Buffer.from(stream)], { max: 10 }), {
        found: [{ text: exact, truncated: false }],
        skipped: 0,
      });
    }
  });

  test('a counted message whose rest does not come is a truncated one, a cut line too', () => {
    const counted = frames([Buffer.from('100 <1>a')]);
    assert.deepEqual(counted.found, [{ text: '<1>a', truncated: true }]);
    assert.deepEqual(frames([Buffer.from('<1>a')], { cut: true }).found, [{ text: '<1>a', truncated: true }]);
    assert.deepEqual(frames([Buffer.from('100 <')]).found, [{ text: '<', truncated: true }]);
  });

  test('what is kept of a long part is bounded', () => {
    const framer = new Framer({ max: 1000, tls: false, onMessage() {}, onSkipped() {} });
    const before = process.memoryUsage().arrayBuffers;
    const chunk = Buffer.alloc(65_536, 'x');
    for (let i = 0; i < 2000; i++) framer.push(chunk);
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024);
    assert.equal(framer.pending, true);
  });
});

describe('a stream in pieces', () => {
  /** Much of what decides, and little else. */
  const stream = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          '\n',
          '\r',
          '\0',
          ' ',
          '<',
          '<13>',
          '5 <1>ab',
          '12 ',
          '7 <',
          '99999999 <',
          '0',
          '\r\n',
          '6 abc',
        ),
        fc.string({ maxLength: 20 }),
        fc.nat(30).map((count) => `${count} <1>`),
      ),
      { maxLength: 30 },
    )
    .map((parts) => Buffer.from(parts.join(''), 'latin1'));
  const cuts = fc.array(fc.nat(400), { maxLength: 40 });

  const split = (bytes: Buffer, at: readonly number[]): Buffer[] => {
    const places = [0, ...at.filter((place) => place < bytes.length).sort((a, b) => a - b), bytes.length];
    return places.slice(1).map((place, i) => bytes.subarray(places[i], place));
  };

  test('gives the same messages, however it is split', () => {
    fc.assert(
      fc.property(stream, cuts, fc.boolean(), fc.constantFrom(12, 20, 65_535), (bytes, at, tls, max) => {
        assert.deepEqual(frames(split(bytes, at), { tls, max }), frames([bytes], { tls, max }));
      }),
      { numRuns: 2000 },
    );
  });

  test('byte by byte too', () => {
    fc.assert(
      fc.property(stream, fc.boolean(), (bytes, tls) => {
        const single = [...bytes].map((byte) => Buffer.of(byte));
        assert.deepEqual(frames(single, { tls, max: 12 }), frames([bytes], { tls, max: 12 }));
      }),
      { numRuns: 500 },
    );
  });

  test('what was counted without a priority comes back, whatever is in it', () => {
    const any = fc.uint8Array({ minLength: 1, maxLength: 100 });
    // Only the first must have no end inside: nothing before it tells that messages are counted.
    const first = any.map((bytes) => bytes.map((byte) => (byte === 0 || byte === 10 ? 32 : byte)));
    fc.assert(
      fc.property(first, fc.array(any, { minLength: 1 }), cuts, (one, others, at) => {
        const messages = [one, ...others].map((bytes) => Buffer.from(bytes));
        const bytes = Buffer.concat(messages.flatMap((body) => [Buffer.from(`${body.length} `), body]));
        assert.deepEqual(
          frames(split(bytes, at)).found.map(({ text }) => text),
          messages.map((body) => body.toString('latin1')),
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('lines that begin with a number are whole where it is no count of theirs', () => {
    const text = fc.string({ minLength: 1, maxLength: 60 }).filter((one) => !/[\n\0\r]|^</.test(one));
    // More than there is of the line, however it goes on.
    const line = fc.tuple(fc.integer({ min: 61, max: 99_999 }), text).map(([number, rest]) => `${number} ${rest}`);
    fc.assert(
      fc.property(fc.array(line), cuts, (lines, at) => {
        const bytes = Buffer.from(lines.map((one) => `${one}\n`).join(''), 'latin1');
        assert.deepEqual(
          frames(split(bytes, at)).found.map((frame) => frame.text),
          lines.map((one) => Buffer.from(one, 'latin1').toString('latin1')),
        );
      }),
      { numRuns: 1000 },
    );
  });

  test('what was counted comes back, whatever is in it', () => {
    const message = fc
      .uint8Array({ minLength: 1, maxLength: 100 })
      .map((body) => Buffer.concat([Buffer.from('<1>'), body]));
    fc.assert(
      fc.property(fc.array(message), cuts, (messages, at) => {
        const bytes = Buffer.concat(messages.flatMap((one) => [Buffer.from(`${one.length} `), one]));
        const { found } = frames(split(bytes, at));
        assert.deepEqual(
          found.map(({ text }) => text),
          messages.map((one) => one.toString('latin1')),
        );
      }),
    );
  });
});
