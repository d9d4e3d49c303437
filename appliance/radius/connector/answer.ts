import type { NamedAttribute } from '../../access/index.ts';
import { MAX_VENDOR_VALUE, Secret } from '../codec/index.ts';
import type { Dictionary } from '../dictionary/index.ts';
import { parseTime } from './times.ts';

export const MAX_ANSWER_ATTRIBUTES = 64;
export const MAX_ATTRIBUTE_VALUE = 4096;
/** Bytes of an answer's attributes as a packet has them: what else goes into the 4096 of a reply needs the rest. */
export const MAX_ENCODED_BYTES = 3000;
const MAX_ATTRIBUTE_NAME = 128;
/** Bytes of Reply-Message: one attribute. */
export const MAX_MESSAGE_BYTES = 253;
const MAX_ERRORS = 16;
const MAX_SESSION_SECONDS = 0xffff_ffff;
const REDIRECTION = 'WISPr-Redirection-URL';
/** To try out what each request encrypts anew. */
const NOBODYS = { authenticator: new Uint8Array(16), secret: new Secret('nobody') };

/** What a backend said. */
export type Said =
  | {
      kind: 'accept';
      attributes: NamedAttribute[];
      /** Milliseconds since 1970. */
      validUntil: number | undefined;
      /** 16 bytes; undefined where there is none that can be used. */
      ntKey: Uint8Array | undefined;
      /** What was left out, and why. */
      notes: string[];
    }
  | { kind: 'reject'; reason: string; message: string | undefined }
  /** Nothing that can be used: another backend is asked. */
  | { kind: 'unusable'; reason: string };

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads a backend's answer (the connector's document): 2xx accepts, 4xx rejects, anything else is no answer, nor is a 2xx
 * whose body can't be read or says of the session's end what can't be understood. Never throws. `now` is in
 * milliseconds since 1970.
 */
export function readAnswer(status: number, body: Uint8Array, now: number, dictionary: Dictionary): Said {
  if (status >= 400 && status <= 499) return readReject(status, body);
  if (!(status >= 200 && status <= 299)) return { kind: 'unusable', reason: `it answered ${status}` };
  // 204 is the one that has no body (RFC 9110, section 15.3.5).
  const json = status === 204 ? {} : parseJson(body);
  if (!isObject(json)) return { kind: 'unusable', reason: 'its answer is not a JSON object' };

  const from = timeOf(json.valid_from);
  const until = timeOf(json.valid_until);
  if (from === 'bad' || until === 'bad') {
    const field = from === 'bad' ? 'valid_from' : 'valid_until';
    return { kind: 'unusable', reason: `${field} of its answer is not a time like 2017/01/10 01:59:59 +0000` };
  }
  if (from !== undefined && now < from) {
    return { kind: 'reject', reason: 'valid_from is in the future', message: 'Your access has not begun yet' };
  }
  if (until !== undefined && now >= until) {
    return { kind: 'reject', reason: 'valid_until is over', message: 'Your access has ended' };
  }
  const notes: string[] = [];
  const attributes = readAttributes(json.attributes, dictionary, notes);
  if (typeof attributes === 'string') return { kind: 'unusable', reason: attributes };
  const redirection = readUrl(json.return_url, notes);
  if (redirection !== undefined) attributes.push({ name: REDIRECTION, value: redirection, op: '=' });
  if (sizeOf(attributes, dictionary) > MAX_ENCODED_BYTES) {
    return { kind: 'unusable', reason: `the attributes of its answer take more than ${MAX_ENCODED_BYTES} bytes` };
  }
  return { kind: 'accept', attributes, validUntil: until, ntKey: readNtKey(json.nt_key), notes };
}

/** Seconds until a session has to end; undefined where nothing bounds it. */
export const secondsUntil = (validUntil: number | undefined, now: number): number | undefined =>
  validUntil === undefined
    ? undefined
    : Math.min(MAX_SESSION_SECONDS, Math.max(1, Math.floor((validUntil - now) / 1000)));

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch {
    return undefined;
  }
}

function readReject(status: number, body: Uint8Array): Said {
  const json = parseJson(body);
  const errors: unknown = isObject(json) ? json.errors : undefined;
  const told = Array.isArray(errors) ? errors.slice(0, MAX_ERRORS).filter((one) => typeof one === 'string') : [];
  const message = cleanMessage(told.join(' '));
  return { kind: 'reject', reason: `the backend answered ${status}`, message: message === '' ? undefined : message };
}

