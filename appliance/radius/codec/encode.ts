import { randomFillSync } from 'node:crypto';
import { hasComputedAuthenticator } from './authenticators.ts';
import { arena, digest, hmacArena, md5Arena, type Secret } from './md5.ts';
import {
  ATTRIBUTE,
  MAX_EXTENDED_VALUE,
  MAX_LONG_FRAGMENT,
  MAX_PACKET,
  MAX_VALUE,
  MAX_VENDOR_VALUE,
  MIN_PACKET,
  MORE,
} from './numbers.ts';
import type { Packet } from './packet.ts';

const AUTHENTICATOR_AT = MIN_PACKET + 2;
const AUTHENTICATOR_END = MIN_PACKET + 18;
const RANDOM_BYTES = 4096;
const arenaBuffer = Buffer.from(arena.buffer);
const { extended1, longExtended1, longExtended2, messageAuthenticator, proxyState, vendorSpecific } = ATTRIBUTE;

/**
 * The reply to a request: Message-Authenticator first (left out where `messageAuthenticator` is false), then
 * `attributes`, already encoded, then the request's Proxy-States in order (RFC 2865, section 5.33). RangeError where
 * that has over 4096 bytes: Proxy-States are the client's, so whoever answers has to expect it (`replyLength`).
 */
export function encodeReply(
  code: number,
  request: Packet,
  secret: Secret,
  attributes: Uint8Array,
  options?: { messageAuthenticator?: boolean },
): Uint8Array {
  const signed = options?.messageAuthenticator !== false;
  let length = signed ? AUTHENTICATOR_END : MIN_PACKET;
  if (length + attributes.length > MAX_PACKET) throw tooLong(length + attributes.length);
  arena.set(attributes, length);
  length = copyProxyStates(request.bytes, length + attributes.length);
  if (length > MAX_PACKET) throw tooLong(length);
  header(code, request.id, length);
  const { bytes } = request;
  for (let i = 4; i < MIN_PACKET; i++) arena[i] = bytes[i]!;
  if (signed) sign(secret, length);
  arena.set(secret.bytes, length);
  md5Arena(length + secret.bytes.length);
  return taken(length, true);
}

/** How long `encodeReply` would make a reply with this many bytes of attributes; over 4096 it throws. */
export function replyLength(request: Packet, attributesLength: number, signed = true): number {
  let length = (signed ? AUTHENTICATOR_END : MIN_PACKET) + attributesLength;
  const { bytes } = request;
  for (let at = MIN_PACKET; at < bytes.length; at += bytes[at + 1]!) {
    if (bytes[at] === proxyState) length += bytes[at + 1]!;
  }
  return length;
}

/**
 * A request of ours. Access-Request and Status-Server: the given authenticator (16 bytes) or a random one, and
 * Message-Authenticator first unless it is false. Accounting, CoA and Disconnect: the computed authenticator, and
 * Message-Authenticator first where it is asked for. RangeError where it has over 4096 bytes.
 */
export function encodeRequest(
  code: number,
  id: number,
  secret: Secret,
  attributes: Uint8Array,
  options?: { authenticator?: Uint8Array; messageAuthenticator?: boolean },
): Uint8Array {
  const computed = hasComputedAuthenticator(code);
  const signed = options?.messageAuthenticator ?? !computed;
  const at = signed ? AUTHENTICATOR_END : MIN_PACKET;
  const length = at + attributes.length;
  if (length > MAX_PACKET) throw tooLong(length);
  header(code, id, length);
  arena.set(attributes, at);
  if (computed) arena.fill(0, 4, MIN_PACKET);
  else arena.set(sixteen(options?.authenticator ?? randomAuthenticator()), 4);
  if (signed) sign(secret, length);
  if (!computed) return taken(length, false);
  arena.set(secret.bytes, length);
  md5Arena(length + secret.bytes.length);
  return taken(length, true);
}

const random = new Uint8Array(RANDOM_BYTES);
let randomAt = RANDOM_BYTES;

/** 16 random bytes: an Access-Request's authenticator, which hides its User-Password. */
export function randomAuthenticator(): Uint8Array {
  if (randomAt === RANDOM_BYTES) {
    randomFillSync(random);
    randomAt = 0;
  }
  const taken = random.slice(randomAt, randomAt + 16);
  randomAt += 16;
  return taken;
}

/** Builds encoded attributes, 4076 bytes at most. What doesn't fit or can't be is a RangeError, and adds nothing. */
export class AttributeWriter {
  private bytes: Uint8Array = Buffer.allocUnsafe(256);
  private at = 0;
  /** Where what was put last starts. */
  private start = 0;

  get length(): number {
    return this.at;
  }

  /** A string is UTF-8, a number four bytes, unsigned. Values have 253 bytes at most. */
  add(type: number, value: Uint8Array | string | number): this {
    checkByte(type, 'an attribute');
    this.put(2, valueBytes(value, MAX_VALUE));
    this.head(type);
    return this;
  }

  /** A value of any length, as many attributes of 253 bytes as it needs: EAP-Message and the like. */
  long(type: number, value: Uint8Array): this {
    checkByte(type, 'an attribute');
    this.reserve(value.length + 2 * Math.max(1, Math.ceil(value.length / MAX_VALUE)));
    for (let from = 0; from === 0 || from < value.length; from += MAX_VALUE) {
      this.put(2, value.subarray(from, from + MAX_VALUE));
      this.head(type);
    }
    return this;
  }

