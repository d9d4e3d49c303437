import type { Action, Method, NamedAttribute } from '../types.ts';
import type { Window } from './time.ts';

/** Every limit of a policy document. */
export const MAX_DOCUMENT_BYTES = 64 * 1024;
export const MAX_FAULTS = 50;
/** Values in one list of a document. */
export const MAX_LIST = 500;
export const MAX_ATTRIBUTES = 64;
export const MAX_WINDOWS = 32;
export const MAX_ACL_LINES = 64;
export const MAX_FACTS = 64;
export const MAX_PRIORITY = 1_000_000;
export const DEFAULT_PRIORITY = 100;
export const MAX_NAME = 100;

/** Something wrong in a document, where it stands. Lines and columns count from 1. */
export interface Fault {
  line: number;
  column: number;
  /** `match.time.0.from`; empty for the document as a whole. */
  path: string;
  message: string;
}

export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';
export interface PostureWish {
  fact: string;
  op: Comparison;
  value: boolean | number | string;
}

/** A list as it was written, for messages, beside what it stands for. */
export interface Match {
  users?: string[];
  groups?: string[];
  realms?: string[];
  methods?: Method[];
  certificate?: { [field in 'issuer' | 'subject' | 'alternative_name' | 'common_name']?: string[] };
  nas?: string[];
  nas_groups?: string[];
  ssids?: string[];
  called_stations?: string[];
  calling_stations?: string[];
  mac_vendors?: string[];
  devices?: string[];
  device_groups?: string[];
  voucher?: boolean | string[];
  time?: Window[];
  posture?: { known?: boolean; wishes: PostureWish[] };
  door?: 'radius' | 'overlay';
}

export interface Decide {
  action: Action;
  vlan?: number | string;
  role?: string;
  acl?: string | string[];
  /** Bits a second. */
  bandwidth?: { up?: number; down?: number };
  /** Seconds. */
  session_timeout?: number;
  idle_timeout?: number;
  simultaneous_use?: number;
  daily_quota?: { bytes?: number; seconds?: number };
  portal_url?: string;
  message?: string;
  attributes: NamedAttribute[];
  overlay_groups: string[];
}

/** A policy as its document says it, checked. */
export interface PolicyDocument {
  name: string;
  description: string;
  priority: number;
  enabled: boolean;
  match: Match;
  decide: Decide;
}

/** A policy as it is kept. */
export interface StoredPolicy {
  id: string;
  version: number;
  document: PolicyDocument;
}

export const METHODS: readonly Method[] = [
  'pap',
  'chap',
  'mschap',
  'mschapv2',
  'mab',
  'eap-tls',
  'peap-mschapv2',
  'peap-gtc',
  'ttls-pap',
  'ttls-chap',
  'ttls-mschap',
  'ttls-mschapv2',
  'overlay',
];

/** Names for several methods at once. */
export const METHOD_FAMILIES: Readonly<Record<string, readonly Method[]>> = {
  peap: ['peap-mschapv2', 'peap-gtc'],
  ttls: ['ttls-pap', 'ttls-chap', 'ttls-mschap', 'ttls-mschapv2'],
};
