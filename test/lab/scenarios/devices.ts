import assert from 'node:assert/strict';
import type { Peer } from '../api.ts';
import type { Lab } from '../lab.ts';
import type { AgentName } from '../plan.ts';
import { attempt, until } from '../run.ts';
import { resolvConf } from '../topology.ts';

/** True while the machine has the agent's interface, or a route into it. */
async function hasInterface(lab: Lab, name: AgentName): Promise<boolean> {
  const link = lab.topology.interfaceName(name);
  const [program, ...args] = lab.topology.on(name, ['ip', 'link', 'show', 'dev', link]);
  if ((await attempt(program, args)).code === 0) return true;
  return (await lab.on(name, ['ip', 'route', 'show', 'table', 'all'])).includes(link);
}

/** `down` leaves nothing behind, a crash doesn't change the user's mind, `up` brings it all back. */
export async function downAndUp(lab: Lab): Promise<void> {
  assert.notEqual(lab.resolvConf('alice'), resolvConf('alice'), 'the tunnel has set DNS');
  const down = await lab.gatehouse('alice', ['down']);
  assert.equal(down.code, 0, down.stderr);
  await lab.reaches('alice', 'disconnected');
  await until('the interface to be gone', async () => !(await hasInterface(lab, 'alice')));
  assert.equal(lab.resolvConf('alice'), resolvConf('alice'), 'resolv.conf is back, byte for byte');
  assert.equal(await lab.ping('alice', 'bob'), undefined);

  const killed = await lab.services.kill('alice', 'SIGKILL');
  await until('alice to be started again', () => (lab.services.pid('alice') ?? killed) !== killed);
  const status = await lab.reaches('alice', 'disconnected');
  assert.equal(status.target, 'down');
  assert.equal(await hasInterface(lab, 'alice'), false);

  const up = await lab.gatehouse('alice', ['up']);
  assert.equal(up.code, 0, up.stderr);
  await lab.reaches('alice', 'connected');
  await lab.tunnelWorks();
  await until('the DNS to be set again', () => lab.resolvConf('alice') !== resolvConf('alice'));
}

const hubHas = async (lab: Lab, key: string): Promise<boolean> =>
  (await lab.wg('hub')).some(({ publicKey }) => publicKey === key);

/** A laptop was lost: a new token cuts the old device off; whoever has the token is alice from then on. */
export async function newTokenCutsOff(lab: Lab): Promise<void> {
  const before = await lab.peer('alice');
  const { token } = await lab.api.call<Peer>('POST', `${lab.peerPath('alice')}/token`);
  assert.ok(token, 'a new token was issued');
  await lab.reaches('alice', 'error', 'revoked');
  await until('the hub to forget the old key', async () => !(await hubHas(lab, before.public_key)));
  assert.equal(await lab.ping('alice', 'bob'), undefined);
  assert.equal(lab.resolvConf('alice'), resolvConf('alice'), 'resolv.conf is back');

  const ran = await lab.enroll('alice', token);
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  await lab.reaches('alice', 'connected');
  await lab.tunnelWorks();
  const after = await lab.peer('alice');
  assert.equal(after.address, before.address);
  assert.notEqual(after.public_key, before.public_key);
  assert.equal(after.token, '');
}

export async function deletedPeerIsOut(lab: Lab): Promise<void> {
  const { public_key } = await lab.peer('bob');
  assert.equal((await lab.api.request('DELETE', lab.peerPath('bob'))).status, 204);
  await lab.reaches('bob', 'error', 'revoked');
  await until('the hub to forget bob', async () => !(await hubHas(lab, public_key)));
  assert.equal(await hasInterface(lab, 'bob'), false);
  assert.equal(await lab.ping('alice', 'bob'), undefined);
  assert.notEqual(await lab.ping('alice', 'hub'), undefined, 'the others stay connected');
}
