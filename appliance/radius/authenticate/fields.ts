import type { Method } from '../../access/index.ts';
import { ATTRIBUTE, type Packet, VENDOR } from '../codec/index.ts';

/** RFC 2865, section 5.6. */
export const CALL_CHECK = 10;
/** RFC 2548, sections 2.1 to 2.4. */
export const MS_CHAP = {
  response: 1,
  error: 2,
  challenge: 11,
  sendKey: 16,
  recvKey: 17,
  response2: 25,
  success: 26,
} as const;
const CISCO_AV_PAIR = 1;
/** Attributes in which a vendor tells the name of the network: Aruba-Essid-Name, Ruckus-SSID, Fortinet-SSID. */
const SSID_TYPES = new Map<number, number>([
  [VENDOR.aruba, 5],
  [VENDOR.ruckus, 3],
  [VENDOR.fortinet, 7],
]);
const CISCO_SSID = 'ssid=';
const FIRST_ATTRIBUTE = 20;

/** What an Access-Request says of who wants in, by what and where: views on the packet, found in one pass. */
export interface Fields {
  userName: Uint8Array | undefined;
  userPassword: Uint8Array | undefined;
  chapPassword: Uint8Array | undefined;
  chapChallenge: Uint8Array | undefined;
  msChapChallenge: Uint8Array | undefined;
  msChapResponse: Uint8Array | undefined;
  msChap2Response: Uint8Array | undefined;
  serviceType: number | undefined;
  calledStation: Uint8Array | undefined;
  callingStation: Uint8Array | undefined;
  /** As a vendor's attribute says it. */
  ssid: Uint8Array | undefined;
  eap: boolean;
  /** What is there twice and may be there once. */
  twice: string | undefined;
}

export function readFields({ bytes }: Packet): Fields {
  const fields: Fields = {
    userName: undefined,
    userPassword: undefined,
    chapPassword: undefined,
    chapChallenge: undefined,
    msChapChallenge: undefined,
    msChapResponse: undefined,
    msChap2Response: undefined,
    serviceType: undefined,
    calledStation: undefined,
    callingStation: undefined,
    ssid: undefined,
    eap: false,
    twice: undefined,
  };
  for (let at = FIRST_ATTRIBUTE; at < bytes.length; at += bytes[at + 1]!) {
    const end = at + bytes[at + 1]!;
    switch (bytes[at]) {
      case ATTRIBUTE.userName:
        if (fields.userName) fields.twice = 'User-Name';
        fields.userName = bytes.subarray(at + 2, end);
        break;
      case ATTRIBUTE.userPassword:
        if (fields.userPassword) fields.twice = 'User-Password';
        fields.userPassword = bytes.subarray(at + 2, end);
        break;
      case ATTRIBUTE.chapPassword:
        if (fields.chapPassword) fields.twice = 'CHAP-Password';
        fields.chapPassword = bytes.subarray(at + 2, end);
        break;
      case ATTRIBUTE.chapChallenge:
        if (fields.chapChallenge) fields.twice = 'CHAP-Challenge';
        fields.chapChallenge = bytes.subarray(at + 2, end);
        break;
      case ATTRIBUTE.serviceType:
        if (end - at === 6) fields.serviceType = bytes[at + 5]! | (bytes[at + 4]! << 8);
        break;
      case ATTRIBUTE.calledStationId:
        fields.calledStation = bytes.subarray(at + 2, end);
        break;
      case ATTRIBUTE.callingStationId:
        if (fields.callingStation) fields.twice = 'Calling-Station-Id';
        fields.callingStation = bytes.subarray(at + 2, end);
        break;
      case ATTRIBUTE.eapMessage:
        fields.eap = true;
        break;
      case ATTRIBUTE.vendorSpecific:
        if (end - at > 8) readVendor(fields, bytes, at, end);
        break;
    }
  }
  return fields;
}

/** RFC 2865, section 5.26. What is behind a length that can't be isn't looked at. */
function readVendor(fields: Fields, bytes: Uint8Array, at: number, end: number): void {
  const vendor = (bytes[at + 2]! << 24) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!;
  const ssidType = SSID_TYPES.get(vendor);
  if (vendor !== VENDOR.microsoft && vendor !== VENDOR.cisco && ssidType === undefined) return;
  for (let inner = at + 6; inner + 2 <= end; ) {
    const length = bytes[inner + 1]!;
    if (length < 2 || inner + length > end) return;
    const type = bytes[inner]!;
    const value = bytes.subarray(inner + 2, inner + length);
    if (type === ssidType) fields.ssid = value;
    else if (vendor === VENDOR.microsoft) readMicrosoft(fields, type, value);
    else if (vendor === VENDOR.cisco && type === CISCO_AV_PAIR && startsWith(value, CISCO_SSID)) {
      fields.ssid = value.subarray(CISCO_SSID.length);
    }
    inner += length;
  }
}

function readMicrosoft(fields: Fields, type: number, value: Uint8Array): void {
  if (type === MS_CHAP.challenge) {
    if (fields.msChapChallenge) fields.twice = 'MS-CHAP-Challenge';
    fields.msChapChallenge = value;
  } else if (type === MS_CHAP.response) {
    if (fields.msChapResponse) fields.twice = 'MS-CHAP-Response';
    fields.msChapResponse = value;
  } else if (type === MS_CHAP.response2) {
    if (fields.msChap2Response) fields.twice = 'MS-CHAP2-Response';
    fields.msChap2Response = value;
  }
}

function startsWith(value: Uint8Array, text: string): boolean {
  if (value.length < text.length) return false;
  for (let at = 0; at < text.length; at++) if (value[at] !== text.charCodeAt(at)) return false;
  return true;
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
/** So long a text is quicker to make here than to have made. */
const SHORT = 24;

/** UTF-8; what isn't becomes U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  if (bytes.length > SHORT) return utf8.decode(bytes);
  let text = '';
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte > 127) return utf8.decode(bytes);
    text += String.fromCharCode(byte);
  }
  return text;
}

/** RFC 3748, section 4.1: the type of a response is its fifth byte. EAP-TLS, TTLS. */
const EAP_TYPE_AT = 4;
const [EAP_TLS, EAP_TTLS, EAP_PEAP] = [13, 21, 25];
const eapTypeOf = (packet: Packet | undefined) => packet?.joined(ATTRIBUTE.eapMessage)?.[EAP_TYPE_AT];

/** The method of a request as far as it shows; what is inside of a tunnel doesn't, so of EAP it is the likeliest. */
export function methodGuess(fields: Fields, packet?: Packet): Method {
  if (fields.eap) {
    const type = eapTypeOf(packet);
    return type === EAP_TLS ? 'eap-tls' : type === EAP_TTLS ? 'ttls-pap' : 'peap-mschapv2';
  }
  if (fields.msChap2Response) return 'mschapv2';
  if (fields.msChapResponse) return 'mschap';
  if (fields.serviceType === CALL_CHECK) return 'mab';
  return fields.chapPassword ? 'chap' : 'pap';
}

/** The method of a request for people who read the log: no more of it than shows. */
export function methodShown(fields: Fields, packet: Packet): string {
  if (!fields.eap) {
    const guess = methodGuess(fields);
    return guess === 'pap' && !fields.userPassword ? 'none' : guess;
  }
  const type = eapTypeOf(packet);
  return type === EAP_TLS ? 'eap-tls' : type === EAP_TTLS ? 'ttls' : type === EAP_PEAP ? 'peap' : 'eap';
}
