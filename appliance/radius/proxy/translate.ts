import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  checkReply,
  decryptPassword,
  decryptSalted,
  encryptPassword,
  encryptSalted,
  type Packet,
  type Secret,
} from '../codec/index.ts';
import type { Dictionary } from '../dictionary/index.ts';

const { chapChallenge, chapPassword, eapMessage, messageAuthenticator, proxyState, userName, userPassword } = ATTRIBUTE;
const { tunnelPassword, vendorSpecific } = ATTRIBUTE;

/** How the value of an attribute is hidden: as User-Password is (RFC 2865, section 5.2), or with a salt (RFC 2868, 3.5). */
export interface Hidden {
  by: 'password' | 'salted';
  /** A tag comes before the salt. */
  tagged: boolean;
}
export type HiddenBy = (vendor: number, type: number) => Hidden | undefined;

const MAX_KNOWN = 4096;

/** Which attributes of vendors are hidden, by the dictionary. */
export function hiddenBy(dictionary: Pick<Dictionary, 'find'>): HiddenBy {
  const known = new Map<number, Hidden | undefined>();
  return (vendor, type) => {
    const key = vendor * 256 + type;
    if (known.has(key)) return known.get(key);
    const attribute = dictionary.find(`Attr-26.${vendor}.${type}`);
    const by = attribute?.encrypt === 1 ? 'password' : attribute?.encrypt === 2 ? 'salted' : undefined;
    const hidden: Hidden | undefined = by && { by, tagged: attribute?.tagged === true };
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(key, hidden);
    return hidden;
  };
}

/**
 * The attributes of a request as they go to an upstream, without Message-Authenticator; a string says why it can't. What
 * is hidden under the NAS's secret (`from`) is hidden under the upstream's (`to`) and the new authenticator. A
 * CHAP-Challenge is put in where it was the authenticator (RFC 2865, section 2.2). Our Proxy-State comes after those
 * that are there already (section 5.33).
 */
