import assert from 'node:assert/strict';
import type { Lab } from '../lab.ts';
import { until } from '../run.ts';
import { answers, attach, cutOff, dropPolicy, GROUPS, idOf, peerId, type Rule, verdict } from './world.ts';

const output = (action: Rule['action'], target_type: Rule['target_type'], target: string): Rule => ({
  direction: 'output',
  action,
  target_type,
  target,
});

/** A rule speaks of who opens a connection: alice opens none to bob, bob's come through, with their answers. */
async function onlyBobCalls(lab: Lab): Promise<void> {
  await cutOff(lab, 'alice', 'bob');
  assert.equal(await verdict(lab, 'alice', 'bob'), 'denied: deny_rule');
  await answers(lab, 'bob', 'alice');
  await answers(lab, 'alice', 'hub');
}

export async function denyByPeer(lab: Lab): Promise<void> {
  const policy = await attach(lab, 'alice', 'not bob', [output('deny', 'peer', peerId(lab, 'bob'))]);
  await onlyBobCalls(lab);
  await lab.api.call('DELETE', lab.path(`/policies/${policy.id}/rules/${policy.rules[0]?.id}`));
  await answers(lab, 'alice', 'bob');
  await dropPolicy(lab, policy);
}

export async function denyByGroup(lab: Lab): Promise<void> {
  const workshop = await idOf(lab, 'groups', GROUPS.bob);
  const policy = await attach(lab, 'alice', 'not the workshop', [output('deny', 'group', workshop)]);
  await onlyBobCalls(lab);
  // The rule stays, and bob leaves the group that it speaks of.
  const membership = lab.path(`/groups/${workshop}/peers/${peerId(lab, 'bob')}`);
  await lab.api.call('DELETE', membership);
  await answers(lab, 'alice', 'bob');
  await lab.api.call('POST', membership);
  await cutOff(lab, 'alice', 'bob');
  await lab.api.call('DELETE', lab.path(`/groups/${await idOf(lab, 'groups', GROUPS.alice)}/policies/${policy.id}`));
  await answers(lab, 'alice', 'bob');
  await dropPolicy(lab, policy);
}

/** And the order of policies: the first rule that matches decides. */
export async function denyByCidr(lab: Lab): Promise<void> {
  const deny = await attach(lab, 'alice', 'not his address', [
    output('deny', 'cidr', `${lab.overlayAddress('bob')}/32`),
  ]);
  await onlyBobCalls(lab);
  const allow = await attach(lab, 'alice', 'bob after all', [output('allow', 'peer', peerId(lab, 'bob'))]);
  const order = lab.path(`/groups/${await idOf(lab, 'groups', GROUPS.alice)}/policies/order`);
  await lab.api.call('PUT', order, { policy_ids: [allow.id, deny.id] });
  await answers(lab, 'alice', 'bob');
  assert.equal(await verdict(lab, 'alice', 'bob'), 'allowed: allow_rule');
  await lab.api.call('PUT', order, { policy_ids: [deny.id, allow.id] });
  await cutOff(lab, 'alice', 'bob');
  await dropPolicy(lab, deny);
  await answers(lab, 'alice', 'bob');
  await dropPolicy(lab, allow);
}

/** The destination has a say too: bob's group doesn't want alice. */
export async function inputRule(lab: Lab): Promise<void> {
  const rule: Rule = { direction: 'input', action: 'deny', target_type: 'group', target: '' };
  rule.target = await idOf(lab, 'groups', GROUPS.alice);
  const policy = await attach(lab, 'bob', 'no sales calls', [rule]);
  await onlyBobCalls(lab);
  await dropPolicy(lab, policy);
  await answers(lab, 'alice', 'bob');
}

const OPEN = { enabled: false, blocked_peers: {}, rules: [] };

export async function aclDenies(lab: Lab): Promise<void> {
  const acl = lab.path('/acl');
  const rule = { source_peer: peerId(lab, 'alice'), target_peer: peerId(lab, 'bob'), action: 'deny' };
  await lab.api.call('PUT', acl, { enabled: true, blocked_peers: {}, rules: [rule] });
  await onlyBobCalls(lab);
  await lab.api.call('PUT', acl, { enabled: false, blocked_peers: {}, rules: [rule] });
  await answers(lab, 'alice', 'bob');
  await lab.api.call('PUT', acl, OPEN);
}

/** A blocked peer reaches nobody, not even the hub, and nobody reaches it. */
export async function blockedPeer(lab: Lab): Promise<void> {
  const acl = lab.path('/acl');
  await lab.api.call('PUT', acl, { ...OPEN, blocked_peers: { [peerId(lab, 'alice')]: true } });
  const pairs = [
    ['alice', 'bob'],
    ['bob', 'alice'],
    ['alice', 'hub'],
    ['alice', 'hub2'],
    ['hub', 'alice'],
  ] as const;
  await Promise.all(pairs.map(([from, to]) => cutOff(lab, from, to)));
  assert.equal(await verdict(lab, 'alice', 'bob'), 'denied: blocked');
  await answers(lab, 'bob', 'hub');
  await lab.api.call('PUT', acl, OPEN);
  await Promise.all(pairs.map(([from, to]) => answers(lab, from, to)));
}

/** The names of nft's tables on a hub. */
const tables = (lab: Lab): Promise<string> => lab.on('hub', ['nft', 'list', 'tables']);

/** Another program throws all rules away: the agent puts its own back. */
export async function flushedRulesAreBack(lab: Lab): Promise<void> {
  const policy = await attach(lab, 'alice', 'not bob', [output('deny', 'peer', peerId(lab, 'bob'))]);
  await cutOff(lab, 'alice', 'bob');
  const before = await tables(lab);
  assert.match(before, new RegExp(`^table inet \\S*${lab.topology.interfaceName('hub')}$`, 'm'));
  await lab.on('hub', ['nft', 'flush', 'ruleset']);
  await until('the rules to be back', async () => (await tables(lab)) === before);
  await onlyBobCalls(lab);
  await dropPolicy(lab, policy);
  await answers(lab, 'alice', 'bob');
}
