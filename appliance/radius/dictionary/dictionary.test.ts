import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { ATTRIBUTE, CODE, encodeRequest, type Packet, parsePacket, Secret } from '../codec/index.ts';
import { type Cipher, DictionaryError, loadDictionary, type Named } from './index.ts';

const dictionary = loadDictionary();
const secret = new Secret('testing123');
const cipher: Cipher = { authenticator: new Uint8Array(16).fill(7), secret };

const packetOf = (attributes: Uint8Array): Packet => {
  const packet = parsePacket(encodeRequest(CODE.accountingRequest, 1, secret, attributes));
  assert.ok(typeof packet !== 'string', String(packet));
  return packet;
};
const encoded = (name: string, value: string | number): Uint8Array => {
  const bytes = dictionary.encode(name, value, cipher);
  assert.ok(typeof bytes !== 'string', String(bytes));
  return bytes;
};
const roundTrip = (name: string, value: string | number): Named[] =>
  dictionary.decode(packetOf(encoded(name, value)), cipher);
const hex = (name: string, value: string | number): string => Buffer.from(encoded(name, value)).toString('hex');

describe('the dictionary', () => {
  test('reads every file of ours', () => {
    const files = readdirSync(path.join(import.meta.dirname, 'files'));
    assert.ok(files.length > 40);
    for (const name of [
      'User-Name',
      'MS-MPPE-Send-Key',
      'WISPr-Redirection-URL',
      'Mikrotik-Rate-Limit',
      'Cisco-AVPair',
      'Aruba-User-Role',
      'Ruckus-User-Groups',
      'Fortinet-Group-Name',
      'Juniper-Local-User-Name',
      'Meraki-Device-Name',
    ]) {
      assert.equal(dictionary.find(name)?.name, name);
    }
    assert.equal(dictionary.find('user-NAME')?.path[0], ATTRIBUTE.userName);
  });

  test('writes values as the RFCs lay them out', () => {
    assert.equal(hex('User-Name', 'bob'), '0105626f62');
    assert.equal(hex('Session-Timeout', '300'), '1b060000012c');
    assert.equal(hex('Framed-IP-Address', '10.0.0.1'), '08060a000001');
    // RFC 2868, section 3.1: the tag is the first octet of the four.
    assert.equal(hex('Tunnel-Type', 'VLAN'), '40060000000d');
    assert.equal(hex('Tunnel-Type:1', 'VLAN'), '40060100000d');
    assert.equal(hex('Tunnel-Private-Group-Id', '101'), '5105313031');
    assert.equal(hex('Tunnel-Private-Group-Id:2', '101'), '510602313031');
    // RFC 3162, section 2.3
    assert.equal(hex('Framed-IPv6-Prefix', '2001:db8::/32'), '6108002020010db8');
    // RFC 2865, section 5.26: vendor 14988, type 8.
    assert.equal(hex('Mikrotik-Rate-Limit', '1M/2M'), '1a0d00003a8c0807314d2f324d');
    // RFC 6929, section 2.1: 241, length, extended type, TLV.
    assert.equal(hex('IP-Port-Type', 1), 'f109050106000000' + '01');
    assert.equal(hex('Attr-250'.replace('250', '222'), '0x0102'), 'de040102');
    assert.equal(hex('Attr-26.9.1', 'x'), '1a0900000009010378');
  });

  test('shows what it writes, by name', () => {
    for (const [name, value] of [
      ['User-Name', 'bøb'],
      ['NAS-Port-Type', 'Wireless-802.11'],
      ['Event-Timestamp', '2026-11-22T10:00:00.000Z'],
      ['Framed-IPv6-Address', '2001:db8::1'],
      ['Framed-IPv6-Prefix', '2001:db8::/32'],
      ['Framed-Interface-Id', '0000:0000:0000:0001'],
      ['Cisco-AVPair', 'ip:inacl#1=permit ip any any'],
      ['WISPr-Bandwidth-Max-Down', '50000000'],
      ['IP-Port-Ext-IPv4-Addr', '192.0.2.1'],
      ['MS-MPPE-Send-Key', `0x${'ab'.repeat(32)}`],
      ['Class', '0x00ff'],
    ] as const) {
      assert.deepEqual(roundTrip(name, value), [{ name, value }]);
    }
    assert.deepEqual(roundTrip('Tunnel-Type:3', 'VLAN'), [{ name: 'Tunnel-Type', value: 'VLAN', tag: 3 }]);
    assert.deepEqual(roundTrip('Tunnel-Password:1', 'secret'), [{ name: 'Tunnel-Password', value: 'secret', tag: 1 }]);
  });

  test('splits what may be split, and refuses what is too long', () => {
    const eap = `0x${'01'.repeat(600)}`;
    const packet = packetOf(encoded('EAP-Message', eap));
    assert.deepEqual(
      packet.all(ATTRIBUTE.eapMessage).map((part) => part.length),
      [253, 253, 94],
    );
    for (const [name, most] of [
      ['User-Name', 253],
      ['Cisco-AVPair', 247],
    ] as const) {
      assert.equal(typeof dictionary.encode(name, 'x'.repeat(most)), 'object');
      assert.match(
        String(dictionary.encode(name, 'x'.repeat(most + 1))),
        new RegExp(`${most + 1} octets; ${most} fit`),
      );
    }
  });

  test('never shows a password, and keys only to who has the secret', () => {
    const attributes = Buffer.concat([encoded('User-Password', 'hush'), encoded('MS-MPPE-Recv-Key', '0x0102')]);
    assert.deepEqual(dictionary.decode(packetOf(attributes)), [
      { name: 'User-Password', value: '(hidden)' },
      { name: 'MS-MPPE-Recv-Key', value: '(hidden)' },
    ]);
    assert.equal(dictionary.decode(packetOf(attributes), cipher)[0]?.value, '(hidden)');
    assert.ok(dictionary.isEncrypted('Tunnel-Password:1'));
    assert.match(String(dictionary.encode('Tunnel-Password', 'x')), /encrypted/);
  });

  test('says what is wrong', () => {
    for (const [name, value, about] of [
      ['Sesion-Timeout', 1, /not an attribute/],
      ['Session-Timeout', 'soon', /not a number/],
      ['Session-Timeout', '4294967296', /more than 4 octets/],
      ['Tunnel-Type', 'VLANN', /or a name that the dictionary has/],
      ['Tunnel-Type:99', 'VLAN', /goes from 0 to 31/],
      ['User-Name:1', 'x', /takes no tag/],
      ['Framed-IP-Address', '10.0.0.256', /not an IPv4 address/],
      ['Framed-IPv6-Prefix', '10.0.0.0/8', /not an IPv6 prefix/],
      ['Vendor-Specific', 'x', /holds other attributes/],
      ['Extended-Attribute-1', 'x', /holds other attributes/],
    ] as const) {
      assert.match(String(dictionary.encode(name, value)), about, `${name} = ${value}`);
    }
  });

  test('never throws, whatever a packet or a value holds', () => {
    const names = ['User-Name', 'Tunnel-Type', 'Cisco-AVPair', 'IP-Port-Type', 'Framed-IPv6-Prefix', 'Event-Timestamp'];
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 400 }), fc.string(), (bytes, text) => {
        const attributes = Buffer.from(bytes);
        for (let at = 0; at + 1 < attributes.length; at += attributes[at + 1] as number) {
          attributes[at] ||= 26;
          attributes[at + 1] = Math.min(Math.max(attributes[at + 1] as number, 2), 255, attributes.length - at);
          if (attributes.length - at - (attributes[at + 1] as number) === 1) attributes[at + 1]! -= 1;
        }
        const packet = parsePacket(
          Buffer.concat([
            Buffer.from([1, 1, (20 + attributes.length) >> 8, 20 + attributes.length]),
            Buffer.alloc(16),
            attributes,
          ]),
        );
        if (typeof packet !== 'string') dictionary.decode(packet, cipher);
        for (const name of [...names, text]) dictionary.encode(name, text, cipher);
      }),
    );
  });
});

