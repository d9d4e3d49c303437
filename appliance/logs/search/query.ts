import { QueryFault } from '../backend.ts';
import { macOf } from '../parse/values.ts';
import { KIND, TRANSPORT } from '../record/types.ts';
import { type Net, netOf } from './address.ts';
import { isIpName, isNumberName, NAMES, type Name } from './names.ts';

export const MAX_QUERY = 1024;
export const MAX_TERMS = 32;

/**
 * One condition. `word` stands between separators (`ali*`: only its start does), `phrase` anywhere; both without
 * regard to the case of ASCII letters. `text` is the whole value, or its start.
 */
export type Condition =
  | { type: 'word'; text: string; start: boolean }
  | { type: 'phrase'; text: string; start: boolean }
  | { type: 'text'; name: Name; text: string; start: boolean }
  | { type: 'ip'; name: Name; text: string; net: Net }
  | { type: 'number'; name: Name; least: number; most: number }
  | { type: 'set'; name: 'source' | 'kind'; values: readonly number[] };

export type Term = Condition & { not: boolean };

/** All of the clauses must hold; of a clause's terms one. */
export type Query = readonly (readonly Term[])[];

/**
 * Reads `word "a phrase" field:value -not a OR b`: words, quoted phrases and fields, of which all must match; `-` before
 * one turns it round; OR between two asks for either. IP fields take a net (`srcip:10.0.0.0/8`), numbers `>`, `>=`,
 * `<`, `<=` and `22-80`, words and texts a `*` at the end. Throws QueryFault.
 */
export function parseQuery(q: string): Query {
  if (q.length > MAX_QUERY) throw new QueryFault(`is longer than ${MAX_QUERY} characters: shorten it`, MAX_QUERY);
  const query: Term[][] = [];
  let terms = 0;
  let or: number | undefined;
  let at = 0;
  for (;;) {
    while (/\s/.test(q[at] ?? '')) at++;
    if (at >= q.length) break;
    if (/^OR(?=\s|$)/.test(q.slice(at, at + 3))) {
      if (query.length === 0 || or !== undefined) throw new QueryFault('OR stands between two terms', at);
      or = at;
      at += 2;
      continue;
    }
    const { term, end } = readTerm(q, at);
    if (++terms > MAX_TERMS) throw new QueryFault(`has more than ${MAX_TERMS} terms: leave some out`, at);
    if (or === undefined) query.push([term]);
    else query.at(-1)!.push(term);
    or = undefined;
    at = end;
  }
  if (or !== undefined) throw new QueryFault('a term is missing behind OR', or);
  return query;
}

function readTerm(q: string, start: number): { term: Term; end: number } {
  let at = start;
  const not = q[at] === '-' && /\S/.test(q[at + 1] ?? '');
  if (not) at++;
  if (q[at] === '"') {
    const { text, end } = readQuoted(q, at);
    return { term: { type: 'phrase', text, start: false, not }, end };
  }
  const [, name, colon] = /^([A-Za-z_]+)(:\S?)/.exec(q.slice(at, at + 40)) ?? [];
  const known = name !== undefined && NAMES.includes(name.toLowerCase() as Name);
  // `aa:bb:…` is no field, nor is `https://`; `scrip:10.0.0.1` is a slip.
  if (colon?.[1] && colon !== ':/' && !known && !/^[0-9a-f]{1,4}$/i.test(name!)) {
    throw new QueryFault(
      `there is no field ${name}: one of ${[...NAMES].sort().join(', ')}, or put it into quotes`,
      at,
    );
  }
  if (known) {
    const valueAt = at + name.length + 1;
    const { text, end, quoted } = readValue(q, valueAt);
    if (text === '') throw new QueryFault(`a value is missing behind ${name}:`, valueAt);
    return { term: { ...condition(name.toLowerCase() as Name, text, quoted, valueAt), not }, end };
  }
  const { text, end } = readValue(q, at);
  const cut = text.length > 1 && text.endsWith('*');
  const word = cut ? text.slice(0, -1) : text;
  if (!/[\p{L}\p{N}_]/u.test(word)) throw new QueryFault('has no letter or digit: put it into quotes', at);
  return { term: { type: 'word', text: word, start: cut, not }, end };
}

function readValue(q: string, at: number): { text: string; end: number; quoted: boolean } {
  if (q[at] === '"') return { ...readQuoted(q, at), quoted: true };
  let end = at;
  while (end < q.length && !/\s/.test(q[end]!)) end++;
  return { text: q.slice(at, end), end, quoted: false };
}

/** `\"` and `\\` stand for the character. */
function readQuoted(q: string, at: number): { text: string; end: number } {
  let text = '';
  for (let i = at + 1; i < q.length; i++) {
    if (q[i] === '"') {
      if (text === '') throw new QueryFault('nothing is between the quotes', at);
      return { text, end: i + 1 };
    }
    if (q[i] === '\\' && (q[i + 1] === '"' || q[i + 1] === '\\')) i++;
    text += q[i];
  }
  throw new QueryFault('the closing quote is missing', at);
}

function condition(name: Name, text: string, quoted: boolean, at: number): Condition {
  if (isIpName(name)) {
    const net = netOf(text);
    if (!net) throw new QueryFault(`${name} takes an address or a net, such as 192.0.2.1 or 2001:db8::/32`, at);
    return { type: 'ip', name, text, net };
  }
  if (isNumberName(name)) return numbers(name, text, at);
  if (name === 'kind') {
    const kind = Object.entries(KIND).find(([word]) => dashed(word) === dashed(text))?.[1];
    if (kind === undefined) {
      throw new QueryFault(`kind is one of ${Object.keys(KIND).map(dashed).join(', ')}`, at);
    }
    return { type: 'set', name, values: [kind] };
  }
  if (name === 'source' && /^\d{1,5}$/.test(text)) return { type: 'set', name, values: [Number(text)] };
  if (name === 'transport' && !Object.hasOwn(TRANSPORT, text.toLowerCase())) {
    throw new QueryFault(`transport is one of ${Object.keys(TRANSPORT).join(', ')}`, at);
  }
  const start = !quoted && text.length > 1 && text.endsWith('*');
  const value = (start ? text.slice(0, -1) : text).toLowerCase();
  if (name === 'mac' && !start) return { type: 'text', name, text: macOf(value) ?? value, start };
  return { type: 'text', name, text: value, start };
}

/** `time-sync`, however it is written: answers have it as `time_sync`. */
const dashed = (word: string): string =>
  word
    .replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)
    .replaceAll('_', '-')
    .replace(/^-/, '');

function numbers(name: Name, text: string, at: number): Condition {
  const range = /^(\d{1,15})(?:-|\.\.)(\d{1,15})$/.exec(text);
  if (range) return { type: 'number', name, least: Number(range[1]), most: Number(range[2]) };
  const [, sign, digits] = /^(>=|<=|>|<|)(\d{1,15})$/.exec(text) ?? [];
  if (digits === undefined) throw new QueryFault(`${name} takes a number, >1000, <=22 or 22-80`, at);
  const value = Number(digits);
  const least = sign === '>' ? value + 1 : sign === '<' || sign === '<=' ? 0 : value;
  const most = sign === '<' ? value - 1 : sign === '>' || sign === '>=' ? Number.MAX_SAFE_INTEGER : value;
  return { type: 'number', name, least, most };
}
