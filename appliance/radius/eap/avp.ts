/** Attribute-value pairs of Diameter, as they are in TTLS (RFC 5281, section 10.1). */
export interface Avp {
  code: number;
  /** 0: RADIUS's own. */
  vendor: number;
  mandatory: boolean;
  value: Uint8Array;
}

const VENDOR_FLAG = 0x80;
const MANDATORY_FLAG = 0x40;
const MAX_AVPS = 64;

/** All pairs, or a string that says what is wrong. */
export function parseAvps(data: Uint8Array): Avp[] | string {
  const avps: Avp[] = [];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at < data.length; ) {
    if (at + 8 > data.length) return 'an AVP that is cut off';
    const flags = data[at + 4]!;
    const length = view.getUint32(at + 4) & 0xff_ffff;
    const head = (flags & VENDOR_FLAG) === 0 ? 8 : 12;
    if (length < head || at + length > data.length) return `an AVP with a length of ${length}`;
    if (avps.length === MAX_AVPS) return `over ${MAX_AVPS} AVPs`;
    avps.push({
      code: view.getUint32(at),
      vendor: head === 12 ? view.getUint32(at + 8) : 0,
      mandatory: (flags & MANDATORY_FLAG) !== 0,
      value: data.subarray(at + head, at + length),
    });
    // Padded to four bytes; the last one may lack it.
    at += (length + 3) & ~3;
  }
  return avps;
}

/** One pair, mandatory and padded. `vendor` 0: RADIUS's own. */
export function encodeAvp(code: number, vendor: number, value: Uint8Array): Uint8Array {
  const head = vendor === 0 ? 8 : 12;
  const length = head + value.length;
  const avp = new Uint8Array((length + 3) & ~3);
  const view = new DataView(avp.buffer);
  view.setUint32(0, code);
  view.setUint32(4, length);
  avp[4] = MANDATORY_FLAG | (vendor === 0 ? 0 : VENDOR_FLAG);
  if (vendor !== 0) view.setUint32(8, vendor);
  avp.set(value, head);
  return avp;
}
