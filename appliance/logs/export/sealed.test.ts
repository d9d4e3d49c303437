import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { CLASSES, KIND } from '../record/types.ts';
import { LIMITS } from '../seal/limits.ts';
import { lines, makePlace, openSealer } from '../seal/testing.ts';
import { buildExport } from './export.ts';
import { unpack, verifyFolder } from './testing.ts';
import { verifyArchive } from './verify.ts';

const forever = Object.fromEntries(CLASSES.map((name) => [name, null])) as Record<(typeof CLASSES)[number], null>;

test('what the sealing thread has written, erased and let expire is verified, exported and on the box', async (t) => {
  const place = makePlace();
  t.after(() => place.remove());
  const one = openSealer(place, { limits: { ...LIMITS, segmentRecords: 600, epochUs: 3600e6 } });
  const start = one.clock.wall;
  const sources = [{ id: 1, class: 'traffic' as const }];
  await one.call({ type: 'settings', sources, retention: forever, holds: [] });
  for (let i = 0; i < 10; i++) {
    one.send(lines(200, 200 * i), i % 2 === 0 ? '192.0.2.1:514' : '192.0.2.2:514');
    await one.call({
      type: 'append',
      id: i,
      kind: KIND.audit,
      class: 1,
      records: ['{"event":"logs.searched","q":"x"}'],
    });
    one.pass(2000);
  }
  const archive = one.archive();
  const wanted: number[] = [];
  for (const block of archive.blocks({ from: 0, to: archive.size() })) {
    for (const [i, index] of block.index.entries()) if (block.kind[i] === KIND.log) wanted.push(index);
  }
  const erased = await one.call({
    type: 'erase',
    id: 90,
    indexes: [wanted.at(-1)!, wanted.at(-2)!],
    reason: 'asked for',
    by: 'a',
  });
  assert.deepEqual(erased, { type: 'erased', id: 90, count: 2 });
  const verify = () => verifyArchive({ folder: place.folder, secrets: one.secrets });
  const exported = async (name: string, fromUs: number, toUs: number) => {
    const file = path.join(place.data, `${name}.zip`);
    const atUs = one.clock.wall;
    const { count } = await buildExport(
      { dataDir: place.data, folder: place.folder, file, fromUs, toUs, by: 'x', atUs },
      () => undefined,
    );
    const folder = path.join(place.data, name);
    await unpack(file, folder);
    return { count, ...(await verifyFolder(folder)) };
  };
  assert.deepEqual((await verify()).findings, []);
  const before = await exported('before', 0, one.clock.wall);
  assert.equal(before.code, 0, before.text);
  assert.match(before.text, /its payload was erased on .*, reason: asked for/);
  assert.match(before.text, /10 searches, exports and other accesses/);

  one.pass(86_400);
  await one.call({ type: 'settings', sources, retention: { ...forever, traffic: 1 } as never, holds: [] });
  one.pass(7200);
  await one.call({ type: 'seal', id: 99 });
  assert.ok(archive.segments().some(({ expired }) => expired.length > 0));
  const verified = await verify();
  assert.deepEqual(verified.findings, []);
  assert.ok(verified.records < verified.size);
  for (const [name, toUs] of [
    ['all', one.clock.wall + 1e6],
    ['part', start + 15_000e6],
  ] as const) {
    const after = await exported(name, 0, toUs);
    assert.equal(after.code, 0, after.text);
    assert.match(after.text, /there any more: the time to keep them had passed, as the log says itself/);
  }
  archive.close();
  await one.stop();
});
