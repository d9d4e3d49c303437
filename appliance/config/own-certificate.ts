import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  webcrypto,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';

const DAY_MS = 86_400_000;
/** The longest that Apple's systems accept for a certificate that the user installed. */
const VALID_DAYS = 825;
/** Clocks of laptops may be a little behind. */
const BACKDATED_MS = 3_600_000;
/** RFC 5280, appendix A.1: ub-common-name. */
const MAX_COMMON_NAME = 64;
const MAX_ADDRESSES = 32;
const DNS_NAME = /^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/i;
/** No clock has a say in the authority's time: it is what devices hold on to, and outlives every certificate. */
const CA_SINCE = new Date('2020-01-01T00:00:00Z');
const CA_UNTIL = new Date('2049-12-31T23:59:59Z');
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const crypto = webcrypto as unknown as Crypto;

/** A certificate and its private key (PKCS#8), both PEM. */
export interface Pair {
  cert: string;
  key: string;
}

/** A name by which the machine is reached. */
export interface SubjectName {
  type: 'dns' | 'ip';
  value: string;
}

export const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const pem = (key: KeyObject): string => key.export({ format: 'pem', type: 'pkcs8' }).toString();
const spki = (key: KeyObject): Buffer => createPublicKey(key as never).export({ format: 'der', type: 'spki' });
const signingKey = (key: KeyObject): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey('pkcs8', key.export({ format: 'der', type: 'pkcs8' }), ALGORITHM, false, ['sign']);
const keyId = (key: KeyObject): string => createHash('sha256').update(spki(key)).digest('hex').slice(0, 40);

/** 127 bits, never zero, never negative: RFC 5280, section 4.1.2.2. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString('hex');
}

/** Loaded only where a certificate is made. Its dependency injection stands on reflect-metadata, which it doesn't bring. */
async function loadX509(): Promise<typeof import('@peculiar/x509')> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

/** The authority that signs the appliance's own certificates, and nothing else. */
export async function makeAuthority(): Promise<Pair> {
  const x509 = await loadX509();
  const key = newKey();
  const name = [{ O: ['Gatehouse'] }, { CN: [`Gatehouse appliance ${randomBytes(4).toString('hex')}`] }];
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serial(),
      subject: name,
      issuer: name,
      notBefore: CA_SINCE,
      notAfter: CA_UNTIL,
      signingAlgorithm: ALGORITHM,
      publicKey: spki(key) as never,
      signingKey: await signingKey(key),
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
        new x509.SubjectKeyIdentifierExtension(keyId(key)),
      ],
    },
    crypto,
  );
  return { cert: `${certificate.toString('pem')}\n`, key: pem(key) };
}

/** A certificate for these names, signed by `authority`; `cert` is the chain: it, then the authority. */
export async function makeCertificate(
  authority: Pair,
  key: KeyObject,
  names: readonly SubjectName[],
  now: number,
): Promise<Pair> {
  const x509 = await loadX509();
  const caKey = createPrivateKey(authority.key);
  const until = Math.min(now - BACKDATED_MS + VALID_DAYS * DAY_MS, CA_UNTIL.getTime());
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serial(),
      subject: [{ CN: [names[0]!.value.slice(0, MAX_COMMON_NAME)] }],
      // The bytes as the authority has them: names are compared by their encoding.
      issuer: new x509.X509Certificate(new X509Certificate(authority.cert).raw as never).subjectName.toJSON(),
      notBefore: new Date(now - BACKDATED_MS),
      notAfter: new Date(until),
      signingAlgorithm: ALGORITHM,
      publicKey: spki(key) as never,
      signingKey: await signingKey(caKey),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([...names]),
        new x509.SubjectKeyIdentifierExtension(keyId(key)),
        new x509.AuthorityKeyIdentifierExtension(keyId(caKey)),
      ],
    },
    crypto,
  );
  return { cert: `${certificate.toString('pem')}\n${authority.cert}`, key: pem(key) };
}

const named = (host: string): SubjectName => ({ type: isIP(host) === 0 ? 'dns' : 'ip', value: host });

/** The names by which this machine is reached (RFC 5280, section 4.2.1.6), `hosts` among them. */
export function subjectNames(hosts: readonly string[]): SubjectName[] {
  const own = DNS_NAME.test(hostname()) ? hostname() : 'localhost';
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && isIP(address) !== 0 && !/^fe[89ab]/i.test(address))
    .map(({ address }) => address)
    .slice(0, MAX_ADDRESSES);
  return [...new Set([...hosts, own, 'localhost', '127.0.0.1', '::1', ...addresses])].map(named);
}

/** Whether the certificate is for this host, a name or an address (without brackets). */
export const isFor = (certificate: X509Certificate, host: string): boolean =>
  (isIP(host) === 0 ? certificate.checkHost(host, { wildcards: true }) : certificate.checkIP(host)) !== undefined;

/**
 * Whether it has every name that it would be made for now. IPv6 addresses don't count: those that machines make up for
 * privacy change each day.
 */
export const isForAll = (certificate: X509Certificate, names: readonly SubjectName[]): boolean =>
  names.every(({ value }) => isIP(value) === 6 || isFor(certificate, value));
