import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from '../api/support.ts';
import { assertProblem, startTestAppliance } from '../harness.ts';
import { requires } from '../requires.ts';
import {
  exported,
  found,
  inState,
  type Process,
  portOf,
  sendUdp,
  startProcess,
  status,
  tempFolder,
  verifyExport,
} from './support.ts';

/** The log of a folder, as it is signed. */
const checkpointIn = (dataDir: string): string => readFileSync(path.join(dataDir, 'logs', 'checkpoint'), 'utf8');
const signaturesIn = (note: string): string[] => note.split('\n').filter((line) => line.startsWith('— '));

describe('an appliance that another one witnesses', requires('unzip'), () => {
  const enders: (() => unknown)[] = [];
  const t = { after: (fn: () => unknown) => void enders.push(fn) };
  const ends = async (one: Process): Promise<void> => {
    one.child.kill('SIGTERM');
    assert.equal((await one.ended).code, 0, one.err());
  };
  let witness: Process;
  let witnessKey: string;
  let a: Process;
  let older: string;

  before(async () => {
    const [dataDir, witnessDir] = [tempFolder(t), tempFolder(t)];
    // Both keys are of the first start: each is set where the other one's appliance runs.
    const first = await startProcess(t, dataDir, { GATEHOUSE_SYSLOG: 'off' });
    writeFileSync(path.join(witnessDir, 'gatehouse.yaml'), `logs: { edge: hub, witness_for: ["${first.keys[0]}"] }\n`);
    witness = await startProcess(t, witnessDir, { GATEHOUSE_SYSLOG: 'off' });
    witnessKey = (await witness.anonymous.get('/witness/key')).body.trim();
    await ends(first);
    older = path.join(tempFolder(t), 'older');
    cpSync(dataDir, older, { recursive: true });
    writeFileSync(
      path.join(dataDir, 'gatehouse.yaml'),
      `logs: { witnesses: [{ url: "${witness.url}/witness", key: "${witnessKey}" }] }\n`,
    );
    cpSync(path.join(dataDir, 'gatehouse.yaml'), path.join(older, 'gatehouse.yaml'));
    a = await startProcess(t, dataDir);
  });
  after(async () => {
    for (const end of enders.reverse()) await end();
  });

  test('has its cosignature on the checkpoint, in the status and in an export', async () => {
    assert.match(witnessKey, /^gatehouse\/local\/default\/hub\/witness\+[0-9a-f]{8}\+/);
    await sendUdp(portOf(a.logs.syslog), ['<13>lima one', '<13>lima two']);
    await found(a.admin, { q: 'lima kind:log' }, 2);
    const from = new Date(Date.now() - 3600_000).toISOString();
    const to = new Date(Date.now() + 3600_000).toISOString();
    // It is witnessed before an export is built.
    const { folder } = await exported(a.admin, { from, to }, path.join(tempFolder(t), 'export'));
    const { witnesses } = await status(a.admin);
    assert.deepEqual([witnesses.length, witnesses[0].error], [1, null]);
    assert.ok(witnesses[0].last_size > 0 && witnesses[0].last_at);
    const { code, text } = await verifyExport(folder, '--witness', witnessKey);
    assert.equal(code, 0, text);
    assert.match(text, /witness/);
    const [name] = witnessKey.split('+');
    const known = await witness.anonymous.get(`/witness/${'0'.repeat(64)}/checkpoint`);
    assert.equal(known.status, 404);
    await until('the checkpoint has the cosignature', async () => {
      const { body } = await a.admin.get('/v1/logs/checkpoint');
      if (signaturesIn(body).some((line) => line.startsWith(`— ${name} `))) return true;
      // The next record has made a newer one meanwhile: it gets its own.
      await exported(a.admin, { from, to }, path.join(tempFolder(t), 'again'));
      return false;
    });
  });

  test('is refused as an older copy of its folder, signs nothing, and says why', async () => {
    await ends(a);
    const before = checkpointIn(older);
    const copy = await startProcess(t, older);
    const { reason } = await inState(copy.admin, 'refused');
    assert.match(reason, /a witness has seen \d+ records of this log, and here are \d+/);
    await sendUdp(portOf(copy.logs.syslog), ['<13>mike into an old copy']);
    assertProblem(await copy.admin.get('/v1/logs?q=mike'), 503, /takes nothing in/);
    // All else goes on.
    assert.equal((await copy.admin.get('/v1/policies')).status, 200);
    const [{ error }] = (await status(copy.admin)).witnesses;
    assert.match(error, /older copy/);
    assert.match(copy.err(), /the log is not sealed: a witness has seen/);
    await ends(copy);
    assert.equal(checkpointIn(older), before);
  });

  test('whose folder of the log alone is older is damaged, by what the database remembers', async () => {
    const before = checkpointIn(older);
    rmSync(path.join(a.dataDir, 'logs'), { recursive: true });
    cpSync(path.join(older, 'logs'), path.join(a.dataDir, 'logs'), { recursive: true });
    // No witness is asked.
    writeFileSync(path.join(a.dataDir, 'gatehouse.yaml'), '');
    const mixed = await startProcess(t, a.dataDir);
    const { state, reason } = await status(mixed.admin);
    assert.equal(state, 'damaged');
    assert.match(reason, /\d+ records/);
    assert.equal((await mixed.admin.get('/v1/policies')).status, 200);
    await ends(mixed);
    assert.equal(checkpointIn(a.dataDir), before);
  });

  test('whose files of the log are broken starts all the same, and says so', async () => {
    for (const [name, text] of [
      ['catalog.db', 'this is no database, and long enough not to be taken for an empty one'],
      ['checkpoint', 'nothing that is signed'],
      ['genesis', 'no keys'],
    ] as const) {
      const dataDir = path.join(tempFolder(t), 'broken');
      cpSync(older, dataDir, { recursive: true });
      writeFileSync(path.join(dataDir, 'gatehouse.yaml'), '');
      // What SQLite has not put into the database yet would mend it.
      rmSync(path.join(dataDir, 'logs', `${name}-wal`), { force: true });
      writeFileSync(path.join(dataDir, 'logs', name), text);
      const broken = await startTestAppliance({ after: () => undefined }, { GATEHOUSE_DATA: dataDir });
      const { state, reason } = await status(broken.admin);
      assert.deepEqual([name, state], [name, 'damaged']);
      assert.ok(reason.length > 10);
      await broken.close();
    }
  });
});
