import {
  ATTRIBUTE,
  CODE,
  checkMessageAuthenticator,
  checkRequestAuthenticator,
  type Packet,
  parsePacket,
} from '../codec/index.ts';
import type { Nas } from '../types.ts';
import { MAX_PACKET } from './limits.ts';

/** Why a datagram got no answer: the reasons of the counter. */
export const DROP_REASONS = [
  /** No NAS has its address. */
  'unknown-client',
  /** Not a packet (RFC 2865, section 3), or beyond a cap. */
  'malformed',
  /** A code that this port doesn't take. */
  'code',
  'message-authenticator-missing',
  'message-authenticator-invalid',
  /** An Access-Request without Message-Authenticator and with Proxy-State, from a NAS that needn't send the former. */
  'proxy-state',
  /** The Request Authenticator of an Accounting-Request is wrong. */
  'authenticator-invalid',
  /** The NAS is over its rate. */
  'rate',
  /** Too many of this NAS are in work. */
  'client-busy',
  /** Too many are in work altogether. */
  'busy',
  /** Too many rejects wait. */
  'reject-queue',
  /** The answer took too long. */
  'timeout',
  /** The handler threw, or gave what can't be encoded. */
  'failed',
  /** The handler gives no answer. */
  'no-answer',
  /** The system didn't take the answer. */
  'send',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** What comes in by a port: `both` with RadSec. */
export type Kind = 'auth' | 'acct' | 'both';

/** Whether a port takes packets with this code. Status-Server is answered on each (RFC 5997, section 3). */
export function takes(kind: Kind, code: number): boolean {
  if (code === CODE.statusServer) return true;
  if (code === CODE.accessRequest) return kind !== 'acct';
  return code === CODE.accountingRequest && kind !== 'auth';
}

/**
 * The packet in a datagram of this NAS, verified, or why it must be dropped. Pure.
 *
 * Message-Authenticator: always for Status-Server (RFC 5997, section 3) and EAP (RFC 3579, section 3.1), and for
 * Access-Requests by UDP unless the NAS is excused; one that is there must be right. Without one, an Access-Request
 * with Proxy-State is what the BlastRADIUS attack needs (CVE-2024-3596). In TLS nobody can change a packet on its way.
 */
export function examine(bytes: Uint8Array, nas: Nas, transport: 'udp' | 'tls'): Packet | DropReason {
  if (bytes.length > MAX_PACKET) return 'malformed';
  const packet = parsePacket(bytes);
  if (typeof packet === 'string') return 'malformed';
  if (packet.code === CODE.accountingRequest) {
    if (!checkRequestAuthenticator(packet, nas.secret)) return 'authenticator-invalid';
    return checkMessageAuthenticator(packet, nas.secret) === 'invalid' ? 'message-authenticator-invalid' : packet;
  }
  const signed = checkMessageAuthenticator(packet, nas.secret);
  if (signed === 'invalid') return 'message-authenticator-invalid';
  if (signed === 'valid') return packet;
  if (packet.code === CODE.statusServer || packet.has(ATTRIBUTE.eapMessage)) return 'message-authenticator-missing';
  if (transport === 'tls') return packet;
  if (nas.requireMessageAuthenticator) return 'message-authenticator-missing';
  return packet.has(ATTRIBUTE.proxyState) ? 'proxy-state' : packet;
}
