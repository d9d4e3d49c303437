import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { KEY_FILE, openKeyFile, sha256Hex } from './index.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-keys-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, KEY_FILE);
const box = openKeyFile(folder);

describe('sealed secrets', () => {
  const texts = fc.string({ unit: 'grapheme', maxLength: 200 });

  it('open in their own context, and look different each time', () => {
    fc.assert(
      fc.property(texts, texts, (plaintext, context) => {
        const sealed = box.seal(plaintext, context);
        assert.match(sealed, /^v1\.[0-9a-f]{8}\.[\w-]+$/);
        assert.equal(box.open(sealed, context), plaintext);
        assert.notEqual(box.seal(plaintext, context), sealed);
      }),
    );
  });

  it('do not open in another context', () => {
    fc.assert(
      fc.property(texts, texts, texts, (plaintext, context, other) => {
        fc.pre(context !== other);
        assert.throws(() => box.open(box.seal(plaintext, context), other), /changed or belongs to another place/);
      }),
    );
  });

  it('do not open when any character of them is changed, added or lost', () => {
    fc.assert(
      fc.property(texts, fc.nat(), fc.string({ minLength: 0, maxLength: 2 }), (plaintext, at, put) => {
        const sealed = box.seal(plaintext, 'c');
        const index = at % sealed.length;
        const tampered = sealed.slice(0, index) + put + sealed.slice(index + 1);
        fc.pre(tampered !== sealed);
        assert.throws(() => box.open(tampered, 'c'), Error);
      }),
      { numRuns: 500 },
    );
    const sealed = box.seal('every byte', 'c');
    const bytes = Buffer.from(sealed.split('.')[2]!, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const copy = Buffer.from(bytes);
      copy[bit >> 3]! ^= 1 << (bit & 7);
      assert.throws(() => box.open(`${sealed.slice(0, 12)}${copy.toString('base64url')}`, 'c'), /changed/);
    }
  });

  it('give errors, not crashes, for anything else', () => {
    fc.assert(fc.property(fc.string(), (text) => void assert.throws(() => box.open(text, 'c'), Error)));
  });
});

describe('the key file', () => {
  it('is the same after a restart, and holds no trace of a half-written one', () => {
    assert.equal(openKeyFile(folder).open(box.seal('s', 'c'), 'c'), 's');
    assert.deepEqual(readdirSync(folder), [KEY_FILE]);
    if (process.platform !== 'win32') assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('rotates: new secrets under a new key, old ones still open, and another process finds the new key', () => {
    const other = openKeyFile(folder);
    const old = box.seal('old', 'c');
    const id = box.rotate();
    const sealed = box.seal('new', 'c');
    assert.ok(sealed.startsWith(`v1.${id}.`));
    assert.equal(box.open(old, 'c'), 'old');
    assert.equal(other.open(sealed, 'c'), 'new');
    assert.equal(openKeyFile(folder).open(old, 'c'), 'old');
  });

  it('names the key that it lacks', () => {
    const stranger = openKeyFile(mkdtempSync(path.join(folder, 'other-')));
    assert.throws(
      () => stranger.open(box.seal('s', 'c'), 'c'),
      /sealed under key [0-9a-f]{8}, which is not in .*keys\.json/,
    );
  });

  it('is refused when others may read it', { skip: process.platform === 'win32' }, () => {
    for (const mode of [0o640, 0o604]) {
      chmodSync(file, mode);
      assert.throws(() => openKeyFile(folder), { name: 'StoreError', message: new RegExp(`chmod 600 ${file}`) });
    }
    chmodSync(file, 0o600);
  });

  it('is refused when damaged, without showing what is in it', () => {
    const good = readFileSync(file, 'utf8');
    const key: string = JSON.parse(good).keys[0].key;
    for (const bad of [
      good.slice(0, -30),
      good.replace(key, key.slice(4)),
      '{}',
      'null',
      '{"keys":[]}',
      '{"keys":[null]}',
      '',
    ]) {
      writeFileSync(file, bad);
      assert.throws(
        () => openKeyFile(folder),
        (error: Error) => {
          assert.match(error.message, /is damaged: restore it from a backup/);
          assert.ok(!error.message.includes(key.slice(4, 20)));
          return true;
        },
      );
    }
    writeFileSync(file, good);
    openKeyFile(folder);
  });
});

it('sha256Hex is SHA-256 (FIPS 180-4, "abc")', () => {
  assert.equal(sha256Hex('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
