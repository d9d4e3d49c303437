import { bytesOf, textOf } from './packet.ts';

/** EAP-MSCHAPv2 (draft-kamath-pppext-eap-mschapv2-02, section 2): op codes, then the layout of each packet. */
const OP = { challenge: 1, response: 2, success: 3, failure: 4 } as const;
const CHALLENGE_BYTES = 16;
/** Peer challenge, 8 reserved, NT response, flags. */
const VALUE_BYTES = 49;
const MAX_NAME = 253;
/** What the server calls itself; peers don't look at it. */
const NAME = bytesOf('gatehouse');

/** The data of the EAP request: 16 bytes of challenge. */
export function challengePacket(id: number, challenge: Uint8Array): Uint8Array {
  return packet(OP.challenge, id, Uint8Array.of(CHALLENGE_BYTES), challenge, NAME);
}

/** `text` is `S=…`. */
export const successPacket = (id: number, text: string): Uint8Array => packet(OP.success, id, bytesOf(text));

/** `text` is `E=691 …`. */
export const failurePacket = (id: number, text: string): Uint8Array => packet(OP.failure, id, bytesOf(text));

export interface ChapResponse {
  id: number;
  peerChallenge: Uint8Array;
  response: Uint8Array;
  /** Without a domain: what goes into the hash. */
  userName: string;
}

/** A response, or a string that says what is wrong. */
export function parseChapResponse(data: Uint8Array): ChapResponse | string {
  if (data[0] !== OP.response) return `MS-CHAPv2 op code ${data[0]}, where a response was expected`;
  if (data.length < 5 + VALUE_BYTES) return 'an MS-CHAPv2 response that is cut off';
  const length = (data[2]! << 8) | data[3]!;
  if (length > data.length || length < 5 + VALUE_BYTES) return `an MS-CHAPv2 length of ${length}`;
  if (data[4] !== VALUE_BYTES) return `an MS-CHAPv2 value of ${data[4]} bytes`;
  const name = data.subarray(5 + VALUE_BYTES, length);
  if (name.length > MAX_NAME) return `a name of ${name.length} bytes`;
  return {
    id: data[1]!,
    peerChallenge: data.subarray(5, 21),
    response: data.subarray(29, 53),
    userName: withoutDomain(textOf(name)),
  };
}

export const acknowledgesSuccess = (data: Uint8Array): boolean => data[0] === OP.success;

/** `DOMAIN\user`: the domain isn't part of what MS-CHAPv2 hashes (RFC 2759, section 4). */
export const withoutDomain = (name: string): string => name.slice(name.lastIndexOf('\\') + 1);

function packet(op: number, id: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 4);
  return Buffer.concat([Uint8Array.of(op, id, length >> 8, length), ...parts], length);
}
