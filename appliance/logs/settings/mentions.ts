import { type Filter, QueryFault } from '../backend.ts';
import { ipOf, macOf, periodOf } from '../inputs.ts';
import { MAX_PAGE } from '../schema.ts';
import type { Service } from '../service.ts';
import { type ErasureView, MAX_INDEXES, type NewErasure } from './schema.ts';

type Mentioned = ErasureView['mentioned'];
/** Milliseconds that are spent on looking for a text in all of the records: who erases waits for the answer. */
const MAX_MS = 20_000;
/** Words that the search takes for nothing else. */
const PLAIN = /^(?!OR$)(?![A-Za-z_]+:)[\p{L}\p{N}_][\p{L}\p{N}_.@:-]*$/u;

/** As a word where that is possible, which the index finds; else as a text that may stand anywhere. */
const term = (text: string): string => (PLAIN.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`);

/** A MAC address in the notations of devices. */
function macTerms(mac: string): string {
  const digits = macOf(mac).replaceAll(':', '');
  const by = (size: number, joint: string) => digits.match(new RegExp(`.{${size}}`, 'g'))!.join(joint);
  return [by(2, ':'), by(2, '-'), by(4, '.'), by(4, '-'), digits].join(' OR ');
}

/** What finds the records in whose text all of it stands, whether a parser understood them or not. */
export function mentionQuery({ user, ip, mac }: Pick<NewErasure, 'user' | 'ip' | 'mac'>): string {
  return [
    ...(user === undefined ? [] : [term(user)]),
    ...(ip === undefined ? [] : [term(ipOf(ip))]),
    ...(mac === undefined ? [] : [macTerms(mac)]),
  ].join(' ');
}

/**
 * Counts records that name whose records are erased, but in which no parser found it as a field: `isOther` says which of
 * those that are found those are. What can't be found in time is said, and holds up nothing.
 */
export async function mentionsOf(
  { backend }: Pick<Service, 'backend'>,
  body: NewErasure,
  isOther: (record: { index: number; kind: number; erased?: boolean }) => boolean,
  clock: () => number = () => performance.now(),
): Promise<Mentioned> {
  const mentioned: Mentioned = { count: 0, indexes: [], complete: true };
  const q = mentionQuery(body);
  if (q === '') return mentioned;
  const filter: Filter = { ...periodOf(body.from, body.to), q };
  const end = clock() + MAX_MS;
  for (let before = Number.MAX_SAFE_INTEGER; ; ) {
    const page = await backend.query({ ...filter, limit: MAX_PAGE, before }).catch((error: unknown) => {
      if (error instanceof QueryFault) return undefined;
      throw error;
    });
    for (const record of page?.records.filter(isOther) ?? []) {
      mentioned.count++;
      if (mentioned.indexes.length < MAX_INDEXES) mentioned.indexes.push(record.index);
    }
    if (page?.lacks) mentioned.complete = false;
    if (page && page.next === undefined && page.partial === undefined) return mentioned;
    if (page?.next === undefined || clock() >= end) return { ...mentioned, complete: false };
    before = page.next;
  }
}
