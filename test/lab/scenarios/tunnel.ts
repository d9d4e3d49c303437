import assert from 'node:assert/strict';
import { AGENTS, type Lab } from '../lab.ts';
import { until } from '../run.ts';
import { ADDRESS } from '../topology.ts';

/** Exit status of `gatehouse enroll` with a token that isn't good (docs/agent.md). */
const EXIT_TOKEN_INVALID = 7;

export async function laptopsReachEachOther(lab: Lab): Promise<void> {
  await lab.tunnelWorks();
  for (const name of AGENTS) {
    const { version, enrolled, interface: made } = await lab.reaches(name, 'connected');
    const told = await lab.statusByCommand(name);
    assert.deepEqual([told.state, told.cause, told.target], ['connected', null, 'up']);
    assert.deepEqual([told.version, told.enrolled, told.interface], [version, enrolled, made]);
    assert.equal(made?.name, lab.topology.interfaceName(name));
    assert.equal(enrolled?.role, name === 'hub' ? 'hub' : 'spoke');
  }
}

/** `wg` is not ours: what it says of the tunnel is a second opinion. */
export async function wgAgrees(lab: Lab): Promise<void> {
  const atHub = await lab.wg('hub');
  assert.equal(atHub.length, 2, 'the hub has both laptops and nothing else');
  for (const name of ['alice', 'bob'] as const) {
    const key = (await lab.on(name, ['wg', 'show', lab.topology.interfaceName(name), 'public-key'])).trim();
    assert.equal((await lab.peer(name)).public_key, key, 'the controller knows the key that was made on the device');
    const row = atHub.find((peer) => peer.publicKey === key);
    assert.ok(row, `the hub has ${name}`);
    assert.ok(row.handshake > 0 && row.rx > 0 && row.tx > 0, `packets crossed between the hub and ${name}`);
    assert.deepEqual(row.allowedIps, [`${lab.overlayAddress(name)}/32`]);
    const [link, ...others] = await lab.wg(name);
    assert.ok(link && others.length === 0, `${name} has the hub and nothing else`);
    assert.equal(link.endpoint, `${ADDRESS.hub}:51820`);
    assert.match(link.presharedKey, /^[A-Za-z0-9+/]{43}=$/);
    assert.equal(link.presharedKey, row.presharedKey, 'both ends have the same preshared key');
    assert.ok(link.allowedIps.includes('10.77.0.0/16'), 'the whole network is reached through the hub');
  }
  assert.notEqual(atHub[0]?.presharedKey, atHub[1]?.presharedKey, 'each link has a preshared key of its own');
}

/** A copied enrollment link is worthless: a stranger on the router tries alice's. */
export async function tokensAreSpent(lab: Lab): Promise<void> {
  for (const name of AGENTS) {
    assert.ok(lab.tokens.get(name), `${name} was given a token`);
    assert.equal((await lab.peer(name)).token, '', `the token of ${name} is spent`);
  }
  lab.startAgent('router');
  await lab.agentReady('router');
  const ran = await lab.enroll('router', lab.tokens.get('alice') ?? '');
  assert.equal(ran.code, EXIT_TOKEN_INVALID, ran.stdout + ran.stderr);
  assert.equal((await lab.status('router'))?.state, 'disconnected');
  await lab.services.stop('router');
  assert.notEqual(await lab.ping('alice', 'bob'), undefined, 'alice is still in');
}

export async function sessionsAreLive(lab: Lab): Promise<void> {
  const sessions = await until('three sessions with the endpoints that the hub sees', async () => {
    const found = await lab.sessions();
    const endpoint = (host: string): string => found.find(({ hostname }) => hostname === host)?.reported_endpoint ?? '';
    const seen = endpoint('alice').startsWith(`${ADDRESS.alice}:`) && endpoint('bob').startsWith(`${ADDRESS.router}:`);
    if (seen && found.length === 3) return found;
    throw new Error(JSON.stringify(found));
  });
  assert.deepEqual(sessions.map(({ hostname }) => hostname).sort(), ['alice', 'bob', 'hub']);
  for (const session of sessions) {
    assert.equal(lab.peers.get(session.hostname as 'hub')?.id, session.peer_id);
    assert.ok(session.system_uptime > 0, 'the uptime is told');
    assert.ok(Date.parse(session.last_seen) >= Date.parse(session.first_seen));
  }
}
