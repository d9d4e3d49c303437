import assert from 'node:assert/strict';
import { createSnapshot, type NetworkSnapshot } from '../../appliance/overlay/snapshot.ts';
import type { Client } from '../harness.ts';
import { type Json, makeNetwork } from './support.ts';

/** Makes a network as wanted, over HTTP, and answers it as a snapshot with the ids that it got. */
export async function buildNetwork(
  admin: Client,
  wanted: NetworkSnapshot,
): Promise<{ at: string; snapshot: NetworkSnapshot }> {
  const ids = new Map<string, string>([['*', '*']]);
  const idOf = (name: string): string => ids.get(name) ?? name;
  const network = await makeNetwork(admin, { cidr: wanted.cidrs[0] });
  const at = `/api/v1/networks/${network.id}`;
  const make = async (what: string, name: string, body: object): Promise<Json> => {
    const answer = await admin.post(`${at}/${what}`, { name, ...body });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    ids.set(name, answer.body.id);
    return answer.body;
  };
  const { policy } = wanted;
  for (const { id, isHub, additionalAllowedIps } of wanted.peers.values()) {
    await make('peers', id, { is_jump: isHub, additional_allowed_ips: additionalAllowedIps });
  }
  const groups = new Map();
  for (const group of policy.groups.values()) {
    const { created_at: createdAt } = await make('groups', group.id, { priority: group.priority });
    groups.set(idOf(group.id), { ...group, id: idOf(group.id), createdAt, policyIds: group.policyIds, routeIds: [] });
  }
  const policies = new Map();
  for (const { id, rules } of policy.policies.values()) {
    const translated = rules.map((rule) => ({ ...rule, target: idOf(rule.target) }));
    await make('policies', id, {
      rules: translated.map(({ direction, action, target, targetType }) => ({
        ...{ direction, action, target, target_type: targetType },
      })),
    });
    policies.set(idOf(id), { id: idOf(id), name: id, rules: translated });
  }
  for (const group of groups.values()) {
    for (const id of group.policyIds) {
      assert.equal((await admin.post(`${at}/groups/${group.id}/policies/${idOf(id)}`)).status, 200);
    }
    group.policyIds = group.policyIds.map(idOf);
  }
  for (const peer of wanted.peers.values()) {
    for (const id of peer.groupIds) await admin.post(`${at}/groups/${idOf(id)}/peers/${idOf(peer.id)}`);
  }
  const acl = {
    enabled: policy.acl.enabled,
    blocked: new Set([...policy.acl.blocked].map(idOf)),
    rules: policy.acl.rules.map((rule) => ({
      ...rule,
      source_peer: idOf(rule.source_peer),
      target_peer: idOf(rule.target_peer),
    })),
  };
  const blocked_peers = Object.fromEntries([...acl.blocked].map((id) => [id, true]));
  const put = await admin.put(`${at}/acl`, { enabled: acl.enabled, blocked_peers, rules: acl.rules });
  assert.equal(put.status, 200, JSON.stringify(put.body));
  const peers = [...wanted.peers.values()].map((peer) => ({
    ...peer,
    id: idOf(peer.id),
    groupIds: peer.groupIds.map(idOf),
    quarantined: false,
  }));
  const fields = { ...wanted, policy: { groups, policies, routes: new Map(), mappings: [], acl } };
  return { at, snapshot: createSnapshot(fields, peers) };
}
