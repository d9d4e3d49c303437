import { type Cidr, contains, hostCidr, parseCidr } from '../addresses.ts';
import type { NetworkSnapshot, SnapshotPeer } from '../snapshot.ts';
import type { Group, NetworkPolicy, Policy, PolicyRule, Route } from './model.ts';

/** Why one peer may or may not reach another: the values of the API's reachability. */
export type Reason = 'acl_disabled' | 'allow_rule' | 'deny_rule' | 'blocked' | 'default_allow';

export interface Verdict {
  allowed: boolean;
  reason: Reason;
}

/** The peer's groups in the order in which their policies are tried: by priority, then by age. */
export function groupsOf(policy: NetworkPolicy, peer: SnapshotPeer): Group[] {
  return peer.groupIds
    .flatMap((id) => policy.groups.get(id) ?? [])
    .sort(
      (a, b) =>
        a.priority - b.priority ||
        (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : a.id < b.id ? -1 : 1),
    );
}

/** The rules of one direction that hold for a peer, in the order in which they are tried. */
export function rulesOf(
  policy: NetworkPolicy,
  peer: SnapshotPeer,
  direction: PolicyRule['direction'],
): { rule: PolicyRule; policy: Policy; group: Group }[] {
  return groupsOf(policy, peer).flatMap((group) =>
    group.policyIds.flatMap((id) => {
      const one = policy.policies.get(id);
      if (!one) return [];
      return one.rules.filter((rule) => rule.direction === direction).map((rule) => ({ rule, policy: one, group }));
    }),
  );
}

/** The routes that a peer may use: those attached to its groups. Each once, with the first group that gives it. */
export function routesOf(policy: NetworkPolicy, peer: SnapshotPeer): { route: Route; group: Group }[] {
  const found = new Map<string, { route: Route; group: Group }>();
  for (const group of groupsOf(policy, peer)) {
    for (const id of group.routeIds) {
      const route = policy.routes.get(id);
      if (route && !found.has(id)) found.set(id, { route, group });
    }
  }
  return [...found.values()];
}

/** True when a rule's target is this peer: by id, by group, or by a CIDR that holds one of its addresses. */
export function matchesPeer(rule: PolicyRule, peer: SnapshotPeer): boolean {
  if (rule.targetType === 'peer') return rule.target === peer.id;
  if (rule.targetType === 'group') return peer.groupIds.includes(rule.target);
  const cidr = targetOf(rule);
  return cidr !== undefined && hostsOf(peer).some((host) => contains(cidr, host));
}

const hostOf = (address: string): Cidr => parseCidr(hostCidr(address)) as Cidr;

/** Rules and peers are never changed in place, so what was read from one stands for as long as it does. */
const targets = new WeakMap<PolicyRule, Cidr>();
const hosts = new WeakMap<SnapshotPeer, Cidr[]>();

/** The CIDR that a rule names; undefined when it is none. */
function targetOf(rule: PolicyRule): Cidr | undefined {
  const cidr = targets.get(rule) ?? parseCidr(rule.target);
  if (cidr) targets.set(rule, cidr);
  return cidr;
}

/** The peer's addresses, each as the network of one that it is. */
export function hostsOf(peer: SnapshotPeer): Cidr[] {
  let list = hosts.get(peer);
  if (!list) {
    list = peer.addresses.map(hostOf);
    hosts.set(peer, list);
  }
  return list;
}

/** Kept from everybody: by the ACL, by an incident, or by an access policy. */
export const isShutOut = ({ policy }: NetworkSnapshot, peer: SnapshotPeer): boolean =>
  peer.quarantined || policy.acl.blocked.has(peer.id);

/** Held up by the captive portal only: blocked, but for its hub's names and the portal's own answer there. */
export const isCaptive = (network: NetworkSnapshot, peer: SnapshotPeer): boolean =>
  peer.captive && !isShutOut(network, peer);

export const isBlocked = (network: NetworkSnapshot, peer: SnapshotPeer): boolean =>
  peer.captive || isShutOut(network, peer);

/**
 * Whether `from` may open a connection to `to`, a peer of the same network.
 *
 * 1. A blocked peer (by the ACL, in quarantine, held up by the captive portal) reaches nobody and is reached by nobody.
 * 2. ACL on: the first rule that names both decides; none → on to the policies.
 * 3. Group policies: the first `output` rule of the source and the first `input` rule of the destination that match;
 *    a side without a match agrees; one that denies decides.
 * 4. Nothing denies → allowed.
 */
export function evaluate(network: NetworkSnapshot, from: SnapshotPeer, to: SnapshotPeer): Verdict {
  if (isBlocked(network, from) || isBlocked(network, to)) return { allowed: false, reason: 'blocked' };
  const { acl } = network.policy;
  if (acl.enabled) {
    const rule = acl.rules.find(
      ({ source_peer, target_peer }) =>
        (source_peer === '*' || source_peer === from.id) && (target_peer === '*' || target_peer === to.id),
    );
    if (rule)
      return rule.action === 'allow'
        ? { allowed: true, reason: 'allow_rule' }
        : { allowed: false, reason: 'deny_rule' };
  }
  const out = rulesOf(network.policy, from, 'output').find(({ rule }) => matchesPeer(rule, to));
  const into = rulesOf(network.policy, to, 'input').find(({ rule }) => matchesPeer(rule, from));
  if (out?.rule.action === 'deny' || into?.rule.action === 'deny') return { allowed: false, reason: 'deny_rule' };
  if (out || into) return { allowed: true, reason: 'allow_rule' };
  return { allowed: true, reason: acl.enabled ? 'default_allow' : 'acl_disabled' };
}

/**
 * Whether `from` may open a connection to an address outside the network: only through a route attached to one of its
 * groups (or a CIDR that an administrator routes for everybody, `additional_allowed_ips` of another peer), and only
 * where the first matching `output` rule doesn't deny it. Everything else is dropped.
 */
export function evaluateExternal(network: NetworkSnapshot, from: SnapshotPeer, address: string): Verdict {
  if (isBlocked(network, from)) return { allowed: false, reason: 'blocked' };
  const host = hostOf(address);
  const routed = externalCidrs(network, from).some((cidr) => contains(cidr, host));
  if (!routed) return { allowed: false, reason: 'deny_rule' };
  const rule = rulesOf(network.policy, from, 'output').find(
    (one) => one.rule.targetType === 'cidr' && contains(parseCidr(one.rule.target) as Cidr, host),
  )?.rule;
  if (rule?.action === 'deny') return { allowed: false, reason: 'deny_rule' };
  return rule ? { allowed: true, reason: 'allow_rule' } : { allowed: true, reason: 'default_allow' };
}

/** What is routed for a peer outside the network, before its policies are asked. */
export function externalCidrs(network: NetworkSnapshot, from: SnapshotPeer): Cidr[] {
  const shared = [...network.hubs, ...network.routers]
    .filter((peer) => peer !== from)
    .flatMap((peer) => peer.additionalAllowedIps);
  const routes = routesOf(network.policy, from).map(({ route }) => route.destinationCidr);
  return [...new Set([...shared, ...routes])].map((text) => parseCidr(text) as Cidr);
}
