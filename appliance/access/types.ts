/** The vocabulary of access: what is known of somebody at a door, and what was decided. Pure data. */

/** How somebody has proved who they are; `overlay` at the overlay's door. */
export type Method =
  | 'pap'
  | 'chap'
  | 'mschap'
  | 'mschapv2'
  | 'mab'
  | 'eap-tls'
  | 'peap-mschapv2'
  | 'peap-gtc'
  | 'ttls-pap'
  | 'ttls-chap'
  | 'ttls-mschap'
  | 'ttls-mschapv2'
  | 'overlay';

/** The fields of a client certificate that policies match on. */
export interface CertificateFacts {
  subject: string;
  issuer: string;
  commonName: string;
  /** subjectAltName, each as `DNS:…`, `email:…`, `UPN:…` or `URI:…`. */
  alternativeNames: readonly string[];
  /** Lower-case hexadecimal. */
  serial: string;
  /** RFC 3339. */
  notAfter: string;
}

/** One request at one door, with everything that a policy may ask for. What isn't known is undefined. */
export interface Facts {
  door: 'radius' | 'overlay';
  /** As it was typed, without its realm where that was stripped. */
  username: string;
  realm?: string | undefined;
  userId?: string | undefined;
  /** The user's and the device's groups. */
  groups: readonly string[];
  method: Method;
  certificate?: CertificateFacts | undefined;
  nas?:
    | { id: string; name: string; type: string; groups: readonly string[]; siteId: string; address: string }
    | undefined;
  ssid?: string | undefined;
  calledStation?: string | undefined;
  callingStation?: string | undefined;
  /** `02:00:00:11:22:33`, from Calling-Station-Id or the device. */
  mac?: string | undefined;
  device?: { id: string; name: string; groups: readonly string[] } | undefined;
  voucher?: { id: string; batchId: string } | undefined;
  /** Milliseconds since 1970. */
  at: number;
}

/** A reply attribute by dictionary name; `op` as in FreeRADIUS: `=` where there is none yet, `:=` replaces, `+=` adds. */
export interface NamedAttribute {
  name: string;
  value: string;
  op: '=' | ':=' | '+=';
}

export type Action = 'allow' | 'deny' | 'quarantine' | 'portal';

/**
 * What a policy decides. The same policy gives the same object each time until a document changes, so that what is made
 * from it (encoded attributes) can be kept by identity.
 */
export interface Decision {
  action: Action;
  /** The policy that matched; null where there are no policies at all, or none matched. */
  policy: { id: string; name: string; version: number } | null;
  vlan?: number | string | undefined;
  role?: string | undefined;
  /** Name of an ACL on the NAS (Filter-Id), or lines of one where the NAS type takes them. */
  acl?: string | readonly string[] | undefined;
  /** Bits a second. */
  bandwidth?: { up?: number | undefined; down?: number | undefined } | undefined;
  /** Seconds. */
  sessionTimeout?: number | undefined;
  idleTimeout?: number | undefined;
  /** Sessions of one user at once. */
  simultaneousUse?: number | undefined;
  /** What one user may use on one day of the site's zone. */
  dailyQuota?: { bytes?: number | undefined; seconds?: number | undefined } | undefined;
  /** Where a portal's guests are sent. */
  portalUrl?: string | undefined;
  attributes: readonly NamedAttribute[];
  /** Names of overlay groups that the person's devices are members of while this holds. */
  overlayGroups: readonly string[];
  /** For the person who is refused (Reply-Message). */
  message?: string | undefined;
  /** For the log and `explain`: why, where no policy says it. */
  reason?: string | undefined;
}

/** How a request ended, for the journal of the last day. */
export interface Ended {
  facts: Facts;
  outcome: 'accept' | 'reject';
  /** Why a reject; undefined for an accept. */
  reason?: string | undefined;
  decision?: Decision | undefined;
}

/** A device that connects by MAC address, or that a person has at a door. */
export interface DeviceRecord {
  id: string;
  /** `02:00:00:11:22:33` */
  mac: string;
  name: string;
  userId: string | null;
  peerId: string | null;
  groups: readonly string[];
  /** May connect by its MAC address alone (MAC authentication bypass). */
  mab: boolean;
  enabled: boolean;
  networkPassword: string | null;
}

/** A voucher: its code is user name and password at once, or the password alone. */
export interface VoucherRecord {
  id: string;
  batchId: string;
  /** As printed, without separators, upper-case. */
  code: string;
  groups: readonly string[];
  enabled: boolean;
  /** Milliseconds since 1970; null before the first use where the time counts from then. */
  validUntil: number | null;
  /** Seconds from the first use; null where `validUntil` alone bounds it. */
  duration: number | null;
  firstUsedAt: number | null;
  bandwidth: { up?: number | undefined; down?: number | undefined } | null;
  quotaBytes: number | null;
}

/** What access gives to both doors. */
export interface Access {
  /** Synchronous and pure over the documents in memory. */
  decide(facts: Facts): Decision;
  /** Notes a request in the journal of the last day; tells `session.authenticated` and `policy.violation`. */
  record(ended: Ended): void;
  devices(ids?: readonly string[]): Promise<DeviceRecord[]>;
  vouchers(ids?: readonly string[]): Promise<VoucherRecord[]>;
  /** The first use starts the clock of a voucher with a duration. */
  useVoucher(id: string): Promise<void>;
  /** Facts that a device's agent tells of itself; `macs` find the device, else it is made for the peer's owner. */
  reportPosture(report: PostureReport): Promise<void>;
}

export interface PostureReport {
  peerId: string;
  userId: string;
  macs: readonly string[];
  facts: Readonly<Record<string, boolean | number | string>>;
}
