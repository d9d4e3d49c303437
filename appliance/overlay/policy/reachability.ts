import type { NetworkSnapshot, SnapshotPeer } from '../snapshot.ts';
import { classKeys } from './classes.ts';
import { evaluate, routesOf, rulesOf, type Verdict } from './evaluate.ts';
import type { PolicyRule } from './model.ts';
import type { Reachability } from './schema.ts';

/**
 * What a peer may reach, as the hubs enforce it. `visible` says which other peers may be told of: their names and
 * addresses are left out for whom that is false.
 */
export function reachabilityOf(
  network: NetworkSnapshot,
  peer: SnapshotPeer,
  visible: (other: SnapshotPeer) => boolean,
): Reachability {
  const { policy, peers } = network;
  const others = [...peers.values()].filter((other) => other !== peer && visible(other));
  // Peers that every rule treats alike get the same verdict: one evaluation for each kind.
  const keyOf = classKeys(network);
  const verdicts = new Map<string, Verdict>();
  const verdictOn = (other: SnapshotPeer): Verdict => {
    const key = keyOf(other);
    const verdict = verdicts.get(key) ?? evaluate(network, peer, other);
    verdicts.set(key, verdict);
    return verdict;
  };
  const seen = visible(peer) ? [peer, ...others] : others;
  const resolved = new Map<string, string[]>();
  const addressesOf = ({ targetType, target }: PolicyRule): string[] => {
    if (targetType === 'cidr') return [target];
    const key = `${targetType} ${target}`;
    let addresses = resolved.get(key);
    if (!addresses) {
      const isTarget = (one: SnapshotPeer) =>
        targetType === 'peer' ? one.id === target : one.groupIds.includes(target);
      addresses = seen.filter(isTarget).flatMap((one) => one.addresses);
      resolved.set(key, addresses);
    }
    return addresses;
  };
  return {
    peer_id: peer.id,
    peer_name: peer.name,
    peer_address: peer.addresses[0] as string,
    is_jump: peer.isHub,
    peer_access: others.map((other) => ({
      peer_id: other.id,
      peer_name: other.name,
      address: other.addresses[0] as string,
      is_jump: other.isHub,
      ...verdictOn(other),
    })),
    rules: [...rulesOf(policy, peer, 'output'), ...rulesOf(policy, peer, 'input')].map(
      ({ rule, policy: { name: policyName }, group }) => ({
        direction: rule.direction,
        action: rule.action,
        target_type: rule.targetType,
        target: rule.target,
        addresses: addressesOf(rule),
        policy_name: policyName,
        group_name: group.name,
        description: rule.description,
      }),
    ),
    routes: routesOf(policy, peer).map(({ route, group }) => ({
      route_id: route.id,
      route_name: route.name,
      destination_cidr: route.destinationCidr,
      jump_peer_id: route.jumpPeerId,
      jump_peer_name: peers.get(route.jumpPeerId)?.name ?? '',
      group_name: group.name,
    })),
  };
}
