import { constants, createHash, verify, X509Certificate } from 'node:crypto';
import type { Attribute, Certificate, SignerInfo } from 'pkijs';
import { HASH_BYTES } from '../record/types.ts';

/** A time-stamp can't be had, or isn't one of what it should be. The message says why. */
export class TimestampError extends Error {
  override name = 'TimestampError';
}

export interface Timestamp {
  /** Microseconds since 1970. */
  genTimeUs: number;
  /** The subject of the certificate that has signed it. */
  signer: string;
  /** That of the request, hexadecimal. */
  nonce?: string;
}

export const SHA_256 = '2.16.840.1.101.3.4.2.1';

const OID = {
  signedData: '1.2.840.113549.1.7.2',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  extendedKeyUsage: '2.5.29.37',
  timeStamping: '1.3.6.1.5.5.7.3.8',
} as const;
const HASHES: Readonly<Record<string, string>> = {
  [SHA_256]: 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
/** RFC 5754, 5758; undefined is the digest algorithm's hash. Signatures over SHA-1 prove nothing any more. */
const SIGNATURES: Readonly<Record<string, { key: string; hash?: string; pss?: true }>> = {
  '1.2.840.113549.1.1.1': { key: 'rsa' },
  '1.2.840.113549.1.1.10': { key: 'rsa', pss: true },
  '1.2.840.113549.1.1.11': { key: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { key: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { key: 'rsa', hash: 'sha512' },
  '1.2.840.10045.4.3.2': { key: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { key: 'ec', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { key: 'ec', hash: 'sha512' },
};

/**
 * Checks a token of RFC 3161 over a SHA-256 digest: its signature, that the certificate is one for time-stamps and the
 * one that was meant, and, where `trusted` (PEM) is given, that it was issued by one of those at that time. Revocation
 * isn't looked at. Rejects with a TimestampError.
 */
export async function checkTimestamp(
  token: Uint8Array,
  digest: Uint8Array,
  options: { trusted?: readonly string[] } = {},
): Promise<Timestamp> {
  if (digest.length !== HASH_BYTES) throw new TimestampError('a time-stamp is checked against a SHA-256 digest');
  let opened: Opened;
  try {
    opened = await open(token);
  } catch (error) {
    throw error instanceof TimestampError ? error : new TimestampError('the time-stamp is malformed', { cause: error });
  }
  const { info, signer, certificates } = opened;
  if (info.hashAlgorithm !== SHA_256 || Buffer.compare(info.digest, digest) !== 0) {
    throw new TimestampError('the time-stamp is of something else');
  }
  const at = info.genTimeUs / 1000;
  if (!isValidAt(signer, at))
    throw new TimestampError('the time-stamp is of a time when its certificate was not valid');
  if (
    options.trusted &&
    !isIssuedBy(
      options.trusted.map((pem) => new X509Certificate(pem)),
      signer,
      certificates,
      at,
    )
  ) {
    throw new TimestampError('the time-stamp is by an authority that is not trusted');
  }
  return {
    genTimeUs: info.genTimeUs,
    signer: signer.subject.replaceAll('\n', ', '),
    ...(info.nonce !== undefined && { nonce: info.nonce }),
  };
}

interface Opened {
  info: { hashAlgorithm: string; digest: Buffer; genTimeUs: number; nonce?: string };
  signer: X509Certificate;
  certificates: X509Certificate[];
}

/** Whatever it throws is a fault of the token. */
async function open(token: Uint8Array): Promise<Opened> {
  const [pkijs, asn1] = [await import('pkijs'), await import('asn1js')];
  const outer = asn1.fromBER(token);
  if (outer.offset !== token.length) throw new TimestampError('the time-stamp has bytes behind its end');
  const { contentType, content } = new pkijs.ContentInfo({ schema: outer.result });
  if (contentType !== OID.signedData) throw new TimestampError('the time-stamp is not signed');
  const { encapContentInfo, certificates = [], signerInfos } = new pkijs.SignedData({ schema: content });
  if (encapContentInfo.eContentType !== OID.tstInfo) throw new TimestampError('what is signed is not a time-stamp');
  const [signerInfo, ...others] = signerInfos;
  if (!signerInfo || others.length > 0) throw new TimestampError('a time-stamp has one signer');
  const inner = Buffer.from(encapContentInfo.eContent!.getValue());
  const all = certificates.filter((certificate) => certificate instanceof pkijs.Certificate);
  const signer = signerOf(signerInfo, all);
  checkPurpose(signer.parsed);
  checkSignature(signerInfo, inner, signer.x509);

  const read = asn1.fromBER(inner);
  const info = new pkijs.TSTInfo({ schema: read.result });
  if (read.offset !== inner.length || info.version !== 1) throw new TimestampError('the time-stamp is malformed');
  // pkijs has milliseconds only; the fields before the time are never left out.
  const [, , , , genTime] = (read.result as InstanceType<typeof asn1.Sequence>).valueBlock.value;
  return {
    info: {
      hashAlgorithm: info.messageImprint.hashAlgorithm.algorithmId,
      digest: Buffer.from(info.messageImprint.hashedMessage.getValue()),
      genTimeUs: parseTime(Buffer.from((genTime as InstanceType<typeof asn1.GeneralizedTime>).valueBlock.valueHexView)),
      ...(info.nonce && { nonce: Buffer.from(info.nonce.valueBlock.valueHexView).toString('hex') }),
    },
    signer: signer.x509,
    certificates: all.map(toX509),
  };
}

/** The certificate that the signed attribute names by its hash: RFC 5816, section 2.2.1; RFC 5035, sections 4 and 5. */
function signerOf(signerInfo: SignerInfo, certificates: Certificate[]): { parsed: Certificate; x509: X509Certificate } {
  const v2 = attributeOf(signerInfo, OID.signingCertificateV2);
  const attribute = v2 ?? attributeOf(signerInfo, OID.signingCertificate);
  if (!attribute) throw new TimestampError('the time-stamp does not say with which certificate it was signed');
  const named = attribute.values[0].valueBlock.value[0].valueBlock.value[0].valueBlock.value;
  const hasAlgorithm = v2 !== undefined && named[0].idBlock.tagNumber === 16;
  const otherwise = v2 ? 'sha256' : 'sha1';
  const hash = hasAlgorithm ? HASHES[named[0].valueBlock.value[0].valueBlock.toString()] : otherwise;
  if (hash === undefined) throw new TimestampError('the time-stamp names its certificate by a hash that is not known');
  const wanted = Buffer.from(named[hasAlgorithm ? 1 : 0].getValue());
  for (const parsed of certificates) {
    const x509 = toX509(parsed);
    if (createHash(hash).update(x509.raw).digest().equals(wanted)) return { parsed, x509 };
  }
  throw new TimestampError('the time-stamp has not the certificate that it was signed with');
}

/** RFC 3161, section 2.3: for time-stamps only, and that is critical. */
function checkPurpose(certificate: Certificate): void {
  const usage = certificate.extensions?.find(({ extnID }) => extnID === OID.extendedKeyUsage);
  const purposes: string[] = usage?.parsedValue?.keyPurposes ?? [];
  if (!usage?.critical || purposes.length !== 1 || purposes[0] !== OID.timeStamping) {
    throw new TimestampError('the certificate of the time-stamp is not one for time-stamps');
  }
}

/** RFC 5652, section 5.4: the attributes are signed, and one of them is the digest of the content. */
function checkSignature(signerInfo: SignerInfo, content: Buffer, signer: X509Certificate): void {
  const broken = (): TimestampError => new TimestampError('the signature of the time-stamp is wrong');
  const digestHash = HASHES[signerInfo.digestAlgorithm.algorithmId];
  const algorithm = SIGNATURES[signerInfo.signatureAlgorithm.algorithmId];
  if (digestHash === undefined || algorithm === undefined) {
    throw new TimestampError('the time-stamp is signed in a way that is not known');
  }
  const contentType = attributeOf(signerInfo, OID.contentType)?.values[0].valueBlock.toString();
  const digest = attributeOf(signerInfo, OID.messageDigest)?.values[0].getValue();
  if (contentType !== OID.tstInfo || digest === undefined) throw broken();
  if (!createHash(digestHash).update(content).digest().equals(Buffer.from(digest))) throw broken();
  const key = signer.publicKey;
  if (key.asymmetricKeyType !== algorithm.key && !(algorithm.pss && key.asymmetricKeyType === 'rsa-pss'))
    throw broken();
  const hash = algorithm.hash ?? digestHash;
  const padding = algorithm.pss && {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_AUTO,
  };
  const attributes = Buffer.from(signerInfo.signedAttrs!.encodedValue);
  const signature = Buffer.from(signerInfo.signature.getValue());
  if (!verify(hash, attributes, { key, ...padding }, signature)) throw broken();
}

const attributeOf = (signerInfo: SignerInfo, oid: string): Attribute | undefined =>
  signerInfo.signedAttrs?.attributes.find(({ type, values }) => type === oid && values.length === 1);

const toX509 = (certificate: Certificate): X509Certificate =>
  new X509Certificate(Buffer.from(certificate.toSchema().toBER()));

/** `YYYYMMDDhhmmss[.f…]Z`: RFC 3161, section 2.4.2. */
function parseTime(bytes: Buffer): number {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d+))?Z$/.exec(bytes.toString('latin1'));
  const [year, month, day, hour, minute, second] = (match ?? []).slice(1, 7).map(Number);
  const ms = match ? Date.UTC(year!, month! - 1, day, hour, minute, second) : Number.NaN;
  if (!Number.isFinite(ms)) throw new TimestampError('the time of the time-stamp cannot be read');
  return ms * 1000 + Number((match?.[7] ?? '').slice(0, 6).padEnd(6, '0'));
}

const isValidAt = (certificate: X509Certificate, ms: number): boolean =>
  certificate.validFromDate.getTime() <= ms && ms <= certificate.validToDate.getTime() + 999;

/** Whether a chain leads from the signer to a trusted certificate. Each is looked at once, however they are linked. */
function isIssuedBy(
  trusted: readonly X509Certificate[],
  signer: X509Certificate,
  others: readonly X509Certificate[],
  at: number,
): boolean {
  const left = new Set([...trusted, ...others]);
  const chain = [signer];
  for (const certificate of chain) {
    if (trusted.some(({ raw }) => raw.equals(certificate.raw))) return true;
    for (const issuer of left) {
      if (!issuer.ca || !isValidAt(issuer, at)) continue;
      if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) continue;
      left.delete(issuer);
      chain.push(issuer);
    }
  }
  return false;
}
