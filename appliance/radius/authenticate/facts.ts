import type { Facts, Method } from '../../access/index.ts';
import type { Directory } from '../directory/index.ts';
import type { AccessRequest, Subject } from '../types.ts';
import { type Fields, textOf } from './fields.ts';
import { stationOf, withoutNul } from './stations.ts';

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
  const called = fields.calledStation && stationOf(fields.calledStation);
  const calling = fields.callingStation && stationOf(fields.callingStation);
  const mac = calling?.mac;
  const device = subject?.device ?? (mac === undefined ? undefined : directory.deviceByMac(mac)?.facts);
  return {
    door: 'radius',
    username: withoutNul(username),
    realm: realm && withoutNul(realm),
    userId: subject?.userId,
    groups: groupsOf(subject, device),
    method,
    certificate,
    nas: nasFacts(request),
    ssid: called?.ssid ?? (fields.ssid && withoutNul(textOf(fields.ssid))),
    calledStation: called?.text,
    callingStation: calling?.text,
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

type NasFacts = NonNullable<Facts['nas']>;
/** The last made for each NAS: the same object for the same address. */
const known = new WeakMap<AccessRequest['nas'], NasFacts>();

export function nasFacts({ nas, address }: Pick<AccessRequest, 'nas' | 'address'>): NasFacts {
  const last = known.get(nas);
  if (last?.address === address) return last;
  const { id, name, type, groups, siteId } = nas;
  const made: NasFacts = { id, name, type, groups, siteId, address };
  known.set(nas, made);
  return made;
}

/** The name under which somebody's sessions are kept: from it and the realms, the realm is found again. */
export const displayName = ({ username, realm }: Facts): string =>
  realm === undefined || username.toLowerCase().endsWith(`@${realm}`) ? username : `${username}@${realm}`;

export const withoutRealm = (name: string, realm: string | undefined): string =>
  realm !== undefined && name.toLowerCase().endsWith(`@${realm}`) ? name.slice(0, -realm.length - 1) : name;
