import assert from 'node:assert/strict';
import { Flow } from '../flow.ts';
import type { Lab } from '../lab.ts';
import { getent } from '../lookup.ts';
import { isCutOff } from '../ping.ts';
import { SITES } from '../plan.ts';
import { until } from '../run.ts';
import { resolves } from './names.ts';
import { answers, attach, cutOff, dropPolicy, GROUPS, idOf, type Mapping, peerId } from './world.ts';

const [LAN, LAN2] = SITES.behind;
const [PRINTER, SERVER] = LAN.addresses;
const PLANT = { name: 'plant', cidr: '192.168.7.0/24' };

async function makeRoute(lab: Lab, name: string, cidr: string, hub: 'hub' | 'hub2'): Promise<string> {
  const body = { name, destination_cidr: cidr, jump_peer_id: peerId(lab, hub) };
  const { id } = await lab.api.call<{ id: string }>('POST', lab.path('/routes'), body);
  return id;
}

const attachment = async (lab: Lab, routeId: string): Promise<string> =>
  lab.path(`/groups/${await idOf(lab, 'groups', GROUPS.alice)}/routes/${routeId}`);

/** Networks behind both hubs, for alice's group only. Each host sees its own hub's address. */
export async function routesLeadToLans(lab: Lab): Promise<void> {
  await cutOff(lab, 'alice', PRINTER);
  const [plant, depot] = [
    await makeRoute(lab, PLANT.name, PLANT.cidr, 'hub'),
    await makeRoute(lab, 'depot', '192.168.8.0/24', 'hub2'),
  ];
  for (const id of [plant, depot]) await lab.api.call('POST', await attachment(lab, id));
  await answers(lab, 'alice', PRINTER);
  await answers(lab, 'alice', LAN2.addresses[0]);
  const flow = await Flow.open(lab.topology, 'alice', 'lan', PRINTER, 7010);
  assert.equal(flow.source, LAN.inside, "the hub's own address in the LAN");
  flow.stop();
  const other = await Flow.open(lab.topology, 'alice', 'lan2', LAN2.addresses[0], 7011);
  assert.equal(other.source, LAN2.inside);
  other.stop();
}

/** Names in a route: made, changed, a wildcard, gone. */
export async function mappingsAreSeen(lab: Lab): Promise<void> {
  const below = `${PLANT.name}.${lab.network.domain_suffix}`;
  const path = lab.path(`/routes/${await idOf(lab, 'routes', PLANT.name)}/dns`);
  const printer = await lab.api.call<Mapping>('POST', path, { name: 'printer', ip_address: PRINTER });
  await resolves(lab, `printer.${below}`, PRINTER);
  await resolves(lab, `printer.${below}`, 'ENODATA', 'AAAA');
  assert.equal(await getent(lab, 'alice', `printer.${PLANT.name}`), PRINTER);
  const flow = await Flow.open(lab.topology, 'alice', 'lan', `printer.${below}`, 7012);
  flow.stop();

  await lab.api.call('PUT', `${path}/${printer.id}`, { ip_address: SERVER });
  await resolves(lab, `printer.${below}`, SERVER);
  const wildcard = await lab.api.call<Mapping>('POST', path, { name: '*', ip_address: PRINTER });
  await resolves(lab, `anything.${below}`, PRINTER);
  for (const { id } of [printer, wildcard]) await lab.api.call('DELETE', `${path}/${id}`);
  await resolves(lab, `printer.${below}`, 'ENOTFOUND');
  await resolves(lab, `anything.${below}`, 'ENOTFOUND');
}

/**
 * Bob's group doesn't have the route, so his agent leaves it alone. He sends his packets into the tunnel all the same,
 * with the tools of any administrator of his own laptop.
 */
export async function othersStayOut(lab: Lab): Promise<void> {
  const link = lab.topology.interfaceName('bob');
  const { public_key: key } = await lab.peer('hub');
  const hub = async () => (await lab.wg('bob')).find(({ publicKey }) => publicKey === key);
  assert.ok(!(await hub())?.allowedIps.includes(PLANT.cidr), "the route isn't bob's");
  await lab.on('bob', ['ip', 'route', 'add', PLANT.cidr, 'dev', link]);
  try {
    // The agent puts such things right now and then: the echoes count only when they went out.
    await until('echoes from bob that nobody answers', async () => {
      const before = await hub();
      const allowed = [...new Set([...(before?.allowedIps ?? []), PLANT.cidr])].join(',');
      await lab.on('bob', ['wg', 'set', link, 'peer', key, 'allowed-ips', allowed]);
      const isOut = await isCutOff(lab.topology, 'bob', PRINTER);
      const after = await hub();
      assert.ok(isOut, 'bob reached the LAN');
      return after?.allowedIps.includes(PLANT.cidr) && after.tx > (before?.tx ?? 0) + 3 * 100;
    });
    await answers(lab, 'alice', PRINTER);
  } finally {
    await lab.on('bob', ['ip', 'route', 'del', PLANT.cidr, 'dev', link]);
  }
}

/** A host of the LAN answers alice, and can't call her, though nothing but the hub's rules is in its way. */
export async function lanCannotCall(lab: Lab): Promise<void> {
  await answers(lab, 'lan', LAN.inside);
  await answers(lab, 'alice', PRINTER);
  await cutOff(lab, 'lan', 'alice');
  await cutOff(lab, 'lan', 'bob');
  await answers(lab, 'alice', PRINTER);
}

/** One address is taken out of the route by a policy, then the route from the group. */
export async function oneHostIsDenied(lab: Lab): Promise<void> {
  const rule = { direction: 'output', action: 'deny', target_type: 'cidr', target: `${SERVER}/32` } as const;
  await answers(lab, 'alice', SERVER);
  const policy = await attach(lab, 'alice', 'not the server', [rule]);
  await cutOff(lab, 'alice', SERVER);
  await answers(lab, 'alice', PRINTER);
  await dropPolicy(lab, policy);
  await answers(lab, 'alice', SERVER);

  const path = await attachment(lab, await idOf(lab, 'routes', PLANT.name));
  await lab.api.call('DELETE', path);
  await cutOff(lab, 'alice', PRINTER);
  await lab.api.call('POST', path);
  await answers(lab, 'alice', PRINTER);
}
