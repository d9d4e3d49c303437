import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CLOSE } from '@gatehouse/protocol';
import { callDaemon } from '@gatehouse/protocol/socket';
import { type FakeController, spokeState, startFakeController } from '../controller/testing/fake-controller.ts';
import { Machine } from './testing/processes.ts';

// The daemon with a fake controller and a fake kernel (real interfaces need root, and are tested with the Linux adapter
// and in the lab); as a real process where it is killed.
describe('the daemon', () => {
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
  const enroll = () => callDaemon(machine.socketPath, 'enroll', { url: controller.url, token: 'good' });
  const connected = () => machine.until(({ state }) => state === 'connected');
  const file = (name: string) => path.join(machine.stateDir, name);
  const profile = (name: string) => file(path.join('profiles', 'peer-1', name));

  test('enrolls, connects with a handshake and received bytes, reports, goes down and up', async () => {
    await machine.daemonHere();
    await enroll();
    const waiting = await machine.until(({ interface: device }) => device !== null);
    assert.deepEqual([waiting.state, waiting.cause?.code], ['connecting', 'no-handshake']);
    machine.kernel.traffic(92);
    const status = await connected();
    assert.deepEqual(status.enrolled?.networkName, 'office');
    assert.equal(status.rx, 92);
    const report = await controller.hear(({ type }) => type === 'telemetry');
    assert.ok(report.type === 'telemetry' && report.telemetry.hostname !== '');
    const down = await callDaemon(machine.socketPath, 'down', {});
    assert.deepEqual([down.state, down.cause, down.target], ['disconnected', null, 'down']);
    assert.equal(machine.kernel.device, null);
    const up = await callDaemon(machine.socketPath, 'up', {});
    assert.equal(up.target, 'up');
    await connected();
  });

  test('keeps secrets to itself: files of 0600 in a folder of 0700, nothing in the log', async () => {
    await machine.daemonHere();
    await enroll();
    await machine.until(({ interface: device }) => device !== null);
    await callDaemon(machine.socketPath, 'down', {});
    assert.equal(statSync(machine.stateDir).mode & 0o777, 0o700);
    for (const entry of readdirSync(machine.stateDir, { recursive: true, withFileTypes: true })) {
      const { mode } = statSync(path.join(entry.parentPath, entry.name));
      assert.equal(mode & 0o777, entry.isDirectory() ? 0o700 : 0o600, entry.name);
    }
    const { privateKey, credential } = JSON.parse(readFileSync(profile('identity.json'), 'utf8')) as Record<
      string,
      string
    >;
    const log = (await callDaemon(machine.socketPath, 'logs', { lines: 1000 })).join('\n');
    for (const secret of [privateKey!, credential!, 'good']) assert.ok(!log.includes(secret));
  });

  test('kill -9: comes back as it was, without the controller, and adopts the tunnel', async () => {
    const first = await machine.daemon();
    await enroll();
    machine.kernel.traffic(92);
    await connected();
    await controller.hear(({ type }) => type === 'ack');
    await controller.close();
    await machine.kill(first, 'SIGKILL');
    assert.ok(machine.kernel.device, 'the tunnel runs on without its daemon');
    await machine.daemon();
    const status = await connected();
    assert.equal(status.controller.connected, false);
    assert.equal(status.enrolled?.role, 'spoke');
    assert.ok(machine.kernel.journal.includes('adopt'));
    assert.ok(!machine.kernel.journal.includes('close'));
  });

  test('kill -9 with the target down: what was left behind is cleared', async () => {
    const first = await machine.daemon();
    await enroll();
    await machine.until(({ interface: device }) => device !== null);
    await callDaemon(machine.socketPath, 'down', {});
    await machine.kill(first, 'SIGKILL');
    writeFileSync(path.join(machine.kernel.folder, 'device.json'), 'null');
    await machine.daemon();
    assert.equal((await machine.status()).state, 'disconnected');
    await callDaemon(machine.socketPath, 'down', {});
    assert.ok(!existsSync(path.join(machine.kernel.folder, 'device.json')));
  });

  test('SIGTERM: exit 0, the tunnel is taken down, and the next start brings it up again', async () => {
    const first = await machine.daemon();
    await enroll();
    machine.kernel.traffic(92);
    await connected();
    await controller.hear(({ type }) => type === 'ack');
    assert.equal(await machine.kill(first, 'SIGTERM'), 0);
    assert.equal(machine.kernel.device, null);
    assert.ok(!existsSync(machine.socketPath));
    await machine.daemon();
    assert.equal((await connected()).target, 'up');
  });

  test('the traffic of the day is kept over restarts; a damaged file is put aside with a warning', async () => {
    const first = await machine.daemonHere();
    // What the first reading of a device says isn't new.
    machine.kernel.traffic(92);
    await enroll();
    await connected();
    machine.kernel.traffic(1_092);
    const day = async () => {
      const { minutes } = await callDaemon(machine.socketPath, 'traffic', {});
      return minutes.rx.reduce((sum, rx) => sum + rx, 0);
    };
    const until = async (bytes: number) => {
      while ((await day()) !== bytes) await new Promise((resolve) => setTimeout(resolve, 10));
    };
    await until(1_000);
    await first.stop();
    const second = await machine.daemonHere();
    assert.equal(await day(), 1_000);
    await connected();
    machine.kernel.traffic(1_100);
    await until(1_008);
    await second.stop();
    writeFileSync(file('traffic.json'), '{"saved":1,"rx":[-1],"tx":[]}');
    await machine.daemonHere();
    assert.equal(await day(), 0);
    assert.ok(existsSync(file('traffic.json.damaged')));
    const log = await callDaemon(machine.socketPath, 'logs', { lines: 1000 });
    assert.ok(log.some((line) => /warning: .*traffic\.json is damaged/.test(line)));
    await callDaemon(machine.socketPath, 'leave', {});
    assert.ok(!existsSync(file('traffic.json')));
  });

  test('the port is kept over restarts, and another one too where somebody has taken it', async () => {
    let daemon = await machine.daemonHere();
    await enroll();
    machine.kernel.traffic(92);
    const port = async () => (await connected()).interface?.listenPort;
    const first = await port();
    assert.equal(first, machine.kernel.port);
    const restart = async () => {
      await daemon.stop();
      assert.equal(machine.kernel.device, null);
      daemon = await machine.daemonHere();
      return port();
    };
    assert.equal(await restart(), first);
    assert.equal(await restart(), first);
    machine.kernel.taken = first!;
    const second = await restart();
    assert.notEqual(second, first);
    machine.kernel.taken = null;
    assert.equal(await restart(), second);
    // And by a daemon that couldn't say goodbye, whose interface is gone too: a power cut.
    await daemon.stop();
    const killed = await machine.daemon();
    await connected();
    await machine.kill(killed, 'SIGKILL');
    machine.kernel.destroy();
    daemon = await machine.daemonHere();
    assert.equal(await port(), second);
  });

  test('SIGUSR2: exit 0, the tunnel stays, and the next daemon adopts it', async () => {
    const first = await machine.daemon();
    await enroll();
    machine.kernel.traffic(92);
    await connected();
    await controller.hear(({ type }) => type === 'ack');
    assert.equal(await machine.kill(first, 'SIGUSR2'), 0);
    assert.ok(machine.kernel.device, 'the tunnel runs on');
    assert.ok(!existsSync(machine.socketPath));
    await machine.daemon();
    assert.equal((await connected()).target, 'up');
    assert.ok(machine.kernel.journal.includes('adopt'));
    assert.ok(!machine.kernel.journal.includes('close'));
  });

  test('SIGUSR2 and then SIGTERM: the last word counts, and the tunnel is taken down', async () => {
    const daemon = await machine.daemon();
    await enroll();
    machine.kernel.traffic(92);
    await connected();
    await controller.hear(({ type }) => type === 'ack');
    // Both come at a time, in the order of their numbers.
    for (const signal of ['SIGSTOP', 'SIGUSR2', 'SIGTERM'] as const) daemon.kill(signal);
    assert.equal(await machine.kill(daemon, 'SIGCONT'), 0);
    assert.equal(machine.kernel.device, null);
    assert.ok(machine.kernel.journal.includes('recover'));
    await machine.daemon();
    assert.equal((await connected()).target, 'up');
  });

  test('a device that vanishes is opened anew with no hands', async () => {
    await machine.daemonHere();
    await enroll();
    machine.kernel.traffic(92);
    await connected();
    machine.kernel.destroy();
    while (machine.kernel.device === null) await new Promise((resolve) => setTimeout(resolve, 10));
    await connected();
    assert.equal(machine.kernel.journal.filter((line) => line === 'open').length, 2);
  });

  test('deltas are applied and acknowledged', async () => {
    await machine.daemonHere();
    await enroll();
    await controller.hear((message) => message.type === 'ack' && message.seq === 1);
    controller.send({ type: 'delta', epoch: 'epoch-1', seq: 2, delta: { sections: { routes: ['10.20.0.0/16'] } } });
    await controller.hear((message) => message.type === 'ack' && message.seq === 2);
    assert.deepEqual(machine.kernel.device?.state.routes, ['10.20.0.0/16']);
  });

  test('a state beyond all bounds changes nothing: the last good one stays, applied and on disk', async () => {
    await machine.daemonHere();
    await enroll();
    machine.kernel.traffic(92);
    await connected();
    await controller.hear((message) => message.type === 'ack' && message.seq === 1);
    const kept = () => [machine.kernel.device?.state, JSON.parse(readFileSync(profile('network.json'), 'utf8')).state];
    const before = kept();
    const { peer, ...rest } = machine.kernel.device!.state;
    const state = { ...rest, routes: ['10.66.0.0/16'], peer: { ...peer, name: 'x'.repeat(100_000) } };
    const heard = controller.heard.length;
    controller.send({ type: 'state', epoch: 'epoch-1', seq: 2, state });
    // It begins anew, and is given a good one.
    await controller.hear((message) => message.type === 'ack' && message.seq === 1, heard);
    assert.deepEqual(kept(), before);
    const log = await callDaemon(machine.socketPath, 'logs', { lines: 1000 });
    assert.ok(log.some((line) => line.includes("a state that can't be used: /state/peer/name")));
    assert.equal((await connected()).enrolled?.peerName, peer.name);
  });

  test('a failure to set up is an error with its cause, and is retried', async () => {
    machine.kernel.fail('no-privileges Run it as root.');
    await machine.daemonHere();
    await enroll();
    const status = await machine.until(({ state }) => state === 'error');
    assert.deepEqual(status.cause, { code: 'no-privileges', message: 'Run it as root.' });
    await assert.rejects(callDaemon(machine.socketPath, 'up', {}), {
      code: 'no-privileges',
      message: 'Run it as root.',
    });
    assert.ok(!controller.heard.some(({ type }) => type === 'ack'));
    machine.kernel.fail(null);
    machine.kernel.traffic(92);
    await connected();
    await controller.hear(({ type }) => type === 'ack');
  });

  test('cut off: the tunnel comes down, stays so after a restart, and a new token helps', async () => {
    const first = await machine.daemonHere();
    await enroll();
    machine.kernel.traffic(92);
    await connected();
    const peer = { ...machine.kernel.device!.state.peer, keptOut: true as const };
    controller.send({ type: 'delta', epoch: 'epoch-1', seq: 2, delta: { sections: { peer } } });
    await machine.until(({ standing }) => standing?.admitted === false);
    for (const socket of controller.sockets) socket.close(CLOSE.revoked);
    const cut = await machine.until(({ state }) => state === 'error');
    assert.equal(cut.cause?.code, 'revoked');
    assert.equal(cut.standing, null, 'how it was treated before is past');
    while (machine.kernel.device !== null) await new Promise((resolve) => setTimeout(resolve, 10));
    await first.stop();
    await machine.daemonHere();
    const still = await machine.status();
    assert.deepEqual([still.cause?.code, still.standing], ['revoked', null]);
    controller.tokens.clear();
    controller.tokens.set('good', null);
    await enroll();
    await connected();
  });

  test('a lost answer to the enrollment is made good after a restart', async () => {
    controller.answer = (request, response) => {
      if (request.method !== 'POST') return false;
      response.destroy();
      return true;
    };
    const first = await machine.daemonHere();
    await assert.rejects(enroll(), { code: 'controller-unreachable' });
    const pending = JSON.parse(readFileSync(file('pending.json'), 'utf8')) as { privateKey: string };
    await first.stop();
    controller.answer = null;
    await machine.daemonHere();
    await machine.until(({ enrolled }) => enrolled !== null);
    const identity = JSON.parse(readFileSync(profile('identity.json'), 'utf8')) as { privateKey: string };
    assert.equal(identity.privateKey, pending.privateKey);
    await machine.until(({ target }) => target === 'up');
    assert.ok(!existsSync(file('pending.json')));
  });

  test('damaged files: a clear message, no crash', async () => {
    const first = await machine.daemonHere();
    await enroll();
    await machine.until(({ interface: device }) => device !== null);
    await first.stop();
    writeFileSync(profile('network.json'), '{"epoch":');
    const second = await machine.daemonHere();
    await machine.until(({ interface: device }) => device !== null);
    await second.stop();

    writeFileSync(profile('identity.json'), '{}');
    await machine.daemonHere();
    const status = await machine.status();
    assert.equal(status.cause?.code, 'not-enrolled');
    assert.match(status.cause?.message ?? '', /identity\.json is damaged.*restore it.*enroll anew/);
    assert.equal(readFileSync(profile('identity.json'), 'utf8'), '{}');
    controller.tokens.set('second', null);
    await callDaemon(machine.socketPath, 'enroll', { url: controller.url, token: 'second' });
    assert.ok(existsSync(profile('identity.json.damaged')));
  });

  test('leave removes identity, keys and tunnel', async () => {
    await machine.daemonHere();
    await enroll();
    await machine.until(({ interface: device }) => device !== null);
    const status = await callDaemon(machine.socketPath, 'leave', {});
    assert.deepEqual([status.state, status.cause?.code, status.enrolled], ['disconnected', 'not-enrolled', null]);
    assert.deepEqual(readdirSync(machine.stateDir).sort(), ['format', 'lock']);
    assert.equal(machine.kernel.device, null);
    await assert.rejects(callDaemon(machine.socketPath, 'leave', {}), { code: 'not-enrolled' });
    await assert.rejects(callDaemon(machine.socketPath, 'up', {}), { code: 'not-enrolled' });
  });

  test('a second daemon is refused, by socket and by state folder; the first is not disturbed', async () => {
    await machine.daemon();
    const twice = await machine.cli(['daemon']);
    assert.equal(twice.code, 1);
    assert.match(twice.stderr, /Another Gatehouse agent uses .*state \(GATEHOUSE_AGENT_STATE\)/);
    const sameSocket = await machine.cli(['daemon'], { env: { GATEHOUSE_AGENT_STATE: `${machine.stateDir}2` } });
    assert.equal(sameSocket.code, 1);
    assert.match(sameSocket.stderr, /already runs on .*\(GATEHOUSE_AGENT_SOCKET\)/);
    assert.equal((await machine.status()).state, 'disconnected');
  });
});
