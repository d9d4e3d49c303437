import assert from 'node:assert/strict';
import type { LookupFunction } from 'node:net';
import { test } from 'node:test';
import { rememberingLookup } from './lookup.ts';

const ask = (found: LookupFunction, all: boolean): Promise<unknown> =>
  new Promise((resolve, reject) =>
    found('gate.example.org', { all }, (error, address, family) =>
      error ? reject(error) : resolve(all ? address : [address, family]),
    ),
  );
const fails: LookupFunction = (_name, _options, callback) => callback(new Error('EAI_AGAIN'), '');
const silent: LookupFunction = () => undefined;
const finds: LookupFunction = (_name, { all }, callback) =>
  all ? callback(null, [{ address: '192.0.2.1', family: 4 }]) : callback(null, '192.0.2.1', 4);

test('what the system finds counts', async () => {
  for (const known of [undefined, '2001:db8::7']) {
    const found = rememberingLookup(() => known, { system: finds });
    assert.deepEqual(await ask(found, false), ['192.0.2.1', 4]);
    assert.deepEqual(await ask(found, true), [{ address: '192.0.2.1', family: 4 }]);
  }
});

test('where it finds nothing, or says nothing, what was known before', async () => {
  for (const system of [fails, silent]) {
    const found = rememberingLookup(() => '2001:db8::7', { system, patience: 5 });
    assert.deepEqual(await ask(found, false), ['2001:db8::7', 6]);
    assert.deepEqual(await ask(found, true), [{ address: '2001:db8::7', family: 6 }]);
  }
});

test('without anything known it fails as the system does', async () => {
  await assert.rejects(
    ask(
      rememberingLookup(() => undefined, { system: fails }),
      true,
    ),
    /EAI_AGAIN/,
  );
});
