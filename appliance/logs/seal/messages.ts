import type { Days, Expiring, Settings } from '../backend.ts';
import type { FrameInfo } from '../record/frame.ts';
import type { Block, Kind } from '../record/types.ts';

/** From the main thread to the sealing thread. Calls have an `id`, which their answer has too. */
export type ToSealer =
  /** Records of the appliance itself, JSON. `class` is a number of CLASSES. */
  | { type: 'append'; id: number; kind: Kind; class: number; records: string[] }
  /** Seals what waits. */
  | { type: 'seal'; id: number }
  | { type: 'proof'; id: number; old: number }
  /** Signature lines of witnesses for the checkpoint of this size, already verified. */
  | { type: 'cosigned'; size: number; lines: string[] }
  /** RFC 3161 token for the checkpoint of this size, already verified. */
  | { type: 'timestamp'; size: number; token: Uint8Array; genTimeUs: number }
  /** A witness has seen this log with so many leaves. */
  | { type: 'witnessSize'; size: number }
  | ({ type: 'settings' } & Settings)
  /** What would go if these were the days. */
  | { type: 'expiring'; id: number; retention: Days }
  /** Gives a sender a number before it has sent anything; takes its place from one. */
  | { type: 'register'; id: number; address: string }
  | { type: 'retire'; id: number; source: number }
  | { type: 'erase'; id: number; indexes: number[]; reason: string; by?: unknown }
  /** Seals what waits, then ends the thread. */
  | { type: 'stop' };

export type SealState = 'sealing' | 'full' | 'damaged' | 'refused';

/** What a start after a crash found: JSON of the recovery record. */
export interface Recovered {
  /** Bytes of an unfinished write behind the last checkpoint, cut off. */
  cut_bytes: number;
  /** Records behind the last checkpoint that were whole, and are kept. */
  kept: number;
  /** Leaves then. */
  size: number;
}

/** From the sealing thread to the main thread. Where `error` is set, the call did nothing: the message says why. */
export type FromSealer =
  | { type: 'ready'; size: number; logVkey: string; created: boolean; retired: number[]; recovered?: Recovered }
  | { type: 'appended'; id: number; error?: string }
  | { type: 'sealedNow'; id: number; size: number; note?: string; error?: string }
  /** That the tree of `size` leaves, of which `note` is the checkpoint, begins with that of `old` leaves. */
  | { type: 'proof'; id: number; old: number; size: number; note?: string; hashes: Uint8Array[]; error?: string }
  | { type: 'expiring'; id: number; expiring: Expiring[]; error?: string }
  | { type: 'registered'; id: number; source: number; error?: string }
  | { type: 'retired'; id: number; source: number; error?: string }
  | { type: 'erased'; id: number; count: number; error?: string }
  /** A checkpoint that is on the disk: leaves `from` to `size` are new in it. */
  | { type: 'sealed'; from: number; size: number; root: Uint8Array; note: string; atUs: number }
  | { type: 'state'; state: SealState; reason: string }
  /** Something that people should know of, while all goes on. */
  | { type: 'warning'; reason: string }
  /** A sender has a number now, or is back under the one that it had. */
  | { type: 'source'; id: number; address: string }
  | SealStats;

/** Once a second. */
export interface SealStats {
  type: 'stats';
  size: number;
  /** Records that wait to be sealed, and since when the oldest does. */
  waiting: number;
  oldestUs?: number;
  /** Since the start: records that were written, bytes of their messages, and bytes they take in segments. */
  records: number;
  bytes: number;
  written: number;
  /** Since the start: records that were not taken in, because nothing could be sealed. */
  refused: number;
}

/** From the sealing thread to the search thread. */
export type ToSearch =
  /** Written, not sealed yet; a block may be missing where the search thread is far behind: it is in the archive soon. */
  | { type: 'blocks'; segment: number; frames: [FrameInfo, Block | undefined][] }
  | { type: 'sealed'; size: number }
  | { type: 'closed'; segment: number }
  /** Some of its records are gone or were erased. */
  | { type: 'rewritten'; segment: number }
  | { type: 'dropped segment'; segment: number };

/** From the search thread: bytes of `raw` of blocks that it is done with. Who never sends it is never waited for. */
export interface FromSearch {
  type: 'credit';
  bytes: number;
}
