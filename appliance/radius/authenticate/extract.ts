import type { Method } from '../../access/index.ts';
import { decryptPassword, md5, type Packet, type Secret, sameBytes } from '../codec/index.ts';
import { macOf } from '../directory/index.ts';
import type { Credentials } from '../types.ts';
import { CALL_CHECK, type Fields, textOf } from './fields.ts';
import { stationOf } from './stations.ts';

/** RFC 2865, section 5.3: an identifier and 16 bytes. */
const CHAP_BYTES = 17;
const MIN_CHAP_CHALLENGE = 1;
/** RFC 2548, section 2.1.3: identifier, flags, 24 bytes of LM response, 24 of NT response. */
const MS_CHAP_BYTES = 50;
const MS_CHAP_CHALLENGE_BYTES = 8;
/** RFC 2548, section 2.3.2: identifier, flags, 16 bytes of peer challenge, 8 reserved, 24 of response. */
const MS_CHAP2_BYTES = 50;
const MS_CHAP2_CHALLENGE_BYTES = 16;

/** The methods that one request carries. */
export type DirectMethod = Extract<Method, Credentials['kind']>;

/** `DOMAIN\user`: the domain isn't part of what MS-CHAPv2 hashes (RFC 2759, section 4). */
const withoutDomain = (name: string): string => name.slice(name.lastIndexOf('\\') + 1);

/**
 * What an Access-Request shows to prove who it is for, or a sentence that says what is wrong with it. `userName` is its
 * User-Name as text. Never throws.
 */
export function extract(
  fields: Fields,
  userName: string,
  packet: Packet,
  secret: Secret,
): (Credentials & { kind: DirectMethod }) | string {
  if (fields.twice !== undefined) return `${fields.twice} is there more than once`;
  const { userPassword, chapPassword, msChapResponse, msChap2Response } = fields;
  const kinds =
    Number(userPassword !== undefined) +
    Number(chapPassword !== undefined) +
    Number(msChapResponse !== undefined) +
    Number(msChap2Response !== undefined);
  if (kinds > 1) return 'more than one kind of password is there';
  const mac = macOf(userName);
  if (kinds === 0) {
    if (mac !== undefined && fields.serviceType === CALL_CHECK) return byMac(mac, fields);
    return 'no password of any kind is there';
  }
  if (userPassword) {
    const password = decryptPassword(userPassword, packet.authenticator, secret);
    if (!password) return `User-Password has ${userPassword.length} bytes`;
    if (mac !== undefined && (fields.serviceType === CALL_CHECK || macOf(textOf(password)) === mac)) {
      return byMac(mac, fields);
    }
    return { kind: 'pap', password };
  }
  if (chapPassword) return chap(chapPassword, mac, fields, packet);
  if (msChap2Response) return mschapv2(msChap2Response, fields.msChapChallenge, userName);
  return mschap(msChapResponse!, fields.msChapChallenge);
}

/** MAC authentication bypass: the address is the caller's own, else anybody could name another's. */
function byMac(mac: string, { callingStation }: Fields): (Credentials & { kind: 'mab' }) | string {
  if (!callingStation) return 'the user name is a MAC address, and there is no Calling-Station-Id';
  if (stationOf(callingStation).mac !== mac) return 'the user name is a MAC address, and Calling-Station-Id is another';
  return { kind: 'mab', mac };
}

/** RFC 2865, section 5.3. Some switches send a MAC address with itself as the password by CHAP. */
function chap(
  value: Uint8Array,
  mac: string | undefined,
  fields: Fields,
  packet: Packet,
): (Credentials & { kind: DirectMethod }) | string {
  if (value.length !== CHAP_BYTES) return `CHAP-Password has ${value.length} bytes, not ${CHAP_BYTES}`;
  const challenge = fields.chapChallenge ?? packet.authenticator;
  if (challenge.length < MIN_CHAP_CHALLENGE) return 'CHAP-Challenge is empty';
  const response = value.subarray(1);
  if (mac !== undefined && fields.userName) {
    const own = sameBytes(md5(value.subarray(0, 1), fields.userName, challenge), response);
    if (own || fields.serviceType === CALL_CHECK) return byMac(mac, fields);
  }
  return { kind: 'chap', id: value[0]!, response, challenge };
}

function mschap(value: Uint8Array, challenge: Uint8Array | undefined): (Credentials & { kind: 'mschap' }) | string {
  if (value.length !== MS_CHAP_BYTES) return `MS-CHAP-Response has ${value.length} bytes, not ${MS_CHAP_BYTES}`;
  if (challenge?.length !== MS_CHAP_CHALLENGE_BYTES) return wrongChallenge(challenge, MS_CHAP_CHALLENGE_BYTES);
  if ((value[1]! & 1) === 0) return 'MS-CHAP-Response has an LM response only';
  return { kind: 'mschap', challenge, response: value.subarray(26) };
}

function mschapv2(
  value: Uint8Array,
  challenge: Uint8Array | undefined,
  userName: string,
): (Credentials & { kind: 'mschapv2' }) | string {
  if (value.length !== MS_CHAP2_BYTES) return `MS-CHAP2-Response has ${value.length} bytes, not ${MS_CHAP2_BYTES}`;
  if (challenge?.length !== MS_CHAP2_CHALLENGE_BYTES) return wrongChallenge(challenge, MS_CHAP2_CHALLENGE_BYTES);
  return {
    kind: 'mschapv2',
    authChallenge: challenge,
    peerChallenge: value.subarray(2, 18),
    response: value.subarray(26),
    userName: withoutDomain(userName),
    ident: value[0]!,
  };
}

const wrongChallenge = (challenge: Uint8Array | undefined, want: number): string =>
  challenge ? `MS-CHAP-Challenge has ${challenge.length} bytes, not ${want}` : 'MS-CHAP-Challenge is missing';
