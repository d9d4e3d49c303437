import type { Limits } from './limits.ts';

type DuplicateLimits = Pick<Limits, 'duplicateMs' | 'duplicateEntries' | 'duplicateBytes'>;

const FIRST_ENTRIES = 1_024;
const FIRST_BYTES = 128 * 1024;
const NONE = -1;

/**
 * An entry in 64 bytes, one line of the processor's cache: as numbers of 32 bits, but for the time, which is a double at
 * its start.
 */
const WORDS = 16;
const PEER = 2;
const PLACE = 3;
/** Four words. */
const AUTHENTICATOR = 4;
const START = 8;
const LENGTH = 9;
const CODE = 10;
/** The next entry with the same hash. */
const NEXT = 11;

const wordAt = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

/** A ring of entries, the chains by hash that they are found by, and a ring of the answers' bytes. */
function allocate(entries: number, bytes: number) {
  const words = new Int32Array(entries * WORDS);
  const chains = 2 ** Math.ceil(Math.log2(entries));
  return {
    entries,
    words,
    times: new Float64Array(words.buffer),
    heads: new Int32Array(chains).fill(NONE),
    bytes: Buffer.alloc(bytes),
  };
}

/**
 * Answers that were sent, for requests that come again (RFC 5080, section 2.2.2). One ring of entries and one of bytes,
 * both oldest first, so that nothing has a timer and nothing is left to the garbage collector; they grow to their limits
 * and then forget the oldest early.
 */
export class DuplicateCache {
  #limits: DuplicateLimits;
  #memory: ReturnType<typeof allocate>;
  /** Index of the oldest entry, and how many there are. */
  #oldest = 0;
  #count = 0;
  /** Where the next answer's bytes go. */
  #end = 0;

