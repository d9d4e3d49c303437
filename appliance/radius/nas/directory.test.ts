import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Secret } from '../codec/index.ts';
import type { Nas } from '../types.ts';
import { addressWords, covers, formatNetwork, formatWords, type Network, parseNetwork } from './address.ts';
import { NasDirectory } from './directory.ts';

const secret = new Secret('a-secret-of-thirty-bytes-length');
const nas = (id: string, address: string, more: Partial<Nas> = {}): Nas => ({
  id,
  siteId: 'default',
  name: id,
  address,
  type: 'generic',
  groups: [],
  protocol: 'udp',
  secret,
  requireMessageAuthenticator: true,
  coa: { port: 3799, secret },
  source: undefined,
  ...more,
});

const ipv4 = fc.nat(0xffffffff).map((word) => formatWords([word]));
const ipv6 = fc
  .array(fc.nat(0xffffffff), { minLength: 4, maxLength: 4 })
  .map((words) => formatWords(words))
  .filter((text) => text.includes(':'));

describe('addresses of NAS', () => {
  test('are canonical', () => {
    for (const [text, canonical] of [
      ['10.1.2.3', '10.1.2.3'],
      ['10.1.2.3/32', '10.1.2.3'],
      ['10.1.2.3/24', '10.1.2.0/24'],
      ['255.255.255.255/1', '128.0.0.0/1'],
      ['1.2.3.4/0', '0.0.0.0/0'],
      ['2001:DB8::0:1', '2001:db8::1'],
      ['2001:db8:ffff::/33', '2001:db8:8000::/33'],
      ['::ffff:10.1.2.3', '10.1.2.3'],
      ['::ffff:10.1.2.3/120', '10.1.2.0/24'],
    ] as const) {
      assert.equal(formatNetwork(parseNetwork(text) as Network), canonical);
    }
    for (const text of ['', '10.1.2', '10.1.2.3/', '10.1.2.3/-1', '::ffff:10.1.2.3/24', '0x0a.1.2.3', '10.1.2.3/1e1']) {
      assert.equal(typeof parseNetwork(text), 'string', text);
    }
  });

  test('an address lies in every network that is made of it', () => {
    fc.assert(
      fc.property(fc.oneof(ipv4, ipv6), fc.nat(128), (address, length) => {
        const prefix = address.includes(':') ? length : length % 33;
        const network = parseNetwork(`${address}/${prefix}`) as Network;
        assert.ok(covers(network, addressWords(address)!));
        assert.deepEqual(parseNetwork(formatNetwork(network)), network);
      }),
    );
  });
});

