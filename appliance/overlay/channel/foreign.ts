import { CLOSE } from '@gatehouse/protocol';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { compile } from '../compile.ts';
import { isSeenEndpoint } from '../endpoint.ts';
import { isBlocked } from '../policy/evaluate.ts';
import { dnsLabel, recordsOf } from '../policy/names.ts';
import { render } from '../render.ts';
import { type NetworkSnapshot, primaryHub, type SnapshotPeer } from '../snapshot.ts';
import type { Connection, Device, RawData, WebSocket } from './connections.ts';
import { parseFrame } from './gatehouse.ts';
import type { ChannelContext } from './index.ts';
import { iptablesRules } from './iptables.ts';

/** What an existing agent of this API sends every 30 s. */
const Heartbeat = Type.Object({
  hostname: Type.String({ maxLength: 253 }),
  system_uptime: Type.Integer({ minimum: 0 }),
  wireguard_uptime: Type.Integer({ minimum: 0 }),
  peer_endpoints: Type.Optional(Type.Union([Type.Null(), Type.Record(Type.String(), Type.String({ maxLength: 64 }))])),
});
const isHeartbeat = Compile(Heartbeat);

/**
 * The names that a foreign hub answers for, each below the network's domain. Its format has no room for a route with a
 * domain of its own, nor for wildcards.
 */
function foreignNames(network: NetworkSnapshot): { name: string; ip: string; ipv6?: string }[] {
  const peers = [...network.peers.values()].map((one) => ({
    name: dnsLabel(one.name),
    ip: one.addresses[0] as string,
    ...(one.addresses[1] !== undefined && { ipv6: one.addresses[1] }),
  }));
  const suffix = `.${network.domainSuffix}`;
  const mappings = recordsOf(network)
    .filter(({ name, fqdn, address }) => name !== '*' && fqdn.endsWith(suffix) && !address.includes(':'))
    .map(({ fqdn, address }) => ({ name: fqdn.slice(0, -suffix.length), ip: address }));
  return [...peers, ...mappings];
}

/** What an existing agent of this API is sent on connect and on change. */
export function foreignMessage(network: NetworkSnapshot, peer: SnapshotPeer, privateKey: string | null) {
  const others = [...network.peers.values()].filter((other) => other.id !== peer.id);
  const spokes = others.filter((other) => !other.isHub && !isBlocked(network, other));
  const hubAddress = (peer.isHub ? peer : primaryHub(network))?.addresses[0] ?? '';
  return {
    config: render(compile(network, peer), privateKey),
    dns: {
      ip: hubAddress,
      domain: network.domainSuffix,
      // Only a hub answers for names; a laptop has no use for the list of everybody.
      peers: peer.isHub ? foreignNames(network) : [],
      upstream_servers: network.dns,
    },
    // A foreign hub forwards for those on the whitelist only, and of that what the rules let through.
    policy: peer.isHub
      ? {
          ip: hubAddress,
          iptables_rules: iptablesRules(network),
          peers: spokes.map(({ name, addresses }) => ({ name, ip: addresses[0] })),
        }
      : null,
    peer_id: peer.id,
    peer_name: peer.name,
    whitelist: peer.isHub ? spokes.flatMap((spoke) => listed(spoke, peer)) : [],
  };
}

/** Whoever has signed in at the captive portal is let through from where the hub saw it then only. */
function listed({ addresses, admittedFrom }: SnapshotPeer, hub: SnapshotPeer): string[] {
  const from = admittedFrom?.[hub.id];
  return from === undefined ? addresses : addresses.map((address) => `${address}@${from}`);
}

/**
 * Tells one end its peer's state in the existing agents' format: one message after another, none twice. `keyOf` gives the
 * private key that goes with it, and undefined where this end is no longer to be told.
 */
export function foreignTeller(
  context: Pick<ChannelContext, 'log' | 'stats'>,
  socket: WebSocket,
  keyOf: () => Promise<string | null | undefined>,
): (network: NetworkSnapshot, peer: SnapshotPeer) => void {
  let last: string | undefined;
  let sending = Promise.resolve();
  return (network, peer) => {
    context.stats.compiled += 1;
    const tell = async (): Promise<void> => {
      const privateKey = await keyOf();
      if (privateKey === undefined || socket.readyState !== socket.OPEN) return;
      const text = JSON.stringify(foreignMessage(network, peer, privateKey));
      if (text !== last) socket.send(text);
      last = text;
    };
    // One after another: an older state must not arrive behind a newer one.
    sending = sending
      .then(tell)
      .catch((error) => context.log.error({ err: error, peerId: peer.id }, 'a state could not be told'));
  };
}

/** Speaks the existing agents' format with an agent that isn't ours. */
export function serveForeign(context: ChannelContext, socket: WebSocket, device: Device): void {
  const { peerId } = device;
  // No key: the token has been replaced, and the key with it; the news that closes this connection is on its way.
  const connection: Connection = {
    device,
    socket,
    update: foreignTeller(context, socket, () => context.privateKeyOf(device)),
  };
  context.connections.add(connection);

  const start = async (): Promise<void> => {
    const place = await context.placeOf(device);
    if (!place) return socket.close(CLOSE.revoked, 'the token is no longer good');
    connection.update(place.network, place.peer);
  };
  start().catch((error) => {
    context.log.error({ err: error, peerId }, 'a foreign agent could not be told its state');
    socket.close(1011, 'internal error');
  });

  socket.on('message', (data: RawData, isBinary: boolean) => {
    if (socket.readyState !== socket.OPEN) return;
    const message = parseFrame(data, isBinary);
    // Newer versions of the foreign agent may send more kinds: what isn't a heartbeat is left alone.
    if (!isHeartbeat.Check(message)) return;
    context.report(device, {
      hostname: message.hostname,
      systemUptime: message.system_uptime,
      wireguardUptime: message.wireguard_uptime,
      telemetry: null,
      endpoints: Object.entries(message.peer_endpoints ?? {}).filter(([, endpoint]) => isSeenEndpoint(endpoint)),
    });
  });
}
