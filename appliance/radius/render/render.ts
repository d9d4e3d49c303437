import type { Decision, NamedAttribute } from '../../access/index.ts';
import { Secret } from '../codec/index.ts';
import type { Cipher, Dictionary } from '../dictionary/index.ts';
import { NAS_TYPES, type NasType } from '../types.ts';
import { aclByLines, aclByName, bandwidth, type Pair, portal, role, timeouts, vlan } from './vendors.ts';

/** One attribute of a reply. */
export interface Item {
  /** What `op` compares: the dictionary's name in lower case, and the tag. */
  key: string;
  name: string;
  value: string | number;
  /** Undefined: it is encrypted, so it is made anew for each request. */
  encoded: Uint8Array | undefined;
}

/** What a decision says to one type of NAS. */
export interface Rendered {
  items: readonly Item[];
  /** What isn't encrypted: the same bytes, and the same object, each time. */
  attributes: Uint8Array;
  /** Whether there is more that each request encrypts anew. */
  encrypted: boolean;
  /** Seconds. */
  sessionTimeout: number | undefined;
  /** Why the decision can't be told to this NAS. */
  problem: string | undefined;
}

/** What nobody but the server itself may put into a reply, lower-case. */
const OURS = new Set([
  'user-password',
  'chap-password',
  'state',
  'proxy-state',
  'eap-message',
  'message-authenticator',
  'error-cause',
]);
const SESSION_TIMEOUT = 'session-timeout';

/**
 * Bytes of attributes that a decision may have. Of the 4096 of a packet (RFC 2865, section 3) an accept needs 38 for its
 * header and Message-Authenticator, at most 377 for EAP-Message, User-Name and the MPPE keys, and 36 for the bandwidth
 * and the end of a voucher; a chain of proxies adds its Proxy-States.
 */
export const MAX_DECISION_BYTES = 3500;
/** To try out what is encrypted for a request. */
const NOBODYS: Cipher = { authenticator: new Uint8Array(16), secret: new Secret('nobody') };

/** The attributes of decisions, by NAS type; kept for as long as a decision is. */
export class Renderer {
  readonly #dictionary: Dictionary;
  readonly #known = new WeakMap<Decision, Map<NasType, Rendered>>();

  constructor(dictionary: Dictionary) {
    this.#dictionary = dictionary;
  }

  render(decision: Decision, type: NasType): Rendered {
    let byType = this.#known.get(decision);
    const known = byType?.get(type);
    if (known) return known;
    if (!byType) {
      byType = new Map();
      this.#known.set(decision, byType);
    }
    const rendered = this.#make(decision, type);
    byType.set(type, rendered);
    return rendered;
  }

  /** What is wrong with an attribute that a policy names; undefined where nothing is. */
  attributeFault(name: string, value: string): string | undefined {
    const item = this.#item(name, value);
    if (typeof item === 'string') return item;
    const encoded = item.encoded ?? this.#dictionary.encode(name, value, NOBODYS);
    return typeof encoded === 'string' ? encoded : undefined;
  }

  /** Why some type of NAS can't be told of a decision; undefined where each can. */
  decisionFault(decision: Decision): string | undefined {
    for (const type of NAS_TYPES) {
      const { items, problem } = this.#make(decision, type);
      if (problem !== undefined) return `a NAS of the type ${type} can't be told: ${problem}`;
      const { length } = this.encode(items, NOBODYS);
      if (length > MAX_DECISION_BYTES) {
        return `this takes ${length} bytes of attributes for a NAS of the type ${type}, where ${MAX_DECISION_BYTES} fit`;
      }
    }
    return undefined;
  }

  /**
   * The attributes of a CoA-Request (RFC 5176, section 3) that tells a NAS of a decision: the same, without what is
   * encrypted, as there is no authenticator to do that with.
   */
  renderChange(decision: Decision, type: NasType): Uint8Array {
    return this.render(decision, type).attributes;
  }