export function requestAttributes(
  request: Packet,
  {
    from,
    to,
    authenticator,
    login,
    mark,
  }: {
    from: Secret;
    to: Secret;
    authenticator: Uint8Array;
    /** In place of User-Name. With EAP it stays: it must be what the identity says (RFC 3579, section 2.1). */
    login?: string | undefined;
    /** Our Proxy-State. */
    mark: Uint8Array;
  },
): Uint8Array | string {
  const writer = new AttributeWriter();
  const name = login === undefined || login === '' || request.has(eapMessage) ? undefined : login;
  try {
    for (const { type, value } of request) {
      if (type === messageAuthenticator) continue;
      if (type === userName && name !== undefined) {
        writer.add(userName, name);
      } else if (type === userPassword) {
        // Accounting has none (RFC 2866, section 5.13), and no authenticator that could have hidden it.
        if (request.code !== CODE.accessRequest) continue;
        const password = decryptPassword(value, request.authenticator, from);
        if (!password) return 'its User-Password is malformed';
        writer.add(userPassword, encryptPassword(password, authenticator, to));
        password.fill(0);
      } else {
        writer.add(type, value);
      }
    }
    if (request.code === CODE.accessRequest && request.has(chapPassword) && !request.has(chapChallenge)) {
      writer.add(chapChallenge, request.authenticator);
    }
    return writer.add(proxyState, mark).done();
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

/** What an answer is verified with. */
export interface Asked {
  /** Of the request that we sent. */
  authenticator: Uint8Array;
  secret: Secret;
  /** Codes that answer it. */
  codes: ReadonlySet<number>;
  /** RFC 3579 asks for it where there is EAP; against BlastRADIUS it is needed always. */
  requireMessageAuthenticator: boolean;
}

/**
 * Whether a packet is the answer: its code, its authenticators. `unsigned` is right but for a Message-Authenticator that
 * it should have: of an old server, or forged (BlastRADIUS).
 */
export function verifyAnswer(answer: Packet, asked: Asked): 'valid' | 'unsigned' | 'invalid' {
  if (!asked.codes.has(answer.code) || !checkReply(answer, asked.authenticator, asked.secret)) return 'invalid';
  if (answer.has(messageAuthenticator)) return 'valid';
  return asked.requireMessageAuthenticator || answer.has(eapMessage) ? 'unsigned' : 'valid';
}

/** From the secret and request of one hop to those of the next. */
export interface Hops {
  from: { secret: Secret; authenticator: Uint8Array };
  to: { secret: Secret; authenticator: Uint8Array };
}

/**
 * The attributes of a verified answer as they go to the NAS: without Message-Authenticator and Proxy-State, which the
 * server adds; keys and tunnel passwords under the NAS's secret. What can't be opened is left out: nobody could use it.
 */
export function answerAttributes(answer: Packet, hops: Hops, hidden: HiddenBy): Uint8Array {
  const writer = new AttributeWriter();
  for (const { type, value } of answer) {
    if (type === messageAuthenticator || type === proxyState || type === 0) continue;
    if (type === tunnelPassword) {
      const again = rehide(value, { by: 'salted', tagged: true }, hops);
      if (again) writer.add(type, again);
    } else if (type === vendorSpecific) {
      const again = mapVendor(value, (vendor, sub, inner) => {
        const how = hidden(vendor, sub);
        return how ? rehide(inner, how, hops) : inner;
      });
      if (again) writer.add(type, again);
    } else {
      writer.add(type, value);
    }
  }
  return writer.done();
}

/** A hidden value under the next hop's secret; undefined where it can't be opened. Never longer than it was. */
export function rehide(value: Uint8Array, how: Hidden, { from, to }: Hops): Uint8Array | undefined {
  if (how.by === 'password') {
    const plain = decryptPassword(value, from.authenticator, from.secret);
    if (!plain) return undefined;
    // MS-CHAP-MPPE-Keys (RFC 2548, section 2.4.1) are 32 bytes, whatever they end in.
    const padded = new Uint8Array(value.length);
    padded.set(plain);
    return encryptPassword(padded, to.authenticator, to.secret);
  }
  const start = how.tagged ? 1 : 0;
  const plain = decryptSalted(value.subarray(start), from.authenticator, from.secret);
  if (!plain) return undefined;
  const again = encryptSalted(plain, to.authenticator, to.secret);
  plain.fill(0);
  if (!how.tagged) return again;
  const tagged = new Uint8Array(1 + again.length);
  tagged[0] = value[0]!;
  tagged.set(again, 1);
  return tagged;
}

/**
 * A Vendor-Specific with `change` applied to each attribute within; undefined where none is left. One that isn't made
 * of type, length, value (RFC 2865, section 5.26, only recommends it) stays as it is.
 */
function mapVendor(
  value: Uint8Array,
  change: (vendor: number, type: number, inner: Uint8Array) => Uint8Array | undefined,
): Uint8Array | undefined {
  if (value.length < 6) return value;
  const vendor = ((value[0]! << 24) | (value[1]! << 16) | (value[2]! << 8) | value[3]!) >>> 0;
  const out: number[] = [...value.subarray(0, 4)];
  let changed = false;
  for (let at = 4; at < value.length; ) {
    const length = value[at + 1] ?? 0;
    if (length < 2 || at + length > value.length) return value;
    const inner = value.subarray(at + 2, at + length);
    const again = change(vendor, value[at]!, inner);
    if (again !== inner) changed = true;
    if (again) out.push(value[at]!, again.length + 2, ...again);
    at += length;
  }
  if (!changed) return value;
  return out.length === 4 ? undefined : Uint8Array.from(out);
}

/** Those that a reply may have several of, or that are the upstream's alone (RFC 2865, section 2.3: not to be changed). */
const KEPT: ReadonlySet<number> = new Set([
  ATTRIBUTE.class,
  ATTRIBUTE.eapMessage,
  ATTRIBUTE.replyMessage,
  ATTRIBUTE.state,
]);
const FIRST_EXTENDED = 241;

/** What of two attributes must be the same for one to stand in the other's place. */
function* kinds(attributes: Uint8Array): Generator<{ kind: string; type: number; at: number; end: number }> {
  for (let at = 0; at + 2 <= attributes.length; ) {
    const type = attributes[at]!;
    const end = at + attributes[at + 1]!;
    if (end < at + 2 || end > attributes.length) return;
    const more = type === vendorSpecific ? 7 : type >= FIRST_EXTENDED ? 3 : 0;
    yield {
      kind: `${type}:${more > 0 ? attributes.subarray(at + 2, Math.min(end, at + more)).join('.') : ''}`,
      type,
      at,
      end,
    };
    at = end;
  }
}

/**
 * The upstream's attributes with our own in the place of those of the same kind: local policy decides. Class, State,
 * EAP-Message and Reply-Message of both stay.
 */
export function withOwn(upstreams: Uint8Array, own: Uint8Array): Uint8Array {
  if (own.length === 0) return upstreams;
  const decided = new Set<string>();
  for (const { kind, type } of kinds(own)) if (!KEPT.has(type)) decided.add(kind);
  const writer = new AttributeWriter();
  for (const { kind, at, end } of kinds(upstreams)) {
    if (!decided.has(kind)) writer.raw(upstreams.subarray(at, end));
  }
  return writer.raw(own).done();
}

/** RFC 3748, section 4.2. */
const EAP_FAILURE = 4;

/**
 * The attributes of a reject in the place of this accept. Where that had an EAP-Success, the peer is told of the failure
 * too (RFC 3579, section 2.2); of the upstream's attributes nothing is passed on.
 */
export function refusal(accept: Packet, attributes: Uint8Array = new Uint8Array(0)): Uint8Array {
  const success = accept.first(eapMessage);
  const writer = new AttributeWriter().raw(attributes);
  if (success) writer.add(eapMessage, Uint8Array.of(EAP_FAILURE, success[1] ?? 0, 0, 4));
  return writer.done();
}
