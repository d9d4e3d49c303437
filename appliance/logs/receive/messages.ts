import type { Received } from '../record/types.ts';

/**
 * Why messages were not kept: the queue was full, the disk was, or the system's buffer ran over before we could read. Of
 * those that are `oversize` the beginning is kept; of `connection` what is counted are connections that were refused, as
 * there were too many, and nobody knows what they would have sent.
 */
export type DropReason = 'queue' | 'disk' | 'kernel' | 'oversize' | 'connection';

/** From the receiver to the sealing thread. Of a batch all buffers are transferred. */
export type ToSeal =
  | { type: 'batch'; batch: Received }
  | {
      type: 'dropped';
      /** From the first to the last, µs since 1970. */
      fromUs: number;
      atUs: number;
      reason: DropReason;
      /** Address without port, or `OTHERS`, and how many. */
      bySource: [address: string, count: number][];
      /** Of messages that are too long: what was left out. */
      bytes?: number;
    };

/** Stands for senders that aren't known: the system tells only how many it has dropped, and too many aren't told apart. */
export const OTHERS = 'others';

/** From the sealing thread to the receiver. */
export type FromSeal =
  /** So many bytes of `raw` are in the log: a batch is acknowledged by its `raw.length`, in the order they came. */
  | { type: 'credit'; bytes: number }
  /** The disk is full; it isn't any more. */
  | { type: 'pause' }
  | { type: 'resume' };

/** PEM. With `ca` senders must show a certificate of it. */
export interface SyslogTls {
  cert: string;
  key: string;
  ca?: string;
}

/** Who connects, by the far end of the connection. */
export interface Connecting {
  address: string;
  port: number;
}

/**
 * Why a sender's certificate doesn't count (any more); undefined where it does. `chain`: DER, leaf first. `connecting` is
 * told at the beginning of a connection: whose it is then is recorded. Never rejects.
 */
export type CheckSender = (chain: readonly Uint8Array[], connecting?: Connecting) => Promise<string | undefined>;

export interface ReceiverStats {
  messages: number;
  /** Of messages, without framing. */
  bytes: number;
  /** Messages that were longer than a record may be, and the bytes of them that were left out. */
  truncated: { messages: number; bytes: number };
  /** Open now. */
  connections: { tcp: number; tls: number };
  /** Connections that were closed at once: too many, or a TLS handshake that failed. */
  refused: { connections: number; handshakes: number };
  /** Bytes that the sealing thread hasn't acknowledged yet. */
  waiting: number;
  dropped: { reason: DropReason; address: string; count: number }[];
}
