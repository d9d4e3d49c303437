import { hash, timingSafeEqual } from 'node:crypto';
import { EAP_TYPE } from './packet.ts';
import { randomOf } from './random.ts';

/** TLVs of PEAP's EAP TLV Extensions: [MS-PEAP], section 2.2.8.1. */
const TLV = { result: 3, binding: 12 } as const;
const MANDATORY = 0x8000;
const TYPE_MASK = 0x3fff;
const SUCCESS = 1;
const FAILURE = 2;
/** Head, reserved, version, version received, subtype; 32 of nonce; 20 of MAC. */
const BINDING_BYTES = 60;
const MAC_AT = 40;
const SUBTYPE_AT = 7;
const RESPONSE_SUBTYPE = 1;
const MAC_BYTES = 20;
const BLOCK_BYTES = 64;

/** The result, and a request for a binding where there is a key for it. */
export function resultTlvs(success: boolean, cmk: Uint8Array | undefined): Uint8Array {
  const result = Uint8Array.of(MANDATORY >> 8, TLV.result, 0, 2, 0, success ? SUCCESS : FAILURE);
  if (cmk === undefined) return result;
  const binding = Buffer.alloc(BINDING_BYTES);
  binding[1] = TLV.binding;
  binding[3] = BINDING_BYTES - 4;
  binding.set(randomOf(32), 8);
  binding.set(macOf(binding, cmk), MAC_AT);
  return Buffer.concat([result, binding]);
}

export interface PeerResult {
  success: boolean;
  /** The whole TLV. */
  binding: Uint8Array | undefined;
}

/** What the peer says of the result, or a string that says what is wrong. */
export function parseResult(data: Uint8Array): PeerResult | string {
  let result: number | undefined;
  let binding: Uint8Array | undefined;
  for (let at = 0; at < data.length; ) {
    if (at + 4 > data.length) return 'a TLV that is cut off';
    const head = (data[at]! << 8) | data[at + 1]!;
    const end = at + 4 + ((data[at + 2]! << 8) | data[at + 3]!);
    if (end > data.length) return 'a TLV that goes beyond the end';
    const type = head & TYPE_MASK;
    if (type === TLV.result) {
      if (end - at !== 6 || result !== undefined) return 'a result that is none';
      result = (data[at + 4]! << 8) | data[at + 5]!;
    } else if (type === TLV.binding) {
      if (end - at !== BINDING_BYTES || binding !== undefined) return 'a binding that is none';
      binding = data.subarray(at, end);
    } else if ((head & MANDATORY) !== 0) return `a mandatory TLV ${type}, which isn't known`;
    at = end;
  }
  return result === undefined ? 'TLVs without a result' : { success: result === SUCCESS, binding };
}

/** Whether the peer's TLV is of one who knows both the tunnel's and the inner method's keys. */
export function bindingHolds(binding: Uint8Array, cmk: Uint8Array): boolean {
  if (binding[5] !== 0 || binding[SUBTYPE_AT] !== RESPONSE_SUBTYPE) return false;
  return timingSafeEqual(binding.subarray(MAC_AT), macOf(binding, cmk));
}

export interface CompoundKeys {
  /** 40 bytes: the MSK is derived from it. */
  ipmk: Uint8Array;
  /** 20 bytes: the key of the MACs. */
  cmk: Uint8Array;
}

/**
 * [MS-PEAP], section 3.1.5.5.2.1: from the tunnel's key (60 bytes at least) and the inner method's (32 bytes), or from
 * the tunnel's alone where a session was resumed.
 */
export function compoundKeys(tunnelKey: Uint8Array, innerKey: Uint8Array | undefined): CompoundKeys {
  const keys =
    innerKey === undefined
      ? tunnelKey.subarray(0, 60)
      : expand(tunnelKey.subarray(0, 40), 'Inner Methods Compound Keys', innerKey, 60);
  return { ipmk: keys.subarray(0, 40), cmk: keys.subarray(40, 60) };
}

/** [MS-PEAP], section 3.1.5.7: the first 64 bytes of the compound session key. */
export const boundMsk = (ipmk: Uint8Array): Uint8Array =>
  expand(ipmk, 'Session Key Generating Function', new Uint8Array(1), 64);

/** PRF+ of [MS-PEAP]: T(n) = HMAC-SHA1(key, T(n-1) | label | seed | n | 0 | 0). */
function expand(key: Uint8Array, label: string, seed: Uint8Array, length: number): Uint8Array {
  const parts: Buffer[] = [];
  const name = Buffer.from(label, 'latin1');
  let last: Buffer = Buffer.alloc(0);
  for (let count = 1; (count - 1) * MAC_BYTES < length; count++) {
    last = hmac(key, last, name, seed, Uint8Array.of(count, 0, 0));
    parts.push(last);
  }
  return Buffer.concat(parts).subarray(0, length);
}

const macOf = (binding: Uint8Array, cmk: Uint8Array): Buffer =>
  hmac(cmk, binding.subarray(0, MAC_AT), new Uint8Array(MAC_BYTES), Uint8Array.of(EAP_TYPE.peap));

/** HMAC-SHA1 (RFC 2104) with a key of up to a block: two hashes in one call each take half of `createHmac`'s time. */
function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const [inner, outer] = [Buffer.alloc(BLOCK_BYTES, 0x36), Buffer.alloc(BLOCK_BYTES, 0x5c)];
  for (let index = 0; index < key.length; index++) {
    inner[index]! ^= key[index]!;
    outer[index]! ^= key[index]!;
  }
  return hash('sha1', Buffer.concat([outer, hash('sha1', Buffer.concat([inner, ...parts]), 'buffer')]), 'buffer');
}
