import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { decode, encode, type Question } from 'dns-packet';
import { type Cidr, parseCidr } from '../wireguard/cidr.ts';

/** A round trip longer than this is a loss, in milliseconds. */
const PATIENCE = 3_000;

/** The name under which the DNS keeps an address (RFC 1035 section 3.5, RFC 3596 section 2.5). */
export function reverseName({ family, address }: Cidr): string {
  const [count, bits, radix, apex] = family === 4 ? [4, 8n, 10, 'in-addr.arpa'] : [32, 4n, 16, 'ip6.arpa'];
  const labels = Array.from({ length: count as number }, (_, i) =>
    ((address >> (BigInt(i) * (bits as bigint))) & ((1n << (bits as bigint)) - 1n)).toString(radix as number),
  );
  return [...labels, apex].join('.');
}

/** True when an answer is to the one question that was asked (RFC 5452 section 9.1); names are equal in either case. */
const asksFor = (name: string, [first, ...more]: readonly Question[] = []): boolean =>
  more.length === 0 && first?.type === 'PTR' && (first.class ?? 'IN') === 'IN' && first.name.toLowerCase() === name;

/**
 * Milliseconds until the hub with this overlay address has answered what it is called itself, which it knows without
 * asking anybody; null when nothing came, or not from the hub's own knowledge. Never throws.
 */
export function askHub(address: string, port = 53, patience = PATIENCE): Promise<number | null> {
  return new Promise((resolve) => {
    const target = parseCidr(address);
    const id = randomInt(0x10000);
    const name = reverseName(target);
    const query = encode({ type: 'query', id, flags: 0, questions: [{ type: 'PTR', name }] });
    const socket = createSocket(target.family === 4 ? 'udp4' : 'udp6');
    let sentAt = 0;
    const end = (result: number | null): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      try {
        socket.close();
      } catch {
        // It never opened.
      }
      resolve(result);
    };
    const timer = setTimeout(() => end(null), patience);
    socket.on('error', () => end(null));
    socket.on('message', (message) => {
      const passed = performance.now() - sentAt;
      try {
        const said = decode(message);
        if (said.id !== id || said.type !== 'response' || !asksFor(name, said.questions)) return;
        end(said.flag_aa ? Math.round(passed * 10) / 10 : null);
      } catch {
        // Not DNS: what was asked may still be answered.
      }
    });
    // Connected: the system lets nobody else's datagrams through.
    socket.connect(port, address, () => {
      sentAt = performance.now();
      socket.send(query);
    });
  });
}
