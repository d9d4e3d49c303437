import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decode } from 'dns-packet';
import fc from 'fast-check';
import { matches, mixCase, parseQuery, type Query, reply } from './message.ts';
import { parseNameservers } from './resolv-conf.ts';
import { hubState, peer, question } from './testing.ts';
import { answer, buildZone, reverseAddress } from './zone.ts';

const query = (name: string, type: string): Query => {
  const parsed = parseQuery(question(name, type));
  assert.ok(parsed && 'name' in parsed);
  return parsed;
};

const state = hubState(
  {
    domain: 'Internal',
    records: [
      { name: 'db.servers.internal', address: '192.168.1.9' },
      { name: 'db.servers.internal', address: 'fd00::9' },
      { name: '*.apps.internal', address: '192.168.1.10' },
      { name: 'special.apps.internal', address: '192.168.1.11' },
      { name: 'wiki.corp.example', address: '192.168.1.12' },
      { name: 'broken.internal', address: '192.168.1.12.9' },
    ],
  },
  {
    interface: { publicKey: peer(1).publicKey, addresses: ['127.77.0.1/16', 'fd77::1/64'], mtu: 1420 },
  },
);
const zone = buildZone(state, state.names!);

/** `rcode data,…`; `soa` when there is one in the authority section; null when others are to be asked. */
function say(name: string, type: string): string | null {
  const asked = query(name, type);
  const local = answer(zone, asked);
  if (!local) return null;
  // As a client reads it: what can't be encoded would show here.
  const { answers = [], authorities = [], flags = 0 } = decode(reply(asked, local.rcode, local));
  const data = answers.map((record) => ('data' in record ? JSON.stringify(record.data) : ''));
  const soa = authorities.map((record) => `soa ${record.name}`);
  return [`rcode ${flags & 15}`, ...data, ...soa].join(' ');
}

