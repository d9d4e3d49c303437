import { isIP } from 'node:net';
import { NEVER_USED, type PeerState, type WgPeer } from '@gatehouse/protocol';
import ipaddr from 'ipaddr.js';

/** True for `address/prefix` in plain decimal or IPv6 notation; host bits may be set, zones may not. */
export function isCidr(text: string): boolean {
  const slash = text.indexOf('/');
  const address = text.slice(0, slash);
  if (slash < 0 || isIP(address) === 0 || address.includes('%')) return false;
  if (!/^(0|[1-9]\d{0,2})$/.test(text.slice(slash + 1))) return false;
  return ipaddr.isValidCIDR(text);
}

const NEVER = NEVER_USED.map(([range, what]) => ({ range: ipaddr.parseCIDR(range), what }));

/** Why no device is told to use `text`, an address or a CIDR that lies in one such range; undefined when it may be. */
function neverUsed(text: string): string | undefined {
  // Most are none of them by their first character; a state may hold 65,536.
  if (!/^(0|127\.|169\.|2[2-5]|::|f[ef])/i.test(text)) return undefined;
  const [address, slashed] = text.split('/');
  const parsed = ipaddr.parse(address!);
  const prefix = slashed === undefined ? 128 : Number(slashed);
  const found = NEVER.find(
    ({ range: [base, bits] }) => base.kind() === parsed.kind() && prefix >= bits && parsed.match(base, bits),
  );
  return found?.what;
}

/** Takes `host:port` (IPv6 in brackets) apart, or undefined when it isn't one. */
export function parseEndpoint(text: string): { host: string; port: number; isAddress: boolean } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const host = match[1] ?? match[2] ?? '';
  const port = Number(match[3]);
  if (port < 1 || port > 65535) return undefined;
  if (match[1] !== undefined)
    return isIP(host) === 6 && !host.includes('%') ? { host, port, isAddress: true } : undefined;
  if (isIP(host) === 4) return { host, port, isAddress: true };
  // All digits and dots, but not an address: 10.1 or 1.2.3.400 would otherwise be taken for a name.
  if (/^[\d.]+$/.test(host) || !isHostName(host)) return undefined;
  return { host, port, isAddress: false };
}

/** RFC 1123 section 2.1, and `_`, which some use. */
function isHostName(text: string): boolean {
  return text.length <= 253 && /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?$/.test(text);
}

function peerProblem(peer: WgPeer): string | undefined {
  const bad = peer.allowedIps.find((cidr) => !isCidr(cidr));
  if (bad !== undefined) return `allowedIps of ${peer.publicKey} hold '${bad}', which is no CIDR`;
  if (peer.endpoint !== undefined && !parseEndpoint(peer.endpoint)) {
    return `the endpoint of ${peer.publicKey}, '${peer.endpoint}', is no host:port`;
  }
  return undefined;
}

type Parts = Partial<Omit<PeerState, 'peers'>> & { peers?: WgPeer[] | undefined };

/**
 * What a schema can't say of a PeerState, or of the parts of one that a delta brings (with `peer`, which says the role):
 * that CIDRs, endpoints, DNS servers and search domains are what they claim, and such as a device may be told. Undefined
 * when all is well, else what is wrong.
 */
export function stateProblem(parts: Parts): string | undefined {
  for (const [what, list] of [
    ['addresses', parts.interface?.addresses],
    ['routes', parts.routes],
  ] as const) {
    const bad = list?.find((cidr) => !isCidr(cidr));
    if (bad !== undefined) return `${what} hold '${bad}', which is no CIDR`;
    for (const cidr of list ?? []) {
      const why = neverUsed(what === 'addresses' ? cidr.slice(0, cidr.indexOf('/')) : cidr);
      if (why !== undefined) return `${what} hold '${cidr}', which is ${why}`;
    }
  }
  const wide = parts.interface?.addresses.find((cidr) => !cidr.endsWith(cidr.includes(':') ? '/128' : '/32'));
  if (wide !== undefined && parts.peer?.role === 'spoke') {
    return `addresses hold '${wide}', which is more than the one address of a device that is no hub`;
  }
  const server = parts.dns?.servers.find((address) => isIP(address) === 0 || address.includes('%'));
  if (server !== undefined) return `dns.servers hold '${server}', which is no IP address`;
  for (const address of parts.dns?.servers ?? []) {
    const why = neverUsed(address);
    if (why !== undefined) return `dns.servers hold '${address}', which is ${why}`;
  }
  const domain = parts.dns?.search.find((name) => !isHostName(name));
  if (domain !== undefined) return `dns.search holds '${domain}', which is no domain`;
  const keys = new Set<string>();
  for (const peer of parts.peers ?? []) {
    if (keys.has(peer.publicKey)) return `two peers have the public key ${peer.publicKey}`;
    keys.add(peer.publicKey);
    const problem = peerProblem(peer);
    if (problem) return problem;
  }
  return undefined;
}

/**
 * The hub that carries a spoke's traffic: the one with the widest allowed range (the other hubs carry their own
 * addresses and routes), the first by public key when two are alike. Null for a hub and where there is none.
 */
export function primaryHub(state: PeerState): WgPeer | null {
  if (state.peer.role === 'hub') return null;
  let best: WgPeer | null = null;
  let bestWidth = -Infinity;
  for (const peer of state.peers) {
    if (!peer.hub) continue;
    const width = Math.max(-1, ...peer.allowedIps.map(rangeBits));
    if (width > bestWidth || (width === bestWidth && best && peer.publicKey < best.publicKey)) {
      best = peer;
      bestWidth = width;
    }
  }
  return best;
}

/** log2 of the number of addresses, as if IPv6 had the size of IPv4, so that families compare by prefix. */
function rangeBits(cidr: string): number {
  const prefix = Number(cidr.slice(cidr.indexOf('/') + 1));
  return cidr.includes(':') ? (128 - prefix) / 4 : 32 - prefix;
}
