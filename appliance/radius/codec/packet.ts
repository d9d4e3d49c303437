import { ATTRIBUTE, MAX_ATTRIBUTES, MAX_LONG_FRAGMENT, MAX_PACKET, MIN_PACKET, MORE } from './numbers.ts';

export interface Attribute {
  type: number;
  value: Uint8Array;
}

export interface ExtendedAttribute extends Attribute {
  extendedType: number;
}

/** An attribute's value, copied here to become text: a Buffer's method is faster than a TextDecoder. */
const textBytes = Buffer.alloc(256);
const { extended1, longExtended1, longExtended2, messageAuthenticator, vendorSpecific } = ATTRIBUTE;

/**
 * A parsed packet (RFC 2865, section 3): a view on `bytes`, which must not change while it is in use. Values are
 * subarrays, not copies; each accessor walks the attributes, of which there are few. No accessor throws.
 */
export class Packet {
  /** Exactly the packet: what lay behind its length is cut off. */
  readonly bytes: Uint8Array;
  readonly code: number;
  readonly id: number;
  /** Where the value of the first Message-Authenticator starts; 0: there is none. */
  readonly messageAuthenticatorAt: number;
  private head: Uint8Array | undefined;

  /** Use `parsePacket`: nothing is checked here. */
  constructor(bytes: Uint8Array, messageAuthenticatorAt: number) {
    this.bytes = bytes;
    this.code = bytes[0]!;
    this.id = bytes[1]!;
    this.messageAuthenticatorAt = messageAuthenticatorAt;
    this.head = undefined;
  }

  /** 16 bytes. */
  get authenticator(): Uint8Array {
    this.head ??= this.bytes.subarray(4, 20);
    return this.head;
  }

  has(type: number): boolean {
    return this.find(type, MIN_PACKET) !== 0;
  }

  /** The value of the first attribute of a type. */
  first(type: number): Uint8Array | undefined {
    const at = this.find(type, MIN_PACKET);
    return at === 0 ? undefined : this.bytes.subarray(at + 2, at + this.bytes[at + 1]!);
  }

  all(type: number): Uint8Array[] {
    const values: Uint8Array[] = [];
    for (let at = this.find(type, MIN_PACKET); at !== 0; ) {
      const end = at + this.bytes[at + 1]!;
      values.push(this.bytes.subarray(at + 2, end));
      at = this.find(type, end);
    }
    return values;
  }

  /** All values of a type as one, in order: EAP-Message (RFC 3579, section 3.1). A copy only where there are several. */
  joined(type: number): Uint8Array | undefined {
    const at = this.find(type, MIN_PACKET);
    if (at === 0) return undefined;
    const end = at + this.bytes[at + 1]!;
    return this.find(type, end) === 0 ? this.bytes.subarray(at + 2, end) : join(this.all(type));
  }

  /** The first attribute of a vendor (RFC 2865, section 5.26), also where several lie in one Vendor-Specific. */
  vendor(vendor: number, type: number): Uint8Array | undefined {
    return this.vendorValues(vendor, type, true)[0];
  }

  vendorAll(vendor: number, type: number): Uint8Array[] {
    return this.vendorValues(vendor, type, false);
  }

  /** The first extended attribute (RFC 6929), its fragments joined. Vendor's (26) start with vendor and vendor type. */
  extended(type: number, extendedType: number): Uint8Array | undefined {
    return this.extendeds().find((found) => found.type === type && found.extendedType === extendedType)?.value;
  }

  /** Every extended attribute of types 241–246, fragments joined; those whose end is missing are left out. */
  extendeds(): ExtendedAttribute[] {
    const found: ExtendedAttribute[] = [];
    const { bytes } = this;
    for (let at = MIN_PACKET; at < bytes.length; at += bytes[at + 1]!) {
      const [type, length] = [bytes[at]!, bytes[at + 1]!];
      if (type < extended1 || type > longExtended2) continue;
      if (type < longExtended1) {
        if (length >= 3) found.push({ type, extendedType: bytes[at + 2]!, value: bytes.subarray(at + 3, at + length) });
        continue;
      }
      if (length < 4) continue;
      const extendedType = bytes[at + 2]!;
      const fragments = [bytes.subarray(at + 4, at + length)];
      // Fragments follow one another without anything between, full but for the last.
      while ((bytes[at + 3]! & MORE) !== 0) {
        const next = at + bytes[at + 1]!;
        if (next >= bytes.length || bytes[next] !== type || bytes[next + 1]! < 4) break;
        if (bytes[next + 2] !== extendedType || fragments.at(-1)!.length !== MAX_LONG_FRAGMENT) break;
        at = next;
        fragments.push(bytes.subarray(at + 4, at + bytes[at + 1]!));
      }
      if ((bytes[at + 3]! & MORE) !== 0) continue;
      found.push({ type, extendedType, value: fragments.length === 1 ? fragments[0]! : join(fragments) });
    }
    return found;
  }

