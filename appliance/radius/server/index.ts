import type { Registry } from 'prom-client';
import { type Calls, loadCalls } from '../../ffi/index.ts';
import type { Logger } from '../../store/index.ts';
import type { AccessRequest, Handle, Nas } from '../types.ts';
import { type AccountingRequest, type Channel, Engine } from './engine.ts';
import { LIMITS, type Limits } from './limits.ts';
import { registerMetrics } from './metrics.ts';
import type { DropReason, Kind } from './receive.ts';
import { openUdp, type UdpSocket } from './udp.ts';

export type { AccountingRequest } from './engine.ts';
export type { Limits } from './limits.ts';
export type { DropReason, Kind } from './receive.ts';

export interface ServerOptions {
  log: Logger;
  registry: Registry;
  /** The UDP client that sends from an address. */
  clients: (address: string) => Nas | undefined;
  limits?: Partial<Limits>;
  onAccess: Handle<AccessRequest>;
  onAccounting: Handle<AccountingRequest>;
  /** `auto` (the default): `recvmmsg` and `sendmmsg` by `node:ffi` where they work. */
  batched?: 'auto' | 'off';
  /** Milliseconds that only go forward. */
  monotonic: () => number;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** One connection of RadSec. */
export interface Stream {
  /**
   * Takes a packet that is its own to keep. False: the connection must be closed (RFC 6613, section 2.6.4), as what
   * follows can't be trusted.
   */
  receive(bytes: Uint8Array): boolean;
  /** Answers that come later are not sent any more. */
  close(): void;
}

const CLOSES: ReadonlySet<DropReason | undefined> = new Set<DropReason>([
  'unknown-client',
  'malformed',
  'authenticator-invalid',
  'message-authenticator-invalid',
]);

/** The RADIUS server: not yet listening. */
export function createServer(options: ServerOptions) {
  const { log, clients, registry } = options;
  const limits: Limits = { ...LIMITS, ...options.limits };
  const engine = new Engine({ ...options, limits });
  const sockets: UdpSocket[] = [];
  registerMetrics(registry, engine.counts, {
    working: () => engine.working,
    delayed: () => engine.delayed,
    kept: () => engine.kept,
  });

  let calls: Promise<Calls | undefined> | undefined;
  const loadOnce = async (): Promise<Calls | undefined> => {
    if (options.batched === 'off') return undefined;
    const loaded = await loadCalls();
    if (typeof loaded !== 'string') return loaded;
    log.info({ reason: loaded }, 'RADIUS datagrams are read one by one: batches by node:ffi are not to be had');
    return undefined;
  };

  const listen = async (kind: Kind, host: string, port: number): Promise<number> => {
    calls ??= loadOnce();
    const channel: Channel = {
      kind,
      transport: 'udp',
      port,
      peers: new Map(),
      origin: () => socket.origin(),
      send: (reply, origin) => socket.send(reply, origin),
    };
    const socket = await openUdp({
      host,
      port,
      calls: await calls,
      incoming: (bytes, address, from) => engine.take(channel, clients(address), bytes, address, from),
      onRefused: (count) => {
        engine.counts.dropped.send += count;
      },
      log,
    });
    channel.port = socket.port;
    sockets.push(socket);
    return socket.port;
  };

  return {
    /** Listens for Access-Requests at an IPv4 or IPv6 address (`::` takes both); resolves to the port. */
    listenAuth: (host: string, port: number): Promise<number> => listen('auth', host, port),
    /** Listens for Accounting-Requests. */
    listenAcct: (host: string, port: number): Promise<number> => listen('acct', host, port),
    /**
     * A connection of RadSec: packets of both kinds come in by it. `nas` is asked for each packet, as the client may have
     * been changed or removed. `send` gets answers, also later ones.
     */
    openStream(connection: {
      nas: () => Nas | undefined;
      address: string;
      /** The port of ours. */
      authPort: number;
      kind?: Kind;
      send: (reply: Uint8Array) => void;
    }): Stream {
      let open = true;
      const { address, authPort, send, kind = 'both' } = connection;
      const channel: Channel = {
        kind,
        transport: 'tls',
        port: authPort,
        peers: new Map(),
        origin: () => undefined,
        send: (reply) => {
          if (open) send(reply);
        },
      };
      return {
        receive(bytes) {
          if (!open) return false;
          const reply = engine.take(channel, connection.nas(), bytes, address, 0);
          try {
            if (reply) send(reply);
          } catch {
            return false;
          }
          return !CLOSES.has(engine.lastDrop);
        },
        close() {
          open = false;
        },
      };
    },
    /** What has happened since the start. */
    stats: () => ({
      working: engine.working,
      delayed: engine.delayed,
      kept: engine.kept,
      /** Bytes that the answers kept take. */
      memory: engine.memory,
      replayed: engine.counts.replayed,
      swallowed: engine.counts.swallowed,
      dropped: { ...engine.counts.dropped },
      requests: byCode(engine.counts.requests),
      replies: byCode(engine.counts.replies),
    }),
    /** Takes nothing more, gives what is in work 5 s, sends the answers, and closes. */
    async close(): Promise<void> {
      await engine.close();
      await Promise.all(sockets.splice(0).map((socket) => socket.close()));
    },
  };
}
export type RadiusServer = ReturnType<typeof createServer>;

const byCode = (counts: Float64Array): Record<number, number> =>
  Object.fromEntries([...counts].flatMap((count, code) => (count > 0 ? [[code, count]] : [])));
