import { unprocessable } from '../../http/index.ts';
import type { Source } from '../types.ts';
import { formatNetwork, isHost, MIN_PREFIX, type Network, parseNetwork } from './address.ts';
import { GOOD_SECRET_BYTES, type SourceBody } from './schema.ts';
import type { NasRow } from './tables.ts';

/** What AES-256-GCM adds to a secret: nonce and tag. */
const SEAL_BYTES = 28;

/** A name as it is kept: without spaces around it. 422 where nothing is left. */
export function checkName(text: string): string {
  const name = text.trim();
  if (name === '') throw unprocessable('name must not be empty');
  return name;
}

/** Canonical text of an address or a network. 422 where it is none, or one so wide that everybody may try the secret. */
export function checkAddress(text: string, protocol: 'udp' | 'radsec'): string {
  const network = parseNetwork(text);
  if (typeof network === 'string') throw unprocessable(`address ${network}`);
  // With RadSec it is the certificate that says who it is.
  if (protocol === 'udp' && network.prefix < MIN_PREFIX) {
    throw unprocessable(
      `address ${formatNetwork(network)} is wider than /${MIN_PREFIX}: whoever sends from there could try the secret. ` +
        'Name the networks that your NAS are in, or use RadSec',
    );
  }
  if (isHost(network) && isUnusable(network)) throw unprocessable('address must be one that a NAS can send from');
  return formatNetwork(network);
}

/** Unspecified and multicast addresses, and the broadcast address. */
function isUnusable({ family, words }: Network): boolean {
  const [first = 0] = words;
  if (words.every((word) => word === 0)) return true;
  return family === 4 ? first >>> 28 === 14 || first === 0xffffffff : first >>> 24 === 0xff;
}

/** What no two clients have: a UDP client its address, RadSec clients their name and address. */
export const addressKey = (row: Pick<NasRow, 'protocol' | 'name_key' | 'address'>): string =>
  row.protocol === 'udp' ? `udp ${row.address}` : `radsec ${row.address} ${row.name_key}`;

/** 422 where the ids that a kind needs are not there. */
export function checkSource(body: SourceBody): Source {
  const { kind, connector_ids: connectorIds, upstream_ids: upstreamIds } = body;
  if (kind === 'rest') {
    if (!connectorIds) throw unprocessable('source.connector_ids is required where source.kind is rest');
    return { kind, connectorIds };
  }
  if (kind === 'proxy') {
    if (!upstreamIds) throw unprocessable('source.upstream_ids is required where source.kind is proxy');
    return { kind, upstreamIds };
  }
  return { kind: 'local' };
}

export function sourceView(source: Source): SourceBody {
  if (source.kind === 'rest') return { kind: 'rest', connector_ids: [...source.connectorIds] };
  if (source.kind === 'proxy') return { kind: 'proxy', upstream_ids: [...source.upstreamIds] };
  return { kind: 'local' };
}

/** Bytes of a sealed secret, without opening it. */
const sealedLength = (sealed: string): number =>
  Buffer.byteLength(sealed.slice(sealed.lastIndexOf('.') + 1), 'base64url') - SEAL_BYTES;

/** What is allowed and not advised. */
export function warningsOf(row: NasRow): string[] {
  const warnings: string[] = [];
  if (row.protocol === 'udp' && sealedLength(row.secret) < GOOD_SECRET_BYTES) {
    warnings.push(
      `secret is shorter than ${GOOD_SECRET_BYTES} bytes: whoever records one packet can guess it. ` +
        'Take a long random one (RFC 2865, section 3)',
    );
  }
  if (row.coa_secret !== null && row.protocol === 'udp' && sealedLength(row.coa_secret) < GOOD_SECRET_BYTES) {
    warnings.push(`coa_secret is shorter than ${GOOD_SECRET_BYTES} bytes`);
  }
  if (row.protocol === 'udp' && row.require_message_authenticator === 0) {
    warnings.push(
      'require_message_authenticator is off: answers to this NAS can be forged on the way (BlastRADIUS, ' +
        'CVE-2024-3596). Requests without Message-Authenticator that carry Proxy-State are dropped; update the NAS',
    );
  }
  return warnings;
}
