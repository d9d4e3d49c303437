/** RFC 2865, section 3; RFC 6613, section 2.6.4: what a length on a stream may be. */
export const MIN_FRAME = 20;
export const MAX_FRAME = 4096;
const EMPTY = new Uint8Array(0);

/**
 * Cuts a stream into packets by their length field (RFC 6613, section 2.6.4). Holds less than one packet between calls.
 */
export class Framer {
  private rest: Uint8Array = EMPTY;

  /** Bytes that wait for the rest of their packet. */
  get pending(): number {
    return this.rest.length;
  }

  /**
   * The packets that are whole with this chunk, as copies. False: a length that can't be, after which nothing on this
   * stream means anything (RFC 6613, section 2.6.4: the connection must be closed).
   */
  push(chunk: Uint8Array, packet: (bytes: Uint8Array) => void): boolean {
    let bytes = chunk;
    if (this.rest.length > 0) {
      bytes = new Uint8Array(this.rest.length + chunk.length);
      bytes.set(this.rest);
      bytes.set(chunk, this.rest.length);
    }
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      if (length < MIN_FRAME || length > MAX_FRAME) {
        this.rest = EMPTY;
        return false;
      }
      if (bytes.length - at < length) break;
      packet(Uint8Array.prototype.slice.call(bytes, at, at + length));
      at += length;
    }
    this.rest = at === bytes.length ? EMPTY : Uint8Array.prototype.slice.call(bytes, at);
    return true;
  }
}
