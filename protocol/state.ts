import * as Type from 'typebox';
import { jsonEqual } from './json.ts';

/** A WireGuard key (public, private or preshared): 32 bytes in base64, 44 characters. */
export const WgKey = Type.String({ pattern: '^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$' });

/**
 * What a state holds at most. A controller holds its networks within these: names of peers have 64 characters and those of
 * networks 100, ids 64, a network 1,000 routes and 10,000 names of its own. An agent refuses what is beyond.
 */
const MAX = {
  /** Peers of a hub; also classes of them, and blocks that lead to one peer or into the tunnel. */
  peers: 65_536,
  name: 253,
  id: 64,
  address: 45,
  servers: 8,
} as const;
export const MAX_PEERS = MAX.peers;

const Cidr = Type.String({ minLength: 2, maxLength: 43 });
const Id = Type.String({ maxLength: MAX.id });
const Name = Type.String({ maxLength: MAX.name });
const Address = Type.String({ maxLength: MAX.address });

/** The number of a class of peers: all that the rules treat alike. */
const ClassId = Type.Integer({ minimum: 1, maximum: 0x7fffffff });
/** One DNS label, lower case. */
const Label = Type.String({ pattern: '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' });

/** What a hub enforces between its peers, and from them to networks behind it. What isn't allowed is dropped. */
export const Firewall = Type.Object({
  /** The hub's own class. */
  own: ClassId,
  classes: Type.Array(
    Type.Object({
      id: ClassId,
      /** Classes whose peers this one may open connections to. */
      allow: Type.Array(ClassId, { maxItems: MAX.peers }),
      /** Networks outside the overlay that it may open connections to; disjoint. */
      cidrs: Type.Array(Cidr, { maxItems: MAX.peers }),
      /** Its peers have to sign in first: they reach the hub's DNS, and their port 80 is answered by the captive portal. */
      captive: Type.Optional(Type.Literal(true)),
    }),
    { maxItems: MAX.peers },
  ),
  /** Networks behind this hub: what leaves for them carries the hub's own address. */
  masquerade: Type.Array(Cidr, { maxItems: 4096 }),
});
export type Firewall = Type.Static<typeof Firewall>;

/** What a hub answers on its overlay addresses, port 53, beside the labels of its peers. */
export const NameService = Type.Object({
  /** Peers are `<label>.<domain>`. */
  domain: Name,
  /** The hub's own label. */
  label: Label,
  /** Other names, whole and in lower case; a first label of `*` answers for all below. */
  records: Type.Array(Type.Object({ name: Name, address: Address }), {
    maxItems: MAX.peers,
  }),
  /** Where other names are asked for; none → what the hub's own system uses. */
  upstream: Type.Array(Address, { maxItems: MAX.servers }),
});
export type NameService = Type.Static<typeof NameService>;

/** One WireGuard peer as a device sees it. */
export const WgPeer = Type.Object({
  publicKey: WgKey,
  /** What people call it; shown in status and logs only. */
  name: Name,
  /** True when the peer is a hub (jump peer): the tunnel counts as connected by its handshake. */
  hub: Type.Boolean(),
  presharedKey: Type.Optional(WgKey),
  /** `host:port`, IPv6 in brackets. A host name is resolved by the agent. */
  endpoint: Type.Optional(Type.String({ maxLength: 270 })),
  allowedIps: Type.Array(Cidr, { maxItems: MAX.peers }),
  /** Seconds between keepalives; 0 is off. */
  keepalive: Type.Integer({ minimum: 0, maximum: 65535 }),
  /** In a hub's state: the peer's class, whose rights `firewall` has. */
  class: Type.Optional(ClassId),
  /** In a hub's state: the label that the hub's DNS answers for, without the domain. */
  label: Type.Optional(Label),
});
export type WgPeer = Type.Static<typeof WgPeer>;

