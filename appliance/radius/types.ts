import type { Facts, NamedAttribute } from '../access/index.ts';
import type { Packet, Secret } from './codec/index.ts';

/** Kinds of NAS, which decide in which attributes bandwidth, roles and ACLs are written. */
export const NAS_TYPES = [
  'generic',
  'aruba',
  'cisco',
  'fortinet',
  'juniper',
  'meraki',
  'mikrotik',
  'ruckus',
  'ubiquiti',
] as const;
export type NasType = (typeof NAS_TYPES)[number];

/** Where requests of a realm or a NAS are authenticated. */
export type Source =
  | { kind: 'local' }
  | { kind: 'rest'; connectorIds: readonly string[] }
  | { kind: 'proxy'; upstreamIds: readonly string[] };

/** A network access server, as the server keeps it in memory. */
export interface Nas {
  id: string;
  siteId: string;
  name: string;
  /** An address, or a CIDR. */
  address: string;
  type: NasType;
  groups: readonly string[];
  protocol: 'udp' | 'radsec';
  secret: Secret;
  requireMessageAuthenticator: boolean;
  coa: { port: number; secret: Secret };
  /** Undefined: the realm says it. */
  source: Source | undefined;
}

/** An Access-Request that was verified, on its way to an answer. `packet` is the caller's to keep. */
export interface AccessRequest {
  packet: Packet;
  nas: Nas;
  /** Where it came from, for the log and for `nas.address` that are networks. */
  address: string;
  /** The port of ours that received it. */
  authPort: number;
  /** Milliseconds since 1970. */
  at: number;
}

/** Who was found for a login. */
export interface Subject {
  kind: 'user' | 'device' | 'voucher' | 'external';
  /** User, device or voucher id; for `external` the connector's. */
  id: string;
  username: string;
  userId: string | undefined;
  groups: readonly string[];
  device: Facts['device'];
  voucher: Facts['voucher'];
}

/** What somebody shows to prove it. */
export type Credentials =
  | { kind: 'pap'; password: Uint8Array }
  /** RFC 2865, section 5.3: identifier, 16 bytes of response, challenge. */
  | { kind: 'chap'; id: number; response: Uint8Array; challenge: Uint8Array }
  /** RFC 2433, version 1: 8 bytes of challenge, 24 bytes of NT response. */
  | { kind: 'mschap'; challenge: Uint8Array; response: Uint8Array }
  /** RFC 2759: 16, 16 and 24 bytes; `userName` is the name that went into the hash, without a domain. */
  | {
      kind: 'mschapv2';
      authChallenge: Uint8Array;
      peerChallenge: Uint8Array;
      response: Uint8Array;
      userName: string;
      ident: number;
    }
  /** MAC authentication bypass: `02:00:00:11:22:33`. */
  | { kind: 'mab'; mac: string };

/** One try of somebody to get in, by whatever carries it: PAP, CHAP, an inner method of a tunnel, the REST connector. */
export interface Attempt {
  login: string;
  credentials: Credentials;
  /** Undefined for calls that didn't come by RADIUS. */
  request: AccessRequest | undefined;
}

/** How an attempt ended. `none` is no answer at all: the NAS tries another server. */
export type Verdict =
  | {
      outcome: 'accept';
      subject: Subject;
      /** The realm that was found, and the login without it. */
      realm?: string | undefined;
      /** RFC 2759, section 8.7, without `S=`: 40 upper-case hexadecimal digits; and the 16-byte hash of the NT hash. */
      mschapv2?: { authenticatorResponse: string; ntHashHash: Uint8Array } | undefined;
      /** From an external source: go into the reply. */
      attributes?: readonly NamedAttribute[] | undefined;
      /** Seconds that the session may last at most. */
      sessionTimeout?: number | undefined;
    }
  | { outcome: 'reject'; reason: string; message?: string | undefined }
  | { outcome: 'none'; reason: string };

/** Checks an attempt; at once where it can. */
export type Authenticate = (attempt: Attempt) => Verdict | Promise<Verdict>;

/** What the server answers; `attributes` are encoded, without Message-Authenticator and Proxy-State, which it adds. */
export interface Answer {
  code: number;
  attributes: Uint8Array;
}

/** Undefined: no answer. */
export type Handle<R> = (request: R) => Answer | undefined | Promise<Answer | undefined>;
