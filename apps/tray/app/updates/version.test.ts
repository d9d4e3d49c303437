import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareVersions, isPrerelease, isVersion } from './version.ts';

test('versions are in the order of SemVer 2.0.0, section 11', () => {
  const ordered = [
    ...['0.9.9', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta', '1.0.0-beta.2', '1.0.0-beta.11'],
    ...['1.0.0-rc.1', '1.0.0', '1.0.1', '1.2.0', '1.10.0', '2.0.0-0', '2.0.0-99999999999999999999', '2.0.0'],
  ];
  for (const [index, a] of ordered.entries()) {
    for (const [other, b] of ordered.entries()) {
      assert.equal(Math.sign(compareVersions(a, b)), Math.sign(index - other), `${a} and ${b}`);
    }
  }
  assert.equal(compareVersions('1.0.0+build.1', '1.0.0+build.2'), 0);
});

test('what is no version is not taken for one', () => {
  for (const text of [
    '',
    '1',
    '1.2',
    'v1.2.3',
    '01.2.3',
    '1.2.3-',
    '1.2.3-01',
    '1.2.3 ',
    '1.2.3\n',
    `1.2.${'3'.repeat(70)}`,
  ]) {
    assert.equal(isVersion(text), false, JSON.stringify(text));
    assert.throws(() => compareVersions(text, '1.0.0'), /not a version/);
  }
  assert.equal(isPrerelease('1.2.3-beta.1'), true);
  assert.equal(isPrerelease('1.2.3+beta'), false);
});

test('the order is the same from both sides', () => {
  const identifier = fc.oneof(fc.nat(99).map(String), fc.constantFrom('alpha', 'beta', 'rc-1'));
  const version = fc
    .tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.array(identifier, { maxLength: 3 }))
    .map(([a, b, c, pre]) => `${a}.${b}.${c}${pre.length > 0 ? `-${pre.join('.')}` : ''}`);
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      assert.equal(Math.sign(compareVersions(a, b)), -Math.sign(compareVersions(b, a)) + 0);
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) assert.ok(compareVersions(a, c) <= 0);
    }),
  );
});
