import type { Facts, Method } from '../../access/index.ts';
import { type Directory, macOf } from '../directory/index.ts';
import type { AccessRequest, Subject } from '../types.ts';
import { type Fields, textOf } from './fields.ts';

/** `AA-BB-CC-DD-EE-FF:ssid` (RFC 3580, section 3.20), also with other notations of the MAC address. */
const MAC_AND_SSID = /^(?:(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}|[0-9a-f]{12}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}):(.+)$/is;

/** The SSID in a Called-Station-Id. */
export const ssidOf = (calledStation: string): string | undefined =>
  calledStation.length > 13 ? MAC_AND_SSID.exec(calledStation)?.[1] : undefined;

/** Who a request is for, as far as it is known. */
export interface Person {
  username: string;
  realm: string | undefined;
  method: Method;
  certificate: Facts['certificate'];
  /** Undefined where nobody was found. */
  subject: Subject | undefined;
}

/** Everything that a policy may ask of a request. */
export function factsOf(
  request: AccessRequest,
  fields: Fields,
  { username, realm, method, certificate, subject }: Person,
  directory: Pick<Directory, 'deviceByMac'>,
): Facts {
  const calledStation = fields.calledStation && textOf(fields.calledStation);
  const callingStation = fields.callingStation && textOf(fields.callingStation);
  const mac = callingStation === undefined ? undefined : macOf(callingStation);
  const device = subject?.device ?? (mac === undefined ? undefined : directory.deviceByMac(mac)?.facts);
  return {
    door: 'radius',
    username,
    realm,
    userId: subject?.userId,
    groups: groupsOf(subject, device),
    method,
    certificate,
    nas: nasFacts(request),
    ssid: (calledStation && ssidOf(calledStation)) ?? (fields.ssid && textOf(fields.ssid)),
    calledStation,
    callingStation,
    mac,
    device,
    voucher: subject?.voucher,
    at: request.at,
  };
}

/** The user's and the device's; the same array where one of them has none. */
export function groupsOf(subject: Subject | undefined, device: Facts['device']): readonly string[] {
  const own = subject?.groups ?? [];
  if (!device || device.groups.length === 0 || subject?.device === device) return own;
  return own.length === 0 ? device.groups : [...new Set([...own, ...device.groups])];
}

export const nasFacts = ({ nas, address }: Pick<AccessRequest, 'nas' | 'address'>): NonNullable<Facts['nas']> => ({
  id: nas.id,
  name: nas.name,
  type: nas.type,
  groups: nas.groups,
  siteId: nas.siteId,
  address,
});

/** The name under which somebody's sessions are kept: from it and the realms, the realm is found again. */
export const displayName = ({ username, realm }: Facts): string =>
  realm === undefined || username.toLowerCase().endsWith(`@${realm}`) ? username : `${username}@${realm}`;

export const withoutRealm = (name: string, realm: string | undefined): string =>
  realm !== undefined && name.toLowerCase().endsWith(`@${realm}`) ? name.slice(0, -realm.length - 1) : name;
