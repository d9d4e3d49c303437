import type { Catalog } from '../archive/catalog.ts';
import { addressOf, MAX_SOURCES, OTHER_SOURCES, OWN_SOURCE } from '../archive/sources.ts';
import { CLASSES } from '../record/types.ts';

const MAX_PEERS = 65_536;
const DEFAULT_CLASS = CLASSES.indexOf('log');

/** Numbers of the senders, and the retention classes of what they send. */
export class Senders {
  readonly #catalog: Catalog;
  readonly #byAddress: Map<string, number>;
  /** Peers change their ports: only the last ones are remembered. */
  readonly #byPeer = new Map<string, number>();
  #classes = new Map<number, number>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    this.#byAddress = new Map(catalog.sources().map(({ id, address }) => [address, id]));
  }

  /** Numbers of peers. New ones are on the disk when it returns; `told` of each. */
  idsOf(peers: readonly string[], nowUs: number, told: (id: number, address: string) => void): number[] {
    const unknown = new Set<string>();
    for (const peer of peers) if (!this.#byPeer.has(peer)) unknown.add(addressOf(peer));
    const wanted = [...unknown].filter((address) => !this.#byAddress.has(address) && address !== '');
    const free = MAX_SOURCES - this.#byAddress.size;
    const added = wanted.slice(0, Math.max(0, free)).map((address, i) => ({
      id: this.#byAddress.size + 1 + i,
      address,
      firstSeenUs: Math.floor(nowUs),
    }));
    if (added.length > 0) {
      this.#catalog.transaction(() => {
        for (const source of added) this.#catalog.addSource(source);
      });
    }
    for (const { id, address } of added) {
      this.#byAddress.set(address, id);
      told(id, address);
    }
    if (this.#byPeer.size > MAX_PEERS) this.#byPeer.clear();
    return peers.map((peer) => {
      const known = this.#byPeer.get(peer);
      if (known !== undefined) return known;
      const address = addressOf(peer);
      const id = address === '' ? OWN_SOURCE : (this.#byAddress.get(address) ?? OTHER_SOURCES);
      this.#byPeer.set(peer, id);
      return id;
    });
  }

  setClasses(sources: readonly { id: number; class: string }[]): void {
    const classes = sources.map(({ id, class: name }) => [id, CLASSES.indexOf(name as never)] as const);
    this.#classes = new Map(classes.filter(([, one]) => one >= 0));
  }

  classOf(id: number): number {
    return this.#classes.get(id) ?? DEFAULT_CLASS;
  }
}
