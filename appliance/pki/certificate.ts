import { createHash, X509Certificate } from 'node:crypto';
import {
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
  textOf,
  wholeOf,
  within,
} from './der.ts';

const EXTENSION = {
  keyUsage: '2.5.29.15',
  alternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
} as const;
export const USAGE = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  any: '2.5.29.37.0',
} as const;
const OCSP_METHOD = '1.3.6.1.5.5.7.48.1';
/** Microsoft's user principal name, an otherName. */
const UPN = '1.3.6.1.4.1.311.20.2.3';
const COMMON_NAME = '2.5.4.3';
const UNIT = '2.5.4.11';
/** RFC 4514, section 3, and the e-mail address that old authorities put here. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  [COMMON_NAME]: 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  [UNIT]: 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
};
/** What is within one certificate's names at most, so that facts stay small. */
const MAX_NAMES = 64;

/** The fields of a certificate that policies match on: the same as in access. */
export interface CertificateFacts {
  subject: string;
  issuer: string;
  commonName: string;
  /** subjectAltName, each as `DNS:…`, `email:…`, `UPN:…` or `URI:…`. */
  alternativeNames: readonly string[];
  /** Lower-case hexadecimal. */
  serial: string;
  /** RFC 3339. */
  notAfter: string;
}

/** A certificate (RFC 5280) as far as it is looked at here. */
export interface Certificate {
  readonly der: Uint8Array;
  readonly x509: X509Certificate;
  /** SHA-256 of the whole, lower-case hexadecimal. */
  readonly fingerprint: string;
  readonly facts: CertificateFacts;
  /** DER of the names, which is what is compared. */
  readonly subject: Uint8Array;
  readonly issuer: Uint8Array;
  /** Organizational units of the subject. */
  readonly units: readonly string[];
  /** The bits of the public key: what OCSP hashes (RFC 6960, section 4.1.1). */
  readonly keyBits: Uint8Array;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly isAuthority: boolean;
  /** Undefined: there is no such extension. */
  readonly usages: readonly string[] | undefined;
  readonly maySignCertificates: boolean;
  readonly ocspUrls: readonly string[];
}

/** Throws where the bytes are no certificate. */
export function readCertificate(der: Uint8Array): Certificate {
  const x509 = new X509Certificate(der);
  const [tbs] = parts(only(x509.raw, TAG.sequence));
  const fields = parts(expect(tbs, TAG.sequence));
  if (fields[0]?.tag === context(0)) fields.shift();
  const [serial, , issuer, , subject, keyInfo, ...rest] = fields;
  const extensions = readExtensions(rest.find(({ tag }) => tag === context(3)));
  const names = readNames(expect(subject, TAG.sequence));
  const notAfter = Date.parse(x509.validTo);
  const keyUsage = extensions.get(EXTENSION.keyUsage);
  return {
    der: x509.raw,
    x509,
    fingerprint: createHash('sha256').update(x509.raw).digest('hex'),
    facts: {
      subject: nameText(names),
      issuer: nameText(readNames(expect(issuer, TAG.sequence))),
      // The last is the most specific one.
      commonName: names.findLast(({ oid }) => oid === COMMON_NAME)?.value ?? '',
      alternativeNames: readAlternativeNames(extensions.get(EXTENSION.alternativeName)),
      serial: integerHex(serial!),
      notAfter: new Date(notAfter).toISOString(),
    },
    subject: wholeOf(subject!),
    issuer: wholeOf(issuer!),
    units: names.filter(({ oid }) => oid === UNIT).map(({ value }) => value),
    keyBits: contentOf(expect(parts(keyInfo!)[1], TAG.bitString)).subarray(1),
    notBefore: Date.parse(x509.validFrom),
    notAfter,
    isAuthority: x509.ca,
    usages: readUsages(extensions.get(EXTENSION.extendedKeyUsage)),
    // Bit 5 of KeyUsage, keyCertSign; without the extension anything is allowed.
    maySignCertificates: keyUsage === undefined || ((contentOf(keyUsage)[1] ?? 0) & 0x04) !== 0,
    ocspUrls: readOcspUrls(extensions.get(EXTENSION.authorityInfoAccess)),
  };
}

/** Certificates of a PEM text, in its order. Throws where one can't be read, or there are more than `max`. */
export function readPem(text: string, max: number): Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length > max) throw new DerError(`more than ${max} certificates`);
  return blocks.map((block) => readCertificate(new X509Certificate(block).raw));
}

export const pemOf = ({ x509 }: Certificate): string => x509.toString();

/** Whether `issuer` has signed it: by name and by signature. */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  if (!Buffer.from(certificate.issuer).equals(issuer.subject)) return false;
  try {
    return certificate.x509.verify(issuer.x509.publicKey);
  } catch {
    return false;
  }
}

/** OIDs of extensions with the element within their OCTET STRING. */
function readExtensions(der: Der | undefined): Map<string, Der> {
  const found = new Map<string, Der>();
  if (der === undefined) return found;
  for (const extension of within(parts(der)[0]!)) {
    const fields = parts(extension);
    found.set(oidOf(fields[0]!), readDer(contentOf(expect(fields.at(-1), TAG.octetString))));
  }
  return found;
}

function readNames(name: Der): { oid: string; value: string }[] {
  const names: { oid: string; value: string }[] = [];
  for (const set of within(name)) {
    for (const pair of within(set)) {
      const [oid, value] = parts(pair);
      if (names.length < MAX_NAMES && oid && value) names.push({ oid: oidOf(oid), value: textOf(value) });
    }
  }
  return names;
}

/** RFC 4514: the most specific first, special characters escaped. */
function nameText(names: readonly { oid: string; value: string }[]): string {
  return names
    .toReversed()
    .map(({ oid, value }) => {
      const escaped = value.replaceAll(/[\\",+<>;=]/g, '\\$&').replaceAll('\0', '\\00');
      return `${SHORT_NAMES[oid] ?? oid}=${escaped.replace(/^([ #])/, '\\$1').replace(/ $/, '\\ ')}`;
    })
    .join(',');
}

function readAlternativeNames(der: Der | undefined): string[] {
  if (der === undefined) return [];
  const names: string[] = [];
  for (const name of within(der)) {
    if (names.length >= MAX_NAMES) break;
    if (name.tag === contextPrimitive(1)) names.push(`email:${textOf(name)}`);
    else if (name.tag === contextPrimitive(2)) names.push(`DNS:${textOf(name)}`);
    else if (name.tag === contextPrimitive(6)) names.push(`URI:${textOf(name)}`);
    else if (name.tag === context(0)) {
      const [oid, value] = parts(name);
      if (oid && value && oidOf(oid) === UPN) names.push(`UPN:${textOf(parts(value)[0]!)}`);
    }
  }
  return names;
}

const readUsages = (der: Der | undefined): string[] | undefined => der && parts(der).map(oidOf);

function readOcspUrls(der: Der | undefined): string[] {
  if (der === undefined) return [];
  const urls: string[] = [];
  for (const description of within(der)) {
    const [method, location] = parts(description);
    if (method && location?.tag === contextPrimitive(6) && oidOf(method) === OCSP_METHOD) urls.push(textOf(location));
  }
  return urls;
}
