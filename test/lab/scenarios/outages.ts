import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { AGENTS, CONTROLLER, type Lab } from '../lab.ts';
import { PingStream } from '../ping.ts';
import { until } from '../run.ts';

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

/**
 * A full tunnel takes the way to the controller along. Dead, it can only be mended by what the controller says: bob finds
 * the way past it, and is told that the route is gone.
 */
export async function deadFullTunnelIsMended(lab: Lab): Promise<void> {
  const tunnel = lab.topology.interfaceName('bob');
  const wayOut = async (): Promise<string | undefined> =>
    (JSON.parse(await lab.on('bob', ['ip', '-json', 'route', 'get', '203.0.113.9'])) as { dev?: string }[])[0]?.dev;
  await lab.api.call('PUT', lab.peerPath('hub'), { additional_allowed_ips: ['0.0.0.0/0'] });
  await until('everything to go through the tunnel', async () => (await wayOut()) === tunnel);
  await lab.services.stop('hub');
  try {
    // What is on disk comes first, so this one never had another way.
    const killed = await lab.services.kill('bob', 'SIGKILL');
    await until('bob to be started again', () => (lab.services.pid('bob') ?? killed) !== killed);
    await lab.api.call('PUT', lab.peerPath('hub'), { additional_allowed_ips: [] });
    await until('the route to be gone', async () => (await wayOut()) !== tunnel);
    assert.equal((await lab.status('bob'))?.controller.connected, true);
  } finally {
    lab.services.resume('hub');
  }
  for (const name of AGENTS) await lab.reaches(name, 'connected');
  await lab.tunnelWorks();
  const rules = await lab.on('bob', ['ip', 'rule', 'show']);
  assert.ok(!rules.includes('dport'), rules);
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
