/**
 * What a word of the index is. A part is a run of letters, digits, `_` and bytes above 0x7f, ASCII letters in lower
 * case. Indexed are the parts of two or more bytes, and each four short parts in a row that single `.`, `:` or `-`
 * join, as one: so an IPv4 address or a MAC is as selective as it looks, where each of its parts is everywhere.
 * What is searched for holds complete parts, so no record is missed; a hit is checked on the record.
 */

/** Parts as long as octets of IPv4 and groups of IPv6. */
const SHORT = 4;
/** Room for the words of a question. */
const FEW = 64;
const SEED = 0x811c9dc5 | 0;
const PRIME = 0x01000193;
const JOINED = 0x5bd1e995;

/** A byte as it is compared; 0 where it separates parts. */
export const FOLD = new Uint8Array(256);
for (let c = 0; c < 256; c++) {
  const letter = (c >= 97 && c <= 122) || (c >= 48 && c <= 57) || c === 95 || c >= 128;
  FOLD[c] = c >= 65 && c <= 90 ? c + 32 : letter ? c : 0;
}

/** Bytes that join parts. */
const JOINS = new Uint8Array(256);
for (const c of '.:-') JOINS[c.charCodeAt(0)] = 1;

/** Bytes at which all that was read so far ends: they neither belong to a part nor join parts. */
const ENDS = FOLD.map((folded, c) => (folded === 0 && JOINS[c] === 0 ? 1 : 0));
const BLANK = 32;

/** The distinct hashes of a group of records. */
export class TokenSet {
  private table: Int32Array;
  private mask: number;
  size = 0;

  /** `room`: a power of two. */
  constructor(room = 2 ** 14) {
    this.table = new Int32Array(room);
    this.mask = room - 1;
  }

  /** Adds FNV-1a's state, mixed so that all of its bits count (the end of MurmurHash3). */
  add(state: number): void {
    let h = state;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
    if (h === 0) h = 1;
    const { table, mask } = this;
    let at = h & mask;
    for (let there = table[at]!; there !== 0; there = table[at]!) {
      if (there === h) return;
      at = (at + 1) & mask;
    }
    table[at] = h;
    if (++this.size * 4 > mask * 3) this.grow();
  }

  /** Whether a hash that `hashes` gave out is there. */
  has(hash: number): boolean {
    const { table, mask } = this;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const there = table[at]!;
      if (there === hash) return true;
      if (there === 0) return false;
    }
  }

  hashes(): Int32Array {
    const out = new Int32Array(this.size);
    let n = 0;
    const { table } = this;
    for (let i = 0; i < table.length; i++) if (table[i] !== 0) out[n++] = table[i]!;
    return out;
  }

  /** Empties it; it keeps its room. */
  clear(): void {
    this.table.fill(0);
    this.size = 0;
  }

  private grow(): void {
    const old = this.table;
    this.table = new Int32Array(old.length * 2);
    this.mask = this.table.length - 1;
    for (const hash of old) {
      if (hash === 0) continue;
      let at = hash & this.mask;
      while (this.table[at] !== 0) at = (at + 1) & this.mask;
      this.table[at] = hash;
    }
  }
}

/** Adds the tokens of bytes[from, to). */
export function addBytes(set: TokenSet, bytes: Uint8Array, from: number, to: number): void {
  let h = SEED;
  let start = from;
  let chain = 0;
  let [a, b, c] = [0, 0, 0];
  for (let i = from; i <= to; i++) {
    const byte = i < to ? bytes[i]! : 32;
    const folded = FOLD[byte]!;
    if (folded !== 0) {
      h = Math.imul(h ^ folded, PRIME);
      continue;
    }
    const length = i - start;
    start = i + 1;
    if (length === 0) {
      chain = 0;
      continue;
    }
    if (length > 1) set.add(h);
    if (length <= SHORT) {
      if (++chain >= 4) set.add(joined(a, b, c, h));
      a = b;
      b = c;
      c = h;
      if (JOINS[byte] === 0) chain = 0;
    } else {
      chain = 0;
    }
    h = SEED;
  }
}