/** All that one device needs to hold its end of the overlay: what `compile` makes and the agent applies. */
export const PeerState = Type.Object({
  peer: Type.Object({
    id: Id,
    name: Name,
    networkId: Id,
    networkName: Name,
    role: Type.Union([Type.Literal('hub'), Type.Literal('spoke')]),
    /** A policy, an incident or an administrator keeps this device from everybody: `GET /api/v1/agent/standing` says why. */
    keptOut: Type.Optional(Type.Literal(true)),
  }),
  interface: Type.Object({
    /** The public key the controller knows for this device; another one means the device was cut off. */
    publicKey: WgKey,
    /** Own addresses: a spoke's as /32 and /128, a hub's with the network's prefix. */
    addresses: Type.Array(Cidr, { minItems: 1, maxItems: 2 }),
    listenPort: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535 })),
    mtu: Type.Integer({ minimum: 1280, maximum: 9000 }),
  }),
  /** CIDRs to route into the tunnel, sorted; own addresses are not among them. */
  routes: Type.Array(Cidr, { maxItems: MAX.peers }),
  dns: Type.Object({
    servers: Type.Array(Address, { maxItems: MAX.servers }),
    search: Type.Array(Name, { maxItems: MAX.servers }),
  }),
  /** Hubs only. */
  firewall: Type.Optional(Firewall),
  /** Hubs only. */
  names: Type.Optional(NameService),
  /** Sorted by public key. */
  peers: Type.Array(WgPeer, { maxItems: MAX.peers }),
});
export type PeerState = Type.Static<typeof PeerState>;

/** The difference between two states: sections are replaced whole, peers one by one (by public key). */
export const StateDelta = Type.Object({
  sections: Type.Optional(Type.Partial(Type.Omit(PeerState, ['peers']))),
  upsert: Type.Optional(Type.Array(WgPeer, { maxItems: MAX.peers })),
  remove: Type.Optional(Type.Array(WgKey, { maxItems: MAX.peers })),
});
export type StateDelta = Type.Static<typeof StateDelta>;

const SECTIONS = ['peer', 'interface', 'routes', 'dns', 'firewall', 'names'] as const;

/** What turns `from` into `to`, or undefined when they are equal. Cost: linear in the peers of both. */
export function diffState(from: PeerState, to: PeerState): StateDelta | undefined {
  const sections: Record<string, unknown> = {};
  for (const key of SECTIONS) if (!jsonEqual(from[key], to[key])) sections[key] = to[key];
  const upsert: WgPeer[] = [];
  const remove: string[] = [];
  // Both lists are sorted by key, so one walk over them is enough.
  for (let i = 0, j = 0; i < from.peers.length || j < to.peers.length; ) {
    const [before, after] = [from.peers[i], to.peers[j]];
    if (!after || (before && before.publicKey < after.publicKey)) {
      remove.push((before as WgPeer).publicKey);
      i++;
    } else {
      const same = before?.publicKey === after.publicKey;
      if (!same || (before !== after && !jsonEqual(before, after))) upsert.push(after);
      if (same) i++;
      j++;
    }
  }
  const delta: StateDelta = {
    ...(Object.keys(sections).length > 0 && { sections }),
    ...(upsert.length > 0 && { upsert }),
    ...(remove.length > 0 && { remove }),
  };
  return Object.keys(delta).length > 0 ? delta : undefined;
}

/** `from` with `delta` applied; `applyDelta(a, diffState(a, b))` equals `b`. The arguments stay as they were. */
export function applyDelta(from: PeerState, delta: StateDelta): PeerState {
  const upsert = [...(delta.upsert ?? [])].sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1));
  const gone = new Set([...(delta.remove ?? []), ...upsert.map((peer) => peer.publicKey)]);
  const peers: WgPeer[] = [];
  let next = 0;
  for (const peer of from.peers) {
    while (next < upsert.length && (upsert[next] as WgPeer).publicKey < peer.publicKey)
      peers.push(upsert[next++] as WgPeer);
    if (!gone.has(peer.publicKey)) peers.push(peer);
  }
  return { ...from, ...delta.sections, peers: [...peers, ...upsert.slice(next)] };
}
