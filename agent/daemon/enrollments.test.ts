import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { callDaemon } from '@gatehouse/protocol/socket';
import fc from 'fast-check';
import { type FakeController, spokeState, startFakeController } from '../controller/testing/fake-controller.ts';
import { Machine } from './testing/processes.ts';

const NAMES = ['office', 'home'] as const;
type Name = (typeof NAMES)[number];

// Nothing here waits for a time: a controller answers when the test says so.
describe('enrollments beside all else', () => {
  let machine: Machine;
  let controllers: Record<Name, FakeController>;
  /** Answers to `resolve` that are held back. */
  let held: (() => void)[];
  const setUp = async () => {
    machine = new Machine();
    held = [];
    const start = (name: Name) =>
      startFakeController({
        peerId: `peer-${name}`,
        state: (key) => {
          const state = spokeState(key);
          return { ...state, peer: { ...state.peer, id: `peer-${name}`, networkName: name } };
        },
      });
    controllers = { office: await start('office'), home: await start('home') };
    for (const controller of Object.values(controllers)) controller.tokens.set('good', null);
    await machine.daemonHere();
  };
  const tearDown = async () => {
    await machine.dispose();
    for (const controller of Object.values(controllers)) await controller.close();
  };
  beforeEach(setUp);
  afterEach(tearDown);

  const hold = (name: Name) => {
    controllers[name].answer = (request, response) => {
      if (request.url !== '/api/v1/agent/resolve') return false;
      held.push(() => {
        const who = { network_id: 'net-1', peer_id: `peer-${name}`, peer_name: 'laptop' };
        response.end(JSON.stringify({ ...who, config: '[Interface]\n' }));
      });
      return true;
    };
  };
  const release = () => {
    for (const controller of Object.values(controllers)) controller.answer = null;
    for (const answer of held.splice(0)) answer();
  };
  const asked = async (count = 1) => {
    while (held.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const enroll = (name: Name) =>
    callDaemon(machine.socketPath, 'enroll', { url: controllers[name].url, token: 'good', add: true });
  const call = (method: 'up' | 'down' | 'leave') => callDaemon(machine.socketPath, method, {});
  const pending = () => existsSync(path.join(machine.stateDir, 'pending.json'));
  const folders = () => {
    const folder = path.join(machine.stateDir, 'profiles');
    return existsSync(folder) ? readdirSync(folder).sort() : [];
  };

  test('down, use and up are answered while a controller is not, and down has the last word', async () => {
    await enroll('office');
    hold('home');
    const enrolling = enroll('home');
    await asked();
    assert.equal((await call('down')).target, 'down');
    assert.equal((await call('up')).target, 'up');
    assert.equal((await callDaemon(machine.socketPath, 'use', { profile: 'peer-office' })).target, 'up');
    assert.equal((await call('down')).target, 'down');
    release();
    const status = await enrolling;
    assert.deepEqual([status.enrolled?.peerId, status.target, status.state], ['peer-home', 'down', 'disconnected']);
    assert.deepEqual(folders(), ['peer-home', 'peer-office']);
  });

  test('leave ends an enrollment that waits, and those behind it; nothing of it comes back', async () => {
    hold('office');
    const enrolling = [enroll('office'), enroll('home')].map((promise) =>
      assert.rejects(promise, { code: 'not-enrolled', message: /was ended: .*gatehouse leave/ }),
    );
    await asked();
    await assert.rejects(call('leave'), { code: 'not-enrolled' });
    await Promise.all(enrolling);
    release();
    await callDaemon(machine.socketPath, 'enroll', { url: controllers.home.url, token: 'good' });
    assert.deepEqual([folders(), pending()], [['peer-home'], false]);
  });

  test('a pending enrollment is left by leave, and is finished by nobody then', async () => {
    controllers.office.answer = (request, response) => {
      if (request.method !== 'POST') return false;
      held.push(() => response.destroy());
      return true;
    };
    const ended = assert.rejects(enroll('office'), { code: 'not-enrolled' });
    await asked();
    assert.ok(pending());
    await call('leave');
    await ended;
    assert.deepEqual([folders(), pending()], [[], false]);
    release();
    await enroll('home');
    assert.deepEqual([folders(), pending()], [['peer-home'], false]);
  });

  test('leave means who was active when it was asked: two at once leave one network', async () => {
    await enroll('office');
    await enroll('home');
    await Promise.all([call('leave'), call('leave'), call('leave')]);
    assert.deepEqual(folders(), ['peer-office']);
    assert.equal((await machine.status()).enrolled?.peerId, 'peer-office');
    await assert.rejects(callDaemon(machine.socketPath, 'leave', { profile: 'peer-gone' }), {
      code: 'unknown-profile',
    });
  });

  test('use and leave at once: the one that was active goes, or the one that is active then', async () => {
    await enroll('office');
    await enroll('home');
    const using = callDaemon(machine.socketPath, 'use', { profile: 'peer-office' });
    const left = await call('leave');
    await using;
    assert.equal(left.profiles.length, 1);
    assert.equal(folders().length, 1);
    const status = await machine.status();
    assert.equal(status.enrolled?.peerId, folders()[0]);
  });

  test('whatever comes in whatever order: memory, disk and a restart agree, and each request is answered', async () => {
    const request = fc.constantFrom(
      'office',
      'home',
      'up',
      'down',
      'use-office',
      'use-home',
      'leave',
      'release',
      'yield',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 3, maxLength: 10 }), async (requests) => {
        await tearDown();
        await setUp();
        hold('office');
        const answers: Promise<unknown>[] = [];
        const push = (answer: Promise<unknown>) => answers.push(answer.catch(() => undefined));
        for (const what of requests) {
          if (what === 'release') release();
          else if (what === 'yield') await machine.status();
          else if (what === 'office' || what === 'home') push(enroll(what));
          else if (what === 'use-office' || what === 'use-home') {
            const profile = `peer-${what.slice(4)}`;
            push(callDaemon(machine.socketPath, 'use', { profile }));
          } else push(call(what));
        }
        const all = Promise.all(answers);
        // The last word, while the office may still hold its answer back.
        const down = await call('down');
        assert.equal(down.target, 'down');
        const answered = all.then(() => true);
        while (!(await Promise.race([answered, new Promise((resolve) => setTimeout(resolve, 5))]))) release();
        // By another connection each, so an enrollment may have been heard behind it.
        const status = await call('down');
        assert.deepEqual(status.profiles.map(({ id }) => id).sort(), folders());
        assert.equal(status.enrolled !== null, status.profiles.length > 0);
        assert.equal(status.target, 'down');
        assert.equal(machine.kernel.device, null);
        await machine.restart();
        const again = await machine.status();
        assert.deepEqual([again.enrolled?.peerId, again.profiles], [status.enrolled?.peerId, status.profiles]);
      }),
      { numRuns: 12 },
    );
  });
});
