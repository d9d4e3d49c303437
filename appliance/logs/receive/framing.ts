/** Digits of a count that is taken for one: a message of ten megabytes is a mistake, or an attack. */
const MAX_DIGITS = 7;
/** What is kept of a part for the next one, so that the buffer isn't made anew each time. */
const KEPT_BYTES = 4096;
const EMPTY = Buffer.alloc(0);

const [NUL, LF, CR, SPACE, LESS_THAN] = [0, 10, 13, 32, 60];

/** A whole message: `bytes[start, end)`, valid during the call. */
export type OnMessage = (bytes: Buffer, start: number, end: number, truncated: boolean) => void;

export interface FramerOptions {
  /** Bytes of a message that are kept; of a longer one the rest is skipped. */
  max: number;
  /** Over TLS messages are counted (RFC 5425, section 4.3); over TCP what follows the count must show that it is one. */
  tls: boolean;
  onMessage: OnMessage;
  onSkipped: (bytes: number) => void;
}

/**
 * Messages of one connection (RFC 6587). Each is either counted in octets (section 3.4.1), or ends with LF, CR LF or
 * NUL (section 3.4.2), which is told by how it begins. Counted messages are handed on exactly as counted, the others
 * without their end; empty ones aren't messages.
 *
 * Over TCP digits and a space are a count where `<` follows, as in RFC 6587. Some devices count messages without a priority:
 * it is one, too, where the message before it was counted, or where exactly so many bytes without an end are followed by
 * another count. Everything else is a line that begins with a number.
 */
export class Framer {
  #options: FramerOptions;
  /** The beginning of a message, whose rest hasn't come. */
  #part = EMPTY;
  #length = 0;
  /** `begin`: which of the two it is isn't known yet. */
  #state: 'begin' | 'counted' | 'line' = 'begin';
  /** Octets of a counted message that haven't come. */
  #left = 0;
  #skipped = 0;
  /** The message before was counted. */
  #counts = false;
  /** Of a line that may turn out to be counted: where its count begins to tell its end, and that end. 0: it is a line. */
  #head = 0;
  #end = 0;

  constructor(options: FramerOptions) {
    this.#options = options;
  }

  /** Whether a part of a message has come. */
  get pending(): boolean {
    return this.#state !== 'begin' || this.#length > 0;
  }

  push(chunk: Buffer): void {
    /** The next NUL: undefined is not looked for yet. */
    let nul: number | undefined;
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'begin') {
        at = this.#begin(chunk, at);
        continue;
      }
      if (this.#state === 'counted') {
        const end = Math.min(at + this.#left, chunk.length);
        this.#left -= end - at;
        if (this.#left === 0) this.#finish(chunk, at, end);
        else this.#keep(chunk, at, end);
        at = end;
        continue;
      }
      if (this.#end > 0) {
        at = this.#maybe(chunk, at);
        continue;
      }
      if (nul === undefined || nul < at) nul = indexOf(chunk, NUL, at);
      const end = Math.min(indexOf(chunk, LF, at), nul);
      if (end === chunk.length) {
        this.#keep(chunk, at, end);
        return;
      }
      this.#finish(chunk, at, end);
      at = end + 1;
    }
  }

