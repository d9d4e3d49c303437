import type { WebSocket } from '@fastify/websocket';
import { PING_SECONDS } from '@gatehouse/protocol';
import type { NetworkSnapshot, SnapshotPeer } from '../snapshot.ts';

export type { WebSocket };
/** A frame as `ws` hands it over. */
export type RawData = Buffer | ArrayBuffer | Buffer[];

/** The peer that a connection is about. */
export interface Place {
  readonly peerId: string;
  readonly networkId: string;
}

/** The authenticated other end of a connection: a peer, and the hash of the secret that it showed. */
export interface Device extends Place {
  readonly secretHash: string;
  /** Names this connection. */
  readonly connection: string;
}

/** One live connection, whatever it speaks: an agent's, or (with another `device`) a watcher's. */
export interface Connection<D extends Place = Device> {
  readonly device: D;
  readonly socket: WebSocket;
  /** Tells the agent what changed, if anything did for it. */
  update(network: NetworkSnapshot, peer: SnapshotPeer): void;
}

/** Pings without an answer after which a connection counts as dead. */
const MISSED_PINGS = 3;
/** Bytes that may wait to be sent to one agent before it is dropped. */
const MAX_BUFFERED = 64 * 1024 * 1024;

/** The live connections by peer, pinged so that a dead one is noticed. `onHeard` is called for whatever an agent says. */
export function createConnections<D extends Place = Device>(onHeard: (peerId: string) => void) {
  const byPeer = new Map<string, Set<Connection<D>>>();
  const unanswered = new WeakMap<WebSocket, number>();

  return {
    add(connection: Connection<D>): void {
      const { socket } = connection;
      const { peerId } = connection.device;
      const all = byPeer.get(peerId) ?? new Set();
      byPeer.set(peerId, all.add(connection));
      const heard = () => {
        unanswered.set(socket, 0);
        onHeard(peerId);
      };
      socket.on('message', heard);
      socket.on('pong', heard);
      socket.on('ping', heard);
      heard();
      socket.on('close', () => {
        all.delete(connection);
        if (all.size === 0 && byPeer.get(peerId) === all) byPeer.delete(peerId);
      });
      // A socket error is followed by its close; without a listener it would end the process.
      socket.on('error', () => socket.terminate());
    },
    of: (peerId: string): Iterable<Connection<D>> => byPeer.get(peerId) ?? [],
    count: (): number => byPeer.size,
    *all(): Iterable<Connection<D>> {
      for (const all of byPeer.values()) yield* all;
    },
    *ofNetwork(networkId: string): Iterable<Connection<D>> {
      for (const all of byPeer.values()) for (const one of all) if (one.device.networkId === networkId) yield one;
    },
    /** To be called every PING_SECONDS. */
    ping(): void {
      for (const all of byPeer.values()) {
        for (const { socket } of all) {
          const missed = unanswered.get(socket) ?? 0;
          if (missed >= MISSED_PINGS || socket.bufferedAmount > MAX_BUFFERED) socket.terminate();
          else if (socket.readyState === socket.OPEN) {
            unanswered.set(socket, missed + 1);
            socket.ping();
          }
        }
      }
    },
    pingIntervalMs: PING_SECONDS * 1000,
  };
}
export type Connections = ReturnType<typeof createConnections>;
