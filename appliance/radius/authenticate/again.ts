import type { Facts, Method } from '../../access/index.ts';
import { type DeviceEntry, type Directory, deviceSubject, type VoucherEntry, voucherEnd } from '../directory/index.ts';
import type { AccessRequest, Subject } from '../types.ts';
import { groupsOf, nasFacts, withoutRealm } from './facts.ts';
import type { createTerms } from './terms.ts';

/** A session that is under way, to be decided anew. */
export interface Standing {
  request: Pick<AccessRequest, 'nas' | 'address' | 'at'>;
  /** As its `Admission` said. */
  username: string;
  userId: string | undefined;
  method: Method;
  certificate?: Facts['certificate'];
  mac?: string | undefined;
  ssid?: string | undefined;
  calledStation?: string | undefined;
}

/** What a session is to be from now on. */
export interface Again {
  /** The same object for the same decision and NAS type. */
  attributes: Uint8Array;
  policy: string | null;
  dailyQuota: { bytes?: number | undefined; seconds?: number | undefined } | undefined;
}

/**
 * Decides a session anew. Undefined while the directory isn't loaded. Who isn't in the directory (a proxied or an
 * external person) is decided by what else is known.
 */
export function createDecideAgain(
  directory: Directory,
  terms: ReturnType<typeof createTerms>,
  realmOf: (login: string, nas: AccessRequest['nas']) => string | undefined,
): (standing: Standing) => Again | 'deny' | undefined {
  return (standing) => {
    const { request, userId, method, certificate, mac, ssid, calledStation } = standing;
    if (!directory.loaded) return undefined;
    const { nas, at } = request;
    const device = mac === undefined ? undefined : directory.deviceByMac(mac);
    if (device && !device.enabled) return 'deny';
    const realm = realmOf(standing.username, nas);
    const username = withoutRealm(standing.username, realm);
    const person = personOf(directory, { ...standing, username }, device);
    if (person === 'gone') return 'deny';
    const facts: Facts = {
      door: 'radius',
      username: person?.username ?? username,
      realm,
      userId,
      groups: groupsOf(person, device?.facts),
      method,
      certificate,
      nas: nasFacts(request),
      ssid,
      calledStation,
      callingStation: mac,
      mac,
      device: person?.device ?? device?.facts,
      voucher: person?.voucher,
      at,
    };
    const { decided, rendered, limits } = terms.again(facts, person, nas.type);
    if (!rendered) return 'deny';
    return { attributes: rendered.attributes, policy: decided.policy?.name ?? null, dailyQuota: limits.quota };
  };
}

/** Who a session is of, as the directory knows them now. */
function personOf(
  directory: Directory,
  { username, userId, method, request }: Standing,
  device: DeviceEntry | undefined,
): Subject | 'gone' | undefined {
  if (method === 'mab') return device?.mab ? deviceSubject(device, directory) : 'gone';
  if (userId !== undefined) {
    const user = directory.userById(userId);
    return user?.enabled ? user.subject : 'gone';
  }
  const voucher = directory.voucher(username);
  if (voucher) return isOver(voucher, request.at) ? 'gone' : voucher.subject;
  return device && device.mac === username ? deviceSubject(device, directory) : undefined;
}

const isOver = (voucher: VoucherEntry, now: number): boolean =>
  !voucher.enabled || (voucherEnd(voucher, now) ?? Number.POSITIVE_INFINITY) <= now;
