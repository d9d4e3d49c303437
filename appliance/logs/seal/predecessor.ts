import type { Catalog } from '../archive/catalog.ts';
import type { Predecessor } from '../predecessor.ts';
import type { SealerOptions } from './options.ts';

/** In the catalog's state: when the log before this one was set aside, as it is recorded. */
const AFTER = 'after';

interface Successor {
  catalog: Catalog;
  logVkey: string;
  record(said: Predecessor): void;
  /** Seals what waits. */
  seal(): void;
}

/** Records what came before this log, once: that there is a break is evidence as well. */
export function recordPredecessor(predecessor: SealerOptions['predecessor'], log: Successor): void {
  if (!predecessor) return;
  const { said, recorded } = predecessor;
  // Of a call that was interrupted: this is the log itself, and it was not set aside, as no later one must be told.
  const isItself = said.log_key === log.logVkey;
  if (!isItself && log.catalog.get(AFTER) !== said.at) {
    log.record(said);
    log.seal();
    log.catalog.set(AFTER, said.at);
  }
  recorded();
}
