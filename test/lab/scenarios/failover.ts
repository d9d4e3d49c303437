import assert from 'node:assert/strict';
import type { Lab } from '../lab.ts';
import { until } from '../run.ts';
import { resolves } from './names.ts';
import { answers, attach, cutOff, dropPolicy, peerId } from './world.ts';

/** Which hub carries alice's traffic to other laptops, as `wg` says. */
async function carrier(lab: Lab): Promise<string | undefined> {
  const rows = await lab.wg('alice');
  const key = rows.find(({ allowedIps }) => allowedIps.includes(lab.network.cidr))?.publicKey;
  for (const name of ['hub', 'hub2'] as const) if ((await lab.peer(name)).public_key === key) return name;
  return undefined;
}

/** The first hub dies, tunnel and agent: the laptops find each other through the second, under the same rules. */
export async function secondHubTakesOver(lab: Lab): Promise<void> {
  assert.equal(await carrier(lab), 'hub');
  const tunnel = lab.topology.processes('hub', 'wireguard-go');
  await lab.services.stop('hub', 'SIGKILL');
  for (const pid of tunnel) process.kill(pid, 'SIGKILL');
  await cutOff(lab, 'alice', 'hub');

  await until('the second hub to carry alice', async () => (await carrier(lab)) === 'hub2');
  await lab.tunnelWorks();
  await resolves(lab, `bob.${lab.network.domain_suffix}`, lab.overlayAddress('bob'));
  await answers(lab, 'alice', '192.168.8.10');

  const rule = { direction: 'output', action: 'deny', target_type: 'peer', target: peerId(lab, 'bob') } as const;
  const policy = await attach(lab, 'alice', 'not bob here either', [rule]);
  await cutOff(lab, 'alice', 'bob');
  await answers(lab, 'bob', 'alice');
  await dropPolicy(lab, policy);
  await answers(lab, 'alice', 'bob');
}

/** The first hub is back, and counts again after a while. */
export async function firstHubIsBack(lab: Lab): Promise<void> {
  lab.services.resume('hub');
  await until('the first hub to carry alice', async () => (await carrier(lab)) === 'hub', 240);
  await lab.tunnelWorks();
  await resolves(lab, `bob.${lab.network.domain_suffix}`, lab.overlayAddress('bob'));
  await answers(lab, 'alice', '192.168.7.10');
}
