import assert from 'node:assert/strict';
import { AGENTS, CONTROLLER, type Lab } from '../lab.ts';
import { PingStream } from '../ping.ts';
import type { AgentName } from '../plan.ts';
import { run, until } from '../run.ts';

/** Everything as it should be: the agents connected, and in touch with the controller. */
async function allIsWell(lab: Lab): Promise<void> {
  for (const name of AGENTS) {
    await until(`${name} to be connected to hub and controller`, async () => {
      const status = await lab.status(name);
      if (status?.state === 'connected' && status.controller.connected) return true;
      throw new Error(JSON.stringify(status));
    });
  }
  await lab.tunnelWorks();
}

/** kill -9 of a program that the data doesn't pass through: the tunnel doesn't even notice. */
export async function survivesKillOf(lab: Lab, name: AgentName | typeof CONTROLLER): Promise<void> {
  const echoes = new PingStream(lab.topology, 'alice', lab.overlayAddress('bob'));
  try {
    await echoes.more(3);
    const killed = await lab.services.kill(name, 'SIGKILL');
    await echoes.more(3);
    await until(`${name} to be started again`, () => (lab.services.pid(name) ?? killed) !== killed);
    if (name === CONTROLLER) await lab.controllerReady();
    await allIsWell(lab);
    await echoes.more(3);
  } finally {
    echoes.stop();
  }
}

/** With all daemons dead the tunnel stands where it stood. */
export async function carriesWithoutAgents(lab: Lab): Promise<void> {
  const echoes = new PingStream(lab.topology, 'bob', lab.overlayAddress('alice'));
  try {
    for (const name of AGENTS) await lab.services.stop(name, 'SIGKILL');
    await echoes.more(20);
    for (const name of AGENTS) assert.equal(lab.services.pid(name), undefined);
  } finally {
    echoes.stop();
    for (const name of AGENTS) lab.services.resume(name);
  }
  await allIsWell(lab);
}

/** The interface itself dies: wireguard-go by kill -9; where the kernel has WireGuard, by deleting the interface. */
export async function rebuildsTunnelOf(lab: Lab, name: AgentName): Promise<void> {
  const link = lab.topology.interfaceName(name);
  const before = lab.topology.processes(name, 'wireguard-go');
  const userspace = (await lab.status(name))?.interface?.driver !== 'kernel';
  assert.equal(before.length, userspace ? 1 : 0);
  if (userspace) for (const pid of before) process.kill(pid, 'SIGKILL');
  else await run('ip', ['-n', lab.topology.namespace(name), 'link', 'delete', link]);

  await until('the tunnel to be made anew', async () => {
    const now = lab.topology.processes(name, 'wireguard-go');
    const made = !userspace || (now.length === 1 && now[0] !== before[0]);
    return made && (await lab.wg(name)).length > 0;
  });
  await allIsWell(lab);
}

/** A daemon that is restarted again and again is one device: it comes back at the port that it had, and nobody suspects it. */
export async function isOneDevice(lab: Lab, name: AgentName, restarts: number): Promise<void> {
  const port = (await lab.status(name))?.interface?.listenPort;
  assert.ok(port);
  for (let i = 0; i < restarts; i += 1) {
    const ended = await lab.services.kill(name, 'SIGTERM');
    await until(`${name} to be started again`, () => (lab.services.pid(name) ?? ended) !== ended);
    await until(`${name} to be connected`, async () => (await lab.status(name))?.state === 'connected');
    assert.equal((await lab.status(name))?.interface?.listenPort, port);
  }
  await allIsWell(lab);
  const { standing } = (await lab.status(name))!;
  assert.notEqual(standing?.admitted, false, standing?.reason ?? '');
}
