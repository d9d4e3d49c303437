import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Column, Plane } from './columns.ts';
import { parseQuery } from './query.ts';
import { rowTests } from './rows.ts';

const ROWS = 40;
const plane = fc.oneof(
  fc.nat(255),
  fc.uint8Array({ minLength: ROWS, maxLength: ROWS }),
  fc
    .array(fc.constantFrom(0, 1, 2, 22, 53, 255), { minLength: ROWS, maxLength: ROWS })
    .map((of) => Uint8Array.from(of)),
);
const at = (there: Plane, row: number): number => (typeof there === 'number' ? there : there[row]!);
const numberOf = (planes: readonly Plane[], row: number): number =>
  planes.reduce((value: number, there) => value * 256 + at(there, row), 0);

/** Answers what was read, too. */
function columnOf(planes: readonly Plane[], texts: readonly string[] = [], ranges = false) {
  const read = new Set<number>();
  const column: Column = {
    count: planes.length,
    plane(i) {
      read.add(i);
      return planes[i]!;
    },
    range(i) {
      const there = planes[i]!;
      if (!ranges) return undefined;
      return typeof there === 'number' ? [there, there] : [Math.min(...there), Math.max(...there)];
    },
    texts: () => texts,
  };
  return { column, read };
}

/** What is left of some rows, which needn't follow each other. */
function kept(q: string, column: Column, rows: readonly number[]): number[] {
  const left = Uint32Array.from(rows);
  let count = left.length;
  for (const keep of rowTests(parseQuery(q), () => column)) count = keep(left, count);
  return [...left.subarray(0, count)];
}

const rows = fc.uniqueArray(fc.nat(ROWS - 1), { maxLength: ROWS }).map((all) => all.sort((a, b) => a - b));

test('a column leaves the rows that a look at each value leaves, in their order', () => {
  const port = fc.nat(66_000);
  const property = fc.property(plane, plane, rows, port, port, fc.boolean(), (high, low, some, a, b, ranges) => {
    const { column } = columnOf([high, low], [], ranges);
    const here = (row: number): number => numberOf([high, low], row);
    assert.deepEqual(
      kept(`dstport:${a}-${b}`, column, some),
      some.filter((row) => here(row) >= a && here(row) <= b),
    );
    const source = (row: number): boolean => here(row) === a;
    assert.deepEqual(kept(`source:${a}`, column, some), some.filter(source));
    assert.deepEqual(
      kept(`-source:${a}`, column, some),
      some.filter((row) => !source(row)),
    );
    assert.deepEqual(
      kept(`source:${a} OR -source:${b}`, column, some),
      some.filter((row) => source(row) || here(row) !== b),
    );
  });
  fc.assert(property);
});

test('addresses of a net, and texts of which some match', () => {
  const bits = fc.nat(32);
  const octets = fc.tuple(plane, plane, plane, plane);
  const property = fc.property(octets, rows, bits, fc.boolean(), (octets, some, length, ranges) => {
    const { column } = columnOf([1, ...octets], [], ranges);
    const net = 0x01021635;
    const inside = (row: number): boolean => length === 0 || (numberOf(octets, row) ^ net) >>> (32 - length) === 0;
    assert.deepEqual(kept(`srcip:1.2.22.53/${length}`, column, some), some.filter(inside));
  });
  fc.assert(property);
  const codes = Uint8Array.from({ length: ROWS }, (_, i) => i % 4);
  const { column } = columnOf([0, codes], ['alice', 'bob', 'alina']);
  const all = codes.map((_, i) => i);
  assert.deepEqual(
    kept('user:al*', column, [...all]),
    [...all].filter((row) => codes[row] === 1 || codes[row] === 3),
  );
});

test('a plane that decides nothing is not read', () => {
  const zero = new Uint8Array(ROWS);
  const all = Array.from({ length: ROWS }, (_, i) => i);
  for (const [q, planes, needed] of [
    ['bytes:>1000000', [zero, zero], [0]],
    ['dstport:22', [zero, zero], [1]],
    ['srcip:10.0.0.1', [zero, zero, zero, zero, zero], [4]],
    ['srcip:10.0.0.0/8', [1, zero, zero, zero, zero], [1]],
  ] as const) {
    const { column, read } = columnOf(planes);
    assert.deepEqual([kept(q, column, all), [...read]], [[], needed], q);
    const known = columnOf(planes, [], true);
    assert.deepEqual([kept(q, known.column, all), known.read.size], [[], 0], `${q}, where the ranges are known`);
  }
});
