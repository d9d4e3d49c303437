import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { callDaemon } from '@gatehouse/protocol/socket';
import { type FakeController, spokeState, startFakeController } from '../controller/testing/fake-controller.ts';
import { claimFormat, STATE_FORMAT } from './format.ts';
import { Machine } from './testing/processes.ts';

describe('the format of the state folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-format-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const file = () => path.join(folder, 'format');

  test('is noted where none or an older one is', async () => {
    for (const before of [null, '0\n', '0']) {
      if (before !== null) writeFileSync(file(), before);
      await claimFormat(folder);
      assert.equal(readFileSync(file(), 'utf8'), `${STATE_FORMAT}\n`);
    }
  });

  test('a newer one is refused, and stays', async () => {
    writeFileSync(file(), `${STATE_FORMAT + 1}\n`);
    await assert.rejects(claimFormat(folder), /newer agent: format \d+.*Install the newer version/);
    assert.equal(readFileSync(file(), 'utf8'), `${STATE_FORMAT + 1}\n`);
  });

  test('one that says nothing is refused, and stays: it may be a newer one', async () => {
    for (const before of ['', 'x'.repeat(100), '1 2', '-1', '1e9', '\0\0', '9'.repeat(10)]) {
      writeFileSync(file(), before);
      await assert.rejects(claimFormat(folder), /format is damaged.*nothing is touched.*remove the file.*restart/s);
      assert.equal(readFileSync(file(), 'utf8'), before);
    }
  });

  test('one that can’t be read is refused, and stays', async () => {
    mkdirSync(file());
    await assert.rejects(claimFormat(folder), /format can't be read \(EISDIR.*then restart/s);
    assert.ok(statSync(file()).isDirectory());
  });
});

describe('a state folder that isn’t to be touched', () => {
  let machine: Machine;
  let controller: FakeController;
  beforeEach(async () => {
    machine = new Machine();
    controller = await startFakeController({ state: (key) => spokeState(key) });
    controller.tokens.set('good', null);
  });
  afterEach(async () => {
    await machine.dispose();
    await controller.close();
  });
  const files = () =>
    readdirSync(machine.stateDir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => [name, readFileSync(path.join(parentPath, name), 'utf8')]);

  test('the daemon says why to whoever asks, loses nothing, and goes on once it is mended', async () => {
    const first = await machine.daemonHere();
    await callDaemon(machine.socketPath, 'enroll', { url: controller.url, token: 'good' });
    machine.kernel.traffic(92);
    await machine.until(({ state }) => state === 'connected');
    await first.stop();
    const format = path.join(machine.stateDir, 'format');
    for (const note of ['?', `${STATE_FORMAT + 1}`]) {
      writeFileSync(format, note);
      const before = files();
      const calls = machine.kernel.journal;
      const refusing = await machine.daemonHere();
      const status = await machine.status();
      assert.deepEqual([status.state, status.cause?.code, status.profiles], ['disconnected', 'not-enrolled', []]);
      assert.match(status.cause!.message, /format/);
      const doctor = await callDaemon(machine.socketPath, 'doctor', {});
      const finding = doctor.find(({ check }) => check === 'state');
      assert.equal(finding?.result, 'failed');
      assert.match(finding.advice ?? '', /restart the agent/);
      const lines = await callDaemon(machine.socketPath, 'logs', {});
      assert.ok(lines.some((line) => line.includes(status.cause!.message)));
      for (const method of ['up', 'down', 'leave', 'posture', 'sessions'] as const) {
        await assert.rejects(callDaemon(machine.socketPath, method, {}), { message: status.cause!.message });
      }
      const enroll = { url: controller.url, token: 'other', add: true };
      await assert.rejects(callDaemon(machine.socketPath, 'enroll', enroll), { message: status.cause!.message });
      await refusing.stop();
      assert.deepEqual(files(), before);
      assert.deepEqual(machine.kernel.journal, calls);
    }
    rmSync(format);
    await machine.daemonHere();
    await machine.until(({ state }) => state === 'connected');
  });
});
