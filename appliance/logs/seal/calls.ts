import type { Archive } from '../archive/archive.ts';
import type { Catalog } from '../archive/catalog.ts';
import { MAX_SOURCES } from '../archive/sources.ts';
import { consistencyProof } from '../merkle/tree.ts';
import type { Kind } from '../record/types.ts';
import { appendFault } from './assemble.ts';
import type { Keeping } from './keeping.ts';
import type { FromSealer, ToSealer } from './messages.ts';
import type { Notes } from './notes.ts';
import type { Senders } from './senders.ts';

/** Why a sender gets no number of its own. */
export const NO_PLACE = `there are ${MAX_SOURCES} senders, the most that can be told apart: remove one first`;

/** The sealer, for what the main thread asks of it. */
export interface Called {
  catalog: Catalog;
  archive: Archive;
  senders: Senders;
  keeping: Keeping;
  /** Undefined where the log is damaged. */
  notes: Notes | undefined;
  /** Leaves that are sealed. */
  size(): number;
  now(): { receiveUs: number; monotonicUs: number };
  /** Runs what writes, or what `frees` room; why it didn't come about. */
  guarded(work: () => void, frees?: boolean): string | undefined;
  record(kind: Kind, retentionClass: number, records: readonly string[]): void;
  /** The number of a sender; undefined where there is no place for it. */
  register(address: string): number | undefined;
  /** Why not, where it can't. */
  sealAll(): string | undefined;
  /** From now on the disk's reserve may be used: it ends. */
  release(): void;
  /** A witness has seen so many leaves. */
  witnessed(size: number): void;
  close(): void;
}

/** Does what the main thread has asked for; the answer, where it wants one. */
export function answer(message: ToSealer, sealer: Called): FromSealer | undefined {
  const { catalog, keeping, notes, guarded } = sealer;
  switch (message.type) {
    case 'append': {
      const { id, kind, class: retentionClass, records } = message;
      const error = appendFault(message) ?? guarded(() => sealer.record(kind, retentionClass, records));
      return { type: 'appended', id, ...failure(error) };
    }
    case 'seal': {
      const error = sealer.sealAll();
      return { type: 'sealedNow', id: message.id, size: sealer.size(), ...noteOf(notes), ...failure(error) };
    }
    case 'proof':
      return proofOf(message, sealer);
    case 'cosigned':
      guarded(() => notes?.cosigned(message.size, message.lines, sealer.now()));
      return;
    case 'timestamp':
      guarded(() => {
        // First what it is of: without that a time-stamp is held for a fault.
        if (notes?.keep(message.size, 'timestamp', sealer.now().receiveUs)) catalog.addTimestamp(message);
      });
      return;
    case 'witnessSize':
      sealer.witnessed(message.size);
      return;
    case 'settings':
      sealer.senders.setClasses(message.sources);
      keeping.set(message);
      return;
    case 'register': {
      const { id, address } = message;
      let source: number | undefined;
      const error = guarded(() => {
        source = sealer.register(address);
      });
      if (error === undefined && source !== undefined) return { type: 'registered', id, source };
      return { type: 'registered', id, source: 0, error: error ?? NO_PLACE };
    }
    case 'retire': {
      const { id, source } = message;
      let isThere = true;
      const error = guarded(() => {
        isThere = sealer.senders.retire(source);
      });
      return { type: 'retired', id, source, ...failure(error ?? (isThere ? undefined : 'there is no such sender')) };
    }
    case 'erase':
      return { type: 'erased', id: message.id, ...keeping.erase(message, (work) => guarded(work, true)) };
    case 'expiring':
      return { type: 'expiring', id: message.id, expiring: keeping.expiring(message.retention) };
    case 'stop':
      sealer.release();
      sealer.sealAll();
      sealer.close();
      return;
  }
}

const failure = (error: string | undefined) => (error === undefined ? {} : { error });

const noteOf = (notes: Notes | undefined) => (notes?.newest === undefined ? {} : { note: notes.newest });

function proofOf({ id, old }: Extract<ToSealer, { type: 'proof' }>, { archive, notes, size }: Called): FromSealer {
  const about = { type: 'proof', id, old, size: size() } as const;
  try {
    return { ...about, hashes: consistencyProof(old, about.size, archive.readHash), ...noteOf(notes) };
  } catch (error) {
    return { ...about, hashes: [], error: (error as Error).message };
  }
}
