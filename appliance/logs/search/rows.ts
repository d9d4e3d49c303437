import { ipv6Of, isV6In } from './address.ts';
import { ANY_TEXT, bucketOf, COLUMN_NAMES, type Column, FAMILY } from './columns.ts';
import { valueTest } from './match.ts';
import { IP_FIELDS, type Name } from './names.ts';
import type { Condition, Query, Term } from './query.ts';

/** Leaves those of the first `count` rows that may match, in their order, and answers how many they are. */
export type Keep = (rows: Uint32Array, count: number) => number;

/** `exact`: what it keeps does match, so that the opposite is known too. */
interface RowTest {
  keep: Keep;
  exact: boolean;
}

/** Columns of a segment: undefined where no record has a value, `unknown` where the column was left out. */
export type ReadColumn = (name: Name) => Column | undefined | 'unknown';

/** Tests of rows for the clauses that columns say something about. */
export function rowTests(query: Query, column: ReadColumn): Keep[] {
  const tests: Keep[] = [];
  for (const terms of query) {
    const alternatives: RowTest[] = [];
    for (const term of terms) {
      const test = termTest(term, column);
      if (test) alternatives.push(test);
    }
    if (alternatives.length === terms.length) tests.push(anyOf(alternatives).keep);
  }
  return tests;
}

const NONE: RowTest = { keep: () => 0, exact: true };

function termTest(term: Term, column: ReadColumn): RowTest | undefined {
  const found = conditionTest(term, column);
  if (!term.not || !found) return found;
  return found.exact ? { keep: marking([found.keep], 0), exact: true } : undefined;
}

function anyOf(tests: readonly RowTest[]): RowTest {
  const some = tests.filter((test) => test !== NONE);
  if (some.length <= 1) return some[0] ?? NONE;
  return {
    keep: marking(
      some.map(({ keep }) => keep),
      1,
    ),
    exact: some.every(({ exact }) => exact),
  };
}

/** Rows that one of the tests keeps (`wanted` 1), or none of them (0). */
function marking(tests: readonly Keep[], wanted: 0 | 1): Keep {
  return (rows, count) => {
    if (count === 0) return 0;
    const first = rows[0]!;
    const marks = new Uint8Array(rows[count - 1]! - first + 1);
    for (const keep of tests) {
      const own = rows.slice(0, count);
      const kept = keep(own, count);
      for (let i = 0; i < kept; i++) marks[own[i]! - first] = 1;
    }
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const row = rows[i]!;
      if (marks[row - first] === wanted) rows[kept++] = row;
    }
    return kept;
  };
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
      return { keep: from === to ? equal(column, from) : between(column, from, to), exact: false };
    }
    case 'set': {
      const { values } = condition;
      return { keep: among(column, 0, values), exact: true };
    }
  }
}

function anyAddress(condition: Extract<Condition, { type: 'ip' }>, read: ReadColumn): RowTest | undefined {
  const tests: RowTest[] = [];
  for (const name of IP_FIELDS) {
    const test = conditionTest({ ...condition, name }, read);
    if (!test) return undefined;
    tests.push(test);
  }
  return anyOf(tests);
}

function addressTest({ net }: Extract<Condition, { type: 'ip' }>, column: Column): RowTest {
  if (net.v4 !== undefined) {
    const wanted: Wanted[] = [];
    for (let i = 3; i >= 0; i--) {
      const bits = Math.min(8, Math.max(0, net.bits - i * 8));
      const mask = (0xff00 >>> bits) & 255;
      if (mask !== 0) wanted.push({ plane: i + 1, mask, value: (net.v4 >>> (24 - i * 8)) & mask });
    }
    wanted.push({ plane: 0, mask: 255, value: FAMILY.v4 });
    return { keep: masked(column, wanted), exact: true };
  }
  const inside: number[] = [];
  column.texts().forEach((text, i) => {
    if (isV6In(net, ipv6Of(text)!)) inside.push(i + 1);
  });
  if (inside.length === 0) return NONE;
  const isV6 = masked(column, [{ plane: 0, mask: 255, value: FAMILY.v6 }]);
  const isInside = among(column, 1, inside);
  return { keep: (rows, count) => isInside(rows, isV6(rows, count)), exact: true };
}

