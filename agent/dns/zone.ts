import type { NameService, PeerState } from '@gatehouse/protocol';
import type { Answer } from 'dns-packet';
import { type Cidr, contains, formatAddress, parseCidr } from '../wireguard/cidr.ts';
import { type Host, overlayHosts, ownHosts } from '../wireguard/hosts.ts';
import { type Local, type Query, RCODE, TYPE } from './message.ts';

/** Seconds that an answer may be kept: a peer that was renamed is found under its new name this soon. */
const TTL = 30;
/** Seconds for "no such name": a peer that is made is there this soon. */
const NEGATIVE_TTL = 5;

/** Names that a hub answers itself. */
export interface Zone {
  domain: string;
  /** The hub's own name, which the SOA has. */
  server: string;
  own: string[];
  overlay: Cidr[];
  names: Map<string, Host[]>;
  /** By what follows `*.`. */
  wildcards: Map<string, Host[]>;
  /** Names that only have names below them: they exist, without records (RFC 8020). */
  inner: Set<string>;
  /** By address. */
  reverse: Map<string, string[]>;
}

function put<T>(map: Map<string, T[]>, key: string, values: readonly T[]): void {
  const list = map.get(key);
  if (list) list.push(...values);
  else map.set(key, [...values]);
}

/** All that the hub of this state answers for. An address that isn't one is left out. */
export function buildZone(state: PeerState, service: NameService): Zone {
  const { own, overlay } = ownHosts(state);
  const domain = service.domain.toLowerCase();
  const under = (label: string): string => (domain === '' ? label : `${label}.${domain}`);
  const zone: Zone = {
    domain,
    server: under(service.label),
    own: own.map(({ address }) => address),
    overlay,
    names: new Map(),
    wildcards: new Map(),
    inner: new Set(domain === '' ? [] : [domain]),
    reverse: new Map(),
  };
  const add = (name: string, hosts: readonly Host[]): void => {
    put(zone.names, name, hosts);
    for (const { address } of hosts) put(zone.reverse, address, [name]);
  };
  add(zone.server, own);
  for (const peer of state.peers) if (peer.label !== undefined) add(under(peer.label), overlayHosts(peer, overlay));
  for (const { name, address } of service.records) {
    const host = parseHost(address);
    if (!host) continue;
    const whole = name.toLowerCase().replace(/\.$/, '');
    if (whole.startsWith('*.')) put(zone.wildcards, whole.slice(2), [host]);
    else put(zone.names, whole, [host]);
    for (let dot = whole.indexOf('.'); dot >= 0; dot = whole.indexOf('.', dot + 1)) {
      const above = whole.slice(dot + 1);
      // Above the domain is the world's; other domains are ours in the records only.
      if (above === domain || !isUnder(above, domain)) break;
      zone.inner.add(above);
    }
  }
  return zone;
}

function parseHost(text: string): Host | undefined {
  try {
    const block = parseCidr(text);
    return { family: block.family, address: formatAddress(block) };
  } catch {
    return undefined;
  }
}

const isUnder = (name: string, domain: string): boolean =>
  domain !== '' && (name === domain || name.endsWith(`.${domain}`));

/** The addresses of a name: its own, else those of the nearest wildcard above it. Undefined when it isn't there. */
function find(zone: Zone, name: string): Host[] | undefined {
  const exact = zone.names.get(name);
  if (exact) return exact;
  if (zone.inner.has(name)) return [];
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const hosts = zone.wildcards.get(name.slice(dot + 1));
    if (hosts) return hosts;
  }
  return undefined;
}

/** The address that a name under in-addr.arpa or ip6.arpa stands for (RFC 1035 section 3.5, RFC 3596 section 2.5). */
export function reverseAddress(name: string): Cidr | undefined {
  const four = /^((?:\d{1,3}\.){4})in-addr\.arpa$/.exec(name);
  const six = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  const digits = (four ?? six)?.[1]?.split('.').slice(0, -1).reverse();
  if (!digits) return undefined;
  try {
    return parseCidr(four ? digits.join('.') : digits.join('').replace(/(.{4})(?=.)/g, '$1:'));
  } catch {
    return undefined;
  }
}

/** The name that stands for a whole network in the reverse tree: at the boundary of an octet, or of a hex digit. */
function reverseApex(name: string, network: Cidr): string {
  const kept = Math.floor(network.prefix / (network.family === 4 ? 8 : 4));
  const parts = name.split('.');
  return parts.slice(parts.length - 2 - kept).join('.');
}

/** What the hub says by itself; null when the question is for others. */
export function answer(zone: Zone, query: Query): Local | null {
  const { name, type, plain } = query;
  const soa = (apex: string): Answer => ({
    type: 'SOA',
    name: apex,
    ttl: NEGATIVE_TTL,
    data: {
      mname: zone.server,
      rname: `hostmaster.${zone.server}`,
      serial: 1,
      refresh: 3600,
      retry: 600,
      expire: 86400,
      minimum: NEGATIVE_TTL,
    },
  });
  const say = (apex: string, answers: Answer[], rcode: number = RCODE.ok): Local => ({
    rcode,
    answers,
    authorities: answers.length > 0 ? [] : [soa(apex)],
  });

  const address = plain ? reverseAddress(name) : undefined;
  if (address) {
    const network = zone.overlay.find((one) => contains(one, address));
    if (!network) return null;
    const apex = reverseApex(name, network);
    const names = zone.reverse.get(formatAddress(address));
    if (!names) return say(apex, [], RCODE.nxDomain);
    const wanted = type === TYPE.ptr || type === TYPE.any ? names : [];
    return say(
      apex,
      wanted.map((data) => ({ type: 'PTR', name, ttl: TTL, data })),
    );
  }

  const inside = isUnder(name, zone.domain);
  const hosts = plain ? find(zone, name) : undefined;
  if (!hosts) return inside ? say(zone.domain, [], RCODE.nxDomain) : null;
  const apex = inside ? zone.domain : name;
  if (name === zone.domain && type === TYPE.soa) return say(apex, [{ ...soa(apex), ttl: TTL } as Answer]);
  if (name === zone.domain && type === TYPE.ns)
    return say(apex, [{ type: 'NS', name, ttl: TTL, data: zone.server } as Answer]);
  const family = type === TYPE.a ? 4 : type === TYPE.aaaa ? 6 : type === TYPE.any ? 0 : -1;
  const wanted = hosts.filter((host) => family === 0 || host.family === family);
  return say(
    apex,
    wanted.map((host) => ({ type: host.family === 4 ? 'A' : 'AAAA', name, ttl: TTL, data: host.address })),
  );
}
