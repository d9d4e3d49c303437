import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { AGENTS, CONTROLLER, type Lab } from '../lab.ts';
import { PingStream } from '../ping.ts';

const WINDOW_SECONDS = 5;

/** So many times five seconds without the controller: packets flow in each of them. */
export async function carriesWithoutController(lab: Lab, windows: number): Promise<void> {
  const streams = [
    new PingStream(lab.topology, 'alice', lab.overlayAddress('bob')),
    new PingStream(lab.topology, 'bob', lab.overlayAddress('alice')),
  ];
  try {
    for (const stream of streams) await stream.more(3);
    const exit = await lab.services.stop(CONTROLLER);
    assert.deepEqual(exit, { code: 0, signal: null }, 'SIGTERM ends the controller in order');
    const degraded = AGENTS.map((name) => lab.reaches(name, 'degraded', 'controller-unreachable'));
    for (let window = 0; window < windows; window++) {
      const before = streams.map(({ received }) => received);
      await sleep(WINDOW_SECONDS * 1000);
      streams.forEach(({ received }, i) => {
        assert.ok(received > (before[i] ?? 0), `stream ${i} carried nothing in window ${window} of ${windows}`);
      });
    }
    await Promise.all(degraded);
    for (const { sent, received } of streams) {
      assert.ok(received >= sent * 0.95, `of ${sent} echoes ${sent - received} were lost`);
    }
  } finally {
    for (const stream of streams) stream.stop();
    lab.services.resume(CONTROLLER);
  }
  await lab.controllerReady();
  for (const name of AGENTS) await lab.reaches(name, 'connected');
}

const FIREWALL = `table inet gatehouse_lab_cut {
  chain input { type filter hook input priority filter; policy accept; udp sport 51820 drop; }
}
`;

/** Two faults at a time, on two machines: a firewall that eats WireGuard, and a cable that was pulled. */
export async function linksAreCut(lab: Lab): Promise<void> {
  const { topology } = lab;
  await lab.nft('alice', FIREWALL);
  await topology.unplug('router');
  try {
    const [alice] = await Promise.all([lab.reaches('alice', 'degraded'), lab.reaches('bob', 'degraded')]);
    assert.ok(['no-traffic', 'no-handshake'].includes(alice.cause?.code ?? ''), JSON.stringify(alice.cause));
    assert.equal(alice.controller.connected, true, 'alice still has the controller');
    assert.equal((await lab.statusByCommand('alice')).state, 'degraded');
    assert.equal(await lab.ping('alice', 'bob'), undefined);
  } finally {
    await lab.on('alice', ['nft', 'delete', 'table', 'inet', 'gatehouse_lab_cut']);
    await topology.plug('router');
  }
  await Promise.all([lab.reaches('alice', 'connected'), lab.reaches('bob', 'connected')]);
  await lab.tunnelWorks();
}
