/** Flags of EAP-TLS and what is built on it (RFC 5216, section 3.1). */
export const FLAG = { length: 0x80, more: 0x40, start: 0x20 } as const;

/** One fragment: `data` of a packet whose type is TLS, PEAP or TTLS. */
interface Fragment {
  more: boolean;
  /** Of the whole message, where it is said. */
  length: number | undefined;
  payload: Uint8Array;
}

/** A fragment, or a string that says what is wrong. No flags at all are an acknowledgement (some peers leave them out). */
export function readFragment(data: Uint8Array): Fragment | string {
  if (data.length === 0) return { more: false, length: undefined, payload: data };
  const flags = data[0]!;
  if ((flags & FLAG.start) !== 0) return 'a peer that starts';
  const more = (flags & FLAG.more) !== 0;
  if ((flags & FLAG.length) === 0) return { more, length: undefined, payload: data.subarray(1) };
  if (data.length < 5) return 'a TLS message length that is cut off';
  const length = ((data[1]! << 24) | (data[2]! << 16) | (data[3]! << 8) | data[4]!) >>> 0;
  return { more, length, payload: data.subarray(5) };
}

/** Joins a peer's fragments. */
export class Inbox {
  private readonly max: number;
  private parts: Uint8Array[] = [];
  private held = 0;
  private announced: number | undefined;

  /** `max`: bytes of one message. */
  constructor(max: number) {
    this.max = max;
  }

  /** The whole message where this was its last fragment, `more` where it wasn't; a string with `error` otherwise. */
  add(fragment: Fragment): Uint8Array | 'more' | { error: string } {
    if (this.parts.length === 0) this.announced = fragment.length;
    this.held += fragment.payload.length;
    const expected = this.announced ?? this.held;
    if (this.held > this.max || expected > this.max) return { error: `a TLS message of over ${this.max} bytes` };
    if (this.held > expected) return { error: 'a TLS message that is longer than it said' };
    if (fragment.more && fragment.payload.length === 0) return { error: 'a fragment of nothing' };
    this.parts.push(fragment.payload);
    if (fragment.more) return 'more';
    const whole = this.parts.length === 1 ? fragment.payload : Buffer.concat(this.parts, this.held);
    this.parts = [];
    this.held = 0;
    return whole;
  }
}

/** Cuts a message of ours into fragments. */
export class Outbox {
  private message: Uint8Array = new Uint8Array(0);
  private at = 0;

  load(message: Uint8Array): void {
    this.message = message;
    this.at = 0;
  }

  get pending(): boolean {
    return this.at < this.message.length;
  }

  /** The next fragment with its flags, of at most `max` bytes: the length of the whole only in the first of several. */
  next(max: number): Uint8Array {
    const left = this.message.length - this.at;
    const withLength = this.at === 0 && left > max - 1;
    const head = withLength ? 5 : 1;
    const take = Math.min(left, max - head);
    const more = take < left;
    const fragment = new Uint8Array(head + take);
    fragment[0] = (withLength ? FLAG.length : 0) | (more ? FLAG.more : 0);
    if (withLength) new DataView(fragment.buffer).setUint32(1, this.message.length);
    fragment.set(this.message.subarray(this.at, this.at + take), head);
    this.at += take;
    if (!more) this.load(new Uint8Array(0));
    return fragment;
  }
}
