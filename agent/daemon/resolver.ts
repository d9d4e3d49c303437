import { lookup } from 'node:dns/promises';
import type { PeerState } from '@gatehouse/protocol';
import { parseEndpoint } from '../tunnel/index.ts';

/** Gives the address of a name; throws when there is none. */
export type Lookup = (host: string) => Promise<string>;

/** One address of a name, by the system's rules (hosts file included): the order of RFC 6724 is the system's work. */
export const systemLookup: Lookup = async (host) => (await lookup(host, { order: 'verbatim' })).address;

/** Names whose lookup takes longer are left as they are for now. */
const PATIENCE = 4_000;
/** Lookups at once: the system's resolver has four threads, and one must stay free for the controller's name. */
const AT_ONCE = 3;

/**
 * Turns endpoints with host names into `ip:port`. Keeps the last address of each name, which serves when the DNS
 * doesn't, for it may lie behind the tunnel.
 */
export class EndpointResolver {
  #known: Map<string, string>;
  #failed = new Set<string>();
  readonly #lookup: Lookup;
  readonly #patience: number;

  constructor(lookup: Lookup, known: Record<string, string> = {}, patience = PATIENCE) {
    this.#lookup = lookup;
    this.#known = new Map(Object.entries(known));
    this.#patience = patience;
  }

  get addresses(): Record<string, string> {
    return Object.fromEntries(this.#known);
  }

  /** Looks up names that `state` uses: all of them when `anew`, else those without an address. True when one changed. */
  async refresh(state: PeerState, anew: boolean): Promise<boolean> {
    const used = new Set<string>();
    for (const { endpoint } of state.peers) {
      const parsed = endpoint === undefined ? undefined : parseEndpoint(endpoint);
      if (parsed && !parsed.isAddress) used.add(parsed.host);
    }
    this.#known = new Map([...this.#known].filter(([host]) => used.has(host)));
    this.#failed = new Set([...this.#failed].filter((host) => used.has(host)));
    const queue = [...used].filter((host) => anew || !this.#known.has(host));
    let changed = false;
    const deadline = performance.now() + this.#patience;
    const work = async () => {
      for (let host = queue.pop(); host !== undefined; host = queue.pop()) {
        const address = await this.#ask(host, deadline - performance.now());
        if (address === undefined) {
          this.#failed.add(host);
          continue;
        }
        this.#failed.delete(host);
        if (this.#known.get(host) !== address) changed = true;
        this.#known.set(host, address);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return changed;
  }

  async #ask(host: string, patience: number): Promise<string | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), Math.max(0, patience));
    });
    try {
      return await Promise.race([this.#lookup(host).catch(() => undefined), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** `state` with addresses in its endpoints; a peer whose name has none yet loses its endpoint. */
  apply(state: PeerState): PeerState {
    const peers = state.peers.map((peer) => {
      const parsed = peer.endpoint === undefined ? undefined : parseEndpoint(peer.endpoint);
      if (!parsed || parsed.isAddress) return peer;
      const address = this.#known.get(parsed.host);
      const { endpoint: _, ...rest } = peer;
      if (address === undefined) return rest;
      return { ...rest, endpoint: address.includes(':') ? `[${address}]:${parsed.port}` : `${address}:${parsed.port}` };
    });
    return { ...state, peers };
  }

  /** The host of `endpoint` when its last lookup failed, else null. */
  unresolved(endpoint: string | undefined): string | null {
    const parsed = endpoint === undefined ? undefined : parseEndpoint(endpoint);
    return parsed && !parsed.isAddress && this.#failed.has(parsed.host) ? parsed.host : null;
  }

  /** The name that keeps a device from its primary hub, or from anybody where it has none; null when all were found. */
  missing({ peers }: PeerState, hub: { endpoint?: string | undefined } | null): string | null {
    if (hub) return this.unresolved(hub.endpoint);
    return peers.map(({ endpoint }) => this.unresolved(endpoint)).find((host) => host !== null) ?? null;
  }
}
