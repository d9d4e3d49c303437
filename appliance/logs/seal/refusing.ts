import type { FromSeal } from '../receive/messages.ts';
import type { FromSealer } from './messages.ts';
import type { Sealer } from './sealer.ts';

/** Stands for the sealer where the log can't even be opened: nothing is taken in, and whoever asks is told why. */
export function refusing(
  reason: string,
  tell: (message: FromSealer) => void,
  toReceiver: (message: FromSeal) => void,
): Pick<Sealer, 'hear' | 'pump' | 'tick' | 'call'> & { search: { credit(bytes: number): void } } {
  let refused = 0;
  let nextStats = 0;
  tell({ type: 'state', state: 'damaged', reason });
  tell({ type: 'ready', size: 0, logVkey: '', created: false, retired: [] });
  return {
    search: { credit: () => undefined },
    pump: () => undefined,
    hear(message) {
      if (message.type !== 'batch') return;
      refused += message.batch.count;
      toReceiver({ type: 'credit', bytes: message.batch.raw.length });
    },
    tick() {
      if (performance.now() < nextStats) return;
      nextStats = performance.now() + 1000;
      tell({ type: 'stats', size: 0, waiting: 0, records: 0, bytes: 0, written: 0, refused });
    },
    async call(message) {
      const error = reason;
      switch (message.type) {
        case 'append':
          return tell({ type: 'appended', id: message.id, error });
        case 'seal':
          return tell({ type: 'sealedNow', id: message.id, size: 0, error });
        case 'proof':
          return tell({ type: 'proof', id: message.id, old: message.old, size: 0, hashes: [], error });
        case 'register':
          return tell({ type: 'registered', id: message.id, source: 0, error });
        case 'retire':
          return tell({ type: 'retired', id: message.id, source: message.source, error });
        case 'erase':
          return tell({ type: 'erased', id: message.id, count: 0, error });
        case 'expiring':
          return tell({ type: 'expiring', id: message.id, expiring: [], error });
      }
    },
  };
}