/**
 * Adds the tokens of bytes[from, to), of which much is as in bytes[like, end), whose tokens the set has already: lines of
 * one sender differ in a few places. No token goes over a blank, so blanks are where the two are brought together again.
 * `view` is of the same bytes.
 */
export function addLike(
  set: TokenSet,
  bytes: Uint8Array,
  view: DataView,
  from: number,
  to: number,
  like: number,
  end: number,
): void {
  let i = from;
  let p = like;
  for (;;) {
    const last = i + Math.min(to - i, end - p) - 4;
    let differ = 0;
    for (; i <= last; i += 4, p += 4) {
      differ = view.getInt32(i, true) ^ view.getInt32(p, true);
      if (differ !== 0) break;
    }
    const same = differ === 0 ? 0 : (31 - Math.clz32(differ & -differ)) >> 3;
    i += same;
    p += same;
    if (differ === 0) {
      while (i < to && p < end && bytes[i] === bytes[p]) {
        i++;
        p++;
      }
    }
    if (i >= to && p >= end) return;
    let start = i;
    while (start > from && ENDS[bytes[start - 1]!] === 0) start--;
    while (i < to && bytes[i] !== BLANK) i++;
    addBytes(set, bytes, start, i);
    if (i >= to) return;
    while (p < end && bytes[p] !== BLANK) p++;
    if (p >= end) {
      addBytes(set, bytes, i, to);
      return;
    }
  }
}

const joined = (a: number, b: number, c: number, d: number): number =>
  Math.imul(Math.imul(Math.imul(Math.imul(a, PRIME) ^ b, PRIME) ^ c, PRIME) ^ d, JOINED);

const scratch = Buffer.alloc(4 * 1024);

/** Adds the tokens of a value's UTF-8, in lower case as values are compared; it has at most 1,024 characters. */
export function addText(set: TokenSet, text: string): void {
  let length = 0;
  for (; length < text.length; length++) {
    const c = text.charCodeAt(length);
    if (c > 127) {
      length = scratch.write(text.toLowerCase(), 'utf8');
      break;
    }
    scratch[length] = c;
  }
  addBytes(set, scratch, 0, length);
}

/** Adds the token of a whole number, 0 to 65,535, as its decimal digits are one. */
export function addNumber(set: TokenSet, value: number): void {
  if (value < 10) return; // parts of one byte are none
  let h = SEED;
  let unit = value < 100 ? 10 : value < 1000 ? 100 : value < 10_000 ? 1000 : 10_000;
  for (let rest = value; unit >= 1; unit = Math.trunc(unit / 10)) {
    const digit = (rest / unit) | 0;
    rest -= digit * unit;
    h = Math.imul(h ^ (48 + digit), PRIME);
  }
  set.add(h);
}

/** FNV-1a of each octet as it is written. */
const OCTETS = Int32Array.from({ length: 256 }, (_, octet) => {
  let h = SEED;
  for (const digit of Buffer.from(String(octet))) h = Math.imul(h ^ digit, PRIME);
  return h;
});

/** Adds the token of an IPv4 address as a whole. */
export function addIpv4(set: TokenSet, value: number): void {
  const [a, b] = [OCTETS[value >>> 24]!, OCTETS[(value >>> 16) & 255]!];
  set.add(joined(a, b, OCTETS[(value >>> 8) & 255]!, OCTETS[value & 255]!));
}

/** The hash that `addIpv4` adds. */
export function tokenOfIpv4(value: number): Int32Array {
  const set = new TokenSet(FEW);
  addIpv4(set, value);
  return set.hashes();
}

/**
 * The hashes that each record with `text` in it has. `cutStart`, `cutEnd`: the part there may go on in the record, so
 * nothing is known of it.
 */
export function tokensOf(text: string, { cutStart = false, cutEnd = false } = {}): Int32Array {
  const bytes = Buffer.from(text);
  let [from, to] = [0, bytes.length];
  if (cutStart) while (from < to && FOLD[bytes[from]!] !== 0) from++;
  if (cutEnd) while (to > from && FOLD[bytes[to - 1]!] !== 0) to--;
  const set = new TokenSet(FEW);
  addBytes(set, bytes, from, to);
  return set.hashes();
}
