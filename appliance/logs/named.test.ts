import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBus, event, type Heard, SYSTEM } from '../events/index.ts';
import { createNamed } from './named.ts';

test('records say what people were called at the time; asked once, and again after a change', async () => {
  const bus = createBus();
  const names = new Map([
    ['u-1', 'alice'],
    ['u-2', 'bob'],
  ]);
  let asked = 0;
  const named = createNamed(async (ids) => {
    asked++;
    return new Map([...names].filter(([id]) => ids.includes(id)));
  }, bus);
  const entry = { event: 'identity.token.created', userId: 'u-2', actor: { kind: 'user', id: 'u-1', address: '::1' } };
  const expected = { ...entry, username: 'bob', actor: { ...entry.actor, username: 'alice' } };
  assert.deepEqual(await named(entry), expected);
  assert.deepEqual(await named(entry), expected);
  assert.equal(asked, 1);
  names.set('u-1', 'alicia');
  const changed = event('identity.user.updated', { userId: 'u-1', changed: ['username'] }, SYSTEM);
  await bus.deliver({ ...changed, id: 1, at: '' } as unknown as Heard);
  assert.deepEqual((await named(entry)).actor, { ...entry.actor, username: 'alicia' });
  const told = { event: 'logs.exported', actor: { ...entry.actor, username: 'alice' } };
  assert.deepEqual(await named(told), told, 'a name that is given stays');
  const deleted = { event: 'identity.user.deleted', userId: 'u-9', username: 'carol', actor: SYSTEM };
  assert.deepEqual(await named(deleted), deleted);
});

test('without names the record is there all the same', async () => {
  const named = createNamed(() => Promise.reject(new Error('closed')), createBus());
  const entry = { event: 'x', actor: { kind: 'user', id: 'u-1' } };
  assert.deepEqual(await named(entry), entry);
});
