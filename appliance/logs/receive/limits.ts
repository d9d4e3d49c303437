import { MAX_RAW_BYTES } from '../record/types.ts';

/** The numbers of the receiver's limits. */
export interface ReceiverLimits {
  /** Bytes of a message that are kept. */
  message: number;
  /** A batch is handed on with so many messages, or so long after the first. */
  batchMessages: number;
  batchMs: number;
  /** Bytes that the sealing thread hasn't acknowledged; beyond it UDP is dropped and counted, and TCP waits. */
  waiting: number;
  /** Connections over TCP and TLS together, and from one address. */
  connections: number;
  perAddress: number;
  handshakeMs: number;
  /** Certificates of senders that are connected are checked again so often. */
  recheckMs: number;
  /** A message of which a part has come must come whole in this time. */
  partMs: number;
  /**
   * A connection on which nothing comes is closed. Long, as senders of plain TCP don't notice it before their next
   * message, which is lost; whether they are still there is asked by keep-alive.
   */
  idleMs: number;
  /** Between two looks at the two above. */
  sweepMs: number;
  /** At the end, what is under way on connections gets so long. */
  drainMs: number;
  /** Between two tellings of what was dropped, and two looks at the system's counters. */
  dropsMs: number;
  /** Addresses whose drops are counted apart. */
  dropSources: number;
  /** Between two lines in the log about the same. */
  logMs: number;
}

export const LIMITS: Readonly<ReceiverLimits> = {
  message: MAX_RAW_BYTES,
  batchMessages: 1000,
  batchMs: 20,
  waiting: 32 * 1024 * 1024,
  connections: 1024,
  perAddress: 64,
  handshakeMs: 10_000,
  recheckMs: 900_000,
  partMs: 60_000,
  idleMs: 86_400_000,
  sweepMs: 5000,
  drainMs: 100,
  dropsMs: 1000,
  dropSources: 4096,
  logMs: 60_000,
};
