import { readFileSync } from 'node:fs';
import { addressWords } from './peer.ts';

/** `010200C0:158A`: words as they lie in memory, and the port. */
function localAddress(host: string, port: number): string {
  const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0');
  const swap = (word: number): number =>
    ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
  const words = addressWords(host).map((word) => hex(swap(word), 8));
  return `${words.join('')}:${hex(port, 4)}`;
}

/** How many datagrams the system has dropped that were for an address; the last column of `/proc/net/udp` (proc(5)). */
export function dropsOf(table: string, host: string, port: number): number {
  const local = localAddress(host, port);
  let drops = 0;
  for (const line of table.split('\n')) {
    const columns = line.trim().split(/\s+/);
    if (columns[1] === local) drops += Number(columns.at(-1)) || 0;
  }
  return drops;
}

/** How many more it has dropped since the last call; 0 where the system doesn't tell. */
export function createDrops(host: string, port: number, file = host.includes(':') ? 'udp6' : 'udp'): () => number {
  let last = 0;
  return () => {
    let table: string;
    try {
      table = readFileSync(`/proc/net/${file}`, 'latin1');
    } catch {
      return 0;
    }
    const now = dropsOf(table, host, port);
    // A counter of 32 bits.
    const more = (now - last) >>> 0;
    last = now;
    return more;
  };
}
