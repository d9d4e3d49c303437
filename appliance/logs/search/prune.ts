import { ipv6Of, isV6In } from './address.ts';
import { ANY_TEXT, bucketOf, COLUMN_NAMES, type Column, FAMILY, type Plane } from './columns.ts';
import { valueTest } from './match.ts';
import { IP_FIELDS, isIndexed, type Name } from './names.ts';
import type { Condition, Query, Term } from './query.ts';
import { tokenOfIpv4, tokensOf } from './tokens.ts';

/** May this row match? `exact`: it does, or it does not, so that the opposite is known too. */
interface RowTest {
  test: (row: number) => boolean;
  exact: boolean;
}

/** Columns of a segment: undefined where no record has a value, `unknown` where the column was left out. */
export type ReadColumn = (name: Name) => Column | undefined | 'unknown';

/**
 * The words that a group of records must have for a clause: for each alternative a list, any of which will do;
 * undefined where nothing is known.
 */
export function hashesOf(query: Query): Int32Array[][] {
  const clauses: Int32Array[][] = [];
  for (const terms of query) {
    const lists = terms.map(termHashes);
    if (lists.every((list) => list.length > 0)) clauses.push(lists);
  }
  // The longer a list, the rarer what it stands for.
  return clauses.sort((a, b) => b[0]!.length - a[0]!.length);
}

const NOTHING = new Int32Array(0);

function termHashes(term: Term): Int32Array {
  if (term.not) return NOTHING;
  switch (term.type) {
    case 'word':
      return tokensOf(term.text, { cutEnd: term.start });
    case 'phrase':
      return tokensOf(term.text, { cutStart: true, cutEnd: true });
    case 'text':
      return isIndexed(term.name) ? tokensOf(term.text, { cutEnd: term.start }) : NOTHING;
    case 'ip': {
      const { v4, bits } = term.net;
      if (v4 !== undefined) return bits === 32 ? tokenOfIpv4(v4) : NOTHING;
      return bits === 128 ? tokensOf(canonical(term.net.v6!)) : NOTHING;
    }
    case 'number':
      return isIndexed(term.name) && term.least === term.most ? tokensOf(String(term.least)) : NOTHING;
    case 'set':
      return NOTHING;
  }
}

/** An IPv6 address as fields have it: URL writes it as RFC 5952 does. */
const canonical = (groups: readonly number[]): string =>
  new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname.slice(1, -1);

/** Tests of rows for the clauses that columns say something about. */
export function rowTests(query: Query, column: ReadColumn): ((row: number) => boolean)[] {
  const tests: ((row: number) => boolean)[] = [];
  for (const terms of query) {
    const alternatives: RowTest[] = [];
    for (const term of terms) {
      const test = termTest(term, column);
      if (test) alternatives.push(test);
    }
    if (alternatives.length < terms.length) continue;
    const [only] = alternatives;
    tests.push(alternatives.length === 1 ? only!.test : (row) => alternatives.some(({ test }) => test(row)));
  }
  return tests;
}

const NONE: RowTest = { test: () => false, exact: true };

function termTest(term: Term, column: ReadColumn): RowTest | undefined {
  const found = conditionTest(term, column);
  if (!term.not || !found) return found;
  const { test } = found;
  return found.exact ? { test: (row) => !test(row), exact: true } : undefined;
}

function conditionTest(condition: Condition, read: ReadColumn): RowTest | undefined {
  if (condition.type === 'word' || condition.type === 'phrase') return undefined;
  if (condition.type === 'ip' && condition.name === 'address') return anyAddress(condition, read);
  if (!COLUMN_NAMES.includes(condition.name)) return undefined;
  // A source by its address: the peer says it, no column does.
  if (condition.type === 'text' && condition.name === 'source') return undefined;
  const column = read(condition.name);
  if (column === 'unknown') return undefined;
  if (!column) return NONE;
  switch (condition.type) {
    case 'ip':
      return addressTest(condition, column);
    case 'text':
      return textTest(condition, column);
    case 'number': {
      const { least, most, name } = condition;
      const [from, to] = name === 'bytes' ? [bucketOf(least), bucketOf(most)] : [least, Math.min(most, 0xffff)];
      return { test: from === to ? equal(column.planes, from) : between(column.planes, from, to), exact: false };
    }
    case 'set': {
      const { values } = condition;
      if (values.length === 1) return { test: equal(column.planes, values[0]!), exact: true };
      const wanted = new Set(values);
      const value = rowValue(column.planes);
      return { test: (row) => wanted.has(value(row)), exact: true };
    }
  }
}