  /** In a Vendor-Specific of its own (RFC 2865, section 5.26). Values have 247 bytes at most. */
  vendor(vendor: number, type: number, value: Uint8Array | string | number): this {
    checkByte(type, 'an attribute');
    const id = u32(vendor);
    const length = this.put(8, valueBytes(value, MAX_VENDOR_VALUE));
    const start = this.head(vendorSpecific);
    this.bytes.set(id, start + 2);
    this.bytes[start + 6] = type;
    this.bytes[start + 7] = length + 2;
    return this;
  }

  /**
   * RFC 6929. Types 241–244 hold 252 bytes; 245 and 246 split what is over 251. A vendor's value (extended type 26)
   * starts with four bytes of vendor and one of vendor type.
   */
  extended(type: number, extendedType: number, value: Uint8Array | string | number): this {
    if (!(type >= extended1 && type <= longExtended2)) throw new RangeError(`attribute ${type} is not an extended one`);
    checkByte(extendedType, 'an extended attribute');
    if (type < longExtended1) {
      this.put(3, valueBytes(value, MAX_EXTENDED_VALUE));
      this.bytes[this.head(type) + 2] = extendedType;
      return this;
    }
    const whole = valueBytes(value, MAX_PACKET);
    this.reserve(whole.length + 4 * Math.max(1, Math.ceil(whole.length / MAX_LONG_FRAGMENT)));
    for (let from = 0; from === 0 || from < whole.length; from += MAX_LONG_FRAGMENT) {
      this.put(4, whole.subarray(from, from + MAX_LONG_FRAGMENT));
      const start = this.head(type);
      this.bytes[start + 2] = extendedType;
      this.bytes[start + 3] = from + MAX_LONG_FRAGMENT < whole.length ? MORE : 0;
    }
    return this;
  }

  /** Attributes that are encoded already. */
  raw(encoded: Uint8Array): this {
    this.put(0, encoded);
    return this;
  }

  /** A copy: the writer may go on. */
  done(): Uint8Array {
    const encoded = new Uint8Array(this.at);
    encoded.set(this.bytes.subarray(0, this.at));
    return encoded;
  }

  /** Adds `gap` bytes for a head and the value; its length. */
  private put(gap: number, value: Uint8Array): number {
    this.reserve(gap + value.length);
    this.start = this.at;
    this.bytes.set(value, this.at + gap);
    this.at += gap + value.length;
    return value.length;
  }

  /** Type and length of what was put last; where it starts. */
  private head(type: number): number {
    this.bytes[this.start] = type;
    this.bytes[this.start + 1] = this.at - this.start;
    return this.start;
  }

  private reserve(count: number): void {
    const needed = this.at + count;
    if (needed > MAX_PACKET - MIN_PACKET) throw tooLong(needed + MIN_PACKET);
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.min(MAX_PACKET - MIN_PACKET, Math.max(needed, this.bytes.length * 2)));
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
  }
}

const utf8 = new TextEncoder();

function valueBytes(value: Uint8Array | string | number, max: number): Uint8Array {
  const bytes = typeof value === 'number' ? u32(value) : typeof value === 'string' ? utf8.encode(value) : value;
  if (bytes.length > max) throw new RangeError(`a value of ${bytes.length} bytes, where ${max} fit`);
  return bytes;
}

function u32(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new RangeError(`${value} is not an unsigned number of 32 bits`);
  }
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function checkByte(type: number, what: string): void {
  if (!Number.isInteger(type) || type < 1 || type > 255) throw new RangeError(`${type} is not the type of ${what}`);
}

function header(code: number, id: number, length: number): void {
  arena[0] = code;
  arena[1] = id;
  arena[2] = length >> 8;
  arena[3] = length;
}

/** Message-Authenticator as the first attribute: draft-ietf-radext-deprecating-radius, section 5, against BlastRADIUS. */
function sign(secret: Secret, length: number): void {
  arena[MIN_PACKET] = messageAuthenticator;
  arena[MIN_PACKET + 1] = 18;
  for (let i = AUTHENTICATOR_AT; i < AUTHENTICATOR_END; i++) arena[i] = 0;
  hmacArena(secret, length);
  for (let i = 0; i < 16; i++) arena[AUTHENTICATOR_AT + i] = digest[i]!;
}

/** Appends the request's Proxy-States at `length`; the new length, also where it is over what a packet may have. */
function copyProxyStates(bytes: Uint8Array, length: number): number {
  let to = length;
  for (let at = MIN_PACKET; at < bytes.length; at += bytes[at + 1]!) {
    if (bytes[at] !== proxyState) continue;
    const size = bytes[at + 1]!;
    if (to + size <= MAX_PACKET) for (let i = 0; i < size; i++) arena[to + i] = bytes[at + i]!;
    to += size;
  }
  return to;
}

/**
 * A copy of what lies in the arena, with `digest` as its authenticator where that was computed. It lies in Node's pool
 * of small buffers: a buffer of its own costs several times as much as the copy.
 */
function taken(length: number, computed: boolean): Uint8Array {
  const packet = Buffer.allocUnsafe(length);
  arenaBuffer.copy(packet, 0, 0, length);
  if (computed) for (let i = 0; i < 16; i++) packet[4 + i] = digest[i]!;
  return packet;
}

function sixteen(authenticator: Uint8Array): Uint8Array {
  if (authenticator.length !== 16) throw new RangeError('an authenticator has 16 bytes');
  return authenticator;
}

const tooLong = (length: number): RangeError =>
  new RangeError(`${length} bytes, where a packet has ${MAX_PACKET} at most`);
