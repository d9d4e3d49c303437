import { CLOSE } from '@gatehouse/protocol';
import type { FastifyBaseLogger } from 'fastify';
import type { Heard } from '../../events/index.ts';
import { type Caller, HttpError } from '../../http/index.ts';
import { type OverlayContext, peerFor } from '../context.ts';
import { keyContext } from '../peers.ts';
import type { Snapshots } from '../snapshots.ts';
import type { OverlayTables, PeerRow } from '../tables.ts';
import { type Connection, createConnections, type Place, type WebSocket } from './connections.ts';
import { foreignTeller } from './foreign.ts';

/** Watchers connected at once: in all, and of one person. */
const MAX_WATCHERS = 1000;
const MAX_OF_ONE = 50;

/**
 * Somebody who follows a peer's configuration without being the device: a person or a program with the right to read it.
 */
export interface Watch extends Place {
  readonly userId: string;
  /** The peer, as long as the watcher may read its configuration. Throws HttpError once that has ended. */
  read(): Promise<PeerRow>;
}

/** What can end the right to read a peer's configuration. */
export const WATCH_EVENTS = [
  'identity.user.updated',
  'identity.user.deleted',
  'identity.logout',
  'identity.password.reset',
  'identity.token.deleted',
  'overlay.network.deleted',
  'overlay.peer.updated',
  'overlay.peer.deleted',
] as const;

/** A watch of this peer; `who` resolves the watcher's credential anew at each call. */
export function watchOf(
  { store }: OverlayContext,
  caller: Caller,
  who: () => Promise<Caller | null>,
  { networkId, peerId }: Place,
): Watch {
  const db = store.as<OverlayTables>();
  return {
    networkId,
    peerId,
    userId: caller.id,
    async read() {
      const now = await who();
      if (!now) throw new HttpError(401, 'the session or API token is no longer good');
      return peerFor(db, now, networkId, peerId);
    },
  };
}

/**
 * The watchers' connections. They hear what an existing agent would; what they say is ignored, and they count neither as
 * the device nor as a sign of life of it. The right is asked for again before each message, at the events that can end
 * it, and with every ping (a session may just expire).
 */
export function createWatchers(options: {
  context: OverlayContext;
  snapshots: Snapshots;
  log: FastifyBaseLogger;
  stats: { compiled: number };
}) {
  const { context, snapshots, log, stats } = options;
  const connections = createConnections<Watch>(() => undefined);

  /** The peer, or undefined when the connection was closed because the right has ended. */
  async function read({ device, socket }: Pick<Connection<Watch>, 'device' | 'socket'>): Promise<PeerRow | undefined> {
    try {
      return await device.read();
    } catch (error) {
      if (error instanceof HttpError) {
        socket.close(CLOSE.revoked, 'the right to read this configuration has ended');
      } else {
        // Not knowing is no right: the watcher may come back.
        log.error({ err: error, peerId: device.peerId }, "a watcher's right could not be checked");
        socket.close(1011, 'internal error');
      }
      return undefined;
    }
  }

  return {
    of: connections.of,
    /** 503 or 429 where there are too many already. */
    admit(userId: string): void {
      const all = [...connections.all()];
      if (all.length >= MAX_WATCHERS) throw new HttpError(503, `${MAX_WATCHERS} configurations are followed already`);
      if (all.filter(({ device }) => device.userId === userId).length >= MAX_OF_ONE) {
        throw new HttpError(429, `you follow ${MAX_OF_ONE} configurations already: close one first`);
      }
    },
    serve(socket: WebSocket, device: Watch): void {
      const keyOf = async (): Promise<string | null | undefined> => {
        const row = await read({ device, socket });
        return row?.private_key ? context.secrets.open(row.private_key, keyContext(row.id)) : row?.private_key;
      };
      const connection = { device, socket, update: foreignTeller({ log, stats }, socket, keyOf) };
      connections.add(connection);
      const start = async (): Promise<void> => {
        const network = await snapshots.fresh(device.networkId);
        const peer = network?.peers.get(device.peerId);
        if (!network || !peer) return socket.close(CLOSE.revoked, 'there is no such peer any more');
        connection.update(network, peer);
      };
      start().catch((error) => {
        log.error({ err: error, peerId: device.peerId }, 'a watcher could not be told the state');
        socket.close(1011, 'internal error');
      });
    },
    /** The bus's listener for WATCH_EVENTS: closes the connections whose right the event ended. */
    async onEvent({ data }: Heard<(typeof WATCH_EVENTS)[number]>): Promise<void> {
      const concerns = ({ userId, peerId, networkId }: Watch): boolean => {
        if ('userId' in data) return data.userId === userId;
        return 'peerId' in data ? data.peerId === peerId : data.networkId === networkId;
      };
      await Promise.all([...connections.all()].filter(({ device }) => concerns(device)).map(read));
    },
    /** To be called with every ping of the agents. */
    tick(): void {
      connections.ping();
      for (const connection of connections.all()) void read(connection);
    },
  };
}
