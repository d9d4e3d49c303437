import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { importFfi } from '../../ffi/index.ts';
import { leafHash, nodeHash } from '../merkle/hash.ts';
import { decodeBlock, encodeBlock, sliceBlock } from './block.ts';
import { crc32c } from './crc32c.ts';
import { ArchiveError } from './error.ts';
import { decodeFrame, encodeFrame, isWhole, parseHead } from './frame.ts';
import { commitmentOf, leafOf, parseLeaf, recordOf } from './leaf.ts';
import { createHasher, type Hasher, plainHasher } from './sha256.ts';
import { blockOf } from './testing.ts';
import type { Block } from './types.ts';

const uint = (max: number) => fc.integer({ min: 0, max });
const record = fc.record({
  gap: uint(3),
  kind: uint(255),
  transport: uint(255),
  flags: uint(255),
  source: uint(0xffff),
  peer: uint(2),
  receiveUs: uint(2 ** 51),
  monotonicUs: uint(2 ** 51),
  raw: fc.uint8Array({ maxLength: 200 }),
  erased: fc.boolean(),
});

/** Blocks of all shapes, also of values that no receiver makes. */
const anyBlock: fc.Arbitrary<Block> = fc
  .tuple(fc.array(record, { minLength: 1, maxLength: 40 }), uint(2 ** 45), uint(2 ** 32 - 1))
  .map(([records, first, boot]) => {
    let at = first - 1;
    const block = blockOf(
      records.map(({ raw }) => raw),
      { boot, peers: ['', '192.0.2.1:514', '[2001:db8::1]:65535'] },
    );
    block.index = Float64Array.from(records, ({ gap }) => {
      at += gap + 1;
      return at;
    });
    for (const name of ['kind', 'transport', 'flags', 'source', 'peer', 'receiveUs', 'monotonicUs'] as const) {
      records.forEach((one, i) => {
        block[name][i] = one[name];
      });
    }
    return block;
  });

const plain = ({ seed: _, ...block }: Block & { seed?: Uint8Array }) => ({
  ...block,
  raw: Buffer.from(block.raw),
  salts: Buffer.from(block.salts),
});

describe('CRC-32C', () => {
  // RFC 3720, appendix B.4
  for (const [bytes, crc] of [
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    [Buffer.from('123456789'), 0xe3069283],
  ] as const) {
    it(`is ${crc.toString(16)}`, () => assert.equal(crc32c(bytes), crc));
  }

  it('is over a part of the bytes', () => {
    assert.equal(crc32c(Buffer.from('..123456789.'), 2, 11), 0xe3069283);
    assert.equal(crc32c(new Uint8Array(0)), 0);
  });
});

describe('a leaf', () => {
  it('is laid out as the format says', () => {
    const block = blockOf(['hello'], {
      boot: 0x01020304,
      receiveUs: Float64Array.of(1_795_305_600_123_456),
      monotonicUs: Float64Array.of(2 ** 33 + 5),
      source: Uint16Array.of(0xfffe),
      flags: Uint8Array.of(6),
      salts: Uint8Array.from({ length: 16 }, (_, i) => i),
    });
    const view = Buffer.alloc(58);
    view[0] = 1;
    view[1] = 1;
    view.writeBigUInt64BE(1_795_305_600_123_456_000n, 2);
    view.writeUInt32BE(0x01020304, 10);
    view.writeBigUInt64BE(2n ** 33n + 5n, 14);
    view.writeUInt16BE(0xfffe, 22);
    view[24] = 1;
    view[25] = 6;
    const payload = Buffer.concat([Buffer.of(13), Buffer.from('192.0.2.1:514hello')]);
    const domain = Buffer.from('gatehouse/log/v1\0', 'latin1');
    createHash('sha256').update(domain).update(block.salts).update(payload).digest().copy(view, 26);
    assert.deepEqual(Buffer.from(leafOf(block, 0)), view);
  });

  it('is read as it was written', () => {
    fc.assert(
      fc.property(anyBlock, (block) => {
        for (let i = 0; i < block.count; i++) {
          const { index: _, peer, raw, salt, ...rest } = recordOf(block, i);
          assert.deepEqual(
            { ...parseLeaf(leafOf(block, i)) },
            { ...rest, commitment: new Uint8Array(commitmentOf(salt, peer, raw)) },
          );
        }
      }),
    );
    assert.throws(() => parseLeaf(new Uint8Array(58)), /version 1/);
  });
});

