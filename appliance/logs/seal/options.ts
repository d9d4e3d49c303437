import type { SecretBox } from '../../store/index.ts';
import type { Clock } from '../clock.ts';
import type { LogKeys } from '../keys/index.ts';
import type { FromSeal } from '../receive/messages.ts';
import type { Hasher } from '../record/sha256.ts';
import type { SealLimits } from './limits.ts';
import type { FromSealer, ToSearch } from './messages.ts';

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
  tell(message: FromSealer): void;
  toReceiver(message: FromSeal): void;
  /** `transfer` are buffers that aren't needed here any more. */
  toSearch?(message: ToSearch, transfer: ArrayBuffer[]): void;
  limits?: Partial<SealLimits>;
}