  /** UTF-8; what isn't becomes U+FFFD. */
  text(type: number): string | undefined {
    const at = this.find(type, MIN_PACKET);
    if (at === 0) return undefined;
    const length = this.bytes[at + 1]! - 2;
    for (let i = 0; i < length; i++) textBytes[i] = this.bytes[at + 2 + i]!;
    return textBytes.toString('utf8', 0, length);
  }

  /** Four bytes, unsigned; undefined where it has another length. */
  number(type: number): number | undefined {
    const at = this.find(type, MIN_PACKET);
    const { bytes } = this;
    if (at === 0 || bytes[at + 1] !== 6) return undefined;
    return ((bytes[at + 2]! << 24) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!) >>> 0;
  }

  *[Symbol.iterator](): Generator<Attribute> {
    const { bytes } = this;
    for (let at = MIN_PACKET; at < bytes.length; at += bytes[at + 1]!) {
      yield { type: bytes[at]!, value: bytes.subarray(at + 2, at + bytes[at + 1]!) };
    }
  }

  /** Where the next attribute of a type starts, from the start of another; 0: there is none. */
  private find(type: number, from: number): number {
    const { bytes } = this;
    for (let at = from; at < bytes.length; at += bytes[at + 1]!) {
      if (bytes[at] === type) return at;
    }
    return 0;
  }

  private vendorValues(vendor: number, type: number, one: boolean): Uint8Array[] {
    const { bytes } = this;
    const values: Uint8Array[] = [];
    for (let at = this.find(vendorSpecific, MIN_PACKET); at !== 0; ) {
      const end = at + bytes[at + 1]!;
      if (end - at >= 8 && vendorOf(bytes, at + 2) === vendor) {
        // What is behind a length that can't be is not looked at.
        for (let inner = at + 6; inner + 2 <= end; ) {
          const next = inner + bytes[inner + 1]!;
          if (next < inner + 2 || next > end) break;
          if (bytes[inner] === type) {
            values.push(bytes.subarray(inner + 2, next));
            if (one) return values;
          }
          inner = next;
        }
      }
      at = this.find(vendorSpecific, end);
    }
    return values;
  }
}

/**
 * A packet, or a string that says what is wrong with it. Length of the header: bytes beyond it are padding, too few
 * are an error (RFC 2865, section 3). Also refused: over 4096 bytes, over 256 attributes. Never throws.
 */
export function parsePacket(bytes: Uint8Array): Packet | string {
  if (bytes.length < MIN_PACKET) return `${bytes.length} bytes, where a packet has 20 at least`;
  const length = (bytes[2]! << 8) | bytes[3]!;
  if (length < MIN_PACKET) return `a length of ${length}, where a packet has 20 at least`;
  if (length > MAX_PACKET) return `a length of ${length}, where a packet has ${MAX_PACKET} at most`;
  if (length > bytes.length) return `a length of ${length}, and ${bytes.length} bytes`;
  let [count, authenticatorAt] = [0, 0];
  for (let at = MIN_PACKET; at < length; ) {
    if (at + 1 >= length) return 'an attribute without a length';
    const size = bytes[at + 1]!;
    if (size < 2) return `attribute ${bytes[at]} with a length of ${size}`;
    if (at + size > length) return `attribute ${bytes[at]} goes beyond the end`;
    if (bytes[at] === messageAuthenticator && authenticatorAt === 0) authenticatorAt = at + 2;
    if (++count > MAX_ATTRIBUTES) return `over ${MAX_ATTRIBUTES} attributes`;
    at += size;
  }
  return new Packet(length === bytes.length ? bytes : bytes.subarray(0, length), authenticatorAt);
}

function vendorOf(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
