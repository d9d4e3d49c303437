import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { PeerState } from '@gatehouse/protocol';
import { callDaemon } from '@gatehouse/protocol/socket';
import { type FakeController, spokeState, startFakeController } from '../controller/testing/fake-controller.ts';
import { Machine } from './testing/processes.ts';

/** The state of a device in a network of another name. */
const stateOf =
  (id: string, networkName: string) =>
  (key: string): PeerState => {
    const state = spokeState(key);
    return { ...state, peer: { ...state.peer, id, networkName, networkId: `net-${id}` } };
  };

describe('several networks', () => {
  let machine: Machine;
  let office: FakeController;
  let home: FakeController;
  beforeEach(async () => {
    machine = new Machine();
    office = await startFakeController({ peerId: 'peer-office', state: stateOf('peer-office', 'office') });
    home = await startFakeController({ peerId: 'peer-home', state: stateOf('peer-home', 'home') });
    office.tokens.set('good', null);
    home.tokens.set('good', null);
  });
  afterEach(async () => {
    await machine.dispose();
    await office.close();
    await home.close();
  });
  const enroll = (controller: FakeController, add: boolean) =>
    callDaemon(machine.socketPath, 'enroll', { url: controller.url, token: 'good', add });
  const use = (profile: string) => callDaemon(machine.socketPath, 'use', { profile });
  const inNetwork = (name: string) =>
    machine.until(({ state, enrolled }) => state === 'connected' && enrolled?.networkName === name);
  const sockets = () => [office.sockets.size, home.sockets.size];

  test('enroll in one, add another, switch with the tunnel, and come back after a restart', async () => {
    const first = await machine.daemonHere();
    machine.kernel.traffic(92);
    await enroll(office, false);
    await inNetwork('office');
    await assert.rejects(enroll(home, false), { code: 'already-enrolled', message: /--add.*gatehouse leave/ });
    await enroll(home, true);
    await inNetwork('home');
    const key = machine.kernel.device?.privateKey;
    while (office.sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(sockets(), [0, 1]);

    const back = await use('office');
    assert.equal(back.enrolled?.peerId, 'peer-office');
    await inNetwork('office');
    assert.notEqual(machine.kernel.device?.privateKey, key);
    await first.stop();
    await machine.daemonHere();
    const { profiles } = await inNetwork('office');
    assert.deepEqual(
      profiles.map(({ id, networkName, active }) => [id, networkName, active]),
      [
        ['peer-home', 'home', false],
        ['peer-office', 'office', true],
      ],
    );
    const sessions = await callDaemon(machine.socketPath, 'sessions', {});
    assert.deepEqual(
      sessions.map(({ networkName, ended }) => [networkName, ended]),
      [
        ['office', null],
        ['office', 'stopped'],
        ['home', 'replaced'],
        ['office', 'replaced'],
      ],
    );
    await assert.rejects(use('nowhere'), { code: 'unknown-profile', message: /home \(laptop, id peer-home\)/ });
  });

  test('switching with the target down brings nothing up', async () => {
    await machine.daemonHere();
    await enroll(office, false);
    await enroll(home, true);
    await callDaemon(machine.socketPath, 'down', {});
    const status = await use('peer-office');
    assert.deepEqual([status.state, status.cause, status.enrolled?.peerId], ['disconnected', null, 'peer-office']);
    assert.equal(machine.kernel.device, null);
    await callDaemon(machine.socketPath, 'up', {});
    await machine.until(({ interface: device }) => device !== null);
  });

  test('leaving another one changes nothing of the tunnel; leaving the active one makes the other active, and down', async () => {
    await machine.daemonHere();
    machine.kernel.traffic(92);
    await enroll(office, false);
    await enroll(home, true);
    await inNetwork('home');
    await callDaemon(machine.socketPath, 'leave', { profile: 'office' });
    assert.equal((await inNetwork('home')).profiles.length, 1);
    office.tokens.set('good', null);
    await enroll(office, true);
    await inNetwork('office');
    const left = await callDaemon(machine.socketPath, 'leave', {});
    assert.deepEqual([left.enrolled?.peerId, left.state, left.target], ['peer-home', 'disconnected', 'down']);
    assert.deepEqual(readdirSync(path.join(machine.stateDir, 'profiles')), ['peer-home']);
    await callDaemon(machine.socketPath, 'up', {});
    await inNetwork('home');
    await callDaemon(machine.socketPath, 'leave', {});
    assert.ok(!existsSync(path.join(machine.stateDir, 'sessions.json')));
    assert.deepEqual(await callDaemon(machine.socketPath, 'sessions', {}), []);
  });
});

describe('what the tray app asks for', () => {
  let machine: Machine;
  let controller: FakeController;
  const standing = { admitted: true, reason: null as string | null, missing: [] as object[], reported: null };
  beforeEach(async () => {
    machine = new Machine();
    controller = await startFakeController({ accepts: ['posture'], state: (key) => spokeState(key) });
    controller.tokens.set('good', null);
    controller.answer = (request, response) => {
      const reply = (body: object) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
        return true;
      };
      if (request.url === '/api/v1/agent/standing') return reply(standing);
      if (request.url?.startsWith('/api/v1/agent/directory')) return reply({ names: [], more: false });
      return false;
    };
    await machine.daemonHere();
  });
  afterEach(async () => {
    await machine.dispose();
    await controller.close();
  });
  const enroll = () => callDaemon(machine.socketPath, 'enroll', { url: controller.url, token: 'good' });

  test('posture is told, and what the controller says of it is shown', async () => {
    standing.missing = [{ fact: 'disk_encryption', wanted: 'true', policy: 'laptops' }];
    await callDaemon(machine.socketPath, 'posture', { anew: true });
    await enroll();
    const told = await controller.hear(({ type }) => type === 'posture');
    assert.ok(told.type === 'posture' && told.facts.os_name === 'test');
    const status = await machine.until(({ standing }) => standing !== null);
    assert.equal(status.standing?.missing.length, 1);
    const { checks } = await callDaemon(machine.socketPath, 'posture', {});
    assert.equal(checks.find(({ fact }) => fact === 'disk_encryption')?.result, 'failed');
  });

  test('kept out shows at once, and why once it is known', async () => {
    await enroll();
    await machine.until(({ standing }) => standing?.admitted === true);
    Object.assign(standing, { admitted: false, reason: 'quarantined by an administrator' });
    const { peer } = spokeState('');
    controller.send({
      type: 'delta',
      epoch: 'epoch-1',
      seq: 2,
      delta: { sections: { peer: { ...peer, keptOut: true } } },
    });
    await machine.until(({ standing }) => standing?.admitted === false);
    await machine.until(({ standing }) => standing?.reason === 'quarantined by an administrator');
    await callDaemon(machine.socketPath, 'leave', {});
    assert.equal((await machine.status()).standing, null);
  });

  test('the directory comes from the controller, and says when there is none to ask', async () => {
    const directory = () => callDaemon(machine.socketPath, 'directory', { search: 'x' });
    await assert.rejects(directory(), { code: 'not-enrolled' });
    await enroll();
    await machine.until(({ controller }) => controller.connected);
    assert.deepEqual(await directory(), { names: [], more: false });
    assert.ok(controller.calls.includes('GET /api/v1/agent/directory?search=x'));
    await callDaemon(machine.socketPath, 'down', {});
    await assert.rejects(directory(), { code: 'controller-unreachable', message: /gatehouse up/ });
  });

  test('traffic is counted, and a session with it', async () => {
    await enroll();
    machine.kernel.traffic(92);
    const { connectedSince } = await machine.until(({ state }) => state === 'connected');
    machine.kernel.traffic(1092);
    for (;;) {
      const { seconds } = await callDaemon(machine.socketPath, 'traffic', {});
      if (seconds.rx.reduce((a, b) => a + b, 0) >= 1_000) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await callDaemon(machine.socketPath, 'down', {});
    const [session] = await callDaemon(machine.socketPath, 'sessions', {});
    assert.deepEqual([session?.since, session?.ended, session?.hub], [connectedSince, 'user', 'gate']);
  });

  test('a captive portal shows while it keeps the controller away', async () => {
    await enroll();
    await machine.until(({ controller }) => controller.connected);
    assert.equal((await machine.status()).captive, null);
    const before = controller.answer;
    controller.answer = (_request, response) => {
      response.writeHead(302, { location: 'http://portal.example/login' }).end();
      return true;
    };
    controller.refuse = 302;
    for (const socket of controller.sockets) socket.terminate();
    const { captive } = await machine.until(({ captive }) => captive !== null);
    assert.deepEqual(captive, { url: 'http://portal.example/login' });
    controller.refuse = null;
    controller.answer = before;
    await machine.until(({ captive, controller }) => captive === null && controller.connected);
  });
});
