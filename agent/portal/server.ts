import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { isIPv6, type Socket } from 'node:net';
import type { PeerState } from '@gatehouse/protocol';
import { http } from '../builtin-http.ts';
import { formatAddress, parseCidr } from '../wireguard/cidr.ts';
import { overlayHosts, ownHosts } from '../wireguard/hosts.ts';
import { Tickets } from './tickets.ts';

/** Where captive peers' port 80 is turned to, on the hub's overlay addresses. The number is the RFC's. */
export const PORTAL_PORT = 8908;
/** Milliseconds for a whole request, for a connection with its answer, and until an address that couldn't be had is tried again. */
const REQUEST = 5_000;
const CONNECTION = 20_000;
const RETRY = 5_000;
const MAX_CONNECTIONS = 256;
const MAX_CONNECTIONS_OF_ONE = 16;
const MAX_HEADERS = 8 * 1024;

export interface PortalOptions {
  log(message: string): void;
  /** Where the portal wants a peer, by its overlay address; asks the controller. */
  portalUrl(peer: string): Promise<string>;
  /** Tests can't have the port everywhere; 0 is any. */
  port?: number;
  retry?: number;
}

/** What the daemon needs of it. */
export interface Portal {
  update(state: PeerState | null): Promise<void>;
  readonly problems: string[];
}

/** The addresses of the peers that have to sign in first, in canonical spelling. */
function captives(state: PeerState): Set<string> {
  const classes = new Set(state.firewall?.classes.filter(({ captive }) => captive).map(({ id }) => id));
  if (classes.size === 0) return new Set();
  const { overlay } = ownHosts(state);
  const held = state.peers.filter((peer) => peer.class !== undefined && classes.has(peer.class));
  return new Set(held.flatMap((peer) => overlayHosts(peer, overlay).map(({ address }) => address)));
}

/**
 * A hub's answer to whatever a captive peer asks of port 80: where to sign in. To the systems' probes (Apple, Windows,
 * Android, Firefox, GNOME) any answer but their own means a captive portal, so each gets the same. There while there are
 * such peers.
 */
export class PortalServer implements Portal {
  readonly #options: Required<PortalOptions>;
  readonly #tickets: Tickets;
  readonly #servers = new Map<string, Server>();
  readonly #problems = new Map<string, string>();
  #captives = new Set<string>();
  #own: string[] = [];
  #said = '';
  #turn: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;

  constructor(options: PortalOptions) {
    this.#options = { port: PORTAL_PORT, retry: RETRY, ...options };
    this.#tickets = new Tickets((peer) => {
      const url = this.#options.portalUrl(peer);
      url.catch((error: Error) => this.#options.log(`captive portal: ${error.message}`));
      return url;
    });
  }

  /** What is wrong, in words for people. */
  get problems(): string[] {
    return [...this.#problems.values()];
  }

  /** The port in use on an address. */
  portOf(address: string): number | undefined {
    const bound = this.#servers.get(address)?.address();
    return typeof bound === 'object' ? bound?.port : undefined;
  }

  /** Serves the peers that the state holds up. The tunnel must be up. */
  update(state: PeerState | null): Promise<void> {
    this.#captives = state ? captives(state) : new Set();
    this.#tickets.retain(this.#captives);
    this.#own = state && this.#captives.size > 0 ? ownHosts(state).own.map(({ address }) => address) : [];
    this.#turn = this.#turn.then(() => this.#listen());
    return this.#turn;
  }

  close(): Promise<void> {
    return this.update(null);
  }

  async #listen(): Promise<void> {
    clearTimeout(this.#retry);
    this.#problems.clear();
    for (const [address, server] of this.#servers) {
      if (this.#own.includes(address)) continue;
      this.#servers.delete(address);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    const { port, log, retry } = this.#options;
    for (const address of this.#own) {
      if (this.#servers.has(address)) continue;
      const server = this.#server();
      try {
        server.listen({ host: address, port, exclusive: true, ipv6Only: isIPv6(address) });
        await once(server, 'listening');
        server.on('error', () => undefined);
        this.#servers.set(address, server);
        log(`captive portal on ${address} port ${this.portOf(address)}`);
      } catch (error) {
        const why = (error as Error).message;
        this.#problems.set(
          address,
          `The captive portal can't listen on ${address} port ${port}: ${why}. It is tried again.`,
        );
      }
    }
    const said = this.problems.join(' ');
    if (said !== this.#said && said !== '') log(`warning: ${said}`);
    this.#said = said;
    if (said === '') return;
    this.#retry = setTimeout(() => {
      this.#turn = this.#turn.then(() => this.#listen());
    }, retry);
    this.#retry.unref();
  }

  #server(): Server {
    const limits = { headersTimeout: REQUEST, requestTimeout: REQUEST, connectionsCheckingInterval: 1_000 };
    const server = http.createServer(
      { ...limits, keepAlive: false, maxHeaderSize: MAX_HEADERS },
      (request, response) => {
        this.#answer(request, response).catch(() => response.destroy());
      },
    );
    server.maxConnections = MAX_CONNECTIONS;
    const sockets = new Map<Socket, string>();
    server.on('connection', (socket: Socket) => {
      const client = socket.remoteAddress ?? '';
      const open = [...sockets.values()].filter((other) => other === client).length;
      if (open >= MAX_CONNECTIONS_OF_ONE) return void socket.destroy();
      sockets.set(socket, client);
      // Also for who doesn't read what it asked for.
      const timer = setTimeout(() => socket.destroy(), CONNECTION);
      socket.on('close', () => {
        clearTimeout(timer);
        sockets.delete(socket);
      });
    });
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // What the request says is of no matter, and its body isn't read.
    response.setHeader('connection', 'close');
    response.setHeader('cache-control', 'no-store');
    const client = formatAddress(parseCidr(request.socket.remoteAddress ?? ''));
    if (!this.#captives.has(client)) {
      return void response.writeHead(403, { 'content-type': 'text/plain' }).end('This device is not held up here.\n');
    }
    let url: string;
    try {
      url = await this.#tickets.get(client);
    } catch {
      const headers = { 'content-type': 'text/html; charset=utf-8', 'retry-after': '10' };
      const text = 'The network asks you to sign in, but its portal cannot be reached now. Try again in a moment.';
      return void response.writeHead(503, headers).end(`<!doctype html><title>Sign in</title><p>${text}</p>\n`);
    }
    if (request.headers.accept?.includes('application/captive+json')) {
      const state = JSON.stringify({ captive: true, 'user-portal-url': url });
      return void response.writeHead(200, { 'content-type': 'application/captive+json' }).end(state);
    }
    const href = url.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
    response
      .writeHead(302, { location: url, 'content-type': 'text/html; charset=utf-8' })
      .end(`<!doctype html><title>Sign in</title><p><a href="${href}">Sign in to the network</a></p>\n`);
  }
}
