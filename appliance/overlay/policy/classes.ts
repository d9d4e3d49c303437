import { createHash } from 'node:crypto';
import { type Cidr, contains, formatCidr, parseCidr, subtract } from '../addresses.ts';
import type { NetworkSnapshot, SnapshotPeer } from '../snapshot.ts';
import { evaluate, externalCidrs, hostsOf, isBlocked, isCaptive, rulesOf } from './evaluate.ts';
import type { NetworkPolicy } from './model.ts';

/**
 * What hubs enforce, small enough for a network of any size: peers that every rule treats alike form a class, and rights
 * are between classes. A class is named by a hash of what makes it, so one changed peer changes its own class number
 * and leaves all others.
 */
export interface Rights {
  /** A class's number, 1 to 2^31-1. */
  id: number;
  /** The classes whose peers it may open connections to. */
  allow: number[];
  /** The networks outside that it may open connections to; disjoint from each other. */
  cidrs: string[];
  /** Its peers have to sign in at the captive portal first. */
  captive?: true;
}

/** Peer ids and CIDRs that some rule singles out: only those tell two peers of the same groups apart. */
interface Selectors {
  peerIds: Set<string>;
  cidrs: Cidr[];
}

function selectorsOf({ policy }: NetworkSnapshot): Selectors {
  const peerIds = new Set<string>();
  const cidrs = new Map<string, Cidr>();
  for (const { source_peer, target_peer } of policy.acl.rules) peerIds.add(source_peer).add(target_peer);
  for (const { rules } of policy.policies.values()) {
    for (const { target, targetType } of rules) {
      if (targetType === 'peer') peerIds.add(target);
      else if (targetType === 'cidr') cidrs.set(target, parseCidr(target) as Cidr);
    }
  }
  return { peerIds, cidrs: [...cidrs.values()] };
}

function classKey(network: NetworkSnapshot, selectors: Selectors, peer: SnapshotPeer): string {
  const hosts = hostsOf(peer);
  const inside = selectors.cidrs.map((cidr) => (hosts.some((host) => contains(cidr, host)) ? '1' : '0'));
  // Who routes for others doesn't reach its own networks through the overlay.
  const own = peer.additionalAllowedIps.length > 0 ? peer.id : '';
  const named = selectors.peerIds.has(peer.id) ? peer.id : '';
  const standing = isCaptive(network, peer) ? 'captive' : isBlocked(network, peer);
  return JSON.stringify([standing, [...peer.groupIds].sort(), inside.join(''), named, own]);
}

const idOf = (key: string): number => (createHash('sha256').update(key).digest().readUInt32BE(0) % 0x7ffffffe) + 1;

/** Keys made so far, by policy and peer: neither is ever changed in place. */
const cache = new WeakMap<NetworkPolicy, { selectors: Selectors; keys: WeakMap<SnapshotPeer, string> }>();

/** What makes a peer's class, as text: peers with the same are treated alike by every rule, as source and destination. */
export function classKeys(network: NetworkSnapshot): (peer: SnapshotPeer) => string {
  let entry = cache.get(network.policy);
  if (!entry) {
    entry = { selectors: selectorsOf(network), keys: new WeakMap() };
    cache.set(network.policy, entry);
  }
  const { selectors, keys } = entry;
  return (peer) => {
    let key = keys.get(peer);
    if (key === undefined) {
      key = classKey(network, selectors, peer);
      keys.set(peer, key);
    }
    return key;
  };
}

/** The class of each peer, and what each class may do. */
export function classify(network: NetworkSnapshot): { classOf: (peer: SnapshotPeer) => number; rights: Rights[] } {
  const keyOf = classKeys(network);
  const numbers = new Map<string, number>();
  const used = new Set<number>();
  const members = new Map<number, { one: SnapshotPeer; another?: SnapshotPeer }>();
  const classes = new Map<string, number>();
  for (const peer of network.peers.values()) {
    const key = keyOf(peer);
    let id = numbers.get(key);
    if (id === undefined) {
      // Two keys with one hash: the next number. As likely as a broken disk, but it must not merge two classes.
      for (id = idOf(key); used.has(id); id = (id % 0x7ffffffe) + 1);
      used.add(id);
      numbers.set(key, id);
      members.set(id, { one: peer });
    } else {
      const entry = members.get(id) as { one: SnapshotPeer; another?: SnapshotPeer };
      entry.another ??= peer;
    }
    classes.set(peer.id, id);
  }
  const rights: Rights[] = [];
  for (const [id, { one }] of members) {
    const allow: number[] = [];
    for (const [other, { one: to, another }] of members) {
      // Within a class, one member stands for the source and another for the destination.
      const target = other === id ? another : to;
      if (target && evaluate(network, one, target).allowed) allow.push(other);
    }
    const captive = isCaptive(network, one) && ({ captive: true } as const);
    rights.push({ id, allow: allow.sort((a, b) => a - b), cidrs: reachable(network, one), ...captive });
  }
  rights.sort((a, b) => a.id - b.id);
  return { classOf: (peer) => classes.get(peer.id) as number, rights };
}

/** The networks outside that a peer may reach: what is routed for it, less what the first matching rule denies. */
export function reachable(network: NetworkSnapshot, peer: SnapshotPeer): string[] {
  if (isBlocked(network, peer)) return [];
  const rules = rulesOf(network.policy, peer, 'output').filter(({ rule }) => rule.targetType === 'cidr');
  const own = network.cidrs.map((text) => parseCidr(text) as Cidr);
  // A route may be wider than the network (0.0.0.0/0): addresses within it are its peers' business.
  let open = disjoint(externalCidrs(network, peer)).flatMap((cidr) =>
    own.reduce<Cidr[]>((rest, hole) => rest.flatMap((one) => subtract(one, hole)), [cidr]),
  );
  const allowed: Cidr[] = [];
  for (const { rule } of rules) {
    const target = parseCidr(rule.target) as Cidr;
    if (rule.action === 'allow') {
      for (const cidr of open) {
        if (contains(target, cidr)) allowed.push(cidr);
        else if (contains(cidr, target)) allowed.push(target);
      }
    }
    open = open.flatMap((cidr) => subtract(cidr, target));
  }
  return disjoint([...allowed, ...open])
    .map(formatCidr)
    .sort();
}

/** The same addresses as disjoint networks: one that another holds is dropped. */
function disjoint(cidrs: readonly Cidr[]): Cidr[] {
  const sorted = [...cidrs].sort((a, b) => a.prefix - b.prefix);
  const kept: Cidr[] = [];
  for (const cidr of sorted) if (!kept.some((other) => contains(other, cidr))) kept.push(cidr);
  return kept;
}
