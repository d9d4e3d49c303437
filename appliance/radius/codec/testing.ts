import fc from 'fast-check';
import { AttributeWriter, encodeRequest, type Packet, type Secret } from './index.ts';

/** Calls every accessor of a packet, so that one that throws is found; how many bytes of values were seen. */
export function touch(packet: Packet): number {
  let bytes = packet.authenticator.length;
  const types = new Set([0, 1, 26, 79, 80, 241, 245, 246, 255]);
  for (const { type, value } of packet) {
    types.add(type);
    bytes += value.length;
  }
  for (const type of types) {
    packet.has(type);
    packet.first(type);
    packet.text(type);
    packet.number(type);
    bytes += packet.all(type).length + (packet.joined(type)?.length ?? 0);
  }
  for (const vendor of [9, 311, 14988]) {
    packet.vendor(vendor, 1);
    bytes += packet.vendorAll(vendor, 16).length;
  }
  packet.extended(241, 1);
  packet.extended(246, 26);
  for (const { value } of packet.extendeds()) bytes += value.length;
  return bytes;
}

/** Attributes as anybody might write them. */
export const anyAttributes: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      fc.record({ kind: fc.constant('plain' as const), type: byte(), value: fc.uint8Array({ maxLength: 253 }) }),
      fc.record({ kind: fc.constant('long' as const), type: byte(), value: fc.uint8Array({ maxLength: 700 }) }),
      fc.record({ kind: fc.constant('vendor' as const), type: byte(), value: fc.uint8Array({ maxLength: 247 }) }),
      fc.record({
        kind: fc.constant('extended' as const),
        type: fc.integer({ min: 245, max: 246 }),
        value: fc.uint8Array({ maxLength: 600 }),
      }),
    ),
    { maxLength: 5 },
  )
  .map((parts) => {
    const writer = new AttributeWriter();
    for (const { kind, type, value } of parts) {
      if (kind === 'plain') writer.add(type, value);
      else if (kind === 'long') writer.long(type, value);
      else if (kind === 'vendor') writer.vendor(311, type, value);
      else writer.extended(type, 1 + (value.length % 30), value);
    }
    return writer.done();
  });

/** Requests that are valid, of all kinds. */
export const anyRequest = (secret: Secret): fc.Arbitrary<Uint8Array> =>
  fc
    .record({
      code: fc.constantFrom(1, 4, 12, 40, 43),
      id: fc.integer({ min: 0, max: 255 }),
      attributes: anyAttributes,
      signed: fc.boolean(),
    })
    .map(({ code, id, attributes, signed }) =>
      encodeRequest(code, id, secret, attributes, { messageAuthenticator: signed }),
    );

/** A type that the codec gives no meaning of its own. */
function byte(): fc.Arbitrary<number> {
  return fc.integer({ min: 1, max: 240 }).filter((type) => type !== 80 && type !== 26);
}
