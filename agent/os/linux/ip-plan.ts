import { canonicalNetwork, formatCidr, network, parseCidr, parseEndpoint } from '../../wireguard/cidr.ts';
import { holdsAny } from '../../wireguard/cover.ts';
import type { TunnelConfig } from '../platform.ts';

/** Marks our routes and rules in the kernel's tables (rtm_protocol, 0 to 255; 71 is ours by choice). */
export const ROUTE_PROTOCOL = 71;
/** Higher than what DHCP clients and NetworkManager give a LAN's routes (0 to 1000), so a LAN's route of equal length wins. */
export const ROUTE_METRIC = 5200;

/** Addresses, routes and rules as one interface is to have them; blocks in canonical spelling. */
export interface NetPlan {
  mtu: number;
  addresses: string[];
  mainRoutes: string[];
  /** Default routes, and routes that cover a peer's own endpoint: policy routing keeps WireGuard's packets out of them. */
  tableRoutes: string[];
  /** The policy table, which is the firewall mark too. */
  table: number;
  /** Preference of the first of our three rules; the others have the next numbers. */
  priority: number;
  /** A TCP port under one of `tableRoutes` that is to be reached past them. */
  past: { address: string; port: number } | null;
}

/** Preferences that an interface has for its rules in each family. */
const RULES = 3;

/** A number for an interface's name that stays the same over restarts (FNV-1a). */
function slot(name: string): number {
  let hash = 0x811c9dc5;
  for (const char of Buffer.from(name)) hash = Math.imul(hash ^ char, 0x01000193) >>> 0;
  return hash % 3000;
}

/** The policy table (and firewall mark) of an interface, and the preference of the first of its three rules. */
export function policyNumbers(name: string): { table: number; priority: number } {
  return { table: 0x47480000 + slot(name), priority: 20000 + RULES * slot(name) };
}

/** Throws RangeError when an address or route isn't one. */
export function planNet(name: string, { state, past }: Pick<TunnelConfig, 'state' | 'past'>): NetPlan {
  const routes = [...new Set(state.routes.map(canonicalNetwork))];
  const reached = routes.length > 0 ? state.peers : [];
  const endpoints = reached.flatMap((peer) => parseEndpoint(peer.endpoint ?? '')?.address ?? []);
  const beyond = past ? [parseCidr(past.address)] : [];
  const holdsEndpoint = holdsAny([...endpoints, ...beyond]);
  const holdsPast = holdsAny(beyond);
  const policy = (text: string): boolean => {
    const route = parseCidr(text);
    return route.prefix === 0 || holdsEndpoint(route);
  };
  return {
    mtu: state.interface.mtu,
    addresses: [...new Set(state.interface.addresses.map((text) => formatCidr(parseCidr(text))))],
    mainRoutes: routes.filter((route) => !policy(route)),
    tableRoutes: routes.filter(policy),
    ...policyNumbers(name),
    past: past && routes.some((route) => holdsPast(parseCidr(route))) ? past : null,
  };
}

const family = (text: string): 4 | 6 => (text.includes(':') ? 6 : 4);

/** Families in which the plan has anything. */
export function usesFamily(plan: NetPlan, wanted: 4 | 6): boolean {
  return [...plan.addresses, ...plan.mainRoutes, ...plan.tableRoutes].some((text) => family(text) === wanted);
}

/** What `ip -j -d address show dev` says of a link. */
export interface LinkFound {
  kind: string;
  up: boolean;
  mtu: number;
  addresses: string[];
}

type Json = Record<string, unknown>;

function rows(text: string): Json[] {
  if (text.trim() === '') return [];
  const value: unknown = JSON.parse(text);
  return Array.isArray(value) ? value.filter((row) => typeof row === 'object' && row !== null && 'flags' in row) : [];
}

/** Reads `ip -j -d address show dev <if>`; addresses of link scope, which the kernel makes by itself, are left out. */
export function parseLink(text: string): LinkFound | null {
  const row = rows(text)[0];
  if (!row) return null;
  const info = (row.linkinfo ?? {}) as Json;
  const addresses = ((row.addr_info ?? []) as Json[])
    .filter((item) => item.scope !== 'link' && typeof item.local === 'string')
    .map((item) => formatCidr(parseCidr(`${item.local}/${item.prefixlen}`)));
  return {
    kind: String(info.info_kind ?? ''),
    up: ((row.flags ?? []) as string[]).includes('UP'),
    mtu: Number(row.mtu),
    addresses,
  };
}

