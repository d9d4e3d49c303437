import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EMPTY_ROOT, leafHash, MerkleError, nodeHash } from './hash.ts';
import { leavesOf, readFrom, VECTOR_LEAVES } from './testing.ts';
import {
  consistencyProof,
  Frontier,
  foldHashes,
  inclusionProof,
  rootAt,
  verifyConsistency,
  verifyInclusion,
} from './tree.ts';

const hex = (hash: Uint8Array): string => Buffer.from(hash).toString('hex');
const unhex = (text: string): Buffer => Buffer.from(text, 'hex');
const hashes = VECTOR_LEAVES.map(leafHash);
const vectors = readFrom(hashes);

const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** Leaf index, size, path. */
const INCLUSIONS: [number, number, string[]][] = [
  [0, 1, []],
  [
    0,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    5,
    8,
    [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
  [
    1,
    5,
    [
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
];

/** Old size, size, proof. */
const CONSISTENCIES: [number, number, string[]][] = [
  [1, 1, []],
  [
    1,
    8,
    [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ],
  ],
  [
    6,
    8,
    [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ],
  ],
  [
    2,
    5,
    [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    ],
  ],
];

describe('the published vectors of RFC 6962', () => {
  it('have our roots', () => {
    const frontier = new Frontier();
    for (const [size, root] of ROOTS.entries()) {
      assert.equal(hex(rootAt(size, vectors)), root);
      assert.equal(hex(frontier.root()), root);
      if (hashes[size]) frontier.append(hashes[size]);
    }
  });

  it('have our inclusion proofs', () => {
    for (const [index, size, expected] of INCLUSIONS) {
      const proof = inclusionProof(index, size, vectors);
      assert.deepEqual(proof.map(hex), expected);
      const claim = { leaf: hashes[index]!, index, size, root: unhex(ROOTS[size]!), proof };
      assert.ok(verifyInclusion(claim));
    }
  });

  it('have our consistency proofs', () => {
    for (const [old, size, expected] of CONSISTENCIES) {
      const proof = consistencyProof(old, size, vectors);
      assert.deepEqual(proof.map(hex), expected);
      assert.ok(verifyConsistency({ old, oldRoot: unhex(ROOTS[old]!), size, root: unhex(ROOTS[size]!), proof }));
    }
  });
});

/** The definitions of RFC 6962, section 2.1, word for word. */
const naive = {
  split: (n: number): number => {
    let k = 1;
    while (2 * k < n) k *= 2;
    return k;
  },
  mth(d: readonly Uint8Array[]): Uint8Array {
    if (d.length === 0) return EMPTY_ROOT;
    if (d.length === 1) return d[0]!;
    const k = naive.split(d.length);
    return nodeHash(naive.mth(d.slice(0, k)), naive.mth(d.slice(k)));
  },
  path(m: number, d: readonly Uint8Array[]): Uint8Array[] {
    if (d.length === 1) return [];
    const k = naive.split(d.length);
    return m < k
      ? [...naive.path(m, d.slice(0, k)), naive.mth(d.slice(k))]
      : [...naive.path(m - k, d.slice(k)), naive.mth(d.slice(0, k))];
  },
  subproof(m: number, d: readonly Uint8Array[], whole: boolean): Uint8Array[] {
    if (m === d.length) return whole ? [] : [naive.mth(d)];
    const k = naive.split(d.length);
    return m <= k
      ? [...naive.subproof(m, d.slice(0, k), whole), naive.mth(d.slice(k))]
      : [...naive.subproof(m - k, d.slice(k), false), naive.mth(d.slice(0, k))];
  },
};

const MAX = 600;
const all = leavesOf(MAX);
const read = readFrom(all);
const size = fc.integer({ min: 1, max: MAX });

describe('a tree of any size', () => {
  it('has the root, the paths and the proofs of the definition', () => {
    fc.assert(
      fc.property(size, fc.nat(), fc.nat(), (n, a, b) => {
        const leaves = all.slice(0, n);
        const index = a % n;
        const old = 1 + (b % n);
        const root = rootAt(n, read);
        assert.deepEqual(root, naive.mth(leaves));
        const path = inclusionProof(index, n, read);
        assert.deepEqual(path, naive.path(index, leaves));
        assert.ok(verifyInclusion({ leaf: all[index]!, index, size: n, root, proof: path }));
        const proof = consistencyProof(old, n, read);
        assert.deepEqual(proof, naive.subproof(old, leaves, true));
        assert.ok(verifyConsistency({ old, oldRoot: rootAt(old, read), size: n, root, proof }));
      }),
    );
  });

  it('is told apart from another one by both verifiers', () => {
    const altered = (proof: Uint8Array[], at: number): Uint8Array[][] => {
      const i = proof.length === 0 ? 0 : at % proof.length;
      return [
        [...proof, all[0]!],
        [all[0]!, ...proof],
        ...(proof.length > 0 ? [proof.slice(1), proof.slice(0, -1), proof.with(i, leafHash(proof[i]!))] : []),
        proof.map((hash) => hash.subarray(1)).concat(proof.length === 0 ? [new Uint8Array(0)] : []),
      ];
    };
    fc.assert(
      fc.property(size, fc.nat(), fc.nat(), fc.nat(), (n, a, b, at) => {
        const index = a % n;
        const old = 1 + (b % n);
        const root = rootAt(n, read);
        const path = { leaf: all[index]!, index, size: n, root, proof: inclusionProof(index, n, read) };
        for (const proof of altered(path.proof, at)) assert.ok(!verifyInclusion({ ...path, proof }));
        for (const other of [index - 1, index + 1, index ^ 2]) assert.ok(!verifyInclusion({ ...path, index: other }));
        assert.ok(!verifyInclusion({ ...path, leaf: root, ...(n === 1 && { leaf: all[1]! }) }));
        assert.ok(!verifyInclusion({ ...path, root: leafHash(root) }));
        const oldRoot = rootAt(old, read);
        const grown = { old, oldRoot, size: n, root, proof: consistencyProof(old, n, read) };
        for (const proof of altered(grown.proof, at)) assert.ok(!verifyConsistency({ ...grown, proof }));
        for (const other of [old - 1, old + 1]) assert.ok(!verifyConsistency({ ...grown, old: other }));
        assert.ok(!verifyConsistency({ ...grown, oldRoot: leafHash(oldRoot) }));
        assert.ok(!verifyConsistency({ ...grown, root: leafHash(root) }));
        if (old !== n) assert.ok(!verifyConsistency({ ...grown, oldRoot: root, root: oldRoot }));
      }),
    );
  });

  it('grows from the right edge of any earlier one, telling of the subtrees that it completes', () => {
    fc.assert(
      fc.property(size, fc.nat(), (n, b) => {
        const frontier = Frontier.at(b % n, read);
        const again = new Frontier(frontier.state());
        const told: string[] = [];
        for (const leaf of all.slice(b % n, n)) {
          frontier.append(leaf, (level, index, hash) => {
            told.push(`${level}/${index}`);
            assert.deepEqual(hash, read(level, index));
          });
          again.append(leaf);
        }
        assert.equal(frontier.size, n);
        assert.deepEqual(frontier.root(), rootAt(n, read));
        assert.deepEqual(again.state(), frontier.state());
        assert.equal(new Set(told).size, told.length);
        const complete = (upTo: number): number => {
          let count = 0;
          for (let width = 1; width <= upTo; width *= 2) count += Math.floor(upTo / width);
          return count;
        };
        assert.equal(told.length, complete(n) - complete(b % n));
      }),
    );
  });

  it('can have more leaves than 32 bits count', () => {
    // All leaves alike: a complete subtree's hash depends on its level only.
    const levels: Buffer[] = [all[0]!];
    for (let level = 1; level < 53; level++) levels.push(nodeHash(levels[level - 1]!, levels[level - 1]!));
    const alike = (level: number): Buffer => levels[level]!;
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (n, a, b) => {
          const count = Math.max(1, n);
          const index = Math.min(count - 1, Math.floor(count * a));
          const old = Math.floor(count * b);
          const root = rootAt(count, alike);
          assert.deepEqual(Frontier.at(count, alike).root(), root);
          const proof = inclusionProof(index, count, alike);
          assert.ok(verifyInclusion({ leaf: all[0]!, index, size: count, root, proof }));
          assert.ok(!verifyInclusion({ leaf: all[1]!, index, size: count, root, proof }));
          const grown = consistencyProof(old, count, alike);
          assert.ok(verifyConsistency({ old, oldRoot: rootAt(old, alike), size: count, root, proof: grown }));
        },
      ),
    );
  });
});

describe('the empty tree', () => {
  it('is the beginning of any', () => {
    const root = rootAt(7, read);
    assert.deepEqual(consistencyProof(0, 7, read), []);
    assert.ok(verifyConsistency({ old: 0, oldRoot: EMPTY_ROOT, size: 7, root, proof: [] }));
    assert.ok(!verifyConsistency({ old: 0, oldRoot: root, size: 7, root, proof: [] }));
    assert.ok(!verifyConsistency({ old: 0, oldRoot: EMPTY_ROOT, size: 7, root, proof: [root] }));
    assert.ok(verifyConsistency({ old: 0, oldRoot: EMPTY_ROOT, size: 0, root: EMPTY_ROOT, proof: [] }));
    assert.ok(!verifyConsistency({ old: 0, oldRoot: root, size: 0, root, proof: [] }));
    assert.ok(!verifyInclusion({ leaf: root, index: 0, size: 0, root, proof: [] }));
  });
});

describe('what no tree has', () => {
  it('is refused with a reason', () => {
    const refused = (run: () => unknown, message: RegExp) =>
      assert.throws(run, (error) => error instanceof MerkleError && message.test(error.message));
    refused(() => inclusionProof(5, 5, read), /no leaf 5/);
    refused(() => inclusionProof(-1, 5, read), /not a number of leaves/);
    refused(() => inclusionProof(0.5, 5, read), /not a number of leaves/);
    refused(() => consistencyProof(6, 5, read), /has not had 6/);
    refused(() => rootAt(2 ** 53, read), /not a number of leaves/);
    refused(() => new Frontier({ size: 3, hashes: [all[0]!] }), /has 2 hashes/);
    refused(() => new Frontier({ size: 1, hashes: [new Uint8Array(31)] }), /has 1 hashes/);
    const pruned = (level: number, index: number) =>
      index * 2 ** level < 256 && level < 8 ? undefined : read(level, index);
    refused(() => inclusionProof(3, 300, pruned), /leaves 128 to 255 is not there/);
    assert.deepEqual(inclusionProof(299, 300, pruned), inclusionProof(299, 300, read));
    for (const index of [-1, 0.5, Number.NaN, 2 ** 53]) {
      assert.ok(!verifyInclusion({ leaf: all[0]!, index, size: 1, root: all[0]!, proof: [] }));
      assert.ok(!verifyConsistency({ old: index, oldRoot: all[0]!, size: 1, root: all[0]!, proof: [] }));
    }
  });

  it('is nothing that is folded', () => {
    assert.deepEqual(foldHashes(all[0]!), all[0]);
    assert.deepEqual(foldHashes(Buffer.concat(all.slice(0, 256))), read(8, 0));
    for (const wrong of [0, 31, 33, 96]) assert.throws(() => foldHashes(new Uint8Array(wrong)), MerkleError);
  });
});
