import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Source } from '../types.ts';
import { type RealmEntry, resolve } from './resolve.ts';

const proxy = (...upstreamIds: string[]): Source => ({ kind: 'proxy', upstreamIds });
const realm = (name: string, more: Partial<RealmEntry> = {}): [string, RealmEntry] => [
  name,
  { id: `id-${name}`, name, strip: false, source: proxy(name), accounting: false, ...more },
];
const from = (nas?: Source) => ({ source: nas });

test('a realm is found behind the last @ and before the first backslash', () => {
  const realms = new Map([realm('example.com', { strip: true }), realm('corp'), realm('other.org', { strip: true })]);
  const found = (login: string) => {
    const { login: name, realm: which, source } = resolve(realms, login, undefined);
    return [name, which, source.kind === 'proxy' ? source.upstreamIds[0] : source.kind];
  };
  assert.deepEqual(found('alice@example.com'), ['alice', 'example.com', 'example.com']);
  assert.deepEqual(found('alice@EXAMPLE.com'), ['alice', 'example.com', 'example.com']);
  assert.deepEqual(found('a@b@example.com'), ['a@b', 'example.com', 'example.com']);
  assert.deepEqual(found('CORP\\alice'), ['CORP\\alice', 'corp', 'corp']);
  assert.deepEqual(found('CORP\\alice@unknown'), ['CORP\\alice@unknown', 'corp', 'corp'], 'the one that is configured');
  assert.deepEqual(found('CORP\\alice@example.com'), ['CORP\\alice', 'example.com', 'example.com'], 'suffix first');
  assert.deepEqual(found('@other.org'), ['@other.org', 'other.org', 'other.org'], 'nothing is left by stripping');
  assert.deepEqual(found('alice@unknown.net'), ['alice@unknown.net', undefined, 'local']);
  assert.deepEqual(found('alice'), ['alice', undefined, 'local']);
  assert.deepEqual(found('alice@'), ['alice@', undefined, 'local']);
  assert.deepEqual(found('\\alice'), ['\\alice', undefined, 'local']);
});

test('* is any other realm, the empty name is none', () => {
  const realms = new Map([realm('example.com'), realm('*', { strip: true, accounting: true }), realm('')]);
  const named = (login: string) => {
    const { login: name, realm: which, source, accounting } = resolve(realms, login, undefined);
    return [name, which, (source as { upstreamIds: readonly string[] }).upstreamIds[0], accounting];
  };
  assert.deepEqual(named('a@example.com'), ['a@example.com', 'example.com', 'example.com', false]);
  assert.deepEqual(named('a@elsewhere.org'), ['a', 'elsewhere.org', '*', true]);
  assert.deepEqual(named('a@*'), ['a', '*', '*', true]);
  assert.deepEqual(named('a'), ['a', undefined, '', false]);
});

test("a NAS's own source goes before the realm's; the realm still strips", () => {
  const realms = new Map([realm('example.com', { strip: true, accounting: false })]);
  assert.deepEqual(resolve(realms, 'a@example.com', from({ kind: 'local' })), {
    login: 'a',
    realm: 'example.com',
    source: { kind: 'local' },
    accounting: false,
  });
  assert.equal(resolve(realms, 'a@example.com', from(proxy('x'))).accounting, false, 'as the realm says');
  assert.equal(resolve(realms, 'a', from(proxy('x'))).accounting, true, 'nobody says otherwise');
  assert.equal(resolve(realms, 'a', from()).accounting, false);
});

test('whatever the login is, it is whole or without its realm', () => {
  const realms = new Map([realm('r', { strip: true }), realm('*')]);
  fc.assert(
    fc.property(fc.string(), fc.constantFrom('', '@r', '@x'), (user, suffix) => {
      const login = user + suffix;
      const { login: name } = resolve(realms, login, undefined);
      assert.ok(name === login || login.startsWith(`${name}@`) || login.endsWith(`\\${name}`));
      assert.ok(name !== '' || login === '');
    }),
  );
});
