import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  descriptionName,
  isSigned,
  newest,
  parseKeys,
  staleSince,
  type Trust,
  UpdateError,
  verifyRelease,
} from './release.ts';
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
  const seen = (version: string, releaseDate = '2026-11-20T10:00:00.000Z') => ({
    seen: { version, releaseDate, expires: '2027-01-01T00:00:00.000Z' },
  });
  assert.throws(() => verified(text, seen('1.3.0')), /older than 1\.3\.0/);
  assert.throws(() => verified(text, seen('1.2.0', '2026-11-21T10:00:00.000Z')), /older than/);
  assert.equal(verified(text, seen('1.2.0')).version, '1.2.0');
  assert.equal(verified(text, seen('1.2.0-beta.1')).version, '1.2.0');
  // A wrong clock where a release was made doesn't block the next one.
  assert.equal(verified(text, seen('1.1.0', '2099-01-01T00:00:00.000Z')).version, '1.2.0');
});

test('a description counts until the end that was signed with it, and there is none without one', () => {
  const RELEASED = '2026-11-20T10:00:00.000Z';
  const release = (version: string, expires: string) => verified(describeRelease(version, files, RELEASED, expires));
  const first = newest(undefined, release('1.2.0', '2027-02-18T10:00:00.000Z'));
  assert.equal(staleSince(first, new Date('2027-02-18T09:59:59.999Z')), undefined);
  assert.equal(staleSince(first, new Date('2027-02-18T10:00:00.000Z')), first.expires);
  assert.equal(staleSince(undefined, new Date('2099-01-01T00:00:00.000Z')), undefined);

  // Signed again: the later end counts, and the earlier one isn't an end any more when it is shown again.
  const again = newest(first, release('1.2.0', '2027-05-18T10:00:00.000Z'));
  assert.equal(again.expires, '2027-05-18T10:00:00.000Z');
  assert.equal(newest(again, release('1.2.0', '2027-02-18T10:00:00.000Z')), again);
  // Another release has an end of its own, even an earlier one.
  assert.equal(newest(again, release('1.3.0', '2027-03-01T00:00:00.000Z')).expires, '2027-03-01T00:00:00.000Z');

  const text = describeRelease('1.2.0', files);
  assert.throws(() => verified(text.replace(/^expires: .*\n/m, '')), /does not say until when it counts/);
  for (const bad of ['', 'never', '2027-02-30', '2027-13-01T00:00:00.000Z', '[]', '~', '1800000000'])
    assert.throws(() => verified(text.replace(/^expires: .*/m, `expires: ${bad}`)), UpdateError, bad);
});

test('what YAML has in store for two readers to see two things is refused', () => {
  const good = describeRelease('1.2.0', files);
  assert.equal(verified(good).version, '1.2.0');
  for (const text of [
    `${good}version: 9.9.9\n`,
    `${good}"version": 9.9.9\n`,
    `${good}expires: '2099-01-01T00:00:00.000Z'\n`,
    good.replace('size: 11', 'size: 11\n    size: 12'),
    `${good}---\n${good}`,
    `${good}...\n---\nversion: 9.9.9\n`,
    `base: &base\n  version: 9.9.9\n<<: *base\n${good}`,
    good.replace('version: 1.2.0', 'version: !!binary MS4yLjA='),
    good.replace('version: 1.2.0', 'version: 1.2'),
    good.replace('size: 11', 'size: "11"'),
  ])
    assert.throws(() => verified(text), UpdateError, text);
  // Not UTF-8, whatever the signature says.
  const bytes = Buffer.concat([Buffer.from(good), Buffer.from([0x23, 0xff, 0x0a])]);
  assert.throws(() => verifyRelease(bytes, signatureOf(bytes, privateKey), trust), UpdateError);
});

test('a signature counts by Ed25519 over the whole description only', () => {
  const text = describeRelease('1.2.0', files);
  const good = signatureOf(text, privateKey).trim();
  const signed = (signature: string) => isSigned(Buffer.from(text), signature, keys);
  assert.ok(signed(good));
  assert.ok(signed(`${'A'.repeat(86)}==\r\n${good}\r\n`));
  // S is read modulo nothing (RFC 8032, section 5.1.7): S + L is no second signature.
  const raw = Buffer.from(good, 'base64');
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = BigInt(`0x${Buffer.from(raw.subarray(32)).reverse().toString('hex')}`) + order;
  const high = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
  assert.equal(signed(Buffer.concat([raw.subarray(0, 32), high]).toString('base64')), false);
  for (const bad of ['', `${'A'.repeat(86)}==`, good.slice(1), ` ${good}`, `ed25519:${good}`, `${good}${good}`, '-'])
    assert.equal(signed(bad), false, bad);
  // Of many lines the first four count: nobody makes an app verify for hours.
  assert.equal(signed(`${`${'A'.repeat(86)}==\n`.repeat(4)}${good}\n`), false);
  // What was signed is the description of one system; cut or lengthened it isn't that any more.
  for (const changed of [text.slice(0, -1), `${text}\n`, ` ${text}`, text.replaceAll('\n', '\r\n')])
    assert.equal(isSigned(Buffer.from(changed), good, keys), false);
  assert.equal(isSigned(Buffer.from(text), good, []), false);
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
