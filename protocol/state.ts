import Type from 'typebox';
import { jsonEqual } from './json.ts';

/** A WireGuard key (public, private or preshared): 32 bytes in base64, 44 characters. */
export const WgKey = Type.String({ pattern: '^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$' });

const Cidr = Type.String({ minLength: 2, maxLength: 43 });

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
      allow: Type.Array(ClassId, { maxItems: 65536 }),
      /** Networks outside the overlay that it may open connections to; disjoint. */
      cidrs: Type.Array(Cidr, { maxItems: 65536 }),
      /** Its peers have to sign in first: they reach the hub's DNS, and their port 80 is answered by the captive portal. */
      captive: Type.Optional(Type.Literal(true)),
    }),
    { maxItems: 65536 },
  ),
  /** Networks behind this hub: what leaves for them carries the hub's own address. */
  masquerade: Type.Array(Cidr, { maxItems: 4096 }),
});
export type Firewall = Type.Static<typeof Firewall>;

/** What a hub answers on its overlay addresses, port 53, beside the labels of its peers. */
export const NameService = Type.Object({
  /** Peers are `<label>.<domain>`. */
  domain: Type.String({ maxLength: 253 }),
  /** The hub's own label. */
  label: Label,
  /** Other names, whole and in lower case; a first label of `*` answers for all below. */
  records: Type.Array(Type.Object({ name: Type.String({ maxLength: 253 }), address: Type.String({ maxLength: 45 }) }), {
    maxItems: 65536,
  }),
  /** Where other names are asked for; none → what the hub's own system uses. */
  upstream: Type.Array(Type.String({ maxLength: 45 }), { maxItems: 8 }),
});
export type NameService = Type.Static<typeof NameService>;

/** One WireGuard peer as a device sees it. */
export const WgPeer = Type.Object({
  publicKey: WgKey,
  /** What people call it; shown in status and logs only. */
  name: Type.String({ maxLength: 253 }),
  /** True when the peer is a hub (jump peer): the tunnel counts as connected by its handshake. */
  hub: Type.Boolean(),
  presharedKey: Type.Optional(WgKey),
  /** `host:port`, IPv6 in brackets. A host name is resolved by the agent. */
  endpoint: Type.Optional(Type.String({ maxLength: 270 })),
  allowedIps: Type.Array(Cidr, { maxItems: 4096 }),
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
    id: Type.String(),
    name: Type.String(),
    networkId: Type.String(),
    networkName: Type.String(),
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
    mtu: Type.Integer({ minimum: 1280, maximum: 65535 }),
  }),
  /** CIDRs to route into the tunnel, sorted; own addresses are not among them. */
  routes: Type.Array(Cidr, { maxItems: 4096 }),
  dns: Type.Object({
    servers: Type.Array(Type.String(), { maxItems: 8 }),
    search: Type.Array(Type.String(), { maxItems: 8 }),
  }),
  /** Hubs only. */
  firewall: Type.Optional(Firewall),
  /** Hubs only. */
  names: Type.Optional(NameService),
  /** Sorted by public key. */
  peers: Type.Array(WgPeer, { maxItems: 65536 }),
});
export type PeerState = Type.Static<typeof PeerState>;

/** The difference between two states: sections are replaced whole, peers one by one (by public key). */
export const StateDelta = Type.Object({
  sections: Type.Optional(Type.Partial(Type.Omit(PeerState, ['peers']))),
  upsert: Type.Optional(Type.Array(WgPeer)),
  remove: Type.Optional(Type.Array(WgKey)),
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