describe('directory of NAS', () => {
  test('the longest prefix, both families, and the forms that sockets give', () => {
    const directory = new NasDirectory();
    directory.set(nas('wide', '10.0.0.0/8'));
    directory.set(nas('mid', '10.1.0.0/16'));
    directory.set(nas('host', '10.1.0.1'));
    directory.set(nas('v6', '2001:db8::/32'));
    directory.set(nas('link', 'fe80::/10'));
    const ids = (...addresses: string[]) => addresses.map((address) => directory.find(address)?.id);
    assert.deepEqual(ids('10.1.0.1', '10.1.0.2', '10.2.0.1', '11.0.0.1'), ['host', 'mid', 'wide', undefined]);
    assert.deepEqual(ids('::ffff:10.1.0.1', '2001:db8::1', 'fe80::1%eth0', '::1'), ['host', 'v6', 'link', undefined]);
    assert.deepEqual(ids('', 'x', '999.1.1.1'), [undefined, undefined, undefined]);
    directory.delete('host');
    assert.deepEqual(ids('10.1.0.1'), ['mid']);
    directory.set(nas('mid', '10.2.0.0/16'));
    assert.deepEqual(ids('10.1.0.1', '10.2.0.1'), ['wide', 'mid']);
    directory.delete('nobody');
    assert.equal(directory.size, 4);
  });

  test('as a list of all networks would say it, whatever comes and goes', () => {
    const change = fc.record({
      id: fc.nat(5).map(String),
      address: fc.record({ host: fc.nat(255), prefix: fc.integer({ min: 22, max: 32 }) }),
      gone: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const directory = new NasDirectory();
        const model = new Map<string, Network>();
        for (const { id, address, gone } of changes) {
          const network = parseNetwork(`10.0.0.${address.host}/${address.prefix}`) as Network;
          const text = formatNetwork(network);
          const taken = [...model].some(([other, one]) => other !== id && formatNetwork(one) === text);
          if (gone || taken) {
            directory.delete(id);
            model.delete(id);
          } else {
            directory.set(nas(id, text));
            model.set(id, network);
          }
          for (const host of [0, address.host, 255]) {
            const words = addressWords(`10.0.0.${host}`)!;
            const best = [...model]
              .filter(([, one]) => covers(one, words))
              .sort(([, a], [, b]) => b.prefix - a.prefix)[0];
            assert.equal(directory.find(`10.0.0.${host}`)?.id, best?.[0]);
          }
        }
      }),
    );
  });

  test('two that trade their addresses, heard one after the other', () => {
    const directory = new NasDirectory();
    directory.set(nas('a', '10.0.0.1'));
    directory.set(nas('b', '10.0.0.2'));
    directory.set(nas('a', '10.0.0.2'));
    directory.set(nas('b', '10.0.0.1'));
    assert.deepEqual([directory.find('10.0.0.1')?.id, directory.find('10.0.0.2')?.id], ['b', 'a']);
  });

  test('RadSec: by a name of the certificate and the address together', () => {
    const directory = new NasDirectory();
    const radsec = (id: string, name: string, address: string) => nas(id, address, { name, protocol: 'radsec' });
    directory.set(radsec('any', 'ap1.example.com', '0.0.0.0/0'));
    directory.set(radsec('near', 'AP1.example.com', '10.0.0.0/8'));
    directory.set(radsec('other', 'ap2.example.com', '10.0.0.1'));
    directory.set(nas('udp', '10.0.0.1', { name: 'ap3.example.com' }));
    const find = (names: string[], address: string) => directory.byCertificate(names, address)?.id;
    assert.equal(find(['x', 'DNS:ap1.EXAMPLE.com'], '10.0.0.1'), 'near');
    assert.equal(find(['ap1.example.com'], '::ffff:10.0.0.1'), 'near');
    assert.equal(find(['ap1.example.com'], '192.0.2.1'), 'any');
    assert.equal(find(['ap1.example.com'], '2001:db8::1'), undefined);
    assert.equal(find(['ap2.example.com'], '10.0.0.2'), undefined);
    assert.equal(find(['ap3.example.com'], '10.0.0.1'), undefined, 'a UDP client is not one of RadSec');
    assert.equal(directory.find('10.0.0.1')?.id, 'udp');
    directory.delete('near');
    assert.equal(find(['ap1.example.com'], '10.0.0.1'), 'any');
  });

  test('10,000 clients, half of them networks, are each found', () => {
    const directory = new NasDirectory();
    const host = (i: number) => `10.${i >> 8}.${i & 255}.1`;
    const network = (i: number) => [`172.${16 + (i >> 12)}.${(i >> 4) & 255}`, (i & 15) << 4] as const;
    for (let i = 0; i < 5_000; i++) {
      directory.set(nas(`host-${i}`, host(i)));
      directory.set(nas(`network-${i}`, `${network(i).join('.')}/28`));
    }
    assert.equal(directory.size, 10_000);
    for (let i = 0; i < 5_000; i++) {
      const [start, last] = network(i);
      assert.equal(directory.find(host(i))?.id, `host-${i}`);
      assert.equal(directory.find(`${start}.${last + 15}`)?.id, `network-${i}`);
    }
    for (let i = 0; i < 5_000; i++) directory.delete(`host-${i}`);
    assert.deepEqual([directory.size, directory.find(host(7))], [5_000, undefined]);
  });

  test('a flood of senders in one network leaves memory bounded and answers right', () => {
    const directory = new NasDirectory();
    directory.set(nas('wide', '10.0.0.0/8'));
    for (let i = 0; i < 200_000; i++) {
      assert.equal(directory.find(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)?.id, 'wide');
    }
  });
});