describe('a site’s own dictionary', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-dictionary-'));
  after(() => rmSync(folder, { recursive: true }));
  const write = (text: string) => writeFileSync(path.join(folder, 'dictionary'), text);

  test('adds vendors of other formats', () => {
    write(
      'VENDOR Lucent 4846 format=2,1\nBEGIN-VENDOR Lucent\nATTRIBUTE Lucent-X 258 string # note\nATTRIBUTE Lucent-Y 2 integer\n' +
        'VALUE Lucent-Y Much 7\nEND-VENDOR Lucent\nVENDOR Big 9999 format=4,0\nBEGIN-VENDOR Big\nATTRIBUTE Big-One 1 integer\nEND-VENDOR Big\n',
    );
    const own = loadDictionary([folder]);
    const bytes = own.encode('Lucent-X', 'ab') as Uint8Array;
    assert.equal(Buffer.from(bytes).toString('hex'), '1a0b000012ee0102056162');
    assert.deepEqual(own.decode(packetOf(bytes)), [{ name: 'Lucent-X', value: 'ab' }]);
    assert.deepEqual(own.decode(packetOf(own.encode('Lucent-Y', 'much') as Uint8Array)), [
      { name: 'Lucent-Y', value: 'Much' },
    ]);
    assert.deepEqual(own.decode(packetOf(own.encode('Big-One', 5) as Uint8Array)), [{ name: 'Big-One', value: '5' }]);
  });

  test('that is wrong is refused with its line', () => {
    for (const [text, about] of [
      ['\nATTRIBUT X 1 string', /dictionary:2: ATTRIBUT is not known/],
      ['VENDOR X nine', /dictionary:1: nine is not a vendor's number/],
      ['BEGIN-VENDOR Nobody', /say VENDOR first/],
      ['ATTRIBUTE X y string', /y is not a number/],
      ['VENDOR W 24757 format=1,1,c', /is not supported/],
      ['$INCLUDE dictionary', /too deeply/],
      ['$INCLUDE gone', /cannot be read/],
    ] as const) {
      write(text);
      assert.throws(
        () => loadDictionary([folder]),
        (error: Error) => error instanceof DictionaryError && about.test(error.message),
        text,
      );
    }
    assert.throws(() => loadDictionary([path.join(folder, 'none')]), /cannot be read/);
  });
});