describe('names', () => {
  const table: [name: string, type: string, said: string | null][] = [
    ['p2.internal', 'A', 'rcode 0 "127.77.0.2"'],
    ['P2.InTernal', 'AAAA', 'rcode 0 "fd77::2"'],
    ['p2.internal', 'ANY', 'rcode 0 "127.77.0.2" "fd77::2"'],
    ['p2.internal', 'MX', 'rcode 0 soa internal'],
    ['p3.internal', 'A', 'rcode 0 "127.77.0.3"'],
    ['p3.internal', 'AAAA', 'rcode 0 soa internal'],
    ['hub.internal', 'A', 'rcode 0 "127.77.0.1"'],
    ['hub.internal', 'AAAA', 'rcode 0 "fd77::1"'],
    ['p9.internal', 'A', 'rcode 3 soa internal'],
    ['x.p2.internal', 'A', 'rcode 3 soa internal'],
    ['broken.internal', 'A', 'rcode 3 soa internal'],
    ['internal', 'A', 'rcode 0 soa internal'],
    ['internal', 'NS', 'rcode 0 "hub.internal"'],
    ['db.servers.internal', 'A', 'rcode 0 "192.168.1.9"'],
    ['db.servers.internal', 'AAAA', 'rcode 0 "fd00::9"'],
    ['servers.internal', 'A', 'rcode 0 soa internal'],
    ['apps.internal', 'A', 'rcode 0 soa internal'],
    ['x.apps.internal', 'A', 'rcode 0 "192.168.1.10"'],
    ['a.b.apps.internal', 'A', 'rcode 0 "192.168.1.10"'],
    ['x.apps.internal', 'AAAA', 'rcode 0 soa internal'],
    ['special.apps.internal', 'A', 'rcode 0 "192.168.1.11"'],
    ['wiki.corp.example', 'A', 'rcode 0 "192.168.1.12"'],
    ['wiki.corp.example', 'AAAA', 'rcode 0 soa wiki.corp.example'],
    ['other.corp.example', 'A', null],
    ['corp.example', 'A', null],
    ['notinternal', 'A', null],
    ['example.org', 'A', null],
    ['', 'NS', null],
    ['2.0.77.127.in-addr.arpa', 'PTR', 'rcode 0 "p2.internal"'],
    ['2.0.77.127.in-addr.arpa', 'A', 'rcode 0 soa 77.127.in-addr.arpa'],
    ['9.0.77.127.in-addr.arpa', 'PTR', 'rcode 3 soa 77.127.in-addr.arpa'],
    ['9.1.168.192.in-addr.arpa', 'PTR', null],
    [`2.${'0.'.repeat(27)}7.7.d.f.ip6.arpa`, 'PTR', 'rcode 0 "p2.internal"'],
  ];
  for (const [name, type, said] of table)
    test(`${name || '.'} ${type} → ${said ?? 'others'}`, () => assert.equal(say(name, type), said));

  test('the SOA is whole', () => assert.match(say('internal', 'SOA') ?? '', /rcode 0 {"mname":"hub\.internal"/));

  test('a network behind a peer, and a host of it, are not the peer', () => {
    assert.equal(zone.reverse.has('192.168.8.8'), false);
  });

  test('names that no host has are not ours, and break nothing', () => {
    const odd = (bytes: number[]) => {
      const message = question('x.internal', 'A');
      message.set(bytes, 13);
      return parseQuery(message) as Query;
    };
    for (const bytes of [[0], [0xff], [0x2e], [0x20]]) assert.equal(answer(zone, odd(bytes))?.rcode, 3);
  });

  test('reverse names', () => {
    for (const name of ['1.2.3.in-addr.arpa', '1.2.3.999.in-addr.arpa', 'x.1.2.3.4.in-addr.arpa', '1.ip6.arpa'])
      assert.equal(reverseAddress(name), undefined, name);
  });
});

describe('messages', () => {
  test('what is no question is refused or left, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        const parsed = parseQuery(Buffer.from(bytes));
        if (parsed && 'reply' in parsed) assert.ok(parsed.reply.length >= 12);
      }),
      { numRuns: 500 },
    );
  });

  test('a good question with bytes changed never throws, and is answered with what it asked', () => {
    const good = question('p2.internal', 'A');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }), (changes) => {
        const message = Buffer.from(good);
        for (const [at, byte] of changes) message[at] = byte;
        const parsed = parseQuery(message);
        if (!parsed || 'reply' in parsed) return;
        const local = answer(zone, parsed);
        const said = reply(parsed, local?.rcode ?? 2, local ?? undefined);
        assert.equal(matches(said, parsed.id, parsed.question), 'yes');
      }),
      { numRuns: 500 },
    );
  });

  test('refusals', () => {
    const rcode = (message: Buffer): number | null => {
      const parsed = parseQuery(message);
      return parsed && 'reply' in parsed ? parsed.reply.readUInt16BE(2) & 15 : null;
    };
    const changed = (at: number, value: number, name = 'p2.internal', type = 'A'): Buffer => {
      const message = question(name, type);
      message.writeUInt16BE(value, at);
      return message;
    };
    assert.equal(parseQuery(changed(2, 0x8180)), null, 'an answer');
    assert.equal(parseQuery(Buffer.alloc(11)), null);
    assert.equal(rcode(changed(2, 0x2800)), 4, 'UPDATE');
    assert.equal(rcode(changed(4, 2)), 1, 'two questions');
    assert.equal(rcode(changed(6, 1)), 1, 'a record that is not there');
    assert.equal(rcode(changed(12, 0xc00c)), 1, 'a compressed question');
    assert.equal(rcode(question('internal', 'AXFR')), 5);
    assert.equal(rcode(changed(27, 3)), 5, 'class CH');
    assert.equal(rcode(question('p2.internal', 'A')), null);
  });

  test('mixed case stays the same name, and lengths stay lengths', () => {
    const plain = question('laptop-of-anna.INTERNAL', 'A').subarray(12);
    const mixed = mixCase(plain, Buffer.from([1, 0, 1, 1, 0]));
    assert.notDeepEqual(mixed, plain);
    assert.equal(mixed.toString('latin1').toLowerCase(), plain.toString('latin1').toLowerCase());
    assert.deepEqual(mixed.subarray(-4), plain.subarray(-4));
  });

  test('resolv.conf', () => {
    const text =
      '# nameserver 1.1.1.1\nnameserver 192.0.2.1\n nameserver fe80::1%eth0\nnameserver x\nnameserver 192.0.2.1\n';
    assert.deepEqual(parseNameservers(text), ['192.0.2.1', 'fe80::1%eth0']);
  });
});
