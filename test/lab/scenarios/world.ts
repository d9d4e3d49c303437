import type { Lab } from '../lab.ts';
import { isCutOff, pingOnce } from '../ping.ts';
import type { AgentName, Machine } from '../plan.ts';
import { until } from '../run.ts';

/** Fields of the API that the scenarios of policies read; the API has more. */
interface Named {
  id: string;
  name: string;
}
export interface Policy extends Named {
  rules: { id: string }[];
}
export interface Mapping extends Named {
  ip_address: string;
}

export interface Rule {
  direction: 'input' | 'output';
  action: 'allow' | 'deny';
  target: string;
  target_type: 'cidr' | 'peer' | 'group';
}

/** Alice's group and bob's. */
export const GROUPS = { alice: 'sales', bob: 'workshop' } as const;

export async function idOf(lab: Lab, kind: 'groups' | 'routes', name: string): Promise<string> {
  const found = (await lab.api.call<Named[]>('GET', lab.path(`/${kind}`))).find((one) => one.name === name);
  if (!found) throw new Error(`there is nothing called ${name} in ${kind}`);
  return found.id;
}

export const peerId = (lab: Lab, name: AgentName): string => lab.peers.get(name)?.id ?? '';

/** Enrolls all machines, and waits until they are connected. */
export async function everybodyIsIn(lab: Lab): Promise<void> {
  await lab.enrollAll();
  await Promise.all(lab.agents.map((name) => lab.reaches(name, 'connected')));
  await lab.tunnelWorks();
}

/** Makes two groups, each with one laptop. */
export async function makeGroups(lab: Lab): Promise<void> {
  for (const who of ['alice', 'bob'] as const) {
    const { id } = await lab.api.call<Named>('POST', lab.path('/groups'), { name: GROUPS[who] });
    await lab.api.call('POST', lab.path(`/groups/${id}/peers/${peerId(lab, who)}`));
  }
}

/** Makes a policy and attaches it to the laptop's group. */
export async function attach(lab: Lab, who: 'alice' | 'bob', name: string, rules: readonly Rule[]): Promise<Policy> {
  const policy = await lab.api.call<Policy>('POST', lab.path('/policies'), { name, rules });
  await lab.api.call('POST', lab.path(`/groups/${await idOf(lab, 'groups', GROUPS[who])}/policies/${policy.id}`));
  return policy;
}

export const dropPolicy = (lab: Lab, { id }: Policy): Promise<void> =>
  lab.api.call('DELETE', lab.path(`/policies/${id}`));

/** An agent by its name, anything else by its address. */
const addressOf = (lab: Lab, to: string): string =>
  lab.peers.has(to as AgentName) ? lab.overlayAddress(to as AgentName) : to;

export async function answers(lab: Lab, from: Machine, to: string): Promise<void> {
  await until(`an echo ${from} → ${to}`, () => pingOnce(lab.topology, from, addressOf(lab, to)));
}

export async function cutOff(lab: Lab, from: Machine, to: string): Promise<void> {
  await until(`no echo ${from} → ${to}`, () => isCutOff(lab.topology, from, addressOf(lab, to)));
}

interface Reachability {
  peer_access: { peer_id: string; allowed: boolean; reason: string }[];
}

/** What the controller says of a connection, to be held against what packets do: `allow_rule`, `deny_rule`, … */
export async function verdict(lab: Lab, from: AgentName, to: AgentName): Promise<string> {
  const { peer_access } = await lab.api.call<Reachability>('GET', `${lab.peerPath(from)}/reachability`);
  const found = peer_access.find(({ peer_id }) => peer_id === peerId(lab, to));
  return found ? `${found.allowed ? 'allowed' : 'denied'}: ${found.reason}` : 'unknown';
}
