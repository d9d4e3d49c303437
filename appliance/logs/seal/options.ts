import type { SecretBox } from '../../store/index.ts';
import type { Clock } from '../clock.ts';
import type { LogKeys } from '../keys/index.ts';
import type { Predecessor } from '../predecessor.ts';
import type { FromSeal } from '../receive/messages.ts';
import type { Hasher } from '../record/sha256.ts';
import type { SealLimits } from './limits.ts';
import type { FromSealer, ToSearch } from './messages.ts';
import type { Room } from './reserve.ts';

export interface SealerOptions {
  /** `<data>/logs` */
  folder: string;
  secrets: SecretBox;
  keys: LogKeys;
  hasher: Hasher;
  clock: Clock;
  /** Whether the system's clock is synchronised. */
  synchronised?(): boolean;
  /** What others remember of this log: it can't be smaller, or another one. */
  atLeast?: { size: number; root: Uint8Array } | undefined;
  /** The log that was set aside for this one: its first record, if it hasn't got it yet. `recorded` is called then. */
  predecessor?: { said: Predecessor; recorded(): void } | undefined;
  tell(message: FromSealer): void;
  toReceiver(message: FromSeal): void;
  /** `transfer` are buffers that aren't needed here any more. */
  toSearch?(message: ToSearch, transfer: ArrayBuffer[]): void;
  limits?: Partial<SealLimits>;
  /** Of the file system; by default of that of the folder. */
  room?(): Room | undefined;
}
