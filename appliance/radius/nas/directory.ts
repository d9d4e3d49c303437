import type { Nas } from '../types.ts';
import { addressWords, covers, formatWords, isHost, maskWords, type Network, parseNetwork } from './address.ts';

/** Senders in networks whose client is remembered; beyond it, all are forgotten. */
const MAX_REMEMBERED = 65_536;

/** A prefix length of one family, with the clients that have it by their masked address. */
interface Length {
  prefix: number;
  clients: Map<string, Nas>;
}

const keyOf = (words: readonly number[]): string => words.join('.');

/** `DNS:ap1.example.com`, as certificates are shown, without its kind. */
const bareName = (name: string): string => name.replace(/^(DNS|IP|URI|email|UPN|IP Address):/i, '').toLowerCase();

/**
 * Clients by where they send from, in memory: the longest prefix that matches. An address of its own is one look-up in a
 * map; networks are asked by length, longest first, and what was found is remembered.
 */
export class NasDirectory {
  #byId = new Map<string, { nas: Nas; network: Network }>();
  #exact = new Map<string, Nas>();
  #lengths: { 4: Length[]; 6: Length[] } = { 4: [], 6: [] };
  #remembered = new Map<string, Nas | undefined>();
  /** RadSec clients by lower-case name. */
  #names = new Map<string, Set<Nas>>();

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Nas | undefined {
    return this.#byId.get(id)?.nas;
  }

  *all(): IterableIterator<Nas> {
    for (const { nas } of this.#byId.values()) yield nas;
  }

  /** The UDP client that sends from this address. */
  find(address: string): Nas | undefined {
    const exact = this.#exact.get(address);
    if (exact) return exact;
    const remembered = this.#remembered.get(address);
    if (remembered || this.#remembered.has(address)) return remembered;
    const found = this.#search(address);
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(address, found);
    return found;
  }

  #search(address: string): Nas | undefined {
    const words = addressWords(address);
    if (!words) return undefined;
    const exact = this.#exact.get(formatWords(words));
    if (exact) return exact;
    for (const { prefix, clients } of this.#lengths[words.length === 1 ? 4 : 6]) {
      const found = clients.get(keyOf(maskWords(words, prefix)));
      if (found) return found;
    }
    return undefined;
  }

  /**
   * The RadSec client whose name is the common name or a subjectAltName of the TLS certificate (RFC 6614, section 2.3)
   * and whose address covers the sender's; of several, the one with the longest prefix.
   */
  byCertificate(names: readonly string[], address: string): Nas | undefined {
    const words = addressWords(address);
    if (!words) return undefined;
    let best: { nas: Nas; prefix: number } | undefined;
    for (const name of names) {
      for (const nas of this.#names.get(bareName(name)) ?? []) {
        const { network } = this.#byId.get(nas.id)!;
        if (covers(network, words) && network.prefix > (best?.prefix ?? -1)) best = { nas, prefix: network.prefix };
      }
    }
    return best?.nas;
  }

  /** Adds a client, or puts it in the place of the one with its id. */
  set(nas: Nas): void {
    this.delete(nas.id);
    const network = parseNetwork(nas.address);
    if (typeof network === 'string') throw new Error(`address of NAS ${nas.id} ${network}`);
    this.#byId.set(nas.id, { nas, network });
    if (nas.protocol === 'radsec') {
      const key = nas.name.toLowerCase();
      const named = this.#names.get(key);
      if (named) named.add(nas);
      else this.#names.set(key, new Set([nas]));
      return;
    }
    if (isHost(network)) this.#exact.set(nas.address, nas);
    else this.#addPrefix(network, nas);
    this.#remembered.clear();
  }

  #addPrefix(network: Network, nas: Nas): void {
    const lengths = this.#lengths[network.family];
    let length = lengths.find(({ prefix }) => prefix === network.prefix);
    if (!length) {
      length = { prefix: network.prefix, clients: new Map() };
      lengths.push(length);
      lengths.sort((a, b) => b.prefix - a.prefix);
    }
    length.clients.set(keyOf(network.words), nas);
  }

  delete(id: string): void {
    const known = this.#byId.get(id);
    if (!known) return;
    const { nas, network } = known;
    this.#byId.delete(id);
    if (nas.protocol === 'radsec') {
      const key = nas.name.toLowerCase();
      const named = this.#names.get(key);
      named?.delete(nas);
      if (named?.size === 0) this.#names.delete(key);
      return;
    }
    this.#remembered.clear();
    // Another client may have the address by now: events come in the order of commits, rows are as they are.
    if (isHost(network)) {
      if (this.#exact.get(nas.address) === nas) this.#exact.delete(nas.address);
      return;
    }
    const lengths = this.#lengths[network.family];
    const length = lengths.find(({ prefix }) => prefix === network.prefix);
    const key = keyOf(network.words);
    if (length?.clients.get(key) === nas) length.clients.delete(key);
    if (length?.clients.size === 0) lengths.splice(lengths.indexOf(length), 1);
  }
}
