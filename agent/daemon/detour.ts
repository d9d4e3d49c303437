import { isIP } from 'node:net';
import { parseCidr } from '../wireguard/cidr.ts';
import { holdsAny } from '../wireguard/cover.ts';

/** An address and a TCP port. */
export interface Door {
  address: string;
  port: number;
}

const isPlain = (text: string): boolean => isIP(text) !== 0 && !text.includes('%');

/**
 * Which way the channel takes to a controller whose address is under one of the tunnel's routes. Either may be the only
 * one: through the tunnel where the controller stands behind a hub, past it where the tunnel is dead and the state that
 * would mend it waits at the controller. So the ways are taken by turns until one works.
 */
export class Detour {
  readonly #port: number;
  #past = false;
  /** The controller's address, when it was reached last. */
  address: string | undefined;

  /** `url` of the controller; `address` as it was remembered. */
  constructor(url: string, address?: string) {
    const { hostname, port, protocol } = new URL(url);
    this.#port = Number(port || (protocol === 'https:' ? 443 : 80));
    const host = hostname.replace(/^\[|\]$/g, '');
    this.address = [host, address ?? ''].find(isPlain);
  }

  /** What is to go past the tunnel now. */
  get door(): Door | undefined {
    return this.#past && this.address !== undefined ? { address: this.address, port: this.#port } : undefined;
  }

  /** The controller was reached at `address`: that way is kept. True when it is another address than before. */
  reached(address: string): boolean {
    const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
    // A closed socket has none, and one with a zone (fe80::1%eth0) is on the link: no route of a tunnel covers it.
    if (plain === this.address || !isPlain(plain)) return false;
    this.address = plain;
    return true;
  }

  /** It couldn't be reached: true when the other way is to be tried, which takes a route that covers it. */
  failed(routes: readonly string[]): boolean {
    if (this.address === undefined) return false;
    const covers = holdsAny([parseCidr(this.address)]);
    if (!this.#past && !routes.some((route) => covers(parseCidr(route)))) return false;
    this.#past = !this.#past;
    return true;
  }
}
