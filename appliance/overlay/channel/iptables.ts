import type { Rights } from '../policy/classes.ts';
import { classify } from '../policy/classes.ts';
import { isBlocked } from '../policy/evaluate.ts';
import type { NetworkSnapshot, SnapshotPeer } from '../snapshot.ts';

const commandFor = (address: string): string => (address.includes(':') ? 'ip6tables' : 'iptables');

/**
 * What is allowed, as the rules that existing agents put into their own chain of FORWARD: first match wins, replies are
 * let through by the agent itself, and what no rule names is dropped. Sources that all rules treat alike share nothing
 * here, so a network with many denied pairs makes a long list; our own agent takes classes instead.
 */
export function iptablesRules(network: NetworkSnapshot): string[] {
  const { classOf, rights } = classify(network);
  const rightsOf = new Map(rights.map((one) => [one.id, one]));
  const spokes = [...network.peers.values()].filter((peer) => !peer.isHub && !isBlocked(network, peer));
  const rules = spokes.flatMap((from) => sourceRules(network, from, rightsOf.get(classOf(from)) as Rights, classOf));
  return [...rules, 'iptables -A FORWARD -j DROP', 'ip6tables -A FORWARD -j DROP'];
}

/** Peers one by one, whichever list is shorter: those denied before the whole network, or those allowed. */
function sourceRules(
  network: NetworkSnapshot,
  from: SnapshotPeer,
  { allow, cidrs }: Rights,
  classOf: (peer: SnapshotPeer) => number,
): string[] {
  const allowed = new Set(allow);
  const [open, closed]: [SnapshotPeer[], SnapshotPeer[]] = [[], []];
  for (const to of network.peers.values()) if (to !== from) (allowed.has(classOf(to)) ? open : closed).push(to);
  return from.addresses.flatMap((source, i) => {
    const command = commandFor(source);
    const rule = (destination: string, verdict: string) =>
      `${command} -A FORWARD -s ${source} -d ${destination} -j ${verdict}`;
    const addressed = (peers: SnapshotPeer[], verdict: string) =>
      peers.flatMap((peer) => (peer.addresses[i] === undefined ? [] : [rule(peer.addresses[i], verdict)]));
    const inside =
      closed.length <= open.length
        ? [...addressed(closed, 'DROP'), rule(network.cidrs[i] as string, 'ACCEPT')]
        : addressed(open, 'ACCEPT');
    const outside = cidrs.filter((cidr) => commandFor(cidr) === command).map((cidr) => rule(cidr, 'ACCEPT'));
    return [...inside, ...outside];
  });
}
