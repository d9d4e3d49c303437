import { readAsa } from './asa.ts';
import { readCef, readFortigateLine, readLeef } from './cef.ts';
import { readDhcp } from './dhcp.ts';
import type { Fields } from './fields.ts';
import { readFortigate } from './fortigate.ts';
import { readGeneric } from './generic.ts';
import { internalFields } from './internal.ts';
import { readIos } from './ios.ts';
import { readJson } from './json.ts';
import { readJuniper } from './juniper.ts';
import { readScreenos, readSophos } from './kv.ts';
import { readMikrotik } from './mikrotik.ts';
import { readNetfilter, readWireguard } from './netfilter.ts';
import { readPaloalto } from './paloalto.ts';
import { readPfsense } from './pfsense.ts';
import { readHostapd, readOpenvpn, readSshd, readWeb } from './programs.ts';
import { type Line, readHeader } from './syslog.ts';
import { readUnifi } from './unifi.ts';
import { readAruba, readRuckus } from './wireless.ts';

export type { Action, Event, Fields } from './fields.ts';
export { MAX_VALUE } from './fields.ts';

/** What was read of a line, and who read it: `none` when it isn't even syslog. */
export interface Parsed {
  parser: string;
  fields: Fields;
}

/** Reads a line that it knows, else leaves `fields` alone and answers false. */
interface Parser {
  name: string;
  vendor: string;
  read: (line: Line) => boolean;
}

/** In the order in which they are asked: those that are told by a mark before those that are told by words. */
const known: readonly Parser[] = [
  { name: 'fortigate', vendor: 'Fortinet', read: (line) => readFortigate(line) || readFortigateLine(line) },
  { name: 'unifi', vendor: 'Ubiquiti', read: readUnifi },
  { name: 'cef', vendor: '', read: readCef },
  { name: 'leef', vendor: '', read: readLeef },
  { name: 'json', vendor: '', read: readJson },
  { name: 'sophos', vendor: 'Sophos', read: readSophos },
  { name: 'paloalto', vendor: 'Palo Alto Networks', read: readPaloalto },
  { name: 'juniper', vendor: 'Juniper', read: (line) => readJuniper(line) || readScreenos(line) },
  { name: 'pfsense', vendor: 'pfSense, OPNsense', read: readPfsense },
  { name: 'netfilter', vendor: 'Linux', read: readNetfilter },
  { name: 'wireguard', vendor: 'WireGuard', read: readWireguard },
  { name: 'dhcp', vendor: 'ISC, dnsmasq, Kea', read: readDhcp },
  { name: 'sshd', vendor: 'OpenSSH', read: readSshd },
  { name: 'aruba', vendor: 'Aruba', read: readAruba },
  { name: 'ruckus', vendor: 'Ruckus', read: readRuckus },
  { name: 'hostapd', vendor: 'hostapd', read: readHostapd },
  { name: 'cisco-asa', vendor: 'Cisco', read: readAsa },
  { name: 'cisco-ios', vendor: 'Cisco', read: readIos },
  { name: 'mikrotik', vendor: 'MikroTik', read: readMikrotik },
  { name: 'web', vendor: '', read: readWeb },
  { name: 'openvpn', vendor: 'OpenVPN', read: readOpenvpn },
];

const byName: ReadonlyMap<string, Parser> = new Map(known.map((parser) => [parser.name, parser]));

/** Who can be a hint. */
export const parsers: readonly { name: string; vendor: string }[] = known.map(({ name, vendor }) => ({ name, vendor }));

/**
 * Reads a line as it came. `hint` is a parser's name, for instance who read the last line of that source: it is asked
 * first. `receivedUs` (microseconds since 1970) is for device times without a year, which are else left out. `brief` may
 * leave out `device_time` and `msg`, which takes less time. Never throws; the work is linear in the length of the line.
 */
export function parse(raw: Uint8Array, hint?: string, receivedUs?: number, brief = false): Parsed {
  const line = readHeader(raw, receivedUs);
  line.brief = brief;
  const hinted = hint === undefined ? undefined : byName.get(hint);
  if (hinted?.read(line)) return { parser: hinted.name, fields: line.fields };
  for (const parser of known) {
    if (parser !== hinted && parser.read(line)) return { parser: parser.name, fields: line.fields };
  }
  return { parser: readGeneric(line) ? 'generic' : 'none', fields: line.fields };
}

/** Reads one of the appliance's own records. Never throws. */
export const parseOwn = (raw: Uint8Array): Parsed => ({ parser: 'gatehouse', fields: internalFields(raw) });
