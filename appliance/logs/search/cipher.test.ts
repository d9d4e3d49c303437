import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { parse } from '../parse/index.ts';
import { makePlace, openSealer } from '../seal/testing.ts';
import { INDEX_KEY_BYTES, IndexCipher } from './cipher.ts';
import { queryOf } from './compile.ts';
import { Engine } from './engine.ts';
import { Library } from './library.ts';
import { hinted } from './match.ts';

const place = makePlace();
after(() => place.remove());

const forever = { system: null, audit: null, access: null, log: null, security: null, traffic: null, guest: null };
const secrets = ['marlene.dietrich', '10.77.66.55', '2001:db8:77::55', '02:00:5e:77:66:55', 'blue-angel'];
const line = (i: number): string =>
  `<189>date=2026-11-22 time=10:00:00 devname="blue-angel" devid="F1" logid="1" type="traffic" sessionid=${i} srcip=10.77.66.55 dstip=2001:db8:77::55 user="marlene.dietrich" srcmac="02:00:5e:77:66:55" action="accept"`;

function openLibrary(folder: string, one: ReturnType<typeof openSealer>) {
  const warnings: string[] = [];
  const archive = one.archive();
  const parseOf = hinted(parse);
  const library = new Library({ folder, archive, parse: parseOf, warn: (text) => warnings.push(text) });
  library.start();
  const behind = library.behind;
  while (library.step());
  const find = async (q: string): Promise<number> =>
    (await new Engine(library, parseOf).query({ query: queryOf({ q }), limit: 10_000 })).records.length;
  return { library, find, warnings, behind, close: () => archive.close() };
}

test('an index tells nothing without the keys of its segment, and nothing once one of them is destroyed', async () => {
  const one = openSealer(place, { limits: { segmentRecords: 512 } });
  for (let i = 0; i < 3; i++) one.send(Array.from({ length: 400 }, (_, k) => line(400 * i + k)));
  one.pass(6);
  await one.call({ type: 'settings', sources: [], retention: forever, holds: [] });
  const folder = path.join(place.folder, 'index');
  const first = openLibrary(folder, one);
  assert.equal(await first.find('marlene.dietrich'), 1200);
  const files = readdirSync(folder);
  assert.ok(files.length > 0);
  for (const name of files) {
    const bytes = readFileSync(path.join(folder, name));
    for (const text of [...secrets, 'srcip', 'marlene', '10.77', 'fortigate']) {
      assert.equal(bytes.indexOf(text), -1, `${text} in ${name}`);
    }
    // Nor is there any compressed part.
    const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
    for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) {
      assert.throws(() => zstdDecompressSync(bytes.subarray(at)));
    }
  }
  first.close();

  const again = openLibrary(folder, one);
  assert.deepEqual([again.behind, again.warnings], [0, []]);
  again.close();

  const [name] = files as [string];
  const old = path.join(place.data, 'old.idx');
  copyFileSync(path.join(folder, name), old);
  const found = [...one.archive().blocks({ from: 0, to: 100 })].flatMap((block) => [...block.index]);
  await one.call({ type: 'erase', id: 1, indexes: [found[50]!], reason: 'asked for', by: 'a' });
  copyFileSync(old, path.join(folder, name));
  const later = openLibrary(folder, one);
  assert.ok(later.behind > 0, 'the copy from before can not be opened');
  assert.equal(await later.find('marlene.dietrich'), 1199);
  later.close();
  one.sealer.close();
});

test('a part that was changed, moved or is under another key is refused; the stream is read from any byte on', () => {
  const key = randomBytes(INDEX_KEY_BYTES);
  const cipher = new IndexCipher(key);
  const sealed = cipher.seal(3, Buffer.from('text'), Buffer.from('around'));
  assert.equal(cipher.open(3, sealed, Buffer.from('around')).toString(), 'text');
  assert.throws(() => cipher.open(4, sealed, Buffer.from('around')));
  assert.throws(() => cipher.open(3, sealed, Buffer.from('other')));
  assert.throws(() => new IndexCipher(randomBytes(INDEX_KEY_BYTES)).open(3, sealed, Buffer.from('around')));
  sealed[0]! ^= 1;
  assert.throws(() => cipher.open(3, sealed, Buffer.from('around')));
  // The stream can be read from any byte on.
  const plain = randomBytes(1000);
  const stream = cipher.mask(plain, 0);
  for (const [from, to] of [
    [0, 1],
    [1, 17],
    [15, 16],
    [16, 32],
    [517, 1000],
  ] as const) {
    assert.deepEqual(cipher.mask(stream.subarray(from, to), from), plain.subarray(from, to));
  }
});
