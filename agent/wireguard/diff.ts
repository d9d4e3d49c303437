import type { DeviceChange, DeviceConfig, PeerChange, PeerConfig } from './backend.ts';
import { canonicalEndpoint, canonicalNetwork } from './cidr.ts';

/** What a device holds, or was told to hold: a DeviceStat and a DeviceConfig both fit. */
export interface DeviceHeld {
  privateKey?: string;
  listenPort?: number;
  fwmark?: number;
  peers: readonly PeerConfig[];
}

interface Entry {
  peer: PeerConfig;
  /** In canonical spelling; a block that a later peer claims too is that peer's. */
  allowed: Set<string>;
}

/** Peers are passed on unchanged from state to state, so the spelling of their blocks is worked out once. */
const spelled = new WeakMap<object, string[]>();

function canonicalBlocks(blocks: readonly string[]): string[] {
  let known = spelled.get(blocks);
  if (!known) {
    known = blocks.map(canonicalNetwork);
    spelled.set(blocks, known);
  }
  return known;
}

/** What is wanted now is what is held the next time. */
const tables = new WeakMap<readonly PeerConfig[], ReadonlyMap<string, Entry>>();

/** Cryptokey routing gives each block to one peer, the last one that claims it: the table as the device will hold it. */
function tabulate(peers: readonly PeerConfig[]): ReadonlyMap<string, Entry> {
  const known = tables.get(peers);
  if (known) return known;
  const table = new Map<string, Entry>();
  for (const peer of peers) table.set(peer.publicKey, { peer, allowed: new Set() });
  const owner = new Map<string, Entry>();
  for (const entry of table.values()) {
    for (const block of canonicalBlocks(entry.peer.allowedIps)) {
      owner.get(block)?.allowed.delete(block);
      owner.set(block, entry);
      entry.allowed.add(block);
    }
  }
  tables.set(peers, table);
  return table;
}

function sameEndpoint(a: string | undefined, b: string): boolean {
  return a === b || (a !== undefined && canonicalEndpoint(a) === canonicalEndpoint(b));
}

function create({ peer, allowed }: Entry): PeerChange {
  return {
    publicKey: peer.publicKey,
    ...(peer.presharedKey !== undefined && { presharedKey: peer.presharedKey }),
    ...(peer.endpoint !== undefined && { endpoint: peer.endpoint }),
    keepalive: peer.keepalive,
    replaceAllowedIps: true,
    allowedIps: [...allowed],
  };
}

/** The change of one known peer; undefined when there is none. `loses` says that it gives blocks up. */
function update(have: Entry, want: Entry, keepEndpoint: boolean): { change: PeerChange; loses: boolean } | undefined {
  const change: PeerChange = { publicKey: want.peer.publicKey };
  if (have.peer.presharedKey !== want.peer.presharedKey) change.presharedKey = want.peer.presharedKey ?? null;
  const { endpoint } = want.peer;
  if (endpoint !== undefined && !keepEndpoint && !sameEndpoint(have.peer.endpoint, endpoint))
    change.endpoint = endpoint;
  if (have.peer.keepalive !== want.peer.keepalive) change.keepalive = want.peer.keepalive;
  const loses = !have.allowed.isSubsetOf(want.allowed);
  if (loses) {
    change.replaceAllowedIps = true;
    change.allowedIps = [...want.allowed];
  } else if (have.allowed.size !== want.allowed.size) {
    change.allowedIps = [...want.allowed.difference(have.allowed)];
  }
  return Object.keys(change).length > 1 ? { change, loses } : undefined;
}

/**
 * What turns a device that holds `have` into `want`, with no peer touched that stays as it is; undefined when nothing
 * is to do. Cost: linear in the peers and blocks of both.
 *
 * Order: removed peers, then peers that give blocks up, then the rest; so a block leaves its old peer
 * before it comes to the new one (two peers that swap blocks are the exception: there WireGuard moves them itself).
 * An endpoint is only ever set, since WireGuard can't clear one and follows a roaming peer by itself. When `have` is
 * what was applied last, an endpoint is set only if the wanted one changed; when it is what the device holds,
 * `keepEndpoint` says for which peers the endpoint found is good (a live session proves it).
 */
export function diffDevice(
  have: DeviceHeld,
  want: DeviceConfig,
  keepEndpoint: (publicKey: string) => boolean = () => false,
): DeviceChange | undefined {
  const known = tabulate(have.peers);
  const wanted = tabulate(want.peers);
  const removed: PeerChange[] = [];
  const losing: PeerChange[] = [];
  const gaining: PeerChange[] = [];
  for (const publicKey of known.keys()) if (!wanted.has(publicKey)) removed.push({ publicKey, remove: true });
  for (const [publicKey, entry] of wanted) {
    const before = known.get(publicKey);
    if (!before) {
      gaining.push(create(entry));
      continue;
    }
    const changed = update(before, entry, keepEndpoint(publicKey));
    if (changed) (changed.loses ? losing : gaining).push(changed.change);
  }
  const change: DeviceChange = {
    ...(have.privateKey !== want.privateKey && { privateKey: want.privateKey }),
    ...(want.listenPort !== undefined && have.listenPort !== want.listenPort && { listenPort: want.listenPort }),
    ...((have.fwmark ?? 0) !== want.fwmark && { fwmark: want.fwmark }),
    peers: [...removed, ...losing, ...gaining],
  };
  return change.peers.length > 0 || Object.keys(change).length > 1 ? change : undefined;
}
