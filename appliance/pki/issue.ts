import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  webcrypto,
} from 'node:crypto';
import type { Certificate } from './certificate.ts';

const DAY_MS = 86_400_000;
/** RFC 5280, appendix A.1: ub-common-name. */
const MAX_COMMON_NAME = 64;
export const CA_YEARS = 10;
/** The longest that Apple's systems accept. */
export const SERVER_DAYS = 825;
/** Clocks of clients may be a little behind. */
const BACKDATED_MS = 3_600_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const crypto = webcrypto as unknown as Crypto;

/** Loaded only where a certificate is made. Its dependency injection stands on reflect-metadata, which it doesn't bring. */
export async function loadX509(): Promise<typeof import('@peculiar/x509')> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

/** A P-256 key: its private half in PEM (PKCS#8). */
export function newKey(): { privateKey: KeyObject; pem: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, pem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() };
}

const spkiOf = (key: KeyObject): Buffer =>
  (key.type === 'private' ? createPublicKey(key as never) : key).export({ format: 'der', type: 'spki' });

const signingKey = (key: KeyObject): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey('pkcs8', key.export({ format: 'der', type: 'pkcs8' }), ALGORITHM, false, ['sign']);

/** 127 bits, never zero, never negative: RFC 5280, section 4.1.2.2. */
export function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex');
}

/** RFC 5280, section 4.2.1.2, method 1. */
export const keyIdOf = ({ keyBits }: Certificate): Buffer => createHash('sha1').update(keyBits).digest();

const keyIdOfSpki = async (spki: Buffer): Promise<string> => {
  const { readDer, parts, contentOf } = await import('./der.ts');
  return createHash('sha1')
    .update(contentOf(parts(readDer(spki))[1]!).subarray(1))
    .digest('hex');
};

/** A CA of ten years that signs certificates of people and servers, and no other CA's. PEM. */
export async function issueAuthority(key: KeyObject, now: number): Promise<string> {
  const x509 = await loadX509();
  const name = [{ O: ['Gatehouse'] }, { CN: [`Gatehouse CA ${randomBytes(4).toString('hex')}`] }];
  const keyId = await keyIdOfSpki(spkiOf(key));
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: newSerial(),
      subject: name,
      issuer: name,
      notBefore: new Date(now - BACKDATED_MS),
      notAfter: new Date(now + CA_YEARS * 365.25 * DAY_MS),
      signingAlgorithm: ALGORITHM,
      publicKey: spkiOf(key) as never,
      signingKey: await signingKey(key),
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        new x509.SubjectKeyIdentifierExtension(keyId),
      ],
    },
    crypto,
  );
  return `${certificate.toString('pem')}\n`;
}

export interface Issuer {
  certificate: Certificate;
  key: KeyObject;
}

interface Issued {
  pem: string;
  notBefore: Date;
  notAfter: Date;
}

/** What both kinds have in common; the CA's own end is the last there can be. */
async function issue(
  ca: Issuer,
  options: {
    serial: string;
    commonName: string;
    unit?: string;
    publicKey: KeyObject;
    days: number;
    now: number;
    usage: 'serverAuth' | 'clientAuth';
    names: { type: 'dns' | 'ip' | 'email' | 'upn'; value: string }[];
    crlUrl?: string | undefined;
  },
): Promise<Issued> {
  const x509 = await loadX509();
  const { serial, commonName, unit, publicKey, days, now, usage, names, crlUrl } = options;
  const notBefore = new Date(Math.max(now - BACKDATED_MS, ca.certificate.notBefore));
  const notAfter = new Date(Math.min(now + days * DAY_MS, ca.certificate.notAfter));
  const spki = spkiOf(publicKey);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serial,
      subject: [...(unit === undefined ? [] : [{ OU: [unit] }]), { CN: [commonName] }],
      // The bytes as the CA has them: names are compared by their encoding.
      issuer: new x509.Name(Uint8Array.from(ca.certificate.subject)).toJSON(),
      notBefore,
      notAfter,
      signingAlgorithm: ALGORITHM,
      publicKey: spki as never,
      signingKey: await signingKey(ca.key),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[usage]]),
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
        new x509.SubjectKeyIdentifierExtension(await keyIdOfSpki(spki)),
        new x509.AuthorityKeyIdentifierExtension(keyIdOf(ca.certificate).toString('hex')),
        ...(crlUrl ? [new x509.CRLDistributionPointsExtension([crlUrl])] : []),
      ],
    },
    crypto,
  );
  return { pem: `${certificate.toString('pem')}\n`, notBefore, notAfter };
}

