/** What a leaf is about; the numbers are part of the format. */
export const KIND = {
  log: 1,
  audit: 2,
  access: 3,
  timeSync: 4,
  beacon: 5,
  gap: 6,
  keyRotation: 7,
  erasure: 8,
  recovery: 9,
} as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** How a record came in; `internal` is the appliance itself. */
export const TRANSPORT = { internal: 0, udp: 1, tcp: 2, tls: 3 } as const;
export type Transport = (typeof TRANSPORT)[keyof typeof TRANSPORT];

/** Bits of a leaf's flags. */
export const FLAG = {
  /** The message was longer than a record may be: what is kept is its beginning. */
  truncated: 1,
  /** The system's clock wasn't synchronised when it was received. */
  unsynchronised: 2,
  /** The sender has shown a client certificate. */
  authenticated: 4,
} as const;

/** Retention classes; the numbers are part of the format. `system` is kept for ever. */
export const CLASSES = ['system', 'audit', 'access', 'log', 'security', 'traffic', 'guest'] as const;
export type RetentionClass = (typeof CLASSES)[number];

export const SALT_BYTES = 16;
export const HASH_BYTES = 32;
/** The longest message that is kept whole; RFC 5425, section 4.3.1 asks for 8,192. */
export const MAX_RAW_BYTES = 65_535;

/** What the receiver hands on: messages as they came, in the order of their arrival. Times are whole microseconds. */
export interface Received {
  count: number;
  /** Since 1970, by the system's clock. */
  receiveUs: Float64Array;
  /** Since the system's start; only goes forward. */
  monotonicUs: Float64Array;
  transport: Uint8Array;
  flags: Uint8Array;
  /** Index into `peers`. */
  peer: Uint16Array;
  /** `192.0.2.1:514`, `[2001:db8::1]:514`; empty for the appliance itself. */
  peers: string[];
  /** Where each message ends in `raw`. */
  ends: Uint32Array;
  raw: Uint8Array;
}

/** Records of one batch and one retention class, in the order of their leaves. */
export interface Block extends Received {
  class: number;
  /** Leaf index of each record. */
  index: Float64Array;
  /** Which start of the appliance, counted from 1. */
  boot: number;
  kind: Uint8Array;
  source: Uint16Array;
  /** 16 bytes a record. An erased record's are zero. */
  salts: Uint8Array;
  /** Commitments of records whose payload was erased, by their place in the block; its message is empty. */
  erased: Map<number, Uint8Array>;
}
