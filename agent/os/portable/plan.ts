import { canonicalNetwork, formatAddress, formatCidr, parseCidr, parseEndpoint } from '../../wireguard/cidr.ts';
import { insideAny } from '../../wireguard/cover.ts';
import type { DnsWant } from '../dns.ts';
import type { TunnelConfig } from '../platform.ts';

/** What a tunnel needs of a system without policy routing (macOS, Windows). Blocks are in canonical spelling. */
export interface PortablePlan {
  mtu: number;
  addresses: string[];
  /** A default route is two halves here, which win over the system's own by their length and leave it as it is. */
  routes: string[];
  /** Peers' own addresses inside one of the routes, and what is to be `past`: they need a route of their own past the tunnel. */
  bypass: string[];
  dns: DnsWant;
  hub: boolean;
}

const HALVES: Record<string, string[]> = {
  '0.0.0.0/0': ['0.0.0.0/1', '128.0.0.0/1'],
  '::/0': ['::/1', '8000::/1'],
};

/** Throws RangeError when an address or route isn't one. */
export function planPortable({ state, past }: Pick<TunnelConfig, 'state' | 'past'>): PortablePlan {
  const wanted = state.routes.map(canonicalNetwork);
  const routes = [...new Set(wanted.flatMap((route) => HALVES[route] ?? route))];
  const endpoints = state.peers.flatMap((peer) => parseEndpoint(peer.endpoint ?? '')?.address ?? []);
  const beyond = past ? [parseCidr(past.address)] : [];
  const covered = [...endpoints, ...beyond].filter(insideAny(routes.map(parseCidr)));
  return {
    mtu: state.interface.mtu,
    addresses: state.interface.addresses.map((text) => formatCidr(parseCidr(text))),
    routes,
    bypass: [...new Set(covered.map(formatAddress))].sort(),
    dns: { ...state.dns, exclusive: state.dns.servers.length > 0 && wanted.some((route) => route.endsWith('/0')) },
    hub: state.peer.role === 'hub',
  };
}

export const EMPTY_PLAN: PortablePlan = {
  mtu: 0,
  addresses: [],
  routes: [],
  bypass: [],
  dns: { servers: [], search: [], exclusive: false },
  hub: false,
};