describe('hashes in batches', async () => {
  const openssl = await createHasher(importFfi);
  /** As it is where a processor's OpenSSL has no function for several. */
  const ffi = await importFfi();
  const without = (symbol: string, functions?: object): typeof ffi =>
    ({
      ...ffi,
      dlopen(file: null, wanted: Record<string, never>) {
        if (!(symbol in wanted)) return ffi.dlopen(file, wanted);
        if (!functions) throw new Error('not there');
        return { lib: {}, functions };
      },
    }) as never;
  const oneByOne = await createHasher(() => Promise.resolve(without('sha256_multi_block')));
  const hashers: [string, Hasher][] = [
    ['as fast as it goes', openssl],
    ...(openssl.way === 'node:crypto' ? [] : [['one at a time', oneByOne] as [string, Hasher]]),
    ['node:crypto', plainHasher()],
  ];

  it('go by OpenSSL where Node has node:ffi on Linux, else by node:crypto', async () => {
    if (process.platform === 'linux') {
      assert.equal(openssl.way, process.arch === 'x64' ? 'openssl, eight at once' : 'openssl');
      assert.equal(oneByOne.way, 'openssl');
    }
    assert.equal((await createHasher(() => Promise.reject(new Error('not there')))).way, 'node:crypto');
  });

  it('are not taken from a function that hashes wrongly', async () => {
    const wrong = { SHA256_Update: () => 1, sha256_multi_block: () => undefined };
    const half = without('sha256_multi_block', wrong);
    if (process.platform === 'linux') assert.equal((await createHasher(() => Promise.resolve(half))).way, 'openssl');
    const broken = { ...ffi, dlopen: () => ({ lib: {}, functions: wrong }) } as never;
    assert.equal((await createHasher(() => Promise.resolve(broken))).way, 'node:crypto');
  });

  for (const [name, hasher] of hashers) {
    it(`are those of the leaves one by one: ${name}`, () => {
      fc.assert(
        fc.property(anyBlock, fc.uint8Array({ minLength: 32, maxLength: 32 }), (block, kept) => {
          block.erased.set(0, kept);
          const commitments = new Uint8Array(32 * block.count);
          const leaves = new Uint8Array(32 * block.count);
          hasher.commitments(block, commitments);
          hasher.leaves(block, commitments, leaves);
          for (let i = 0; i < block.count; i++) {
            assert.deepEqual(Buffer.from(leaves.subarray(32 * i, 32 * i + 32)), leafHash(leafOf(block, i)));
          }
          // Into the place of the hashes themselves, as the tree is folded.
          const pairs = Math.floor(block.count / 2);
          const nodes = leaves.slice();
          hasher.nodes(nodes, pairs, nodes);
          for (let i = 0; i < pairs; i++) {
            const [left, right] = [leaves.subarray(64 * i, 64 * i + 32), leaves.subarray(64 * i + 32, 64 * i + 64)];
            assert.deepEqual(Buffer.from(nodes.subarray(32 * i, 32 * i + 32)), nodeHash(left, right));
          }
        }),
        { numRuns: 50 },
      );
    });
  }
});

