/**
 * What parsers read out of a line, under the same names whoever sent it. All are optional; what isn't a valid address,
 * MAC or port is left out. Texts have at most `MAX_VALUE` characters. The untouched line is beside them, as evidence.
 */
export interface Fields {
  /**
   * The device's own time; never trusted. RFC 3339 with at most microseconds and the offset that was sent; a time
   * without a zone has none: `2026-11-22T10:00:00`. A leap second stays `:60`.
   */
  device_time?: string;
  /** How the device names itself. */
  host?: string;
  /** The program: APP-NAME of RFC 5424, TAG of RFC 3164. */
  app?: string;
  /** 0 (emergency) to 7 (debug), RFC 5424, section 6.2.1. */
  severity?: number;
  /** 0 to 23, RFC 5424, section 6.2.1. */
  facility?: number;
  /** The text for people, where there is one. */
  msg?: string;
  /** `Fortinet`, `Cisco`, … */
  vendor?: string;
  /** `FortiGate`, `ASA`, … */
  product?: string;
  event?: Event;
  /** Who opened the connection, or who the line is about. IPv6 as RFC 5952 writes it; an IPv4-mapped one as IPv4. */
  srcip?: string;
  dstip?: string;
  srcport?: number;
  dstport?: number;
  /** What `srcip` and `srcport` became (source NAT). */
  natip?: string;
  natport?: number;
  /** What `dstip` and `dstport` became (destination NAT). */
  natdstip?: string;
  natdstport?: number;
  /** `tcp`, `udp`, `icmp`, `icmp6`, …, else the number. */
  proto?: string;
  user?: string;
  /** Of the client: `aa:bb:cc:dd:ee:ff`. */
  mac?: string;
  /** The client's address where one is given to it or taken back (DHCP, VPN, RADIUS); an offer or a request has none. */
  ip?: string;
  /** The client's own name, as DHCP has it. */
  hostname?: string;
  ssid?: string;
  /** One of `Action`, or the vendor's own word in lower case. */
  action?: string;
  /** Octets in both directions. */
  bytes?: number;
  /** Octets to `srcip`, the client. */
  bytes_in?: number;
  /** Octets from `srcip`, the client. */
  bytes_out?: number;
  /** The policy, rule or access list that decided. */
  rule?: string;
  /** Interface (or zone) it came in by. */
  in?: string;
  /** Interface (or zone) it went out by. */
  out?: string;
  /** The device's name for the connection or session. */
  session?: string;
}

/**
 * `traffic` a connection or packet; `nat` a translation made or ended; `dhcp` a lease; `auth` somebody logs in, out or
 * fails to; `vpn` a tunnel; `wifi` a station joins or leaves; `threat` an attack or virus; `web`, `dns` what was asked
 * for; `config` a setting was changed; `system` the rest.
 */
export type Event =
  | 'traffic'
  | 'nat'
  | 'dhcp'
  | 'auth'
  | 'vpn'
  | 'wifi'
  | 'threat'
  | 'web'
  | 'dns'
  | 'config'
  | 'system';

/**
 * Verdicts: `allow`; `deny` (how isn't said), `drop` (silently), `reject` (with an answer). `alert`: only noticed.
 * Connections, sessions, translations: `start`, `close`, `timeout`, `reset`. Logins: `success`, `fail`, `logout`.
 * Leases: `assign` (also when renewed), `release`, `expire`; and what fills no `ip`: `discover`, `offer`, `request`,
 * `decline`, `nak`, `inform`. Stations: `join`, `leave`. Tunnels and links: `up`, `down`. Settings: `add`, `change`, `delete`.
 */
export type Action =
  | 'allow'
  | 'deny'
  | 'drop'
  | 'reject'
  | 'alert'
  | 'start'
  | 'close'
  | 'timeout'
  | 'reset'
  | 'success'
  | 'fail'
  | 'logout'
  | 'assign'
  | 'release'
  | 'expire'
  | 'discover'
  | 'offer'
  | 'request'
  | 'decline'
  | 'nak'
  | 'inform'
  | 'join'
  | 'leave'
  | 'up'
  | 'down'
  | 'add'
  | 'change'
  | 'delete';

/** Characters of a value; the rest is in the line. */
export const MAX_VALUE = 512;

