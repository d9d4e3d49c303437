import { randomUUID } from 'node:crypto';
import { CLOSE } from '@gatehouse/protocol';
import type { FastifyBaseLogger } from 'fastify';
import type { PostureReport } from '../../access/index.ts';
import { sha256Hex } from '../../store/index.ts';
import type { OverlayContext } from '../context.ts';
import type { Incidents } from '../incidents/index.ts';
import { keyContext, tokenIsGood } from '../peers.ts';
import type { Portal } from '../portal/index.ts';
import type { Sessions } from '../sessions.ts';
import type { NetworkSnapshot, SnapshotPeer } from '../snapshot.ts';
import type { OverlayEvent, Snapshots } from '../snapshots.ts';
import type { OverlayTables, PeerRow } from '../tables.ts';
import { type Connections, createConnections, type Device } from './connections.ts';
import type { Stream } from './stream.ts';
import { createWatchers } from './watchers.ts';

export type { Device } from './connections.ts';
export { serveForeign } from './foreign.ts';
export { serveGatehouse } from './gatehouse.ts';
export type { Watch } from './watchers.ts';

/** What an agent reports, whatever it speaks. */
interface DeviceReport {
  hostname: string;
  systemUptime: number;
  wireguardUptime: number;
  telemetry: string | null;
  /** Public key and `ip:port` as this device sees it. */
  endpoints: readonly (readonly [string, string])[];
}

export interface ChannelContext {
  connections: Connections;
  streams: Map<string, Stream>;
  log: FastifyBaseLogger;
  /** Work done, for metrics and for tests that bound it. */
  stats: { compiled: number };
  /**
   * The device's place in its network; undefined when its credential or token has been revoked, spent or replaced since
   * it was checked. Knows the device's own enrollment, however late the news of it is.
   */
  placeOf(device: Device): Promise<{ network: NetworkSnapshot; peer: SnapshotPeer } | undefined>;
  /** The private key that a foreign agent may have; undefined when its token has been spent or replaced meanwhile. */
  privateKeyOf(device: Device): Promise<string | null | undefined>;
  report(device: Device, report: DeviceReport): void;
  /** Takes in what a device tells of its posture; undefined where nobody wants to know. */
  posture?: ((device: Device, told: Pick<PostureReport, 'macs' | 'facts'>) => Promise<void>) | undefined;
}

export const deviceOf = (row: { id: string; network_id: string }, secret: string): Device => ({
  peerId: row.id,
  networkId: row.network_id,
  secretHash: sha256Hex(secret),
  connection: randomUUID(),
});

/** Peers compiled before other work gets its turn. */
const BATCH = 50;
/** Streams kept of devices that aren't connected, for them to resume. */
const MAX_IDLE_STREAMS = 1000;

/**
 * The live side of the overlay: holds the agents' connections, and after each event compiles the peers it affects and
 * tells those that are connected what changed.
 */
