import type { Facts, Method } from '../../access/index.ts';
import {
  Bounded,
  type DeviceEntry,
  type Directory,
  deviceSubject,
  type VoucherEntry,
  voucherEnd,
} from '../directory/index.ts';
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

/** Sessions whose facts are remembered: about 300 bytes each. */
export const MAX_REMEMBERED = 50_000;

/** What somebody was let in on: facts that accounting doesn't tell, such as the certificate. The oldest are forgotten. */
export class Admitted {
  readonly #known = new Bounded<string, { facts: Facts; subject: Subject | undefined }>(MAX_REMEMBERED);

  remember(facts: Facts, name: string, subject: Subject | undefined): void {
    const key = keyOf(facts.nas?.id, facts.mac, name);
    const known = this.#known.get(key);
    if (known) {
      known.facts = facts;
      known.subject = subject;
    } else this.#known.set(key, { facts, subject });
  }
  of(nasId: string, mac: string | undefined, name: string): { facts: Facts; subject: Subject | undefined } | undefined {
    return this.#known.get(keyOf(nasId, mac, name));
  }
  get size(): number {
    return this.#known.size;
  }
}

const keyOf = (nasId: string | undefined, mac: string | undefined, name: string): string =>
  `${nasId} ${mac ?? ''} ${name}`;

/**
 * Decides a session anew: on the facts of its admission where they are remembered, with the groups and the time of now.
 * Undefined: that can't be done, so it stays as it is until it comes again. That is so while the directory isn't loaded,
 * and for some of what was let in before the last start. Who isn't in the directory (a proxied or an external
 * person) is decided by what else is known.
 */
export function createDecideAgain(
  directory: Directory,
  terms: ReturnType<typeof createTerms>,
  admitted: Admitted,
  realmOf: (login: string, nas: AccessRequest['nas']) => string | undefined,
): (standing: Standing) => Again | 'deny' | undefined {
  const factsOfNow = (standing: Standing, realm: string | undefined, username: string): Facts => ({
    door: 'radius',
    username,
    realm,
    userId: standing.userId,
    groups: [],
    method: standing.method,
    nas: nasFacts(standing.request),
    ssid: standing.ssid,
    calledStation: standing.calledStation,
    callingStation: standing.mac,
    mac: standing.mac,
    at: standing.request.at,
  });
  return (standing) => {
    if (!directory.loaded) return undefined;
    const { nas, at } = standing.request;
    const { mac } = standing;
    const device = mac === undefined ? undefined : directory.deviceByMac(mac);
    if (device && !device.enabled) return 'deny';
    const known = admitted.of(nas.id, mac, standing.username);
    const realm = known ? known.facts.realm : realmOf(standing.username, nas);
    const username = withoutRealm(standing.username, realm);
    // A certificate, or whether another source has vouched for an address, isn't known of what an earlier run let in.
    if (!known && (standing.method === 'eap-tls' || (standing.method === 'mab' && !device))) return undefined;
    const isElsewhere = known?.subject?.kind === 'external';
    const person = isElsewhere ? undefined : personOf(directory, { ...standing, username }, device);
    if (person === 'gone') return 'deny';
    const before = known?.facts ?? factsOfNow(standing, realm, username);
    const subject = person ?? known?.subject;
    const facts: Facts = {
      ...before,
      username: person?.username ?? before.username,
      groups: groupsOf(subject, device?.facts),
      nas: nasFacts({ nas, address: before.nas?.address ?? standing.request.address }),
      device: person?.device ?? device?.facts,
      voucher: person?.voucher,
      at,
    };
    const { decided, rendered, limits } = terms.again(facts, subject, nas.type);
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
