import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ATTRIBUTE, AttributeWriter, CODE, encodeRequest, parsePacket, VENDOR } from '../codec/index.ts';
import { deviceOf, MAX_OCTETS, MAX_TIMESTAMP_AGE_MS, MAX_TIMESTAMP_AHEAD_MS, readRecord, ssidOf } from './record.ts';
import { NOW, recordOf, SECRET } from './testing.ts';

const source = { nasId: 'nas-1', siteId: 'default', address: '192.0.2.1', receivedAt: NOW };
const read = (attributes: AttributeWriter, from = source) => {
  const packet = parsePacket(encodeRequest(CODE.accountingRequest, 1, SECRET, attributes.done()));
  assert.ok(typeof packet !== 'string');
  return readRecord(packet, from);
};
const base = () => new AttributeWriter().add(ATTRIBUTE.acctStatusType, 3).add(ATTRIBUTE.acctSessionId, 'S1');
const taken = (attributes: AttributeWriter) => {
  const record = read(attributes);
  assert.ok(record !== 'ignored' && !('invalid' in record));
  return record;
};

describe('an accounting record', () => {
  it('says what it lacks', () => {
    assert.deepEqual(read(new AttributeWriter()), { invalid: 'it has no Acct-Status-Type' });
    assert.deepEqual(read(new AttributeWriter().add(ATTRIBUTE.acctStatusType, 1)), {
      invalid: 'it has no Acct-Session-Id',
    });
    assert.equal(read(new AttributeWriter().add(ATTRIBUTE.acctStatusType, 15)), 'ignored');
  });

  it('has both kinds of IPv6', () => {
    const address = Buffer.from('20010db8000000000000000000000009', 'hex');
    assert.equal(taken(base().add(ATTRIBUTE.framedIpv6Address, address)).ipv6, '2001:db8::9');
    const prefix = Buffer.from('004020010db800010002', 'hex');
    assert.equal(taken(base().add(ATTRIBUTE.framedIpv6Prefix, prefix)).ipv6, '2001:db8:1:2::/64');
    assert.equal(taken(base().add(ATTRIBUTE.framedIpv6Prefix, prefix).add(168, address)).ipv6, '2001:db8::9');
    for (const wrong of ['00', '00ff', '']) {
      assert.equal(taken(base().add(ATTRIBUTE.framedIpv6Prefix, Buffer.from(wrong, 'hex'))).ipv6, null);
    }
  });

  it('has no address where the NAS or the user chooses one', () => {
    for (const address of [0xff_ff_ff_ff, 0xff_ff_ff_fe]) {
      assert.equal(taken(base().add(ATTRIBUTE.framedIpAddress, address)).ip, null);
    }
    assert.equal(taken(base().add(ATTRIBUTE.framedIpAddress, 0x0a000001)).ip, '10.0.0.1');
  });

  it('has the SSID from wherever it is', () => {
    assert.equal(ssidOf('AA-BB-CC-DD-EE-FF:My net: 5 GHz'), 'My net: 5 GHz');
    assert.equal(ssidOf('aabbccddeeff:x'), 'x');
    for (const without of ['AA-BB-CC-DD-EE-FF', 'AA-BB-CC-DD-EE-FF:', 'switch 7', null])
      assert.equal(ssidOf(without), null);
    assert.equal(taken(base().vendor(VENDOR.aruba, 5, 'staff')).ssid, 'staff');
    assert.equal(taken(base().vendor(VENDOR.ruckus, 3, 'staff')).ssid, 'staff');
    assert.equal(taken(base().vendor(VENDOR.aruba, 6, 'staff')).ssid, null);
  });

  it('has the name of the port before its number', () => {
    assert.equal(taken(base().add(ATTRIBUTE.nasPort, 50103)).nasPort, '50103');
    assert.equal(taken(base().add(ATTRIBUTE.nasPortId, 'Gi1/0/3').add(ATTRIBUTE.nasPort, 50103)).nasPort, 'Gi1/0/3');
  });

  it('is of one device, as its Access-Requests are', () => {
    const device = (attributes: AttributeWriter) => {
      const packet = parsePacket(encodeRequest(CODE.accountingRequest, 1, SECRET, attributes.done()));
      assert.ok(typeof packet !== 'string');
      const record = readRecord(packet, source);
      assert.ok(record !== 'ignored' && !('invalid' in record));
      assert.equal(deviceOf(packet, source.address), record.device);
      return record.device;
    };
    const v6 = Buffer.from('20010db8000000000000000000000009', 'hex');
    assert.equal(device(base()), '192.0.2.1');
    assert.equal(device(base().add(ATTRIBUTE.nasIdentifier, 'ap')), 'ap|');
    assert.equal(device(base().add(ATTRIBUTE.nasIpAddress, 0x0a000001)), '|10.0.0.1');
    assert.equal(device(base().add(ATTRIBUTE.nasIdentifier, 'ap').add(ATTRIBUTE.nasIpv6Address, v6)), 'ap|2001:db8::9');
    assert.equal(device(base().add(ATTRIBUTE.nasIpv6Address, v6).add(ATTRIBUTE.nasIpAddress, 0x0a000001)), '|10.0.0.1');
  });

  it('happened at its Event-Timestamp where that can be', () => {
    const at = (ms: number) => recordOf({ kind: 'interim', at: ms / 1000, delay: 30 }, 0).at - NOW;
    assert.equal(at(-60_000), -60_000);
    assert.equal(at(-MAX_TIMESTAMP_AGE_MS), -MAX_TIMESTAMP_AGE_MS);
    assert.equal(at(-MAX_TIMESTAMP_AGE_MS - 1000), -30_000);
    assert.equal(at(MAX_TIMESTAMP_AHEAD_MS), MAX_TIMESTAMP_AHEAD_MS);
    assert.equal(at(MAX_TIMESTAMP_AHEAD_MS + 1000), -30_000);
    const delayed = taken(base().add(ATTRIBUTE.acctDelayTime, 0xff_ff_ff_ff));
    assert.equal(delayed.at, NOW - MAX_TIMESTAMP_AGE_MS);
  });

  it('has nothing in it that a database refuses', () => {
    const record = taken(base().add(ATTRIBUTE.userName, Buffer.from('a\0b\xff', 'latin1')));
    assert.equal(record.username, 'a\ufffdb\ufffd');
    assert.equal(taken(base().add(ATTRIBUTE.acctInputGigawords, 0xff_ff_ff_ff)).bytesIn, MAX_OCTETS);
    assert.equal(taken(base().add(ATTRIBUTE.acctTerminateCause, 22)).cause, 'Port-Disabled');
    assert.equal(taken(base().add(ATTRIBUTE.acctTerminateCause, 4711)).cause, '4711');
    assert.equal(taken(base().add(ATTRIBUTE.acctTerminateCause, 0)).cause, '0');
  });

  it('of any packet at all is read without a throw', () => {
    const attribute = fc.tuple(
      fc.oneof(
        fc.constantFrom(1, 4, 5, 8, 25, 26, 30, 31, 32, 40, 41, 42, 44, 46, 50, 52, 55, 87, 95, 97, 168),
        fc.integer({ min: 1, max: 255 }),
      ),
      fc.uint8Array({ maxLength: 40 }),
    );
    fc.assert(
      fc.property(fc.array(attribute, { maxLength: 20 }), (attributes) => {
        const writer = new AttributeWriter();
        for (const [type, value] of attributes) writer.add(type, value);
        const record = read(writer);
        if (record === 'ignored' || 'invalid' in record) return;
        for (const value of Object.values(record)) {
          if (typeof value === 'number') assert.ok(Number.isSafeInteger(value) && Math.abs(value) < 2 ** 53);
          if (typeof value === 'string') assert.ok(value.length <= 4096);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
