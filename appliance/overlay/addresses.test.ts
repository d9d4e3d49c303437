import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type Cidr,
  contains,
  flatten,
  formatAddress,
  formatCidr,
  freeCidrs,
  hostAddress,
  hostCidr,
  lastHost,
  networkCidrProblem,
  neverRouted,
  overlaps,
  parseAddress,
  parseCidr,
  prefixFor,
  sizeOf,
} from './addresses.ts';

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  assert.ok(parsed && !parsed.hostBits, text);
  return parsed;
};
const v4 = fc
  .tuple(fc.nat(0xffffffff), fc.integer({ min: 0, max: 32 }))
  .map(
    ([bits, prefix]) => `${formatAddress(4, (BigInt(bits) >> BigInt(32 - prefix)) << BigInt(32 - prefix))}/${prefix}`,
  );

describe('addresses', () => {
  test('are read strictly and written canonically', () => {
    assert.deepEqual(parseAddress('10.0.0.1'), { family: 4, value: 0x0a000001n });
    assert.deepEqual(parseAddress('::1'), { family: 6, value: 1n });
    for (const text of ['', 'x', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.256', '::1%eth0', ' 1.2.3.4', '1.2.3.4\n']) {
      assert.equal(parseAddress(text), undefined, text);
    }
    assert.equal(formatAddress(6, parseAddress('2001:0DB8:0:0:0:0:0:1')?.value as bigint), '2001:db8::1');
    for (const text of [
      '10.0.0.0',
      '10.0.0.0/',
      '10.0.0.0/33',
      '10.0.0.0/8/8',
      '::/129',
      '10.0.0.0/ 8',
      '10.0.0.0/+8',
    ]) {
      assert.equal(parseCidr(text), undefined, text);
    }
    assert.equal(parseCidr('10.0.0.1/8')?.hostBits, true);
    assert.equal(formatCidr(parseCidr('10.1.2.3/8') as Cidr), '10.0.0.0/8');
    assert.deepEqual([hostCidr('10.0.0.1'), hostCidr('fd00::1')], ['10.0.0.1/32', 'fd00::1/128']);
  });

  test('what is read is what was written, in both families', () => {
    fc.assert(fc.property(v4, (text) => formatCidr(cidr(text)) === text));
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), (value) => {
        assert.equal(parseAddress(formatAddress(6, value))?.value, value);
      }),
    );
  });

  test('networks overlap when one holds the other', () => {
    assert.ok(contains(cidr('10.0.0.0/8'), cidr('10.255.0.0/16')));
    assert.ok(!contains(cidr('10.255.0.0/16'), cidr('10.0.0.0/8')));
    assert.ok(overlaps(cidr('10.255.0.0/16'), cidr('10.0.0.0/8')));
    assert.ok(!overlaps(cidr('10.0.0.0/9'), cidr('10.128.0.0/9')));
    assert.ok(!overlaps(cidr('0.0.0.0/0'), cidr('::/0')), 'families never do');
    fc.assert(
      fc.property(v4, v4, (a, b) => {
        const [one, two] = [cidr(a), cidr(b)];
        const last = (of: Cidr) => of.base + sizeOf(of) - 1n;
        assert.equal(overlaps(one, two), one.base <= last(two) && two.base <= last(one));
      }),
    );
  });

  test('hosts: all but the network and, in IPv4, the broadcast address', () => {
    for (const [text, last, address] of [
      ['10.0.0.0/30', 2, '10.0.0.2'],
      ['10.0.0.0/24', 254, '10.0.0.254'],
      ['10.0.0.0/16', 65534, '10.0.255.254'],
      ['fd00::/126', 3, 'fd00::3'],
    ] as const) {
      assert.equal(lastHost(cidr(text)), last);
      assert.equal(hostAddress(cidr(text), last), address);
    }
    assert.ok(Number.isSafeInteger(lastHost(cidr('fd00::/32'))));
  });

  test('the prefix for a number of hosts is the longest that holds them', () => {
    for (const [hosts, prefix] of [
      [1, 30],
      [2, 30],
      [3, 29],
      [62, 26],
      [63, 25],
      [254, 24],
      [255, 23],
      [16_777_214, 8],
    ] as const) {
      assert.equal(prefixFor(hosts), prefix);
      assert.ok(lastHost(cidr(`10.0.0.0/${prefix}`)) >= hosts, 'a suggestion has room for what it says');
    }
    assert.equal(prefixFor(16_777_215), undefined);
  });

  test('networks that devices cannot use are refused, and the field is named', () => {
    for (const good of ['10.0.0.0/8', '192.168.1.0/30', '100.64.0.0/10']) {
      assert.equal(networkCidrProblem('cidr', good, 4), undefined);
    }
    for (const bad of ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/8', '240.0.0.0/8', '10.0.0.0/31']) {
      assert.match(networkCidrProblem('cidr', bad, 4) ?? '', /^cidr /, bad);
    }
    assert.equal(networkCidrProblem('cidr_v6', 'fd00::/64', 6), undefined);
    for (const bad of ['fe80::/64', 'ff02::/64', '::/64', 'fd00::/127', '10.0.0.0/8', '2000::/3']) {
      assert.match(networkCidrProblem('cidr_v6', bad, 6) ?? '', /^cidr_v6 /, bad);
    }
  });

  test('flatten keeps what is routed and drops what another holds', () => {
    assert.deepEqual(
      flatten(['10.1.0.0/16', '10.0.0.0/8', '192.168.0.0/24', '10.0.0.0/8', 'fd00::/64', 'fd00::1/128']),
      ['10.0.0.0/8', '192.168.0.0/24', 'fd00::/64'],
    );
    fc.assert(
      fc.property(fc.array(v4, { maxLength: 12 }), (texts) => {
        const kept = flatten(texts).map(cidr);
        for (const text of texts) assert.ok(kept.some((one) => contains(one, cidr(text))));
        for (const one of kept) assert.equal(kept.filter((other) => overlaps(one, other)).length, 1);
      }),
    );
  });

  test('free networks are aligned, apart from each other and from what is taken, lowest first', () => {
    assert.deepEqual(freeCidrs(cidr('10.0.0.0/24'), 26, 4, [cidr('10.0.0.64/27')]), [
      '10.0.0.0/26',
      '10.0.0.128/26',
      '10.0.0.192/26',
    ]);
    assert.deepEqual(freeCidrs(cidr('10.0.0.0/24'), 26, 4, [cidr('10.0.0.0/8')]), []);
    fc.assert(
      fc.property(fc.array(v4, { maxLength: 6 }), fc.integer({ min: 10, max: 30 }), (texts, prefix) => {
        const taken = texts.map(cidr);
        const base = cidr('10.0.0.0/8');
        const found = freeCidrs(base, prefix, 5, taken).map(cidr);
        for (const [i, one] of found.entries()) {
          assert.ok(contains(base, one) && one.prefix === prefix);
          assert.ok(!taken.some((other) => overlaps(one, other)));
          assert.ok(i === 0 || one.base >= (found[i - 1] as Cidr).base + sizeOf(one));
        }
        const first = found[0];
        // Nothing lower was free.
        for (let base = 10n << 24n; first && base < first.base && base < (10n << 24n) + sizeOf(first) * 64n; ) {
          assert.ok(taken.some((other) => overlaps({ ...first, base }, other)));
          base += sizeOf(first);
        }
      }),
    );
  });
});

test('nothing is routed to what no device can use, and everything that holds it along with the rest may be', () => {
  const why = (text: string) => neverRouted(parseCidr(text) as Cidr);
  for (const text of ['127.0.0.0/8', '127.0.0.53/32', '169.254.0.0/16', '224.0.0.0/4', '239.1.1.1/32', '0.0.0.0/8'])
    assert.match(why(text) ?? '', /^lies in .*, which no device can use$/, text);
  for (const text of ['255.255.255.255/32', '::/128', '::1/128', '::ffff:10.0.0.0/104', 'fe80::/64', 'ff02::1/128'])
    assert.ok(why(text), text);
  for (const text of [
    '0.0.0.0/0',
    '0.0.0.0/1',
    '128.0.0.0/1',
    '224.0.0.0/3',
    '::/0',
    '::/1',
    '64:ff9b::/96',
    'fd00::/8',
  ])
    assert.equal(why(text), undefined, text);
});
