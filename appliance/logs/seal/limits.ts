/** Limits of sealing; tests make some smaller. Times are µs. */
export const LIMITS = {
  /** Records are written, and found by searches, when the first that waits has waited so long. */
  writeAfterUs: 0.5e6,
  /** So many waiting records are sealed at once, … */
  sealRecords: 1000,
  /** … or so many bytes of messages, … */
  sealBytes: 4 * 2 ** 20,
  /** … or when the first of them has waited so long: within five seconds it is on the disk. */
  sealAfterUs: 4.5e6,
  /** Records of one batch, where more wait: a frame is read as a whole, however few of its records are wanted, … */
  batchRecords: 1000,
  /** … and so many batches are sealed at once. */
  sealBatches: 4,
  /** Leaves of a segment, and how long it stays open. */
  segmentRecords: 65_536,
  segmentUs: 24 * 3600e6,
  beaconUs: 300e6,
  timeSyncUs: 3600e6,
  epochUs: 24 * 3600e6,
  /** How often what is past its days is looked for. */
  expiryUs: 3600e6,
  /** After a write has failed. */
  retryUs: 1e6,
  /** Of blocks that the search thread hasn't taken yet. */
  searchBytes: 32 * 2 ** 20,
  /** Notes that are remembered, for cosignatures that come later. */
  notes: 2000,
  /** Cosigned checkpoints are kept this often. */
  cosignedUs: 3600e6,
};
export type SealLimits = typeof LIMITS;
