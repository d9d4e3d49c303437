import { randomBytes } from 'node:crypto';
import { saltsOf } from './salts.ts';
import { type Block, KIND, SALT_BYTES, TRANSPORT } from './types.ts';

/** A block with these messages, from one sender, the leaves one after another. Its salts are made of `seed`. */
export function blockOf(
  messages: readonly (string | Uint8Array)[],
  { first = 0, seed = randomBytes(32), ...rest }: { first?: number; seed?: Uint8Array } & Partial<Block> = {},
): Block & { seed: Uint8Array } {
  const parts = messages.map((message) => Buffer.from(message as string));
  const count = parts.length;
  let end = 0;
  return {
    seed,
    count,
    class: 3,
    boot: 1,
    index: Float64Array.from(parts, (_, i) => first + i),
    receiveUs: Float64Array.from(parts, (_, i) => 1.7e15 + 1000 * (first + i)),
    monotonicUs: Float64Array.from(parts, (_, i) => 5e9 + 1000 * (first + i)),
    kind: new Uint8Array(count).fill(KIND.log),
    transport: new Uint8Array(count).fill(TRANSPORT.udp),
    flags: new Uint8Array(count),
    source: new Uint16Array(count).fill(1),
    peer: new Uint16Array(count),
    peers: ['192.0.2.1:514'],
    ends: Uint32Array.from(parts, (part) => {
      end += part.length;
      return end;
    }),
    raw: new Uint8Array(Buffer.concat(parts)),
    salts: count > 0 ? new Uint8Array(saltsOf(seed, count)) : new Uint8Array(count * SALT_BYTES),
    erased: new Map(),
    ...rest,
  };
}
