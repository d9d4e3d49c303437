import type { Catalog } from '../archive/catalog.ts';
import { addressOf, MAX_SOURCES, OTHER_SOURCES, OWN_SOURCE } from '../archive/sources.ts';
import { CLASSES } from '../record/types.ts';

const MAX_PEERS = 65_536;
const DEFAULT_CLASS = CLASSES.indexOf('log');
/** In the catalog's state: numbers of senders that were retired, JSON. */
const RETIRED = 'retired_sources';

export const ALL_NUMBERS_GIVEN = `there are ${MAX_SOURCES} senders in the log, and no number for another: later ones are one source, 'other', and are found by their address (q=peer:192.0.2.1), until some are removed: DELETE /v1/logs/sources/:id`;

type Told = (id: number, address: string) => void;

/**
 * Numbers of the senders, and the retention classes of what they send. A number that was given is never given to another
 * sender: it is in sealed leaves. A sender that is retired leaves its place to another one, and gets one back, under its
 * old number, once it sends again.
 */
export class Senders {
  readonly #catalog: Catalog;
  readonly #byAddress: Map<string, number>;
  #retired: ReadonlySet<number>;
  #lastId: number;
  /** Peers change their ports: only the last ones are remembered. */
  readonly #byPeer = new Map<string, number>();
  #classes = new Map<number, number>();

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    const sources = catalog.sources();
    this.#byAddress = new Map(sources.map(({ id, address }) => [address, id]));
    this.#retired = new Set(JSON.parse(catalog.get(RETIRED) ?? '[]') as number[]);
    this.#lastId = Math.max(0, ...sources.map(({ id }) => id));
  }

  get retired(): number[] {
    return [...this.#retired];
  }

  /** How many more senders may have a place. */
  get #places(): number {
    return MAX_SOURCES - (this.#byAddress.size - this.#retired.size);
  }

  /** Numbers of peers, of which none has sent before `firstUs`. New ones are on the disk when it returns; `told` of each, and of those that are back. */
  idsOf(peers: readonly string[], firstUs: number, told: Told): number[] {
    const addresses = new Set<string>();
    for (const peer of peers) if (!this.#byPeer.has(peer)) addresses.add(addressOf(peer));
    this.#give([...addresses], firstUs, told);
    if (this.#byPeer.size > MAX_PEERS) this.#byPeer.clear();
    return peers.map((peer) => {
      const known = this.#byPeer.get(peer);
      if (known !== undefined) return known;
      const address = addressOf(peer);
      const id = address === '' ? OWN_SOURCE : this.#activeId(address);
      this.#byPeer.set(peer, id);
      return id;
    });
  }

  #activeId(address: string): number {
    const id = this.#byAddress.get(address);
    return id === undefined || this.#retired.has(id) ? OTHER_SOURCES : id;
  }

  /** Places for those that have none, as many as there are. */
  #give(addresses: readonly string[], nowUs: number, told: Told): void {
    const wanted = addresses.filter((address) => address !== '' && this.#activeId(address) === OTHER_SOURCES);
    const taken = wanted.slice(0, Math.max(0, this.#places));
    if (taken.length === 0) return;
    const back = taken
      .filter((address) => this.#byAddress.has(address))
      .map((address) => this.#byAddress.get(address)!);
    const added = taken
      .filter((address) => !this.#byAddress.has(address))
      .map((address, i) => ({ id: this.#lastId + 1 + i, address, firstSeenUs: Math.floor(nowUs) }))
      .filter(({ id }) => id < OTHER_SOURCES);
    const retired = new Set(this.#retired);
    for (const id of back) retired.delete(id);
    this.#catalog.transaction(() => {
      for (const source of added) this.#catalog.addSource(source);
      if (back.length > 0) this.#catalog.set(RETIRED, JSON.stringify([...retired]));
    });
    this.#retired = retired;
    for (const { id, address } of added) {
      this.#byAddress.set(address, id);
      this.#lastId = id;
    }
    for (const address of taken) {
      const id = this.#activeId(address);
      if (id !== OTHER_SOURCES) told(id, address);
    }
  }

  /** The number of a sender that may not have sent anything yet; undefined where there is no place for it. */
  register(address: string, nowUs: number, told: Told): number | undefined {
    this.#give([address], nowUs, told);
    const id = this.#activeId(address);
    this.#byPeer.clear();
    return id === OTHER_SOURCES ? undefined : id;
  }

  /** Its place is free for another one when it returns; false where there is no such sender. */
  retire(id: number): boolean {
    if (![...this.#byAddress.values()].includes(id)) return false;
    if (this.#retired.has(id)) return true;
    const retired = new Set([...this.#retired, id]);
    this.#catalog.transaction(() => this.#catalog.set(RETIRED, JSON.stringify([...retired])));
    this.#retired = retired;
    this.#byPeer.clear();
    return true;
  }

  setClasses(sources: readonly { id: number; class: string }[]): void {
    const classes = sources.map(({ id, class: name }) => [id, CLASSES.indexOf(name as never)] as const);
    this.#classes = new Map(classes.filter(([, one]) => one >= 0));
  }

  classOf(id: number): number {
    return this.#classes.get(id) ?? DEFAULT_CLASS;
  }

  /** Whether another sender would get no place. */
  get isFull(): boolean {
    return this.#places <= 0 || this.#lastId >= OTHER_SOURCES - 1;
  }
}
