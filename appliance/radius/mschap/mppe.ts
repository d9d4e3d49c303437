import { Prefixed } from './sha1.ts';

const ascii = (text: string): Uint8Array => Buffer.from(text, 'latin1');
/** RFC 3079, section 3.4: 16 and 24 bytes before it. */
const MASTER = new Prefixed(40, ascii('This is the MPPE Master Key'));
/** The master key before 40 zeros, the words, and 40 times F2. */
const asymmetric = (words: string): Prefixed =>
  new Prefixed(16, Buffer.concat([new Uint8Array(40), ascii(words), new Uint8Array(40).fill(0xf2)]));
const CLIENT_SENDS = asymmetric('On the client side, this is the send key; on the server side, it is the receive key.');
const SERVER_SENDS = asymmetric('On the client side, this is the receive key; on the server side, it is the send key.');
const NOTHING = new Uint8Array(0);

/** What goes into MS-MPPE-Send-Key and MS-MPPE-Recv-Key: 16 bytes each, as the NAS (the server side) sends and receives. */
export interface MppeKeys {
  send: Uint8Array;
  recv: Uint8Array;
}

/**
 * The 128-bit start keys of MS-CHAPv2 (RFC 3079, section 3.3), from the hash of the NT hash and the 24-byte response.
 */
export function mppeKeysV2(ntHashHash: Uint8Array, response: Uint8Array): MppeKeys {
  const master = MASTER.digest(ntHashHash, response, 16);
  return { send: SERVER_SENDS.digest(master, NOTHING, 16), recv: CLIENT_SENDS.digest(master, NOTHING, 16) };
}
