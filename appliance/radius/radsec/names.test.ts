import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { namesOf } from './names.ts';

const names = (subjectaltname: string | undefined, CN?: string | string[]) =>
  namesOf({ subject: { CN } as never, ...(subjectaltname !== undefined && { subjectaltname }) });

test('DNS names and addresses of subjectAltName; the common name where there is none', () => {
  assert.deepEqual(names('DNS:AP1.example.com, IP Address:192.0.2.1, DNS:ap1'), [
    'ap1.example.com',
    '192.0.2.1',
    'ap1',
  ]);
  assert.deepEqual(names('DNS:ap1', 'other'), ['ap1']);
  assert.deepEqual(names('email:alice@example.com', 'ap1'), [], "a person's certificate is no client's");
  assert.deepEqual(names(undefined, 'AP1'), ['ap1']);
  assert.deepEqual(names(undefined, ['ap1', 'ap2']), [], 'which of them?');
  assert.deepEqual(names(undefined), []);
  assert.deepEqual(names('DNS:*.example.com, DNS:ap1'), ['ap1']);
});

test('a name within a name is no name', () => {
  assert.deepEqual(names('DNS:"evil, DNS:ap1"'), ['evil, dns:ap1']);
  assert.deepEqual(names('URI:"http://x/, DNS:ap1", DNS:ap2'), ['ap2']);
  assert.deepEqual(names('othername:<unsupported>, DNS:ap1'), ['ap1']);
});

test('whatever the text is, there is an answer', () => {
  fc.assert(fc.property(fc.string(), fc.string(), (text, cn) => void names(text, cn)));
});