/** For EAP and RadSec. */
export const issueServer = (ca: Issuer, publicKey: KeyObject, names: readonly string[], now: number): Promise<Issued> =>
  issue(ca, {
    serial: newSerial(),
    commonName: names[0]!.slice(0, MAX_COMMON_NAME),
    publicKey,
    days: SERVER_DAYS,
    now,
    usage: 'serverAuth',
    names: names.map((value) => ({ type: 'dns', value })),
  });

/** What a NAS's certificate has in its subject, and a person's never has: that is how the check tells them apart. */
export const NAS_UNIT = 'NAS';

/** The name of a NAS as it goes into its certificate. */
export interface NasName {
  type: 'dns' | 'ip';
  value: string;
}

/** For a RadSec client: who it is, is its subjectAltName (RFC 6614, section 2.3). */
export const issueNas = (
  ca: Issuer,
  options: {
    serial: string;
    name: NasName;
    publicKey: KeyObject;
    days: number;
    now: number;
    crlUrl?: string | undefined;
  },
): Promise<Issued> =>
  issue(ca, {
    ...options,
    commonName: options.name.value.slice(0, MAX_COMMON_NAME),
    unit: NAS_UNIT,
    usage: 'clientAuth',
    names: [options.name],
  });

const EMAIL = /^[^@\s]+@[^@\s]+\.[^@\s]+$/;
const ASCII = /^[\x20-\x7e]*$/;

/** For a person: CN is the user name; an e-mail address is there as UPN and e-mail address too. */
export function issueClient(
  ca: Issuer,
  options: {
    serial: string;
    username: string;
    /** The name that was asked for: the user's, or an e-mail address of theirs. */
    name: string;
    publicKey: KeyObject;
    days: number;
    now: number;
    crlUrl?: string | undefined;
  },
): Promise<Issued> {
  const { username, name } = options;
  const names = EMAIL.test(name)
    ? [{ type: 'upn' as const, value: name }, ...(ASCII.test(name) ? [{ type: 'email' as const, value: name }] : [])]
    : [];
  return issue(ca, { ...options, commonName: username, usage: 'clientAuth', names });
}

/**
 * The public key of a certificate request (PKCS#10) in PEM; a string says what is wrong. Its own signature proves that
 * who asks has the private key. Names and extensions in it are not looked at.
 */
export async function readRequest(pem: string): Promise<KeyObject | string> {
  const x509 = await loadX509();
  let key: KeyObject;
  let request: InstanceType<typeof x509.Pkcs10CertificateRequest>;
  try {
    request = new x509.Pkcs10CertificateRequest(pem);
    key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' });
  } catch {
    return 'csr is not a certificate request (PKCS#10) in PEM';
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const accepted =
    type === 'ec'
      ? details?.namedCurve === 'prime256v1' || details?.namedCurve === 'secp384r1'
      : type === 'rsa' && inRange(details?.modulusLength ?? 0);
  if (!accepted) return `csr has a key that is not accepted: use P-256, P-384, or RSA of ${MIN_RSA} to ${MAX_RSA} bits`;
  const valid = await request.verify(crypto).catch(() => false);
  return valid ? key : 'csr is not signed with its own key';
}

const MIN_RSA = 2048;
/** Larger ones cost more at every sign-in than they protect. */
const MAX_RSA = 8192;
const inRange = (bits: number): boolean => bits >= MIN_RSA && bits <= MAX_RSA;

/** Opens a key in PEM; throws where it can't be read, is encrypted, or isn't private. */
export const openKey = (pem: string): KeyObject => createPrivateKey(pem);