/** The vendors' words for what happened, in lower case. Others stay as they are. */
const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ...words(
    'allow',
    'accept accepted allowed permit permitted pass passed passthrough pass_session allow-by-policy built',
  ),
  ...words(
    'deny',
    'denied block blocked blocking block-url block-continue block-override forbidden refused failed-policy',
  ),
  ...words('drop', 'dropped dropping discard discarded drop-icmp drop-all-packets silent-drop drop_session'),
  ...words('reject', 'rejected'),
  ...words('alert', 'detected detect monitored monitor log logged alerted'),
  ...words('start', 'started create created open opened session-create begin initiated'),
  ...words('close', 'closed teardown end ended finish finished terminated session-close destroy'),
  ...words('timeout', 'timed-out timedout aged-out'),
  ...words(
    'reset',
    'client-rst server-rst reset-both reset-client reset-server rst clear_session reset_client reset_server',
  ),
  ...words('success', 'succeeded successful ok login-success logged-in authenticated'),
  ...words('fail', 'failed failure error ssl-login-fail login-failed ip-conn invalid'),
  ...words('logout', 'logged-out logoff log-out signout'),
  ...words('assign', 'assigned ack dhcpack'),
  ...words('release', 'released deassigned dhcprelease'),
  ...words('expire', 'expired'),
  ...words('nak', 'dhcpnak'),
  ...words('up', 'tunnel-up ssl-new-con connected connect'),
  ...words('down', 'tunnel-down ssl-exit-fail disconnected disconnect'),
  ...words('add', 'added'),
  ...words('change', 'changed edit edited set modify modified update updated'),
  ...words('delete', 'deleted remove removed'),
]);

function words(action: Action, others: string): [string, Action][] {
  return [action, ...others.split(' ')].map((word) => [word, action]);
}

/** One of `Action` for a vendor's word, else the word in lower case; undefined for an empty one. */
export function actionOf(word: string): string | undefined {
  const known = ACTIONS.get(word);
  if (known !== undefined) return known;
  const lower = word.slice(0, MAX_VALUE).trim().toLowerCase();
  return ACTIONS.get(lower) ?? (lower || undefined);
}

/** IANA protocol numbers that firewalls write. */
const PROTOCOLS: Readonly<Record<string, string>> = {
  '1': 'icmp',
  '2': 'igmp',
  '4': 'ipip',
  '6': 'tcp',
  '17': 'udp',
  '41': 'ipv6',
  '47': 'gre',
  '50': 'esp',
  '51': 'ah',
  '58': 'icmp6',
  '88': 'eigrp',
  '89': 'ospf',
  '103': 'pim',
  '112': 'vrrp',
  '132': 'sctp',
  icmpv6: 'icmp6',
  'ipv6-icmp': 'icmp6',
};

/** A protocol's name for its number or one of its names; undefined for an empty one. */
export function protocolOf(word: string): string | undefined {
  const lower = word.slice(0, MAX_VALUE).toLowerCase();
  return (Object.hasOwn(PROTOCOLS, lower) ? PROTOCOLS[lower] : lower) || undefined;
}

/** Sets what is known; longer texts are cut. */
export function put<K extends keyof Fields>(fields: Fields, key: K, value: Fields[K] | undefined): void {
  if (value === undefined || value === '') return;
  fields[key] =
    typeof value === 'string' && value.length > MAX_VALUE ? (value.slice(0, MAX_VALUE) as Fields[K]) : value;
}

/** Sets `bytes_in`, `bytes_out` and, when either is known, their sum. */
export function putBytes(fields: Fields, inward: number | undefined, outward: number | undefined): void {
  put(fields, 'bytes_in', inward);
  put(fields, 'bytes_out', outward);
  if (inward !== undefined || outward !== undefined) fields.bytes = (inward ?? 0) + (outward ?? 0);
}

const VERDICTS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ...words('allow', 'allow allowed accept accepted acc pass permit permitted'),
  ...words('deny', 'deny denied block blocked blk'),
  ...words('drop', 'drop dropped drp'),
  ...words('reject', 'reject rejected rej'),
]);

/** The first verdict among the words of a name that people gave to a rule: `IPTABLES-DROP`, `drop-in`, `net2fw:REJECT`. */
export function verdictIn(name: string): Action | undefined {
  for (const part of name
    .slice(0, MAX_VALUE)
    .toLowerCase()
    .split(/[^a-z]/)) {
    const verdict = VERDICTS.get(part);
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

/** Takes away what only repeats the address and port that weren't translated. */
export function withoutSame(fields: Fields): void {
  if (fields.natip === fields.srcip && (fields.natport === undefined || fields.natport === fields.srcport)) {
    delete fields.natip;
    delete fields.natport;
  }
  if (fields.natdstip === fields.dstip && (fields.natdstport === undefined || fields.natdstport === fields.dstport)) {
    delete fields.natdstip;
    delete fields.natdstport;
  }
}
