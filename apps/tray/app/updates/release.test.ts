import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { descriptionName, isSigned, parseKeys, type Trust, UpdateError, verifyRelease } from './release.ts';
import { describeRelease, releaseKey, signatureOf } from './testing.ts';

const { privateKey, publicText } = releaseKey();
const keys = parseKeys(publicText);
const files = {
  'Gatehouse-1.2.0-linux-amd64.deb': Buffer.from('the package'),
  'Gatehouse-1.2.0-linux-arm64.deb': Buffer.from('the other package'),
  'Gatehouse-1.2.0-linux-x86_64.AppImage': Buffer.from('the app alone'),
};
const trust: Trust = { keys, channel: 'stable', kind: 'deb', arch: 'x64', seen: undefined };
const verified = (text: string, changes: Partial<Trust> = {}) =>
  verifyRelease(Buffer.from(text), signatureOf(text, privateKey), { ...trust, ...changes });

test('a signed description gives the file for this computer, and nothing that was not checked', () => {
  const release = verified(`${describeRelease('1.2.0', files)}stagingPercentage: 3\npackages: {x64: {path: /x}}\n`);
  assert.deepEqual(Object.keys(release), ['version', 'releaseDate', 'expires', 'file']);
  assert.equal(release.version, '1.2.0');
  assert.equal(release.file.url, 'Gatehouse-1.2.0-linux-amd64.deb');
  assert.equal(release.file.size, 11);
  assert.equal(verified(describeRelease('1.2.0', files), { arch: 'arm64' }).file.size, 17);
  assert.equal(verified(describeRelease('1.2.0', files), { kind: 'appimage' }).file.size, 13);
  assert.throws(() => verified(describeRelease('1.2.0', files), { kind: 'rpm' }), /no package for this computer/);
  const mac = describeRelease('1.2.0', { 'Gatehouse-1.2.0-mac-universal.pkg': Buffer.from('x') });
  assert.equal(verified(mac, { kind: 'pkg', arch: 'arm64' }).file.size, 1);
});

test('any changed byte of description or signature is refused', () => {
  const description = Buffer.from(describeRelease('1.2.0', files));
  const signature = signatureOf(description, privateKey);
  assert.ok(isSigned(description, signature, keys));
  fc.assert(
    fc.property(fc.nat(description.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(description);
      changed[at] = changed[at]! ^ flip;
      assert.throws(() => verifyRelease(changed, signature, trust), /not signed/);
    }),
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      assert.equal(isSigned(description, text, keys), false);
    }),
  );
  assert.throws(
    () => verifyRelease(description, signatureOf(description, releaseKey().privateKey), trust),
    /not signed/,
  );
  assert.throws(() => verifyRelease(description, '', trust), UpdateError);
});

test('while keys change, a signature by the old and one by the new stand side by side', () => {
  const next = releaseKey();
  const text = describeRelease('1.2.0', files);
  const both = signatureOf(text, privateKey) + signatureOf(text, next.privateKey);
  for (const known of [publicText, next.publicText, `${publicText}, ${next.publicText}`]) {
    assert.equal(verifyRelease(Buffer.from(text), both, { ...trust, keys: parseKeys(known) }).version, '1.2.0');
  }
  assert.throws(() => parseKeys('AAAA'), /not 32 bytes/);
});

test('a feed cannot go back: not in version, and of the same version not in date', () => {
  const text = describeRelease('1.2.0', files, '2026-11-20T10:00:00.000Z');
  const seen = (version: string, releaseDate = '2026-11-20T10:00:00.000Z') => ({ seen: { version, releaseDate } });
  assert.throws(() => verified(text, seen('1.3.0')), /older than 1\.3\.0/);
  assert.throws(() => verified(text, seen('1.2.0', '2026-11-21T10:00:00.000Z')), /older than/);
  assert.equal(verified(text, seen('1.2.0')).version, '1.2.0');
  assert.equal(verified(text, seen('1.2.0-beta.1')).version, '1.2.0');
  // A wrong clock where a release was made doesn't block the next one.
  assert.equal(verified(text, seen('1.1.0', '2099-01-01T00:00:00.000Z')).version, '1.2.0');
});

test('test versions go to those who asked for them', () => {
  const text = describeRelease('1.3.0-beta.1', files);
  assert.throws(() => verified(text), /test version/);
  assert.equal(verified(text, { channel: 'beta' }).version, '1.3.0-beta.1');
});

test('a signed description of another form is refused, and never crashes', () => {
  const good = describeRelease('1.2.0', files);
  const broken = [
    good.replace('Gatehouse-1.2.0-linux-amd64.deb', 'https://elsewhere.example/x-amd64.deb'),
    good.replace('Gatehouse-1.2.0-linux-amd64.deb', '../x-amd64.deb'),
    good.replace('1.2.0', 'latest'),
    good.replace(/size: \d+/, 'size: 0'),
    good.replace(/size: \d+/, 'size: 9e15'),
    good.replace(/sha512: ./, 'sha512: '),
    good.replace('2026-11-20', '2026-99-20'),
    'version: 1.2.0\n',
    'a: &a [1]\nb: [*a, *a]\n',
    '\u0000',
    '- ',
    '',
  ];
  for (const text of broken) assert.throws(() => verified(text), UpdateError, text.slice(0, 80));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const signature = signatureOf(Buffer.from(bytes), privateKey);
      assert.throws(() => verifyRelease(bytes, signature, trust), UpdateError);
    }),
  );
});

test('descriptions have the names that electron-builder gives them', () => {
  assert.equal(descriptionName('stable', 'win32', 'arm64'), 'latest.yml');
  assert.equal(descriptionName('stable', 'darwin', 'arm64'), 'latest-mac.yml');
  assert.equal(descriptionName('stable', 'linux', 'x64'), 'latest-linux.yml');
  assert.equal(descriptionName('beta', 'linux', 'arm64'), 'beta-linux-arm64.yml');
});