/** Text for Reply-Message: without control characters, cut at a character to what one attribute holds. */
export function cleanMessage(text: string): string {
  const clean = text
    .slice(0, 4 * MAX_MESSAGE_BYTES)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .toWellFormed()
    .trim();
  let bytes = 0;
  let end = 0;
  for (const character of clean) {
    bytes += Buffer.byteLength(character);
    if (bytes > MAX_MESSAGE_BYTES) break;
    end += character.length;
  }
  return clean.slice(0, end);
}

function timeOf(value: unknown): number | undefined | 'bad' {
  if (value === undefined || value === null || value === '') return undefined;
  return typeof value === 'string' && value.length <= 64 ? (parseTime(value) ?? 'bad') : 'bad';
}

function readUrl(value: unknown, notes: string[]): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  const bad = /[\s\p{Cc}]/u.test(value) || !/^https?:\/\/[^/]/i.test(value) || !URL.canParse(value);
  if (!bad && Buffer.byteLength(value) <= MAX_VENDOR_VALUE) return value;
  notes.push(`return_url ${bad ? 'is not an http address' : `is longer than ${MAX_VENDOR_VALUE} bytes`}`);
  return undefined;
}

/** ntlm_auth prints `NT_KEY: ` before it, and scripts pass that on. */
function readNtKey(value: unknown): Uint8Array | undefined {
  const [, hex] = typeof value === 'string' ? (/^\s*(?:NT_KEY:\s*)?([0-9A-Fa-f]{32})\s*$/.exec(value) ?? []) : [];
  return hex === undefined ? undefined : Buffer.from(hex, 'hex');
}

const OPS: ReadonlySet<unknown> = new Set(['=', ':=', '+=']);
const isOp = (value: unknown): value is NamedAttribute['op'] => OPS.has(value);

/** The attributes of an answer that can go into a reply, or why the whole answer can't be used. */
function readAttributes(value: unknown, dictionary: Dictionary, notes: string[]): NamedAttribute[] | string {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return 'attributes of its answer is not a list';
  if (value.length > MAX_ANSWER_ATTRIBUTES) return `its answer has more than ${MAX_ANSWER_ATTRIBUTES} attributes`;
  const attributes: NamedAttribute[] = [];
  for (const one of value as unknown[]) {
    if (!isObject(one) || typeof one.name !== 'string' || one.name === '' || one.name.length > MAX_ATTRIBUTE_NAME) {
      notes.push('an attribute without a name');
      continue;
    }
    const { name, op = ':=' } = one;
    const text = typeof one.value === 'number' ? String(one.value) : one.value;
    if (typeof text === 'string' && text.length > MAX_ATTRIBUTE_VALUE) {
      return `the value of ${cleanMessage(name)} is longer than ${MAX_ATTRIBUTE_VALUE} characters`;
    }
    const fault = attributeFault(name, text, op, dictionary);
    if (fault === undefined) attributes.push({ name, value: text as string, op: op as NamedAttribute['op'] });
    else notes.push(cleanMessage(fault));
  }
  return attributes;
}

/** Bytes that they take as encoded. */
const sizeOf = (attributes: readonly NamedAttribute[], dictionary: Dictionary): number =>
  attributes.reduce((sum, { name, value }) => sum + dictionary.encode(name, value, NOBODYS).length, 0);

function attributeFault(name: string, value: unknown, op: unknown, dictionary: Dictionary): string | undefined {
  if (typeof value !== 'string') return `${name} has no text as its value`;
  if (!isOp(op)) return `${name} has an op that is none of = := +=`;
  const attribute = dictionary.find(name);
  if (!attribute) return `${name} is not in the dictionary`;
  if (isOurs(attribute)) return `${name} is for the server alone to set`;
  const encoded = dictionary.encode(name, value, NOBODYS);
  return typeof encoded === 'string' ? `${name}: ${encoded}` : undefined;
}

/** What carries the protocol itself: a backend that could set it could break or forge the reply. */
const OURS = new Set([2, 3, 24, 33, 60, 79, 80]);
const MICROSOFT = 311;
/** MS-CHAP-Response, -Error, -MPPE-Keys, -Challenge, MPPE-Send/Recv-Key, MS-CHAP2-Response, -Success. */
const OURS_MICROSOFT = new Set([1, 2, 11, 12, 16, 17, 25, 26]);

const isOurs = ({ vendor, path }: { vendor: { number: number } | undefined; path: readonly number[] }): boolean => {
  const [first = 0] = path;
  return vendor ? vendor.number === MICROSOFT && OURS_MICROSOFT.has(first) : OURS.has(first);
};
