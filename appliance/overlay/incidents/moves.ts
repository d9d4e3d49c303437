import { formatCidr, parseCidr } from '../addresses.ts';
import { parseEndpoint } from '../endpoint.ts';

/** Where a peer is, as far as that tells one place from another. */
export interface Place {
  family: 4 | 6;
  /** The IPv4 address, or the /64 of the IPv6 one: within it a host changes its address for privacy. */
  address: string;
  port: number;
}

/** Reads `ip:port`; undefined when it is none. An IPv4 address in IPv6 (`::ffff:…`) is the IPv4 one. */
export function placeOf(endpoint: string): Place | undefined {
  const { host, port } = parseEndpoint(endpoint) ?? {};
  if (host === undefined || port === undefined) return undefined;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1];
  const cidr = mapped ? parseCidr(`${mapped}/32`) : parseCidr(`${host}/${host.includes(':') ? 64 : 32}`);
  if (!cidr) return undefined;
  const text = formatCidr(cidr);
  return { family: cidr.family, address: cidr.family === 4 ? text.slice(0, -'/32'.length) : text, port };
}

/**
 * How one hub saw a peer move within one address family. Hubs apart, as each of them keeps what it saw last, however old;
 * families apart, as a host that has both goes from one to the other and back at will.
 */
export interface Track {
  address: string;
  port: number;
  /** Changes of the address, oldest first. */
  moves: { at: number; from: string; to: string }[];
  /** Changes of the port on one address, oldest first. */
  ports: { at: number; address: string; from: number; to: number }[];
}

export const createTrack = ({ address, port }: Place): Track => ({ address, port, moves: [], ports: [] });

export const DAY_MS = 24 * 3600 * 1000;
/** Changes kept at least; more only as far as a limit needs them to be counted. */
const KEPT = 64;
/** A NAT forgets a mapping no sooner: what changes faster isn't one that does so between two keepalives (25 s). */
const REBIND_MS = 15_000;

/** Takes in where the hub sees the peer now; says whether that is elsewhere than before. */
export function move(track: Track, at: number, place: Place, limits: { moves: number; ports: number }): boolean {
  const { address, port } = place;
  if (track.address !== address) {
    track.moves = [...track.moves.filter((one) => one.at > at - DAY_MS), { at, from: track.address, to: address }];
    track.moves = track.moves.slice(-Math.max(KEPT, limits.moves + 1));
  } else if (track.port !== port) {
    track.ports.push({ at, address, from: track.port, to: port });
    track.ports = track.ports.slice(-Math.max(KEPT, 2 * (limits.ports + 1)));
  } else return false;
  Object.assign(track, { address, port });
  return true;
}

/**
 * The addresses that were left and come back to, where there are two or more: A→B→A→B is two devices, A→B→A one that has
 * been elsewhere.
 */
export function sharedAddresses(track: Track, since: number): string[] {
  const recent = track.moves.filter(({ at }) => at >= since);
  const times = new Map<string, number>();
  for (const address of [...recent.slice(0, 1).map(({ from }) => from), ...recent.map(({ to }) => to)]) {
    times.set(address, (times.get(address) ?? 0) + 1);
  }
  const shared = [...times].filter(([, count]) => count > 1).map(([address]) => address);
  return shared.length > 1 ? shared : [];
}

export const movesSince = (track: Track, since: number): number => track.moves.filter(({ at }) => at >= since).length;

/**
 * The port changes that a NAT doesn't make: to a port that is used again later, or faster than mappings end. One new port
 * after another at the pace of keepalives is a NAT that forgets early.
 */
export function portChangesSince(track: Track, since: number): number {
  const recent = track.ports.filter(({ at }) => at >= since);
  const times = new Map<string, number>();
  const name = (address: string, port: number) => `${address} ${port}`;
  recent.forEach(({ address, from, to }, i) => {
    const before = recent[i - 1];
    const ports = before?.address === address && before.to === from ? [to] : [from, to];
    for (const port of ports) times.set(name(address, port), (times.get(name(address, port)) ?? 0) + 1);
  });
  return recent.filter(({ at, address, to }, i) => {
    const [before, after] = [recent[i - 1], recent[i + 1]];
    const fast = (before && at - before.at < REBIND_MS) || (after && after.at - at < REBIND_MS);
    return fast || (times.get(name(address, to)) ?? 0) > 1;
  }).length;
}
