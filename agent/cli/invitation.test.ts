import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UsageError } from './exit.ts';
import { readInvitation } from './invitation.ts';

test('a URL, and the links of invitations', () => {
  assert.deepEqual(readInvitation('https://gate.example.org/x'), { url: 'https://gate.example.org/x' });
  const both = { url: 'https://gate.example.org', token: 'secret-1' };
  assert.deepEqual(readInvitation('gatehouse://enroll?url=https%3A%2F%2Fgate.example.org&token=secret-1'), both);
  assert.deepEqual(readInvitation('https://gate.example.org#token=secret-1'), both);
  const pin = `sha256:${'A'.repeat(43)}`;
  const link = `gatehouse://enroll?${new URLSearchParams({ ...both, pin })}`;
  assert.deepEqual(readInvitation(link), { ...both, pin });
  assert.deepEqual(readInvitation(`https://gate.example.org#token=secret-1&pin=${pin}`), { ...both, pin });
  assert.throws(() => readInvitation(`${link}&pin=x`), /no invitation/);
  assert.equal(readInvitation(link.replace(/pin=.*/, 'pin=')).pin, '', 'the daemon says that it is none');
});

test('half a link, or another: told in words that repeat nothing of it', () => {
  for (const [text, message] of [
    ['gatehouse://enroll?url=https%3A%2F%2Fgate.example.org', /no token: .* in quotes/],
    ['gatehouse://enroll?token=secret-1', /no invitation/],
    ['gatehouse://leave?url=https%3A%2F%2Fsecret-1&token=secret-1', /no invitation/],
    ['gatehouse://enroll?url=https%3A%2F%2Fx&token=secret-1&token=secret-2', /no invitation/],
    ['https://gate.example.org/#secret-1', /no token/],
  ] as const) {
    assert.throws(
      () => readInvitation(text),
      (error: Error) => error instanceof UsageError && message.test(error.message) && !error.message.includes('secret'),
      text,
    );
  }
});

test('whatever is pasted is a URL with or without a token, or told in words', () => {
  const text = fc.tuple(fc.constantFrom('', 'gatehouse:', 'gatehouse://enroll?url=', 'https://x/#token='), fc.string());
  fc.assert(
    fc.property(text, ([start, rest]) => {
      try {
        const { token } = readInvitation(start + rest);
        assert.notEqual(token, '');
      } catch (error) {
        assert.ok(error instanceof UsageError, String(error));
      }
    }),
  );
});
