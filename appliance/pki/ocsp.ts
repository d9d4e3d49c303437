import { createHash, randomBytes } from 'node:crypto';
import { type Certificate, isIssuedBy, readCertificate, USAGE } from './certificate.ts';
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
  TAG,
  timeOf,
  wholeOf,
  within,
  write,
  writeInteger,
  writeOid,
} from './der.ts';
import { isSignedBy } from './signature.ts';

const OID = { basic: '1.3.6.1.5.5.7.48.1.1', nonce: '1.3.6.1.5.5.7.48.1.2', sha1: '1.3.14.3.2.26' } as const;
/** RFC 9654, section 2.1 recommends 32. */
const NONCE_BYTES = 32;
/** Clocks of responders may be a little ahead. */
const SKEW_MS = 5 * 60_000;
/** RFC 6960, section 4.2.1. */
const STATUS: Readonly<Record<number, string>> = {
  1: 'malformed request',
  2: 'internal error',
  3: 'try later',
  5: 'signature required',
  6: 'unauthorized',
};

export interface OcspRequest {
  body: Buffer;
  nonce: Uint8Array;
}

export interface OcspAnswer {
  status: 'good' | 'revoked' | 'unknown';
  /** Milliseconds since 1970; undefined where newer information is always there. */
  nextUpdate: number | undefined;
}

/** A request for one certificate (RFC 6960, section 4.1), with a nonce that a responder may leave out of its answer. */
export function writeOcspRequest(certificate: Certificate, issuer: Certificate): OcspRequest {
  const nonce = randomBytes(NONCE_BYTES);
  // SHA-1 is what every responder knows; it names the issuer here and proves nothing.
  const id = write(
    TAG.sequence,
    write(TAG.sequence, writeOid(OID.sha1), write(TAG.null)),
    write(TAG.octetString, sha1(issuer.subject)),
    write(TAG.octetString, sha1(issuer.keyBits)),
    writeInteger(certificate.facts.serial),
  );
  const extension = write(TAG.sequence, writeOid(OID.nonce), write(TAG.octetString, write(TAG.octetString, nonce)));
  const list = write(TAG.sequence, write(TAG.sequence, id));
  return {
    body: write(TAG.sequence, write(TAG.sequence, list, write(context(2), write(TAG.sequence, extension)))),
    nonce,
  };
}

/**
 * Reads a response and checks it (RFC 6960, section 3.2): signed by the issuer or by who the issuer has delegated that
 * to, about this certificate, of now. Throws DerError that says what is wrong.
 */
export function readOcspResponse(
  bytes: Uint8Array,
  asked: { certificate: Certificate; issuer: Certificate; nonce: Uint8Array; now: number },
): OcspAnswer {
  const [status, wrapped] = parts(only(bytes, TAG.sequence));
  const code = contentOf(expect(status, TAG.enumerated))[0]!;
  if (code !== 0) throw new DerError(`the OCSP responder says: ${STATUS[code] ?? code}`);
  const [type, response] = parts(parts(expect(wrapped, context(0)))[0]!);
  if (oidOf(type!) !== OID.basic) throw new DerError('an OCSP response of another type');
  const [tbs, algorithm, signature, certificates] = parts(
    only(contentOf(expect(response, TAG.octetString)), TAG.sequence),
  );
  const fields = parts(expect(tbs, TAG.sequence));
  if (fields[0]?.tag === context(0)) fields.shift();
  const [responder, , responses, extensions] = fields;
  const signers = candidates(asked.issuer, certificates, asked.now).filter((signer) => isNamed(signer, responder));
  const data = wholeOf(tbs!);
  if (!signers.some(({ x509 }) => isSignedBy(algorithm!, data, bitsOf(signature!), x509.publicKey))) {
    throw new DerError('the OCSP response is not signed by the authority or its delegate');
  }
  checkNonce(extensions, asked.nonce);
  for (const single of within(expect(responses, TAG.sequence))) {
    const [id, answer, thisUpdate, nextUpdate] = parts(single);
    if (!isAbout(id!, asked.certificate, asked.issuer)) continue;
    if (timeOf(thisUpdate) > asked.now + SKEW_MS) throw new DerError('the OCSP response is from the future');
    const next = nextUpdate?.tag === context(0) ? timeOf(parts(nextUpdate)[0]) : undefined;
    if (next !== undefined && next < asked.now) throw new DerError('the OCSP response is too old');
    return { status: statusOf(answer!), nextUpdate: next };
  }
  throw new DerError('the OCSP response is about another certificate');
}

const sha1 = (bytes: Uint8Array): Buffer => createHash('sha1').update(bytes).digest();

function statusOf({ tag }: Der): OcspAnswer['status'] {
  if (tag === contextPrimitive(0)) return 'good';
  if (tag === context(1)) return 'revoked';
  if (tag === contextPrimitive(2)) return 'unknown';
  throw new DerError('an OCSP status that is not known');
}

/** The issuer, and whom it has made a responder (section 4.2.2.2): issued by it directly, for that use, valid now. */
function candidates(issuer: Certificate, certificates: Der | undefined, now: number): Certificate[] {
  const found = [issuer];
  for (const der of certificates?.tag === context(0) ? within(parts(certificates)[0]!) : []) {
    const certificate = readCertificate(wholeOf(der));
    const delegated = certificate.usages?.includes(USAGE.ocspSigning) ?? false;
    const valid = certificate.notBefore <= now + SKEW_MS && certificate.notAfter >= now;
    if (delegated && valid && isIssuedBy(certificate, issuer)) found.push(certificate);
  }
  return found;
}

function isNamed(signer: Certificate, responder: Der | undefined): boolean {
  const [name] = responder ? parts(responder) : [];
  if (responder?.tag === context(1)) return Buffer.from(wholeOf(name!)).equals(signer.subject);
  if (responder?.tag === context(2)) return sha1(signer.keyBits).equals(contentOf(expect(name, TAG.octetString)));
  throw new DerError('an OCSP response without a responder');
}

/** Responders that make their answers in advance leave the nonce out; another one than ours is a replay. */
function checkNonce(extensions: Der | undefined, nonce: Uint8Array): void {
  if (extensions?.tag !== context(1)) return;
  for (const extension of within(parts(extensions)[0]!)) {
    const fields = parts(extension);
    if (oidOf(fields[0]!) !== OID.nonce) continue;
    const value = contentOf(expect(fields.at(-1), TAG.octetString));
    const plain = Buffer.from(nonce);
    if (!plain.equals(value) && !write(TAG.octetString, plain).equals(value)) {
      throw new DerError('the OCSP response answers another request');
    }
  }
}

/** The hashes are compared by the algorithm that the response names. */
function isAbout(id: Der, certificate: Certificate, issuer: Certificate): boolean {
  const [algorithm, name, key, serial] = parts(id);
  if (integerHex(serial!) !== certificate.facts.serial) return false;
  const hash = { [OID.sha1]: 'sha1', '2.16.840.1.101.3.4.2.1': 'sha256' }[oidOf(parts(algorithm!)[0]!)];
  if (hash === undefined) return false;
  const digest = (bytes: Uint8Array): Buffer => createHash(hash).update(bytes).digest();
  return digest(issuer.subject).equals(contentOf(name!)) && digest(issuer.keyBits).equals(contentOf(key!));
}