function anyAddress(condition: Extract<Condition, { type: 'ip' }>, read: ReadColumn): RowTest | undefined {
  const tests: RowTest[] = [];
  for (const name of IP_FIELDS) {
    const test = conditionTest({ ...condition, name }, read);
    if (!test) return undefined;
    if (test !== NONE) tests.push(test);
  }
  return { test: (row) => tests.some(({ test }) => test(row)), exact: true };
}

function addressTest({ net }: Extract<Condition, { type: 'ip' }>, { planes, texts }: Column): RowTest {
  const [family, ...rest] = planes as [Plane, ...Plane[]];
  if (net.v4 !== undefined) {
    const wanted: [Plane, number, number][] = [[family, 255, FAMILY.v4]];
    for (let i = 0; i < 4; i++) {
      const bits = Math.min(8, Math.max(0, net.bits - i * 8));
      const mask = (0xff00 >>> bits) & 255;
      if (mask !== 0) wanted.push([rest[i]!, mask, (net.v4 >>> (24 - i * 8)) & mask]);
    }
    return { test: masked(wanted), exact: true };
  }
  const inside = new Set<number>();
  (texts ?? []).forEach((text, i) => {
    if (isV6In(net, ipv6Of(text)!)) inside.add(i + 1);
  });
  if (inside.size === 0) return NONE;
  const isV6 = equal([family], FAMILY.v6);
  const value = rowValue(rest);
  return { test: (row) => isV6(row) && inside.has(value(row)), exact: true };
}

function textTest(condition: Extract<Condition, { type: 'text' }>, { planes, texts }: Column): RowTest {
  const test = valueTest(condition);
  const codes: number[] = [];
  texts!.forEach((text, i) => {
    if (test(text)) codes.push(i + 1);
  });
  const full = texts!.length + 1 >= ANY_TEXT;
  if (full) codes.push(ANY_TEXT);
  if (codes.length === 0) return NONE;
  if (codes.length === 1) return { test: equal(planes, codes[0]!), exact: !full };
  const wanted = new Set(codes);
  const value = rowValue(planes);
  return { test: (row) => wanted.has(value(row)), exact: !full };
}

const equal = (planes: readonly Plane[], value: number): ((row: number) => boolean) =>
  masked(planes.map((plane, i) => [plane, 255, (value >>> ((planes.length - 1 - i) * 8)) & 255]));

/** Whether each plane has its value under its mask. The lowest, which differs most, is looked at first. */
function masked(wanted: [Plane, number, number][]): (row: number) => boolean {
  const left: { plane: Uint8Array; mask: number; value: number }[] = [];
  for (const [plane, mask, value] of wanted) {
    if (typeof plane !== 'number') left.unshift({ plane, mask, value });
    else if ((plane & mask) !== value) return () => false;
  }
  if (left.length === 0) return () => true;
  const [{ plane, mask, value }, ...others] = left as [(typeof left)[number], ...typeof left];
  if (others.length === 0) return (row) => (plane[row]! & mask) === value;
  return (row) => {
    if ((plane[row]! & mask) !== value) return false;
    for (const other of others) if ((other.plane[row]! & other.mask) !== other.value) return false;
    return true;
  };
}

function between(planes: readonly Plane[], least: number, most: number): (row: number) => boolean {
  const value = rowValue(planes);
  return (row) => {
    const here = value(row);
    return here >= least && here <= most;
  };
}

function rowValue(planes: readonly Plane[]): (row: number) => number {
  return (row) => {
    let value = 0;
    for (const plane of planes) value = value * 256 + (typeof plane === 'number' ? plane : plane[row]!);
    return value;
  };
}
