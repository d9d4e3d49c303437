import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

/** How long what was read counts, in milliseconds. */
const FRESH = 5_000;

/** The servers of a resolv.conf(5), in order. */
export function parseNameservers(text: string): string[] {
  const servers = [...text.matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)].map((match) => match[1] as string);
  return [...new Set(servers.filter((server) => isIP(server) !== 0))];
}

/** The system's own servers, read anew when it changes networks. */
export class SystemServers {
  readonly #file: string;
  #servers: string[] = [];
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(file: string) {
    this.#file = file;
  }

  async read(): Promise<readonly string[]> {
    if (performance.now() - this.#readAt < FRESH) return this.#servers;
    this.#readAt = performance.now();
    this.#servers = parseNameservers(await readFile(this.#file, 'utf8').catch(() => ''));
    return this.#servers;
  }
}
