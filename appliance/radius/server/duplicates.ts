import type { Limits } from './limits.ts';

const FIRST_ENTRIES = 1_024;
const FIRST_BYTES = 128 * 1024;
const NONE = -1;

/** The columns of a ring of answers, and the bytes of the answers in a ring of their own. */
function allocate(entries: number, bytes: number) {
  return {
    peer: new Uint32Array(entries),
    /** Port and identifier of the request. */
    place: new Uint32Array(entries),
    code: new Uint8Array(entries),
    authenticator: new Uint8Array(16 * entries),
    at: new Float64Array(entries),
    start: new Uint32Array(entries),
    length: new Uint16Array(entries),
    /** The next entry with the same hash. */
    next: new Int32Array(entries),
    /** Chains by hash. */
    heads: new Int32Array(entries).fill(NONE),
    bytes: new Uint8Array(bytes),
  };
}

/**
 * Answers that were sent, for requests that come again (RFC 5080, section 2.2.2). One ring of entries and one of bytes,
 * both oldest first, so that nothing has a timer and nothing is left to the garbage collector; they grow to their limits
 * and then forget the oldest early.
 */
export class DuplicateCache {
  #limits: Pick<Limits, 'duplicateMs' | 'duplicateEntries' | 'duplicateBytes'>;
  #columns: ReturnType<typeof allocate>;
  /** Index of the oldest entry, and how many there are. */
  #oldest = 0;
  #count = 0;
  /** Where the next answer's bytes go. */
  #end = 0;

  constructor(limits: Pick<Limits, 'duplicateMs' | 'duplicateEntries' | 'duplicateBytes'>) {
    this.#limits = limits;
    this.#columns = allocate(
      Math.min(FIRST_ENTRIES, limits.duplicateEntries),
      Math.min(FIRST_BYTES, limits.duplicateBytes),
    );
  }

  get size(): number {
    return this.#count;
  }

  /** Bytes of memory. */
  get memory(): number {
    return Object.values(this.#columns).reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /**
   * A copy of the answer to this very request: same sender (a number for its address and our listener), port and
   * identifier (`port << 8 | id`), code and authenticator.
   */
  find(peer: number, place: number, request: Uint8Array, now: number): Uint8Array | undefined {
    const columns = this.#columns;
    for (let i = columns.heads[this.#bucket(peer, place)]!; i !== NONE; i = columns.next[i]!) {
      if (columns.peer[i] !== peer || columns.place[i] !== place) continue;
      if (now - columns.at[i]! >= this.#limits.duplicateMs || columns.code[i] !== request[0]) return undefined;
      const { authenticator } = columns;
      for (let k = 0; k < 16; k++) if (authenticator[16 * i + k] !== request[4 + k]) return undefined;
      const start = columns.start[i]!;
      return columns.bytes.slice(start, start + columns.length[i]!);
    }
    return undefined;
  }

  /** Keeps an answer; an older one at the same place is forgotten. */
  store(peer: number, place: number, request: Uint8Array, reply: Uint8Array, now: number): void {
    if (reply.length > this.#limits.duplicateBytes) return;
    while (this.#count > 0 && now - this.#columns.at[this.#oldest]! >= this.#limits.duplicateMs) this.#dropOldest();
    if (this.#count === 0) this.#end = 0;
    for (;;) {
      const capacity = this.#columns.at.length;
      const start = this.#count < capacity ? this.#room(reply.length) : NONE;
      if (start !== NONE) {
        this.#write((this.#oldest + this.#count) % capacity, start, peer, place, request, reply, now);
        return;
      }
      if (!this.#grow(this.#count === capacity)) this.#dropOldest();
    }
  }

  #write(
    i: number,
    start: number,
    peer: number,
    place: number,
    request: Uint8Array,
    reply: Uint8Array,
    now: number,
  ): void {
    this.#unlink(peer, place);
    const columns = this.#columns;
    columns.peer[i] = peer;
    columns.place[i] = place;
    columns.code[i] = request[0]!;
    const { authenticator } = columns;
    for (let k = 0; k < 16; k++) authenticator[16 * i + k] = request[4 + k]!;
    columns.at[i] = now;
    columns.start[i] = start;
    columns.length[i] = reply.length;
    columns.bytes.set(reply, start);
    this.#end = start + reply.length;
    const bucket = this.#bucket(peer, place);
    columns.next[i] = columns.heads[bucket]!;
    columns.heads[bucket] = i;
    this.#count++;
  }

  /** Where `length` bytes in one piece are free; NONE where they aren't. */
  #room(length: number): number {
    const size = this.#columns.bytes.length;
    if (this.#count === 0) return length <= size ? 0 : NONE;
    const first = this.#columns.start[this.#oldest]!;
    // Bytes in use: from `first` to the end, or around it. At `#end === first` the ring is full.
    if (this.#end > first) {
      if (this.#end + length <= size) return this.#end;
      return length < first ? 0 : NONE;
    }
    return this.#end + length < first ? this.#end : NONE;
  }

  #bucket(peer: number, place: number): number {
    const hash = Math.imul(Math.imul(peer, 0x9e3779b1) ^ place, 0x85ebca6b);
    return ((hash ^ (hash >>> 15)) >>> 0) % this.#columns.heads.length;
  }

  /** Takes the entry of a place out of its chain: it is found no more, and goes when it is the oldest. */
  #unlink(peer: number, place: number): void {
    const { heads, next, peer: peers, place: places } = this.#columns;
    const bucket = this.#bucket(peer, place);
    for (let i = heads[bucket]!, before = NONE; i !== NONE; before = i, i = next[i]!) {
      if (peers[i] !== peer || places[i] !== place) continue;
      if (before === NONE) heads[bucket] = next[i]!;
      else next[before] = next[i]!;
      return;
    }
  }

  #dropOldest(): void {
    const { heads, next, peer, place } = this.#columns;
    const oldest = this.#oldest;
    const bucket = this.#bucket(peer[oldest]!, place[oldest]!);
    // By index, as a newer entry may have the same place and this one may be out of the chain already.
    for (let i = heads[bucket]!, before = NONE; i !== NONE; before = i, i = next[i]!) {
      if (i !== oldest) continue;
      if (before === NONE) heads[bucket] = next[i]!;
      else next[before] = next[i]!;
      break;
    }
    this.#oldest = (oldest + 1) % this.#columns.at.length;
    this.#count--;
  }

  /** Twice the entries, or twice the bytes, and everything in its new place; false where the limit is reached. */
  #grow(entries: boolean): boolean {
    const old = this.#columns;
    const { duplicateEntries, duplicateBytes } = this.#limits;
    const wanted = entries ? Math.min(2 * old.at.length, duplicateEntries) : old.at.length;
    const bytes = entries ? old.bytes.length : Math.min(2 * old.bytes.length, duplicateBytes);
    if (wanted === old.at.length && bytes === old.bytes.length) return false;
    const [first, count] = [this.#oldest, this.#count];
    this.#columns = allocate(wanted, bytes);
    this.#oldest = 0;
    this.#count = 0;
    this.#end = 0;
    for (let k = 0; k < count; k++) {
      const i = (first + k) % old.at.length;
      const [peer, place, start] = [old.peer[i]!, old.place[i]!, old.start[i]!];
      const reply = old.bytes.subarray(start, start + old.length[i]!);
      const request = new Uint8Array(20);
      request[0] = old.code[i]!;
      request.set(old.authenticator.subarray(16 * i, 16 * i + 16), 4);
      this.#write(this.#count, this.#end, peer, place, request, reply, old.at[i]!);
    }
    return true;
  }
}