/** Reads `ip -j -4|-6 route show …`. */
export function parseRoutes(text: string, wanted: 4 | 6): string[] {
  return rows(text).map(({ dst }) =>
    dst === 'default' ? (wanted === 4 ? '0.0.0.0/0' : '::/0') : formatCidr(network(parseCidr(String(dst)))),
  );
}

/** The rules of policy routing in one family, in the words of ip-rule(8), by preference. */
export function wantedRules(plan: NetPlan, wanted: 4 | 6): Map<number, string> {
  if (!plan.tableRoutes.some((route) => family(route) === wanted)) return new Map();
  const { past, priority } = plan;
  return new Map([
    ...(past && family(past.address) === wanted
      ? [[priority, `to ${formatCidr(parseCidr(past.address))} ipproto tcp dport ${past.port} table main`] as const]
      : []),
    [priority + 1, 'table main suppress_prefixlength 0'],
    [priority + 2, `not fwmark ${plan.table} table ${plan.table}`],
  ]);
}

/** Reads our rules from `ip -j -4|-6 rule show`, in the words of `wantedRules`. */
export function parseRules(text: string, plan: Pick<NetPlan, 'priority'>): Map<number, string> {
  const found = new Map<number, string>();
  for (const row of JSON.parse(text.trim() || '[]') as Json[]) {
    const priority = Number(row.priority);
    if (!(priority >= plan.priority && priority < plan.priority + RULES)) continue;
    const to =
      'dst' in row ? `to ${formatCidr(parseCidr(`${row.dst}${'dstlen' in row ? `/${row.dstlen}` : ''}`))} ` : '';
    const port = 'dport' in row ? `ipproto ${row.ipproto} dport ${row.dport} ` : '';
    const mark = 'fwmark' in row ? `${'not' in row ? 'not ' : ''}fwmark ${Number(row.fwmark)} ` : '';
    const suppress = 'suppress_prefixlen' in row ? ` suppress_prefixlength ${row.suppress_prefixlen}` : '';
    found.set(priority, `${to}${port}${mark}table ${row.table}${suppress}`);
  }
  return found;
}

/** Link and address changes for `ip -batch`; new addresses come first, since the last one takes the routes with it. */
export function addressCommands(name: string, plan: NetPlan, found: LinkFound, skipIpv6: boolean): string[] {
  const wanted = plan.addresses.filter((text) => !(skipIpv6 && family(text) === 6));
  const commands: string[] = [];
  if (found.mtu !== plan.mtu) commands.push(`link set dev ${name} mtu ${plan.mtu}`);
  for (const address of wanted)
    if (!found.addresses.includes(address)) commands.push(`address add ${address} dev ${name}`);
  for (const address of found.addresses)
    if (!plan.addresses.includes(address)) commands.push(`address del ${address} dev ${name}`);
  if (!found.up) commands.push(`link set dev ${name} up`);
  return commands;
}

export interface FamilyFound {
  main: string[];
  table: string[];
  rules: Map<number, string>;
}

/**
 * Route and rule changes of one family for `ip -4|-6 -batch`. New routes come first and old ones go last, so that one which
 * moves between the tables is there all the time.
 */
export function routeCommands(name: string, plan: NetPlan, found: FamilyFound, wanted: 4 | 6): string[] {
  const [fresh, old, rules]: [string[], string[], string[]] = [[], [], []];
  const compare = (want: string[], have: string[], rest: string): void => {
    for (const route of new Set(want).difference(new Set(have))) fresh.push(`route add ${route} dev ${name} ${rest}`);
    for (const route of new Set(have).difference(new Set(want))) old.push(`route del ${route} dev ${name} ${rest}`);
  };
  const mine = (routes: string[]): string[] => routes.filter((route) => family(route) === wanted);
  const wantedNow = wantedRules(plan, wanted);
  for (const [priority, rule] of found.rules)
    if (wantedNow.get(priority) !== rule) rules.push(`rule del priority ${priority}`);
  compare(mine(plan.mainRoutes), found.main, `metric ${ROUTE_METRIC} proto ${ROUTE_PROTOCOL}`);
  compare(mine(plan.tableRoutes), found.table, `table ${plan.table} proto ${ROUTE_PROTOCOL}`);
  for (const [priority, rule] of wantedNow)
    if (found.rules.get(priority) !== rule)
      rules.push(`rule add priority ${priority} ${rule} protocol ${ROUTE_PROTOCOL}`);
  return [...fresh, ...rules, ...old];
}
