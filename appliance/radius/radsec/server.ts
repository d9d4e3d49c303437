import { constants } from 'node:crypto';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import ipaddr from 'ipaddr.js';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Logger } from '../../store/index.ts';
import { CODE } from '../codec/index.ts';
import { BoundedMap } from '../proxy/bounded.ts';
import type { Nas } from '../types.ts';
import { Framer } from './framing.ts';
import { namesOf } from './names.ts';

/** RFC 6614, section 2.1. */
const RADSEC_PORT = 2083;

export interface RadsecLimits {
  /** Connections that have not shown a certificate yet. */
  handshakes: number;
  /** Connections of clients. */
  connections: number;
  /** Connections of either kind from one IPv4 address or IPv6 /64. */
  perAddress: number;
  handshakeMs: number;
  /** A connection on which nothing comes or goes is closed. */
  idleMs: number;
  /** Certificates of those that are connected are checked again so often. */
  recheckMs: number;
  /** Answers that a client doesn't take in, in bytes; beyond it the connection is closed. */
  unsent: number;
}
const RADSEC_LIMITS: Readonly<RadsecLimits> = {
  handshakes: 256,
  connections: 4096,
  perAddress: 64,
  handshakeMs: 10_000,
  idleMs: 600_000,
  recheckMs: 900_000,
  unsent: 1024 * 1024,
};
const LOG_MS = 60_000;
const MAX_LOGGED = 1024;
const MAX_CHAIN = 10;
const KEEP_ALIVE_MS = 60_000;

/** PEM. */
export interface RadsecCredentials {
  key: string;
  /** Our certificate first, then those between it and its root. */
  chain: string;
  /** Who clients' certificates must be from. */
  authorities: string;
}

/** One connection, as the server takes its packets. False: it must be closed. */
interface Stream {
  receive(bytes: Uint8Array): boolean;
  close(): void;
}

export interface RadsecOptions {
  log: Logger;
  registry: Registry;
  credentials(): RadsecCredentials;
  /** The client with one of these names (DNS names and addresses of its certificate, lower-case) at this address. */
  findNas(names: readonly string[], address: string): Nas | undefined;
  /** Where packets go: the RADIUS server's. */
  openStream(connection: {
    nas: () => Nas | undefined;
    address: string;
    authPort: number;
    send: (reply: Uint8Array) => void;
  }): Stream;
  /** Whether a certificate that one of the authorities signed still holds (revocation); leaf first, DER. */
  checkCertificate?: (chain: readonly Uint8Array[]) => Promise<boolean>;
  /** Answers to what `sendTo` has sent: CoA and Disconnect. */
  onReply?: (nasId: string, bytes: Uint8Array) => void;
  limits?: Partial<RadsecLimits>;
  /** Monotonic milliseconds. */
  monotonic: () => number;
}

const REPLIES: ReadonlySet<number | undefined> = new Set([
  CODE.coaAck,
  CODE.coaNak,
  CODE.disconnectAck,
  CODE.disconnectNak,
]);
const REFUSALS = ['full', 'handshake', 'revoked', 'unknown-client', 'broken'] as const;
type Refusal = (typeof REFUSALS)[number];

interface Connection {
  /** What the client has shown: DER, leaf first. */
  chain: readonly Uint8Array[];
  send(bytes: Uint8Array): void;
  close(): void;
}

/** An address as text without `::ffff:`, and what is counted as one place. */
function placeOf(remote: string): { address: string; place: string } {
  try {
    const parsed = ipaddr.process(remote.replace(/%.*$/, ''));
    const bytes = parsed.toByteArray();
    return { address: parsed.toString(), place: bytes.slice(0, bytes.length === 4 ? 4 : 8).join('.') };
  } catch {
    return { address: remote, place: remote };
  }
}

/** The certificates that the client has shown and their issuers, as far as they are known: DER, leaf first. */
function chainOf(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw && chain.length < MAX_CHAIN && !chain.some((der) => next?.raw.equals(der))) {
    chain.push(next.raw);
    next = next.issuerCertificate;
  }
  return chain;
}