function textTest(condition: Extract<Condition, { type: 'text' }>, column: Column): RowTest {
  const test = valueTest(condition);
  const codes: number[] = [];
  const texts = column.texts();
  texts.forEach((text, i) => {
    if (test(text)) codes.push(i + 1);
  });
  const full = texts.length + 1 >= ANY_TEXT;
  if (full) codes.push(ANY_TEXT);
  if (codes.length === 0) return NONE;
  return { keep: among(column, 0, codes), exact: !full };
}

/** What a plane has under the mask. */
interface Wanted {
  plane: number;
  mask: number;
  value: number;
}

/** The lowest plane, which differs most, is looked at first; one that needn't be looked at isn't read. */
const equal = (column: Column, value: number): Keep =>
  masked(
    column,
    Array.from({ length: column.count }, (_, i) => ({
      ...{ plane: column.count - 1 - i, mask: 255, value: (value >>> (i * 8)) & 255 },
    })),
  );

function masked(column: Column, wanted: readonly Wanted[]): Keep {
  if (wanted.some(({ plane, mask, value }) => isOutside(column, plane, value, value | (255 & ~mask)))) return NONE.keep;
  return (rows, count) => {
    let kept = count;
    for (const { plane, mask, value } of wanted) {
      if (kept === 0) break;
      const there = column.plane(plane);
      if (typeof there !== 'number') kept = matching(there, mask, value, rows, kept);
      else if ((there & mask) !== value) return 0;
    }
    return kept;
  };
}

/** Whether no value of a plane is one of `from` to `to`, as far as that is known without reading it. */
function isOutside(column: Column, plane: number, from: number, to: number): boolean {
  const range = column.range(plane);
  return range !== undefined && (range[0] > to || range[1] < from);
}

// The loops write each row and count it or not: without a branch that nobody can foresee.

function matching(plane: Uint8Array, mask: number, value: number, rows: Uint32Array, count: number): number {
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i]!;
    rows[kept] = row;
    kept += (plane[row]! & mask) === value ? 1 : 0;
  }
  return kept;
}

/** Of two planes: the first leaves few that the second is needed for. */
function between(column: Column, least: number, most: number): Keep {
  const [from, to] = [Math.max(0, least) >>> 8, Math.min(Math.max(0, most), 0xffff) >>> 8];
  const test = (value: number): boolean => value >= least && value <= most;
  if (isOutside(column, 0, from, to)) return NONE.keep;
  return (rows, count) => {
    if (count === 0) return 0;
    const high = column.plane(0);
    if (typeof high !== 'number') return withValue(column, 0, rows, ranging(high, from, to, rows, count), test);
    return high < from || high > to ? 0 : withValue(column, 0, rows, count, test);
  };
}

function ranging(plane: Uint8Array, from: number, to: number, rows: Uint32Array, count: number): number {
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i]!;
    const here = plane[row]!;
    rows[kept] = row;
    kept += here >= from && here <= to ? 1 : 0;
  }
  return kept;
}

/** One of these values in the planes from `first` on. */
function among(column: Column, first: number, values: readonly number[]): Keep {
  const possible = values.filter((value) => value < 256 ** (column.count - first));
  if (possible.length === 0) return NONE.keep;
  if (possible.length === 1 && first === 0) return equal(column, possible[0]!);
  const table = new Uint8Array(possible.reduce((most, value) => Math.max(most, value)) + 1);
  for (const value of possible) table[value] = 1;
  return (rows, count) => withValue(column, first, rows, count, (value) => table[value] === 1);
}

function withValue(
  column: Column,
  first: number,
  rows: Uint32Array,
  count: number,
  test: (value: number) => boolean,
): number {
  if (count === 0) return 0;
  const values = new Uint32Array(count);
  for (let k = first; k < column.count; k++) {
    const plane = column.plane(k);
    if (typeof plane === 'number') for (let i = 0; i < count; i++) values[i] = values[i]! * 256 + plane;
    else for (let i = 0; i < count; i++) values[i] = values[i]! * 256 + plane[rows[i]!]!;
  }
  let kept = 0;
  for (let i = 0; i < count; i++) if (test(values[i]!)) rows[kept++] = rows[i]!;
  return kept;
}
