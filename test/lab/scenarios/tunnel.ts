import assert from 'node:assert/strict';
import { AGENTS, HUB_ENDPOINT, type Lab, OVERLAY } from '../lab.ts';
import { pingOnce } from '../ping.ts';
import { HOME } from '../plan.ts';
import { until } from '../run.ts';

/** Exit status of `gatehouse enroll` with a token that isn't good (docs/agent.md). */
const EXIT_TOKEN_INVALID = 7;
/** Of a network that doesn't say another. */
const MTU = 1420;

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

/** IPv6, and packets as large as the tunnel's MTU, which may not be cut into pieces. */
export async function carriesIpv6AndFullPackets(lab: Lab): Promise<void> {
  const v6 = lab.overlayAddress('bob', 6);
  await until('an echo alice → bob over IPv6', () => pingOnce(lab.topology, 'alice', v6));
  assert.notEqual(await pingOnce(lab.topology, 'bob', lab.overlayAddress('alice', 6)), undefined);
  const headers = { v4: 20 + 8, v6: 40 + 8 };
  const whole = (size: number): string[] => ['-M', 'do', '-s', String(size)];
  const v4 = lab.overlayAddress('bob');
  assert.notEqual(await pingOnce(lab.topology, 'alice', v4, whole(MTU - headers.v4)), undefined, 'IPv4 at full size');
  assert.notEqual(await pingOnce(lab.topology, 'alice', v6, whole(MTU - headers.v6)), undefined, 'IPv6 at full size');
  assert.equal(await pingOnce(lab.topology, 'alice', v4, whole(MTU - headers.v4 + 1)), undefined, 'a byte too many');
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
    const own = [`${lab.overlayAddress(name)}/32`, `${lab.overlayAddress(name, 6)}/128`];
    assert.deepEqual(row.allowedIps.sort(), own.sort());
    const [link, ...others] = await lab.wg(name);
    assert.ok(link && others.length === 0, `${name} has the hub and nothing else`);
    assert.equal(link.endpoint, HUB_ENDPOINT);
    assert.match(link.presharedKey, /^[A-Za-z0-9+/]{43}=$/);
    assert.equal(link.presharedKey, row.presharedKey, 'both ends have the same preshared key');
    assert.deepEqual(link.allowedIps.sort(), Object.values(OVERLAY).sort(), 'the whole network is behind the hub');
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
    const seen =
      endpoint('alice').startsWith(`${HOME.internet.alice}:`) && endpoint('bob').startsWith(`${HOME.internet.router}:`);
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