export function createChannel(options: {
  context: OverlayContext;
  snapshots: Snapshots;
  sessions: Sessions;
  incidents: Pick<Incidents, 'heard' | 'seen'>;
  portal: Pick<Portal, 'seen'>;
  log: FastifyBaseLogger;
  onHeard: (peerId: string) => void;
  onPosture?: ((report: PostureReport) => Promise<void>) | undefined;
}) {
  const { context, snapshots, sessions, incidents, portal, log, onPosture } = options;
  const db = context.store.as<OverlayTables>();
  const connections = createConnections(options.onHeard);
  const streams = new Map<string, Stream>();
  const stats = { compiled: 0 };
  const watchers = createWatchers({ context, snapshots, log, stats });

  async function goodRow(device: Device): Promise<PeerRow | undefined> {
    const row = await db.selectFrom('peers').selectAll().where('id', '=', device.peerId).executeTakeFirst();
    if (row?.credential_hash === device.secretHash) return row;
    return row?.token_hash === device.secretHash && tokenIsGood(row, context.now()) ? row : undefined;
  }

  const channel: ChannelContext = {
    connections,
    streams,
    log,
    stats,
    async placeOf(device) {
      const row = await goodRow(device);
      if (!row) return undefined;
      const { networkId, peerId } = device;
      let network = await snapshots.get(networkId);
      // A device connects as soon as it has enrolled: told of the peer's old key, it would take itself for cut off.
      if (network?.peers.get(peerId)?.publicKey !== row.public_key) network = await snapshots.fresh(networkId);
      const peer = network?.peers.get(peerId);
      return network && peer && { network, peer };
    },
    async privateKeyOf({ peerId, secretHash }) {
      // In one query: a key that came with a new token must never reach the holder of the old one.
      const row = await db
        .selectFrom('peers')
        .select('private_key')
        .where('id', '=', peerId)
        .where('token_hash', '=', secretHash)
        .executeTakeFirst();
      return row?.private_key ? context.secrets.open(row.private_key, keyContext(peerId)) : row?.private_key;
    },
    posture:
      onPosture &&
      (async (device, { macs, facts }) => {
        const row = await goodRow(device);
        if (row) await onPosture({ peerId: row.id, userId: row.owner_id, macs, facts });
      }),
    report(device, report) {
      const { endpoints, ...rest } = report;
      sessions.report({ ...device, ...rest });
      snapshots
        .get(device.networkId)
        .then((network) => {
          const reporter = network?.peers.get(device.peerId);
          if (!network || !reporter) return;
          const { networkId, peerId, connection } = device;
          const { hostname, systemUptime, wireguardUptime } = report;
          incidents.heard({ networkId, peerId }, { connection, hostname, systemUptime, wireguardUptime });
          for (const [publicKey, endpoint] of endpoints) {
            const seen = network.peers.get(network.peerByKey.get(publicKey) ?? '');
            // Spokes see a hub where each of them reaches it, so only what hubs see of spokes tells of a move.
            if (!seen || !(reporter.isHub || seen.isHub)) continue;
            const counts = reporter.isHub && !seen.isHub;
            sessions.seenAt(seen.id, endpoint, counts);
            if (!counts) continue;
            incidents.seen({ networkId, peerId: seen.id }, peerId, endpoint);
            if (network.captivePortal && !seen.useAgent) portal.seen(seen.id, peerId, endpoint);
          }
        })
        .catch((error) => log.error({ err: error }, 'a report could not be taken in'));
    },
  };

  /**
   * Closes the peer's connections whose secret is no longer good. Each is asked for: an event can be delivered twice, and
   * the device that enrolled may be connected already when the event of its enrollment arrives.
   */
  async function cutOff(peerId: string, reason: string): Promise<void> {
    for (const { device, socket } of [...connections.of(peerId)]) {
      if (!(await goodRow(device))) socket.close(CLOSE.revoked, reason);
    }
  }

  /** Tells the connected among these peers what changed. Gives way to other work every so often. */
  async function push(networkId: string, peerIds: Iterable<string>): Promise<void> {
    const network = await snapshots.get(networkId);
    if (!network) return;
    let done = 0;
    for (const id of [...peerIds]) {
      const peer: SnapshotPeer | undefined = network.peers.get(id);
      if (!peer) continue;
      for (const connection of [...connections.of(id), ...watchers.of(id)]) {
        connection.update(network, peer);
        if (++done % BATCH === 0) await new Promise(setImmediate);
      }
    }
  }

  return {
    ...channel,
    watchers,
    /** The bus's listener: who is cut off is cut off first, then who is affected is told. */
    async onEvent(event: OverlayEvent): Promise<void> {
      const { networkId } = event.data;
      const affected = await snapshots.apply(event);
      if (event.type === 'overlay.network.deleted') {
        for (const { socket, device } of [...connections.ofNetwork(networkId)]) {
          streams.delete(device.peerId);
          socket.close(CLOSE.revoked, 'the network was deleted');
        }
        return;
      }
      if (event.type === 'overlay.peer.deleted') {
        streams.delete(event.data.peerId);
        sessions.forget(event.data.peerId);
        await cutOff(event.data.peerId, 'the peer was deleted');
      } else if (event.type === 'overlay.peer.token_issued') {
        await cutOff(event.data.peerId, 'a new token was issued');
      } else if (event.type === 'overlay.peer.enrolled') {
        // Who still holds the enrollment token (a foreign agent on a copied link) goes; our agent connects after this.
        await cutOff(event.data.peerId, 'the token was spent');
      }
      await push(networkId, affected);
    },
    /** After a hub went down or came back: everybody in its network may have another primary. */
    async pushNetwork(networkId: string): Promise<void> {
      const network = await snapshots.get(networkId);
      if (network) await push(networkId, network.peers.keys());
    },
    /** To be called every `connections.pingIntervalMs`. */
    tick(): void {
      connections.ping();
      watchers.tick();
      let idle = streams.size - connections.count();
      for (const peerId of streams.keys()) {
        if (idle <= MAX_IDLE_STREAMS) break;
        if ([...connections.of(peerId)].length > 0) continue;
        streams.delete(peerId);
        idle -= 1;
      }
    },
  };
}
export type Channel = ReturnType<typeof createChannel>;