/** RADIUS over TLS, for clients with a certificate (RFC 6613, 6614). Not yet listening. */
export function createRadsec(options: RadsecOptions) {
  const { log, findNas } = options;
  const limits: RadsecLimits = { ...RADSEC_LIMITS, ...options.limits };
  const servers: Server[] = [];
  /** Sockets whose client isn't known yet, and those whose is. */
  const shaking = new Map<string, Socket>();
  const connections = new Map<Connection, string>();
  const perPlace = new Map<string, number>();
  const refusals = new Map<Refusal, number>(REFUSALS.map((reason) => [reason, 0]));
  const logged = new BoundedMap<true>({ max: MAX_LOGGED, ms: LOG_MS, monotonic: options.monotonic });
  let shown: RadsecCredentials | undefined;

  /** Counts, and says it once a minute for each address. */
  function refused(reason: Refusal, address: string, why: string): void {
    refusals.set(reason, (refusals.get(reason) ?? 0) + 1);
    if (logged.get(address)) return;
    logged.set(address, true);
    log.warn({ address, why }, 'a RadSec connection was refused');
  }

  const contextOf = ({ key, chain, authorities }: RadsecCredentials) => ({
    key,
    cert: chain,
    ca: authorities,
    minVersion: 'TLSv1.2' as const,
    // Connections stay: nobody has to come back without showing the certificate again.
    secureOptions: constants.SSL_OP_NO_TICKET,
  });

  const tls = createTlsServer({
    requestCert: true,
    // `accepted` refuses them: here nobody would hear why.
    rejectUnauthorized: false,
    handshakeTimeout: limits.handshakeMs,
  });
  tls.on('tlsClientError', (error, socket) => {
    const address = addressOf(socket);
    if (address !== undefined) refused('handshake', address, error.message);
    socket.destroy();
  });
  tls.on('secureConnection', (socket) => {
    socket.on('error', () => socket.destroy());
    accepted(socket).catch((error: unknown) => {
      log.error({ err: error }, 'a RadSec connection failed');
      socket.destroy();
    });
  });

  /** The other end: the same of a TLS socket and of the TCP socket below it. */
  const endOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

  const addressOf = ({ remoteAddress }: Pick<Socket, 'remoteAddress'>): string | undefined =>
    remoteAddress === undefined ? undefined : placeOf(remoteAddress).address;

  function incoming(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    if (socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const { address, place } = placeOf(socket.remoteAddress);
    const count = perPlace.get(place) ?? 0;
    if (count >= limits.perAddress || shaking.size >= limits.handshakes || connections.size >= limits.connections) {
      refused('full', address, 'too many connections');
      socket.destroy();
      return;
    }
    perPlace.set(place, count + 1);
    const key = endOf(socket);
    shaking.set(key, socket);
    socket.once('close', () => {
      if (shaking.get(key) === socket) shaking.delete(key);
      const left = (perPlace.get(place) ?? 1) - 1;
      if (left > 0) perPlace.set(place, left);
      else perPlace.delete(place);
    });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    tls.emit('connection', socket);
  }

  /** A client that has shown a certificate of our authorities. */
  async function accepted(socket: TLSSocket): Promise<void> {
    const address = addressOf(socket);
    if (address === undefined) {
      socket.destroy();
      return;
    }
    if (!socket.authorized) {
      refused('handshake', address, `its certificate: ${socket.authorizationError ?? 'none'}`);
      socket.destroy();
      return;
    }
    socket.setTimeout(limits.handshakeMs, () => socket.destroy());
    const certificate = socket.getPeerCertificate();
    const chain = options.checkCertificate ? chainOf(socket) : [];
    if (options.checkCertificate && !(await options.checkCertificate(chain))) {
      refused('revoked', address, 'its certificate is not one of a NAS, or does not hold any more');
      socket.destroy();
      return;
    }
    if (socket.destroyed) return;
    const names = namesOf(certificate);
    const first = findNas(names, address);
    if (!first) {
      refused('unknown-client', address, `no NAS has a name of its certificate: ${names.join(', ') || 'it has none'}`);
      socket.destroy();
      return;
    }
    serve(socket, address, names, first, chain);
  }

  function serve(
    socket: TLSSocket,
    address: string,
    names: readonly string[],
    first: Nas,
    chain: readonly Uint8Array[],
  ): void {
    const connection: Connection = {
      chain,
      send(bytes) {
        if (socket.destroyed || !socket.writable) return;
        socket.write(bytes);
        // Whoever doesn't take answers in isn't asked for more; whoever never does is cut off.
        if (socket.writableLength > limits.unsent) socket.destroy();
        else if (socket.writableNeedDrain) socket.pause();
      },
      close: () => socket.destroy(),
    };
    /** As it is now: a NAS may have been changed or removed since. */
    const nas = (): Nas | undefined => {
      const now = findNas(names, address);
      return now?.id === first.id ? now : undefined;
    };
    const stream = options.openStream({
      nas,
      address,
      authPort: socket.localPort ?? RADSEC_PORT,
      send: (reply) => connection.send(reply),
    });
    const framer = new Framer();
    const take = (bytes: Uint8Array): void => {
      if (socket.destroyed) return;
      if (REPLIES.has(bytes[0])) {
        if (nas()) options.onReply?.(first.id, bytes);
      } else if (!stream.receive(bytes)) {
        refused('broken', address, 'a packet that cannot be taken: the connection is closed');
        socket.destroy();
      }
    };
    connections.set(connection, first.id);
    shaking.delete(endOf(socket));
    socket.on('close', () => {
      connections.delete(connection);
      stream.close();
    });
    socket.on('drain', () => socket.resume());
    socket.setTimeout(limits.idleMs);
    socket.on('data', (chunk: Uint8Array) => {
      try {
        if (framer.push(chunk, take)) return;
        refused('broken', address, 'a packet with a length that cannot be');
      } catch (error) {
        log.error({ err: error }, 'a RadSec packet could not be handled');
      }
      socket.destroy();
    });
    log.info({ nas: first.name, address }, 'a RadSec client has connected');
  }

  /** Ends connections whose certificate doesn't hold any more: they may stand for months. */
  async function recheck(): Promise<void> {
    for (const [connection, nasId] of [...connections]) {
      try {
        if (!options.checkCertificate || (await options.checkCertificate(connection.chain))) continue;
        log.warn({ nasId }, 'the certificate of a RadSec client does not hold any more: it is cut off');
        connection.close();
      } catch (error) {
        log.error({ nasId, err: error }, 'the certificate of a RadSec client could not be checked again');
      }
    }
  }
  const rechecks = setInterval(() => void recheck(), limits.recheckMs);
  rechecks.unref();

  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers: [options.registry],
      collect() {
        this.set(value());
      },
    });
  gauge('gatehouse_radius_radsec_connections', 'RadSec clients that are connected.', () => connections.size);
  new Counter({
    name: 'gatehouse_radius_radsec_refused_total',
    help: 'RadSec connections that were refused or cut off.',
    labelNames: ['reason'],
    registers: [options.registry],
    collect() {
      this.reset();
      for (const [reason, count] of refusals) this.inc({ reason }, count);
    },
  });

  return {
    /** Listens; resolves to the port. Throws where the credentials are none. */
    async listen(host: string, port: number): Promise<number> {
      if (!shown) {
        shown = options.credentials();
        tls.setSecureContext(contextOf(shown));
      }
      const server = createTcpServer({ pauseOnConnect: false }, incoming);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          resolve();
        });
      });
      server.on('error', (error) => log.error({ err: error }, 'RadSec cannot take connections'));
      servers.push(server);
      return (server.address() as AddressInfo).port;
    },
    /**
     * Takes new credentials for connections from now on. Other authorities end those that there are: their clients come
     * back and are checked. Else their certificates are checked again. What OpenSSL doesn't take is logged, and the old credentials stay.
     */
    refresh(): void {
      try {
        const wanted = options.credentials();
        tls.setSecureContext(contextOf(wanted));
        const others = shown !== undefined && shown.authorities !== wanted.authorities;
        shown = wanted;
        if (!others) return void recheck();
        // Those in the middle of it too: they were asked for a certificate of the authorities before.
        for (const socket of [...shaking.values()]) socket.destroy();
        for (const connection of [...connections.keys()]) connection.close();
      } catch (error) {
        log.error({ err: error }, 'RadSec cannot use its new certificate: the one before stays');
      }
    },
    /** Closes connections of clients that are there no more. */
    prune(isThere: (nasId: string) => boolean): void {
      for (const [connection, nasId] of [...connections]) if (!isThere(nasId)) connection.close();
    },
    /** Sends a CoA or Disconnect request by the client's own connection, the newest. False: it has none. */
    sendTo(nasId: string, bytes: Uint8Array): boolean {
      const found = [...connections].findLast(([, id]) => id === nasId);
      found?.[0].send(bytes);
      return found !== undefined;
    },
    stats: () => ({ connections: connections.size, handshakes: shaking.size, refused: Object.fromEntries(refusals) }),
    async close(): Promise<void> {
      clearInterval(rechecks);
      const closed = servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve)));
      for (const socket of [...shaking.values()]) socket.destroy();
      for (const connection of [...connections.keys()]) connection.close();
      await Promise.all(closed);
    },
  };
}
export type Radsec = ReturnType<typeof createRadsec>;
