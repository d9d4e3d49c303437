import type { PeerState } from '@gatehouse/protocol';
import { contains, parseCidr } from '../wireguard/cidr.ts';
import { ownHosts } from '../wireguard/hosts.ts';
import { Forwarder } from './forward.ts';
import { RateLimit } from './limit.ts';
import { Listener } from './listener.ts';
import { fit, parseQuery, type Query, RCODE, reply } from './message.ts';
import { SystemServers } from './resolv-conf.ts';
import { answer, buildZone, type Zone } from './zone.ts';

/** Milliseconds until an address or port that couldn't be had is tried again. */
const RETRY = 5_000;

export interface NameServerOptions {
  log(message: string): void;
  /** Tests can't have port 53 everywhere; 0 is any. */
  port?: number;
  /** The port of the servers that are asked in turn. */
  upstreamPort?: number;
  /** The system's resolv.conf(5). */
  resolvConf?: string;
  retry?: number;
}

/** What the daemon needs of it. */
export interface Names {
  update(state: PeerState | null): Promise<void>;
  readonly problems: string[];
}

/**
 * A hub's DNS on its overlay addresses: it answers for the overlay's names, and asks others for the rest. Only peers
 * are answered: addresses of the overlay, which WireGuard vouches for.
 */
export class NameServer implements Names {
  readonly #options: Required<NameServerOptions>;
  readonly #system: SystemServers;
  readonly #limit = new RateLimit();
  readonly #listeners = new Map<string, Listener>();
  readonly #problems = new Map<string, string>();
  #forwarder: Forwarder | null = null;
  #warned = '';
  #state: PeerState | null = null;
  #zone: Zone | null = null;
  #turn: Promise<void> = Promise.resolve();
  #retry: NodeJS.Timeout | undefined;

  constructor(options: NameServerOptions) {
    this.#options = { port: 53, upstreamPort: 53, resolvConf: '/etc/resolv.conf', retry: RETRY, ...options };
    this.#system = new SystemServers(this.#options.resolvConf);
  }

  /** What is wrong, in words for people; empty when all addresses are served. */
  get problems(): string[] {
    return [...this.#problems.values()];
  }

  /** The port in use on an address. */
  portOf(address: string): number | undefined {
    return this.#listeners.get(address)?.port;
  }

  /** Serves what the state says from now on; a state without names ends it. The tunnel must be up. */
  update(state: PeerState | null): Promise<void> {
    this.#state = state?.names ? state : null;
    // Built when the first question comes: most states change nothing that anybody asks for.
    this.#zone = null;
    this.#turn = this.#turn.then(() => this.#listen());
    return this.#turn;
  }

  close(): Promise<void> {
    return this.update(null);
  }

  async #listen(): Promise<void> {
    clearTimeout(this.#retry);
    const wanted = new Set(this.#state ? ownHosts(this.#state).own.map(({ address }) => address) : []);
    this.#problems.clear();
    for (const [address, listener] of this.#listeners) {
      if (wanted.has(address)) continue;
      this.#listeners.delete(address);
      await listener.close();
    }
    if (wanted.size === 0) {
      this.#forwarder?.close();
      this.#forwarder = null;
      return;
    }
    this.#forwarder ??= new Forwarder({ port: this.#options.upstreamPort });
    for (const address of wanted) {
      if (this.#listeners.has(address)) continue;
      try {
        const listener = await Listener.open(address, this.#options.port, (...args) => this.#answer(...args));
        this.#listeners.set(address, listener);
        this.#options.log(`DNS on ${address} port ${listener.port}`);
      } catch (error) {
        this.#problems.set(address, explain(error as NodeJS.ErrnoException, address, this.#options.port));
      }
    }
    const warning = this.problems.join(' ');
    if (warning !== this.#warned && warning !== '') this.#options.log(`warning: ${warning}`);
    this.#warned = warning;
    if (warning === '') return;
    this.#retry = setTimeout(() => {
      this.#turn = this.#turn.then(() => this.#listen());
    }, this.#options.retry);
    this.#retry.unref();
  }

  async #answer(message: Buffer, client: string, transport: 'udp' | 'tcp'): Promise<Buffer | null> {
    const state = this.#state;
    if (!state?.names) return null;
    this.#zone ??= buildZone(state, state.names);
    const zone = this.#zone;
    const source = parseCidr(client);
    if (!zone.overlay.some((network) => contains(network, source)) || !this.#limit.take(client)) return null;
    const query = parseQuery(message);
    if (!query || 'reply' in query) return query?.reply ?? null;
    const local = answer(zone, query);
    const said = local ? reply(query, local.rcode, local) : await this.#forward(query, client, zone, state);
    return transport === 'udp' ? fit(query, said) : said;
  }

  async #forward(query: Query, client: string, zone: Zone, state: PeerState): Promise<Buffer> {
    const upstream = state.names?.upstream ?? [];
    const all = upstream.length > 0 ? upstream : await this.#system.read();
    const servers = all.filter((server) => !zone.own.includes(server));
    // A server that we ask, and that asks us: each would wait for the other.
    if (servers.includes(client)) return reply(query, RCODE.refused);
    return (await this.#forwarder?.ask(query, servers)) ?? reply(query, RCODE.servFail);
  }
}

function explain(error: NodeJS.ErrnoException, address: string, port: number): string {
  const why: Record<string, string> = {
    EADDRINUSE: `another program has the port: find it (ss -lunpt sport = :${port}) and let it leave ${address} out`,
    EACCES: 'the agent may not have the port: run it as root or with CAP_NET_BIND_SERVICE',
    EADDRNOTAVAIL: 'the address is not on this machine (yet)',
  };
  return `The hub's DNS can't listen on ${address} port ${port}: ${why[error.code ?? ''] ?? error.message}. Laptops can't look up names here. It is tried again.`;
}
