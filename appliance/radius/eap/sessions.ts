import type { OuterMethod, Session } from './types.ts';

interface Kept {
  session: Session;
  /** OpenSSL's own; undefined where the peer carries it in a ticket. */
  state: Buffer | undefined;
  until: number;
}

/**
 * The TLS sessions whose peers got in, and nobody else's: only `keep` puts one here, after the inner method has
 * succeeded. By the session id of OpenSSL; the oldest goes where there are too many.
 */
export class Sessions {
  private readonly max: number;
  private readonly lifetime: number;
  private readonly now: () => number;
  private readonly kept = new Map<string, Kept>();

  /** `lifetime` in seconds, `now` in milliseconds. */
  constructor(max: number, lifetime: number, now: () => number) {
    this.max = max;
    this.lifetime = lifetime;
    this.now = now;
  }

  get size(): number {
    return this.kept.size;
  }

  keep(id: Buffer, state: Buffer | undefined, session: Session): void {
    const seconds = Math.min(this.lifetime, session.verdict.sessionTimeout ?? Number.POSITIVE_INFINITY);
    const until = session.at + seconds * 1000;
    if (id.length === 0 || until <= this.now()) return;
    if (this.kept.size >= this.max) this.kept.delete(this.kept.keys().next().value!);
    this.kept.set(id.toString('latin1'), { session, state, until });
  }

  find(id: Buffer, outer: OuterMethod): Kept | undefined {
    const key = id.toString('latin1');
    const found = this.kept.get(key);
    if (found === undefined || found.session.outer !== outer) return undefined;
    if (found.until > this.now()) return found;
    this.kept.delete(key);
    return undefined;
  }

  forget(id: Buffer): void {
    this.kept.delete(id.toString('latin1'));
  }

  /** Drops what is too old; they lie in order of age but for short session timeouts, so a walk over all. */
  sweep(): void {
    const now = this.now();
    for (const [key, { until }] of this.kept) if (until <= now) this.kept.delete(key);
  }
}

/**
 * The session id in OpenSSL's DER of a session (SSL_SESSION_ASN1: version, TLS version, cipher, session id): the only name
 * that tells one ticket's session from another's. Undefined where the DER isn't that.
 */
export function sessionId(der: Buffer): Buffer | undefined {
  let at = header(der, 0)?.from;
  for (let skip = 0; skip < 3 && at !== undefined; skip++) at = header(der, at)?.end;
  const field = at === undefined ? undefined : header(der, at);
  return field === undefined || der[at!] !== 0x04 ? undefined : der.subarray(field.from, field.end);
}

function header(der: Buffer, at: number): { from: number; end: number } | undefined {
  if (at + 2 > der.length) return undefined;
  let length = der[at + 1]!;
  let from = at + 2;
  if (length & 0x80) {
    const count = length & 0x7f;
    if (count === 0 || count > 3 || from + count > der.length) return undefined;
    length = der.readUIntBE(from, count);
    from += count;
  }
  return from + length > der.length ? undefined : { from, end: from + length };
}
