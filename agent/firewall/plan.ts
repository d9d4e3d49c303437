import type { PeerState } from '@gatehouse/protocol';
import { contains, formatCidr, network, parseCidr } from '../wireguard/cidr.ts';
import { type Host, overlayHosts, ownHosts } from '../wireguard/hosts.ts';

/** What one class of peers may open connections to. */
export interface ClassPlan {
  /** Classes, in the order of their numbers. */
  allow: number[];
  /** Networks outside the overlay, disjoint, sorted, in canonical spelling. */
  cidrs4: string[];
  cidrs6: string[];
}

/** What the kernel is to enforce on one interface. */
export interface FirewallPlan {
  interface: string;
  own: Host[];
  /** The hub answers DNS. */
  names: boolean;
  /** The class of each overlay address, the hub's own included. */
  peers4: Map<string, number>;
  peers6: Map<string, number>;
  classes: Map<number, ClassPlan>;
  /** Classes that may ask the hub for names: all but those that are cut off. */
  askers: Set<number>;
  /** Classes whose port 80 the captive portal answers. */
  captives: Set<number>;
  masquerade4: string[];
  masquerade6: string[];
}

/** The same addresses as disjoint blocks, for sets of intervals don't take overlapping ones; split by family. */
export function flatten(texts: readonly string[]): { v4: string[]; v6: string[] } {
  const blocks = texts.map((text) => network(parseCidr(text)));
  // Wider first at the same address, so what a block holds comes behind it.
  blocks.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : a.prefix - b.prefix));
  const kept: typeof blocks = [];
  for (const family of [4, 6] as const) {
    let last: (typeof blocks)[number] | undefined;
    for (const block of blocks) {
      if (block.family !== family || (last && contains(last, block))) continue;
      kept.push(block);
      last = block;
    }
  }
  const of = (family: 4 | 6): string[] => kept.filter((block) => block.family === family).map(formatCidr);
  return { v4: of(4), v6: of(6) };
}

/** A state without a firewall section asks for none. Throws RangeError when an address or network isn't one. */
export function planFirewall(name: string, state: PeerState): FirewallPlan | null {
  const { firewall } = state;
  if (!firewall) return null;
  const { own, overlay } = ownHosts(state);
  const masquerade = flatten(firewall.masquerade);
  const plan: FirewallPlan = {
    interface: name,
    own,
    names: state.names !== undefined,
    peers4: new Map(),
    peers6: new Map(),
    classes: new Map(),
    askers: new Set(),
    captives: new Set(),
    masquerade4: masquerade.v4,
    masquerade6: masquerade.v6,
  };
  for (const { id, allow, cidrs, captive } of firewall.classes) {
    const { v4, v6 } = flatten(cidrs);
    plan.classes.set(id, { allow: [...new Set(allow)].sort((a, b) => a - b), cidrs4: v4, cidrs6: v6 });
    if (captive) plan.captives.add(id);
    // Who may reach something, or is reached by somebody, has a use for names. A blocked peer has neither; a captive one
    // has to find the portal.
    if (captive || allow.length > 0 || cidrs.length > 0) plan.askers.add(id);
    for (const other of allow) plan.askers.add(other);
  }
  for (const peer of state.peers) {
    // Without a class a peer is unknown, and so has no rights.
    if (peer.class === undefined) continue;
    for (const { family, address } of overlayHosts(peer, overlay))
      (family === 4 ? plan.peers4 : plan.peers6).set(address, peer.class);
  }
  for (const { family, address } of own) (family === 4 ? plan.peers4 : plan.peers6).set(address, firewall.own);
  return plan;
}
