import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startTsa, type Tsa } from '../../appliance/logs/timestamp/testing.ts';
import { type Json, until } from '../api/support.ts';
import { assertProblem } from '../harness.ts';
import { requires } from '../requires.ts';
import {
  assertVerified,
  exported,
  found,
  inState,
  type Process,
  portOf,
  run,
  sendUdp,
  startProcess,
  status,
  tempFolder,
  verifyExport,
} from './support.ts';

describe('an export of the whole appliance', requires('unzip', 'openssl'), () => {
  const enders: (() => unknown)[] = [];
  const t = { after: (fn: () => unknown) => void enders.push(fn) };
  let tsa: Tsa;
  let a: Process;
  let keys: string[];
  let folder: string;
  let view: Json;
  const began = new Date(Date.now() - 60_000).toISOString();

  before(async () => {
    tsa = await startTsa();
    enders.push(() => tsa.close());
    const dataDir = tempFolder(t);
    writeFileSync(path.join(dataDir, 'gatehouse.yaml'), `logs: { tsa: "${tsa.url}", tenant: example, edge: e-1 }\n`);
    a = await startProcess(t, dataDir);
    keys = a.keys.flatMap((key) => ['--key', key]);
    await sendUdp(
      portOf(a.logs.syslog),
      Array.from({ length: 50 }, (_, i) => `<13>kilo line ${i}`),
    );
    const to = new Date(Date.now() + 3600_000).toISOString();
    folder = path.join(tempFolder(t), 'export');
    ({ view } = await exported(a.admin, { from: began, to, case: 'Case 42/7' }, folder));
  });
  after(async () => {
    for (const end of enders.reverse()) await end();
  });

  test('says what was asked for, and is proved by its own verifier with the keys of the first start', async () => {
    assert.deepEqual([view.case, view.requested_by.username, view.progress], ['Case 42/7', 'admin', 1]);
    assert.ok(view.count >= 50);
    assert.equal(a.keys.length, 2);
    const { code, text } = await verifyExport(folder, ...keys);
    assert.equal(code, 0, text);
    const csv = readFileSync(path.join(folder, 'records.csv'), 'utf8');
    assert.match(csv, /kilo line 49/);
    // The request for it is in it.
    assert.match(csv, /logs\.exported/);
    const stranger = a.keys[0]!.replace(/\+[0-9a-f]{8}\+.*/, '+00000000+AAAA');
    assert.equal((await verifyExport(folder, '--key', stranger)).code, 1);
  });

  test('has a time-stamp that openssl accepts; the status knows it', async () => {
    const { timestamp } = await status(a.admin);
    assert.deepEqual([timestamp.url, timestamp.error], [tsa.url, null]);
    assert.ok(timestamp.last_size > 0 && timestamp.last_at);
    const files = readdirSync(folder, { recursive: true }) as string[];
    const name = files.find((file) => file.endsWith('.tsr') || file.endsWith('.tst'));
    assert.ok(name, files.join(' '));
    const size = path.basename(name).replace(/\..*/, '');
    const note = readFileSync(path.join(folder, 'checkpoints', size), 'utf8');
    const body = path.join(folder, 'stamped');
    writeFileSync(body, note.slice(0, note.indexOf('\n\n') + 1));
    const token = name.endsWith('.tst') ? ['-token_in'] : [];
    const args = ['-in', path.join(folder, name), ...token, '-data', body, '-CAfile', tsa.file('root.pem')];
    const { stdout } = await run('openssl', ['ts', '-verify', ...args, '-untrusted', tsa.file('middle.pem')]);
    assert.match(stdout, /Verification: OK/);
    writeFileSync(body, 'something else\n');
    await assert.rejects(run('openssl', ['ts', '-verify', ...args, '-untrusted', tsa.file('middle.pem')]));
  });

  test('that was changed is refused, and the record is named', async () => {
    const other = path.join(tempFolder(t), 'other');
    await run('cp', ['-r', folder, other]);
    const file = path.join(other, 'records.jsonl');
    const name = readdirSync(other).find((one) => one.startsWith('records.json')) ?? 'records.json';
    const at = name === 'records.jsonl' ? file : path.join(other, name);
    const before = readFileSync(at, 'latin1');
    const raw = Buffer.from('<13>kilo line 17').toString('base64').replace(/=+$/, '').slice(0, -2);
    const changed = before.includes(raw)
      ? before.replace(raw, Buffer.from('<13>kilo line 71').toString('base64').replace(/=+$/, '').slice(0, -2))
      : before.replace('kilo line 17', 'kilo line 71');
    assert.notEqual(changed, before);
    writeFileSync(at, changed, 'latin1');
    const [{ index }] = await found(a.admin, { q: '"kilo line 17" kind:log' });
    const { code, text } = await verifyExport(other, ...keys);
    assert.equal(code, 1, text);
    assert.match(text, new RegExp(`\\b${index}\\b`));
  });

  test('of some records only, by a source and words; who did it is recorded; then it is deleted', async () => {
    const { admin } = a;
    const to = new Date(Date.now() + 3600_000).toISOString();
    const request = { from: began, to, source: '127.0.0.1', q: 'kilo -17' };
    const some = await exported(admin, request, path.join(tempFolder(t), 'some'));
    // With what is about the log itself, such as the key that it began with.
    assert.ok(some.view.count >= 49);
    const csv = readFileSync(path.join(some.folder, 'records.csv'), 'utf8');
    assert.equal(csv.match(/kilo line /g)?.length, 49);
    const { code, text } = await verifyExport(some.folder, ...keys);
    assert.equal(code, 0, text);
    const [downloaded] = await found(admin, { q: `app:logs.downloaded ${some.view.id}` });
    assert.equal(JSON.parse(downloaded.raw).sha256, some.view.sha256);
    assert.equal((await admin.delete(`/v1/logs/exports/${some.view.id}`)).status, 204);
    assertProblem(await admin.get(`/v1/logs/exports/${some.view.id}/download`), 404);
    assertProblem(await admin.post('/v1/logs/exports', { from: to, to: began }), 422, /swap/);
  });

  test('the log on the box is proved too, and a second start prints no keys', async () => {
    const { size } = await status(a.admin);
    a.child.kill('SIGTERM');
    assert.equal((await a.ended).code, 0);
    assert.ok((await assertVerified(a.dataDir, { keys: a.keys })) >= size);
    const again = await startProcess(t, a.dataDir);
    assert.deepEqual(again.keys, []);
    const now = await inState(again.admin, 'sealing');
    assert.ok(now.size >= size && now.origin === 'gatehouse/example/default/e-1');
    assert.deepEqual(now.genesis.split('\n').slice(0, 2), a.keys);
    await found(again.admin, { q: 'kilo kind:log', limit: '100' }, 50);
    await until('the timestamp is remembered', async () => (await status(again.admin)).timestamp.last_size > 0);
    again.child.kill('SIGTERM');
    assert.equal((await again.ended).code, 0);
  });
});
