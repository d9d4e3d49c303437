import { HttpError } from '../http/index.ts';
import type { Backend, Status } from './backend.ts';
import { parsers } from './parse/index.ts';

/** Backend of the routes where the log can't be opened: all that is told is why. */
export function createClosed(origin: string, state: () => Pick<Status, 'state' | 'reason'>): Backend {
  const refuse = (): never => {
    throw new HttpError(503, `the log can't be read: ${state().reason}`);
  };
  const rejected = async (): Promise<never> => refuse();
  return {
    query: rejected,
    queryFault: () => undefined,
    whois: rejected,
    subscribe: refuse,
    read: rejected,
    proof: rejected,
    checkpoint: refuse,
    status: async () => ({
      ...state(),
      ...{ size: 0, lagSeconds: 0, origin, logKey: '', genesis: '', epoch: 0 },
      ...{ rates: { messages: 0, bytes: 0 }, witnesses: [], diskBytes: 0, segments: 0 },
    }),
    sources: () => [],
    addSource: rejected,
    retireSource: rejected,
    parsers,
    sendSettings: () => undefined,
    expiring: rejected,
    erase: rejected,
    seal: rejected,
    buildExport: rejected,
    siteExists: () => true,
    record: rejected,
  };
}