  /** A line that may be counted: keeps what decides about it; returns where it goes on. */
  #maybe(chunk: Buffer, at: number): number {
    const wanted = Math.min(chunk.length, at + this.#end + MAX_DIGITS + 1 - this.#length);
    const looked = chunk.subarray(at, wanted);
    const end = at + Math.min(indexOf(looked, LF, 0), indexOf(looked, NUL, 0));
    this.#keep(chunk, at, end);
    let next = this.#end;
    while (next < this.#length && isDigit(this.#part[next]!, next === this.#end)) next++;
    if (next >= this.#length) {
      // Its end has come, or what decides hasn't.
      if (end < wanted || next > this.#end + MAX_DIGITS) this.#end = 0;
      return end;
    }
    const [from, to] = [this.#head, this.#end];
    this.#end = 0;
    if (this.#part[next] !== SPACE || next === to || next - to > MAX_DIGITS) return end;
    const kept = Buffer.from(this.#part.subarray(0, this.#length));
    this.#length = 0;
    this.#state = 'begin';
    this.#emit(kept, from, to, false, false);
    this.push(kept.subarray(to));
    return end;
  }

  /**
   * The connection has ended, or was `cut`. What has come of a message is handed on; it is whole only where it is not
   * counted, as its end may be the connection's.
   */
  end(cut: boolean): void {
    if (this.pending) this.#finish(EMPTY, 0, 0, cut || this.#state === 'counted');
  }

  /** Finds out how a message is framed; returns where it goes on. */
  #begin(chunk: Buffer, at: number): number {
    if (this.#length === 0) {
      const head = this.#headOf(chunk, at, chunk.length);
      if (head === undefined) this.#keep(chunk, at, chunk.length);
      return head === undefined ? chunk.length : at + head;
    }
    // The head came in pieces: it is put together byte by byte.
    let next = at;
    while (next < chunk.length) {
      this.#keep(chunk, next, ++next);
      const length = this.#length;
      const head = this.#headOf(this.#part, 0, length);
      if (head === undefined) continue;
      this.#length = 0;
      // What was kept behind the head is one byte at most, or a line's beginning without an end: it is no message yet.
      const begun = this.#part.subarray(head, length);
      if (begun.length > 0) this.push(Buffer.from(begun));
      return next;
    }
    return next;
  }

  /**
   * Bytes of the head of the message at `start`, or undefined where more must come. A line has none.
   * MSG-LEN = NONZERO-DIGIT *DIGIT, then SP.
   */
  #headOf(bytes: Buffer, start: number, end: number): number | undefined {
    let count = 0;
    let at = start;
    for (; at < end; at++) {
      const digit = bytes[at]! - 48;
      if (digit < 0 || digit > 9 || (at === start && digit === 0) || at - start === MAX_DIGITS) break;
      count = count * 10 + digit;
    }
    const space = at;
    if (space === end) return undefined;
    if (space === start || bytes[space] !== SPACE) return this.#line();
    const { tls, max } = this.#options;
    if (!tls && !(this.#counts && count <= max)) {
      if (space + 1 === end) return undefined;
      if (bytes[space + 1] !== LESS_THAN) return this.#line(space + 1 - start, count);
    }
    this.#state = 'counted';
    this.#left = count;
    return space + 1 - start;
  }

  /** A line; with `count` it may still turn out to be counted. */
  #line(head = 0, count = 0): number {
    this.#state = 'line';
    this.#head = head;
    const end = head + count;
    // All of it must be kept until that is known.
    this.#end = count > 0 && end + MAX_DIGITS + 1 <= this.#options.max ? end : 0;
    return 0;
  }

  /** Keeps a part, as far as there is room for it. */
  #keep(chunk: Buffer, start: number, end: number): void {
    const kept = Math.min(end - start, this.#options.max + 1 - this.#length);
    this.#skipped += end - start - kept;
    const length = this.#length + kept;
    if (length > this.#part.length) {
      const larger = Buffer.allocUnsafe(Math.min(this.#options.max + 1, Math.max(length * 2, 512)));
      this.#part.copy(larger, 0, 0, this.#length);
      this.#part = larger;
    }
    chunk.copy(this.#part, this.#length, start, start + kept);
    this.#length = length;
  }

  #finish(chunk: Buffer, start: number, end: number, cut = false): void {
    const isLine = this.#state !== 'counted';
    this.#state = 'begin';
    this.#end = 0;
    if (this.#length === 0) {
      this.#emit(chunk, start, end, isLine, cut);
      return;
    }
    this.#keep(chunk, start, end);
    const length = this.#length;
    this.#length = 0;
    this.#emit(this.#part, 0, length, isLine, cut);
    if (this.#part.length > KEPT_BYTES) this.#part = EMPTY;
  }

  #emit(bytes: Buffer, start: number, end: number, isLine: boolean, cut: boolean): void {
    const { max, onMessage, onSkipped } = this.#options;
    // Of a longer one the end isn't kept where it came in pieces.
    const isWhole = this.#skipped === 0 && end - start <= max + 1;
    const last = isLine && isWhole && end > start && bytes[end - 1] === CR ? end - 1 : end;
    const kept = Math.min(last, start + max);
    const skipped = this.#skipped + last - kept;
    this.#skipped = 0;
    if (skipped > 0) onSkipped(skipped);
    if (kept > start) this.#counts = !isLine;
    if (kept > start) onMessage(bytes, start, kept, cut || skipped > 0);
  }
}

const isDigit = (byte: number, first: boolean): boolean => byte >= (first ? 49 : 48) && byte <= 57;

const indexOf = (chunk: Buffer, byte: number, from: number): number => {
  const at = chunk.indexOf(byte, from);
  return at < 0 ? chunk.length : at;
};
