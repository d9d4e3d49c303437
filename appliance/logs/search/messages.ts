import type { Filter, Found, QueryResult } from '../backend.ts';
import type { SenderStats } from './senders.ts';
import type { Whois } from './whois.ts';

export interface SearchWorkerData {
  /** `<data>/logs` */
  folder: string;
  /** Where the key file is that opens the segments' keys. */
  dataDir: string;
}

export interface SearchStats {
  segments: number;
  records: number;
  /** Segments whose index is made anew: they aren't searched yet. */
  behind: number;
  sources: SenderStats[];
}

/** What the search thread can be asked. */
export interface Calls {
  query: { params: Filter & { before?: number; limit: number }; result: QueryResult };
  read: { params: { indexes: readonly number[] }; result: Found[] };
  whois: { params: { ip: string; atUs: number; port?: number }; result: Whois };
  stats: { params: Record<string, never>; result: SearchStats };
  subscribe: { params: { sub: number; filter: Filter }; result: null };
}
export type Method = keyof Calls;

/** From the main thread. */
export type ToWorker =
  | { [M in Method]: { type: 'call'; id: number; method: M; params: Calls[M]['params'] } }[Method]
  /** Parsers that were chosen for sources, by their ids: they are asked first. */
  | { type: 'parsers'; parsers: Record<number, string> }
  | { type: 'unsubscribe'; sub: number }
  /** A message of `tail` was taken. */
  | { type: 'taken'; sub: number }
  | { type: 'stop' };

/** To the main thread. `fault` is where in `q` the error is, from 0; it is a QueryFault then. */
export type FromWorker =
  | { type: 'ready' }
  | { type: 'answer'; id: number; result: unknown }
  | { type: 'answer'; id: number; error: string; fault?: number | null }
  | { type: 'tail'; sub: number; records: Found[]; dropped: number }
  | { type: 'warning'; text: string };
