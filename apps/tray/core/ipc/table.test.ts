import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Compile } from 'typebox/compile';
import { CALLS } from './table.ts';

interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: unknown;
  maxLength?: number;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
}
/** More than any call may carry, in UTF-16 units. */
const MOST = 65_536;

/** What in an argument a page could make of any size or kind. */
function loose(schema: Schema, path: string): string[] {
  const { type, properties = {}, anyOf, enum: choices } = schema;
  if (anyOf) return anyOf.flatMap((one, i) => loose(one, `${path}|${i}`));
  if (choices !== undefined || 'const' in schema || type === 'null' || type === 'boolean' || type === 'integer')
    return [];
  if (type === 'string') return (schema.maxLength ?? Number.POSITIVE_INFINITY) <= MOST ? [] : [`${path} is endless`];
  if (type !== 'object') return [`${path} is ${type ?? 'anything'}`];
  const open = schema.additionalProperties === false ? [] : [`${path} takes more`];
  return [...open, ...Object.entries(properties).flatMap(([key, one]) => loose(one, `${path}.${key}`))];
}

test('no argument of the window is endless, or takes what the table doesn’t name', () => {
  const found = Object.entries(CALLS).flatMap(([name, { argument }]) => loose(argument as unknown as Schema, name));
  assert.deepEqual(found, []);
  assert.deepEqual(loose({ type: 'object', properties: { a: { type: 'string' }, b: { type: 'array' } } }, 'x'), [
    'x takes more',
    'x.a is endless',
    'x.b is array',
  ]);
});

test('each call refuses what isn’t its argument', () => {
  const strange: unknown[] = [
    undefined,
    '',
    0,
    [],
    [null],
    { more: 1 },
    JSON.parse('{"__proto__": {"id": "quit"}}'),
    () => 1,
  ];
  const long = 'x'.repeat(70_000);
  const marks = `a${'\u0301'.repeat(1_000_000)}`;
  for (const [name, { argument }] of Object.entries(CALLS)) {
    const schema = Compile(argument);
    for (const one of strange) assert.equal(schema.Check(one), false, `${name}: ${String(one)}`);
    // Counted as a page could stretch it: a million marks on one letter.
    for (const text of [long, marks]) {
      for (const key of ['text', 'url', 'token', 'search', 'profile', 'id', 'theme']) {
        const given = { id: 'connect', from: 'paste', url: 'https://a', token: 'abcdefgh', [key]: text };
        assert.equal(schema.Check(given), false, `${name}: long ${key}`);
      }
    }
  }
  const confirm = Compile(CALLS.confirmEnroll.argument);
  for (const id of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null]) {
    assert.equal(confirm.Check({ id, accept: true, allowPlain: false }), false, String(id));
  }
});
