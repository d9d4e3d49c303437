import { type KeyObject, sign } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Certificate } from './certificate.ts';
import {
  bitsOf,
  contentOf,
  context,
  contextPrimitive,
  type Der,
  DerError,
  expect,
  integerHex,
  oidOf,
  only,
  parts,
  readDer,
  TAG,
  timeOf,
  wholeOf,
  within,
  write,
  writeInteger,
  writeOid,
  writeTime,
} from './der.ts';
import { isSignedBy } from './signature.ts';

/** RFC 5280, section 5.3.1. Hold and its end are left out: who is locked out for a while is disabled as a user. */
export const REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;
export type Reason = keyof typeof REASONS;

const ECDSA_SHA256 = write(TAG.sequence, writeOid('1.2.840.10045.4.3.2'));
const OID = {
  authorityKey: '2.5.29.35',
  number: '2.5.29.20',
  reason: '2.5.29.21',
  distributionPoint: '2.5.29.28',
} as const;
/** Entries that are read or written in one go, so that a long list holds nobody up. */
const ENTRIES_AT_ONCE = 5_000;

/** A CRL (RFC 5280, section 5) signed with the authority's P-256 key, in DER. Times are milliseconds since 1970. */
export async function writeCrl(options: {
  issuer: Certificate;
  key: KeyObject;
  /** SHA-1 of the issuer's key bits: its Subject Key Identifier. */
  keyId: Uint8Array;
  number: number;
  thisUpdate: number;
  nextUpdate: number;
  revoked: readonly { serial: string; at: number; reason: Reason }[];
}): Promise<Buffer> {
  const { issuer, key, keyId, number, thisUpdate, nextUpdate, revoked } = options;
  const entries: Buffer[] = [];
  for (const { serial, at, reason } of revoked) {
    const code = write(TAG.octetString, write(TAG.enumerated, Uint8Array.of(REASONS[reason])));
    // "unspecified" is said by saying nothing: RFC 5280, section 5.3.1.
    const extensions =
      reason === 'unspecified' ? [] : [write(TAG.sequence, write(TAG.sequence, writeOid(OID.reason), code))];
    entries.push(write(TAG.sequence, writeInteger(serial), writeTime(at), ...extensions));
    if (entries.length % ENTRIES_AT_ONCE === 0) await setImmediate();
  }
  const authorityKey = write(TAG.sequence, write(contextPrimitive(0), keyId));
  const extensions = [
    write(TAG.sequence, writeOid(OID.authorityKey), write(TAG.octetString, authorityKey)),
    write(TAG.sequence, writeOid(OID.number), write(TAG.octetString, writeInteger(number.toString(16)))),
  ];
  const tbs = write(
    TAG.sequence,
    write(TAG.integer, Uint8Array.of(1)),
    ECDSA_SHA256,
    issuer.subject,
    writeTime(thisUpdate),
    writeTime(nextUpdate),
    // An empty list must be absent: section 5.1.2.6.
    ...(entries.length > 0 ? [write(TAG.sequence, Buffer.concat(entries))] : []),
    write(context(0), write(TAG.sequence, ...extensions)),
  );
  return write(TAG.sequence, tbs, ECDSA_SHA256, write(TAG.bitString, Uint8Array.of(0), sign('sha256', tbs, key)));
}

export interface Crl {
  /** Of its issuer: DER of the name. */
  issuer: Uint8Array;
  thisUpdate: number;
  /** Undefined: it says nothing of a next one. */
  nextUpdate: number | undefined;
  /** Serial numbers, lower-case hexadecimal. */
  revoked: ReadonlySet<string>;
}

/**
 * Reads a CRL, DER or PEM, and checks that one of `issuers` has signed it. Throws where it can't be read, isn't signed,
 * or is one that covers only a part of what the authority issues.
 */
export async function readCrl(bytes: Uint8Array, issuers: readonly Certificate[]): Promise<Crl> {
  const [tbs, algorithm, signature] = parts(only(derOf(bytes), TAG.sequence));
  const fields = parts(expect(tbs, TAG.sequence));
  if (fields[0]?.tag === TAG.integer) fields.shift();
  const [inner, name, thisUpdate, ...rest] = fields;
  const issuer = wholeOf(expect(name, TAG.sequence));
  if (!Buffer.from(wholeOf(inner!)).equals(wholeOf(algorithm!))) throw new DerError('two signature algorithms');
  const named = issuers.filter(({ subject }) => Buffer.from(subject).equals(issuer));
  if (!named.some(({ x509 }) => isSignedBy(algorithm!, wholeOf(tbs!), bitsOf(signature!), x509.publicKey))) {
    throw new DerError('the CRL is not signed by the authority');
  }
  const next = rest[0]?.tag === TAG.utcTime || rest[0]?.tag === TAG.generalizedTime ? rest.shift() : undefined;
  const list = rest[0]?.tag === TAG.sequence ? rest.shift() : undefined;
  checkExtensions(rest[0]?.tag === context(0) ? rest[0] : undefined);
  const revoked = new Set<string>();
  let count = 0;
  for (const entry of list ? within(list) : []) {
    revoked.add(integerHex(readDer(entry.bytes, entry.value, entry.end)));
    if (++count % ENTRIES_AT_ONCE === 0) await setImmediate();
  }
  return {
    issuer: Uint8Array.from(issuer),
    thisUpdate: timeOf(thisUpdate),
    nextUpdate: next && timeOf(next),
    revoked,
  };
}

function derOf(bytes: Uint8Array): Uint8Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (buffer.subarray(0, 11).toString('latin1') !== '-----BEGIN ') return bytes;
  const [, base64 = ''] = /^-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END/.exec(buffer.toString('latin1')) ?? [];
  return Buffer.from(base64, 'base64');
}

/** Delta and indirect lists say other things than "these and no others are revoked"; they mark it as critical. */
function checkExtensions(der: Der | undefined): void {
  if (der === undefined) return;
  for (const extension of within(parts(der)[0]!)) {
    const [oid, critical, value] = parts(extension);
    if (critical?.tag !== TAG.boolean || contentOf(critical)[0] === 0) continue;
    const whole =
      oidOf(oid!) === OID.distributionPoint &&
      parts(readDer(contentOf(expect(value, TAG.octetString)))).every(
        // distributionPoint, and onlyContainsUserCerts, which is all that is asked for.
        ({ tag }) => tag === context(0) || tag === contextPrimitive(1),
      );
    if (!whole) throw new DerError(`the CRL has the critical extension ${oidOf(oid!)}: it is a part of one`);
  }
}
