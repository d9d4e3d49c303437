import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { namesOf } from './names.ts';

const names = (subjectaltname: string | undefined, CN?: string | string[]) =>
  namesOf({ subject: { CN }, ...(subjectaltname !== undefined && { subjectaltname }) } as never);

test('DNS names and addresses of subjectAltName', () => {
  assert.deepEqual(names('DNS:AP1.example.com, IP Address:192.0.2.1, DNS:ap1'), [
    'ap1.example.com',
    '192.0.2.1',
    'ap1',
  ]);
  assert.deepEqual(names('IP Address:2001:DB8:0:0:0:0:0:1'), ['2001:db8::1']);
  assert.deepEqual(names('IP Address:<invalid>, DNS:ap1'), ['ap1']);
  assert.deepEqual(names(undefined), []);
  assert.deepEqual(names('DNS:*.example.com, DNS:ap1'), ['ap1']);
});

test('the common name never counts: it may be that of a user who is called like a NAS', () => {
  assert.deepEqual(names('DNS:ap1', 'other'), ['ap1']);
  assert.deepEqual(names('email:alice@example.com', 'ap1'), []);
  assert.deepEqual(names(undefined, 'ap1'), []);
  assert.deepEqual(names('', 'ap1'), []);
});

test('a name within a name is no name', () => {
  assert.deepEqual(names('DNS:"evil, DNS:ap1"'), ['evil, dns:ap1']);
  assert.deepEqual(names('URI:"http://x/, DNS:ap1", DNS:ap2'), ['ap2']);
  assert.deepEqual(names('othername:<unsupported>, DNS:ap1'), ['ap1']);
});

test('whatever the text is, there is an answer', () => {
  fc.assert(fc.property(fc.string(), fc.string(), (text, cn) => void names(text, cn)));
});