describe('a block', () => {
  it('is read as it was written, its salts listed', () => {
    fc.assert(
      fc.property(anyBlock, fc.uint8Array({ minLength: 32, maxLength: 32 }), (block, kept) => {
        block.erased.set(block.count - 1, kept);
        assert.deepEqual(plain(decodeBlock(encodeBlock(block), block.class).block), plain(block));
      }),
    );
  });

  it('is read as it was written, its salts made of a seed', () => {
    const block = blockOf(['one', '', 'three'], { first: 77 });
    const bytes = encodeBlock(block, block.seed);
    const { block: read, seed } = decodeBlock(bytes, 3);
    assert.deepEqual(plain(read), plain(block));
    assert.deepEqual(Buffer.from(seed!), block.seed);
    assert.ok(bytes.length < encodeBlock(block).length);
  });

  it('has parts, whose records are those of the whole', () => {
    const uneven = fc.tuple(anyBlock, uint(39), uint(39));
    fc.assert(
      fc.property(uneven, fc.uint8Array({ minLength: 32, maxLength: 32 }), ([block, a, b], kept) => {
        block.erased.set(block.count >> 1, kept);
        const [from, to] = [Math.min(a, b, block.count - 1), Math.min(Math.max(a, b) + 1, block.count)];
        const part = sliceBlock(block, from, to);
        assert.equal(part.count, to - from);
        for (let i = from; i < to; i++) assert.deepEqual(recordOf(part, i - from), recordOf(block, i));
      }),
    );
  });

  it('that is cut short or not one throws ArchiveError, whatever it holds', () => {
    const bytes = encodeBlock(blockOf(['one', 'two', 'three']));
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodeBlock(bytes.subarray(0, length), 3), ArchiveError, `${length}`);
    }
    assert.throws(() => decodeBlock(Buffer.concat([bytes, Buffer.of(0)]), 3), /followed by something else/);
    assert.throws(() => decodeBlock(bytes, 99), /retention class 99/);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), uint(bytes.length - 1), uint(255), (noise, at, value) => {
        for (const one of [noise, Buffer.concat([Buffer.of(1), noise]), Buffer.from(bytes).fill(value, at, at + 1)]) {
          try {
            decodeBlock(Buffer.from(one), 3);
          } catch (error) {
            assert.ok(error instanceof ArchiveError, String(error));
          }
        }
      }),
    );
  });
});

describe('a frame', () => {
  const key = { id: 9, key: randomBytes(32) };
  const block = blockOf(['one', 'two', 'three'], { first: 1000 });
  const frame = encodeFrame(block, { first: 999, count: 5 }, key, block.seed);

  it('is read as it was written', () => {
    const head = { offset: 7, length: frame.length, class: 3, batchFirst: 999, batchCount: 5, count: 3, keyId: 9 };
    assert.deepEqual(parseHead(frame, 0, 7), head);
    assert.deepEqual(plain(decodeFrame(frame, key.key)), plain(block));
  });

  it('is not readable with another key, and tells nothing of what is in it', () => {
    assert.throws(() => decodeFrame(frame, randomBytes(32)), /its key is another one/);
    assert.ok(!frame.includes('three'));
  });

  it('with any byte changed is not whole, and without its check not readable', () => {
    for (let at = 0; at < frame.length; at++) {
      const changed = Buffer.from(frame);
      changed[at]! ^= 1 + (at % 255);
      assert.throws(() => decodeFrame(changed, key.key), ArchiveError, `byte ${at}`);
      if (at < 8) continue;
      assert.ok(!isWhole(changed), `byte ${at}`);
      changed.writeUInt32BE(crc32c(changed, 8), 4);
      assert.throws(() => decodeFrame(changed, key.key), ArchiveError, `byte ${at} with its check`);
    }
  });

  it('cut anywhere throws ArchiveError', () => {
    for (let length = 0; length < frame.length; length++) {
      assert.throws(() => decodeFrame(frame.subarray(0, length), key.key), ArchiveError, `${length}`);
    }
  });

  it('may not hold other leaves than it says', () => {
    for (const batch of [
      { first: 1001, count: 5 },
      { first: 998, count: 4 },
    ]) {
      assert.throws(() => decodeFrame(encodeFrame(block, batch, key), key.key), /other records/);
    }
  });
});