  constructor(limits: DuplicateLimits) {
    this.#limits = limits;
    this.#memory = allocate(
      Math.min(FIRST_ENTRIES, limits.duplicateEntries),
      Math.min(FIRST_BYTES, limits.duplicateBytes),
    );
  }

  get size(): number {
    return this.#count;
  }

  /** Bytes of memory. */
  get memory(): number {
    const { words, heads, bytes } = this.#memory;
    return words.byteLength + heads.byteLength + bytes.byteLength;
  }

  /**
   * A copy of the answer to this very request: same sender (a number for its address and our listener), port and
   * identifier (`port << 8 | id`), code and authenticator.
   */
  find(peer: number, place: number, request: Uint8Array, now: number): Buffer | undefined {
    const { words, times, heads, bytes } = this.#memory;
    for (let i = heads[this.#chain(peer, place)]!; i !== NONE; i = words[i * WORDS + NEXT]!) {
      const at = i * WORDS;
      if (words[at + PLACE] !== place || words[at + PEER] !== peer) continue;
      if (now - times[at >> 1]! >= this.#limits.duplicateMs || words[at + CODE] !== request[0]) return undefined;
      for (let k = 0; k < 4; k++) {
        if (words[at + AUTHENTICATOR + k] !== wordAt(request, 4 + 4 * k)) return undefined;
      }
      const start = words[at + START]!;
      return Buffer.from(bytes.subarray(start, start + words[at + LENGTH]!));
    }
    return undefined;
  }

  /** Keeps an answer; an older one at the same place is forgotten. */
  store(peer: number, place: number, request: Uint8Array, reply: Uint8Array, now: number): void {
    if (reply.length > this.#limits.duplicateBytes) return;
    const { duplicateMs } = this.#limits;
    while (this.#count > 0 && now - this.#memory.times[(this.#oldest * WORDS) >> 1]! >= duplicateMs) {
      this.#dropOldest();
    }
    if (this.#count === 0) this.#end = 0;
    for (;;) {
      const { entries } = this.#memory;
      const start = this.#count < entries ? this.#room(reply.length) : NONE;
      if (start !== NONE) {
        const chain = this.#chain(peer, place);
        this.#unlink(chain, peer, place);
        const i = this.#newest();
        const { words, times, bytes } = this.#memory;
        const at = i * WORDS;
        times[at >> 1] = now;
        words[at + PEER] = peer;
        words[at + PLACE] = place;
        for (let k = 0; k < 4; k++) words[at + AUTHENTICATOR + k] = wordAt(request, 4 + 4 * k);
        words[at + START] = start;
        words[at + LENGTH] = reply.length;
        words[at + CODE] = request[0]!;
        bytes.set(reply, start);
        this.#link(chain, i, start + reply.length);
        return;
      }
      if (!this.#grow(this.#count === entries)) this.#dropOldest();
    }
  }

  /** Index of the entry that comes behind the newest. */
  #newest(): number {
    const i = this.#oldest + this.#count;
    return i < this.#memory.entries ? i : i - this.#memory.entries;
  }

  #link(chain: number, i: number, end: number): void {
    const { words, heads } = this.#memory;
    words[i * WORDS + NEXT] = heads[chain]!;
    heads[chain] = i;
    this.#end = end;
    this.#count++;
  }

  /** Where `length` bytes in one piece are free; NONE where they aren't. */
  #room(length: number): number {
    const { words, bytes } = this.#memory;
    if (this.#count === 0) return length <= bytes.length ? 0 : NONE;
    const first = words[this.#oldest * WORDS + START]!;
    // Bytes in use: from `first` to the end, or around it.
    if (this.#end > first) {
      if (this.#end + length <= bytes.length) return this.#end;
      return length < first ? 0 : NONE;
    }
    return this.#end + length < first ? this.#end : NONE;
  }

  #chain(peer: number, place: number): number {
    const hash = Math.imul(Math.imul(peer, 0x9e3779b1) ^ place, 0x85ebca6b);
    return (hash ^ (hash >>> 15)) & (this.#memory.heads.length - 1);
  }

  /** Takes the entry of a place out of its chain: it is found no more, and goes when it is the oldest. */
  #unlink(chain: number, peer: number, place: number): void {
    const { heads, words } = this.#memory;
    for (let i = heads[chain]!, before = NONE; i !== NONE; before = i, i = words[i * WORDS + NEXT]!) {
      if (words[i * WORDS + PLACE] !== place || words[i * WORDS + PEER] !== peer) continue;
      this.#skip(chain, before, i);
      return;
    }
  }

  #dropOldest(): void {
    const { heads, words, entries } = this.#memory;
    const oldest = this.#oldest;
    const chain = this.#chain(words[oldest * WORDS + PEER]!, words[oldest * WORDS + PLACE]!);
    // By index, as a newer entry may have the same place and this one may be out of the chain already.
    for (let i = heads[chain]!, before = NONE; i !== NONE; before = i, i = words[i * WORDS + NEXT]!) {
      if (i !== oldest) continue;
      this.#skip(chain, before, i);
      break;
    }
    this.#oldest = oldest + 1 === entries ? 0 : oldest + 1;
    this.#count--;
  }

  #skip(chain: number, before: number, i: number): void {
    const { heads, words } = this.#memory;
    const next = words[i * WORDS + NEXT]!;
    if (before === NONE) heads[chain] = next;
    else words[before * WORDS + NEXT] = next;
  }

  /** Twice the entries, or twice the bytes, and everything in its new place; false where the limit is reached. */
  #grow(entries: boolean): boolean {
    const old = this.#memory;
    const { duplicateEntries, duplicateBytes } = this.#limits;
    const wanted = entries ? Math.min(2 * old.entries, duplicateEntries) : old.entries;
    const bytes = entries ? old.bytes.length : Math.min(2 * old.bytes.length, duplicateBytes);
    if (wanted === old.entries && bytes === old.bytes.length) return false;
    const [first, count] = [this.#oldest, this.#count];
    this.#memory = allocate(wanted, bytes);
    this.#oldest = 0;
    this.#count = 0;
    this.#end = 0;
    for (let k = 0; k < count; k++) {
      const from = ((first + k) % old.entries) * WORDS;
      const { words } = this.#memory;
      words.set(old.words.subarray(from, from + WORDS), k * WORDS);
      words[k * WORDS + START] = this.#end;
      const start = old.words[from + START]!;
      const end = start + old.words[from + LENGTH]!;
      this.#memory.bytes.set(old.bytes.subarray(start, end), this.#end);
      const [peer, place] = [words[k * WORDS + PEER]!, words[k * WORDS + PLACE]!];
      const chain = this.#chain(peer, place);
      this.#unlink(chain, peer, place);
      this.#link(chain, k, this.#end + end - start);
    }
    return true;
  }
}