  /** Puts attributes by name over `items`; what can't be encoded is left out and told. */
  merge(items: readonly Item[], named: readonly NamedAttribute[], problems: string[]): Item[] {
    let merged = [...items];
    for (const { name, value, op } of named) {
      const item = this.#item(name, value);
      if (typeof item === 'string') {
        problems.push(item);
        continue;
      }
      // FreeRADIUS's unlang: `=` where there is none, `:=` in place of what is there, `+=` behind it.
      if (op === '=' && merged.some(({ key }) => key === item.key)) continue;
      if (op === ':=') merged = merged.filter(({ key }) => key !== item.key);
      merged.push(item);
    }
    return merged;
  }

  /** Bounds the session: the smallest of what is there and `seconds`. At its end it is over, so nobody is asked again. */
  bound(items: readonly Item[], seconds: number): Item[] {
    const bounded = Math.max(1, Math.floor(seconds));
    const present = items.find(({ key }) => key === SESSION_TIMEOUT);
    if (present && Number(present.value) <= bounded) return [...items];
    const rest = items.filter(({ key }) => key !== SESSION_TIMEOUT && key !== 'termination-action');
    const item = this.#item('Session-Timeout', bounded);
    return typeof item === 'string' ? rest : [...rest, item];
  }

  /** Throws RangeError where an encrypted value can't be made. */
  encode(items: readonly Item[], cipher: Cipher): Uint8Array {
    return join(
      items.map((item) => {
        const encoded = item.encoded ?? this.#dictionary.encode(item.name, item.value, cipher);
        if (typeof encoded === 'string') throw new RangeError(encoded);
        return encoded;
      }),
    );
  }

  #make(decision: Decision, type: NasType): Rendered {
    const problems: string[] = [];
    const base: Item[] = [];
    for (const [name, value] of pairsOf(decision, type)) {
      const item = this.#item(name, value);
      if (typeof item === 'string') problems.push(item);
      else if (!base.some(({ key, value: other }) => key === item.key && other === item.value)) base.push(item);
    }
    const items = this.merge(base, decision.attributes, problems);
    const timeout = items.find(({ key }) => key === SESSION_TIMEOUT)?.value;
    const encoded = items.flatMap((item) => item.encoded ?? []);
    return {
      items,
      attributes: join(encoded),
      encrypted: encoded.length < items.length,
      sessionTimeout: timeout === undefined ? undefined : Number(timeout),
      problem: problems[0],
    };
  }

  #item(name: string, value: string | number): Item | string {
    const attribute = this.#dictionary.find(name);
    if (!attribute) return `${name} is not an attribute that the dictionary knows`;
    const canonical = attribute.name.toLowerCase();
    if (OURS.has(canonical)) return `${name} is the server's own`;
    const key = canonical + (/:[1-9]\d*$/.exec(name)?.[0] ?? '');
    if (this.#dictionary.isEncrypted(name)) return { key, name, value, encoded: undefined };
    const encoded = this.#dictionary.encode(name, value);
    return typeof encoded === 'string' ? encoded : { key, name, value, encoded };
  }
}

/** A decision as attributes, in an order that is always the same. */
export function pairsOf(decision: Decision, type: NasType): Pair[] {
  const { acl, action, portalUrl } = decision;
  const pairs: Pair[] = [];
  if (decision.vlan !== undefined) pairs.push(...vlan(decision.vlan, type));
  if (decision.role !== undefined) pairs.push(...role(decision.role, type));
  const redirect = portalUrl !== undefined && (action === 'portal' || action === 'quarantine');
  // Where Cisco sends guests to a portal, the ACL is the one that says which of their packets go there.
  const redirectAcl = redirect && type === 'cisco' && typeof acl === 'string' ? acl : undefined;
  if (typeof acl === 'string') {
    if (redirectAcl === undefined) pairs.push(...aclByName(acl, type));
  } else if (acl) pairs.push(...aclByLines(acl, type));
  if (decision.bandwidth) pairs.push(...bandwidth(decision.bandwidth, type));
  if (redirect) pairs.push(...portal(portalUrl, redirectAcl, type));
  pairs.push(...timeouts(decision));
  return pairs;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
