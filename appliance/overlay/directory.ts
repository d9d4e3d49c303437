import type { Directory } from '@gatehouse/protocol';
import { classKeys } from './policy/classes.ts';
import { evaluate } from './policy/evaluate.ts';
import { dnsLabel, MAX_DNS_NAME } from './policy/names.ts';
import type { NetworkSnapshot, SnapshotPeer } from './snapshot.ts';

/** Names in one answer. */
const MAX_NAMES = 500;

/**
 * The peers that `from` may open connections to, hubs included, by name: those whose name, DNS name or address holds
 * `search`, the first 500. The rules are asked once a class of peers, which they treat alike, not once a peer; `stats`
 * counts that.
 */
export function directoryOf(
  network: NetworkSnapshot,
  from: SnapshotPeer,
  search: string,
  isOnline: (peerId: string) => boolean,
  stats: { evaluated: number } = { evaluated: 0 },
): Directory {
  const keyOf = classKeys(network);
  const allowed = new Map<string, boolean>();
  const wanted = search.trim().toLowerCase();
  const found: { key: string; dns: string | null; peer: SnapshotPeer }[] = [];
  for (const peer of network.peers.values()) {
    if (peer === from) continue;
    const dns = dnsName(network, peer);
    const key = peer.name.toLowerCase();
    if (wanted && ![key, dns ?? '', ...peer.addresses].some((text) => text.includes(wanted))) continue;
    const group = keyOf(peer);
    let verdict = allowed.get(group);
    if (verdict === undefined) {
      stats.evaluated += 1;
      verdict = evaluate(network, from, peer).allowed;
      allowed.set(group, verdict);
    }
    if (verdict) found.push({ key, dns, peer });
  }
  found.sort((a, b) => (a.key < b.key || (a.key === b.key && a.peer.id < b.peer.id) ? -1 : 1));
  return {
    names: found.slice(0, MAX_NAMES).map(({ dns, peer: { id, name, addresses, useAgent } }) => ({
      name,
      dns,
      addresses,
      // Who has no agent never reports.
      online: isOnline(id) || (useAgent ? false : null),
    })),
    more: found.length > MAX_NAMES,
  };
}

function dnsName({ domainSuffix }: NetworkSnapshot, { name }: SnapshotPeer): string | null {
  const label = dnsLabel(name);
  const whole = `${label}.${domainSuffix}`;
  return label === '' || whole.length > MAX_DNS_NAME ? null : whole;
}
