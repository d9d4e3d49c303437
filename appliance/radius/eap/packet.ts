/** RFC 3748, section 4 */
export const EAP_CODE = { request: 1, response: 2, success: 3, failure: 4 } as const;

/** RFC 3748, section 5, and IANA's registry; 33 is what PEAPv0 calls EAP TLV Extensions ([MS-PEAP], section 2.2.8.1). */
export const EAP_TYPE = {
  identity: 1,
  nak: 3,
  gtc: 6,
  tls: 13,
  ttls: 21,
  peap: 25,
  mschapv2: 26,
  tlv: 33,
} as const;

/** An EAP-Response: `data` is what follows the type. */
export interface EapResponse {
  id: number;
  type: number;
  data: Uint8Array;
}

/** A response, or a string that says what is wrong. Bytes beyond the length are padding (RFC 3748, section 4.1). */
export function parseResponse(bytes: Uint8Array): EapResponse | string {
  if (bytes.length < 5) return `${bytes.length} bytes, where an EAP response has 5 at least`;
  if (bytes[0] !== EAP_CODE.response) return `EAP code ${bytes[0]}, where only responses are expected`;
  const length = (bytes[2]! << 8) | bytes[3]!;
  if (length < 5 || length > bytes.length) return `an EAP length of ${length}, and ${bytes.length} bytes`;
  return { id: bytes[1]!, type: bytes[4]!, data: bytes.subarray(5, length) };
}

/** An EAP packet of a type; `data` is what follows the type. */
export function eapPacket(code: 1 | 2, id: number, type: number, data: Uint8Array): Uint8Array {
  const length = 5 + data.length;
  const packet = new Uint8Array(length);
  packet[0] = code;
  packet[1] = id;
  packet[2] = length >> 8;
  packet[3] = length;
  packet[4] = type;
  packet.set(data, 5);
  return packet;
}

export const eapSuccess = (id: number): Uint8Array => Uint8Array.of(EAP_CODE.success, id, 0, 4);
export const eapFailure = (id: number): Uint8Array => Uint8Array.of(EAP_CODE.failure, id, 0, 4);

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
/** An identity as text: what isn't UTF-8 becomes U+FFFD, which is nobody's name. */
export const textOf = (bytes: Uint8Array): string => utf8.decode(bytes);
export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
