import { createPrivateKey, type KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import path from 'node:path';
import { createFolder, replaceFile } from '../store/index.ts';
import { ConfigError } from './error.ts';

const DAY_MS = 86_400_000;
/** The longest that Apple's systems accept for a certificate that the user installed. */
const VALID_DAYS = 825;
const RENEW_DAYS = 30;
/** Clocks of laptops may be a little behind. */
const BACKDATED_MS = 3_600_000;
const MAX_ADDRESSES = 32;
const DNS_NAME = /^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/i;

export interface TlsFiles {
  /** PEM. */
  cert: string;
  /** PEM, PKCS#8. */
  key: string;
  /** SHA-256 of the certificate as `AB:CD:…`, to compare by eye. */
  fingerprint: string;
  selfSigned: boolean;
  /** When the certificate ends. */
  validTo: Date;
}

/**
 * The certificate and key to serve with: the administrator's own where set, else a self-signed one that is kept in
 * `<data>/tls/` and renewed, with the same key, when fewer than 30 days are left. `now` is for tests.
 */
export async function loadTls(
  dataDir: string,
  own: { cert: string | undefined; key: string | undefined },
  now = Date.now(),
): Promise<TlsFiles> {
  if (own.cert !== undefined && own.key !== undefined) return loadOwn(own.cert, own.key);
  const folder = path.join(dataDir, 'tls');
  const [certFile, keyFile] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
  const kept = attempt(() => pair(readFileSync(certFile, 'utf8'), readFileSync(keyFile, 'utf8'), true));
  if (kept && isCurrent(kept, now)) return kept;

  createFolder(folder);
  const oldKey = attempt(() => createPrivateKey(readFileSync(keyFile, 'utf8')));
  const made = await selfSign(oldKey?.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? oldKey : undefined, now);
  // The key first: a crash in between leaves a pair that does not match, which the next start makes anew.
  replaceFile(keyFile, made.key, 0o600);
  replaceFile(certFile, made.cert, 0o644);
  return pair(made.cert, made.key, true);
}

function attempt<T>(fn: () => T): T | undefined {
  try {
    return fn();
  } catch {
    return undefined;
  }
}

function pair(cert: string, key: string, selfSigned: boolean): TlsFiles {
  const certificate = new X509Certificate(cert);
  if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error('the key belongs to another certificate');
  return { cert, key, selfSigned, fingerprint: certificate.fingerprint256, validTo: new Date(certificate.validTo) };
}

/** A certificate from the future comes from a clock that was wrong: boards without a battery start in the past. */
function isCurrent({ cert, validTo }: TlsFiles, now: number): boolean {
  const starts = new Date(new X509Certificate(cert).validFrom).getTime();
  return starts <= now && validTo.getTime() - now >= RENEW_DAYS * DAY_MS;
}

function loadOwn(certFile: string, keyFile: string): TlsFiles {
  const read = (setting: string, file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw new ConfigError(`${setting} is ${file}, which cannot be read: ${(error as Error).message}`);
    }
  };
  const [cert, key] = [read('tls.cert', certFile), read('tls.key', keyFile)];
  try {
    return pair(cert, key, false);
  } catch (error) {
    throw new ConfigError(
      `tls.cert (${certFile}) and tls.key (${keyFile}) cannot be used: ${(error as Error).message}. They must be PEM, the key without a password.`,
    );
  }
}

async function selfSign(existing: KeyObject | undefined, now: number): Promise<{ cert: string; key: string }> {
  const x509 = await loadX509();
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = existing
    ? await importPair(existing, algorithm)
    : await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const name = DNS_NAME.test(hostname()) ? hostname() : 'localhost';
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: [{ CN: [name.slice(0, 64)] }],
      keys,
      signingAlgorithm: algorithm,
      notBefore: new Date(now - BACKDATED_MS),
      notAfter: new Date(now - BACKDATED_MS + VALID_DAYS * DAY_MS),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(subjectNames(name)),
      ],
    },
    webcrypto as unknown as Crypto,
  );
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return { cert: `${certificate.toString('pem')}\n`, key: key.export({ format: 'pem', type: 'pkcs8' }).toString() };
}

/** Loaded only where a certificate is made. Its dependency injection stands on reflect-metadata, which it doesn't bring. */
async function loadX509(): Promise<typeof import('@peculiar/x509')> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

async function importPair(key: KeyObject, algorithm: webcrypto.EcKeyImportParams): Promise<webcrypto.CryptoKeyPair> {
  const jwk = key.export({ format: 'jwk' }) as webcrypto.JsonWebKey;
  const { d: _, ...open } = jwk;
  return {
    privateKey: await webcrypto.subtle.importKey('jwk', jwk, algorithm, true, ['sign']),
    publicKey: await webcrypto.subtle.importKey('jwk', open, algorithm, true, ['verify']),
  };
}

/** The names by which the machine is reached: RFC 5280, section 4.2.1.6. */
function subjectNames(name: string): { type: 'dns' | 'ip'; value: string }[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && isIP(address) !== 0 && !/^fe[89ab]/i.test(address))
    .map(({ address }) => address)
    .slice(0, MAX_ADDRESSES);
  return [
    ...new Set([name, 'localhost']).values().map((value) => ({ type: 'dns' as const, value })),
    ...new Set(['127.0.0.1', '::1', ...addresses]).values().map((value) => ({ type: 'ip' as const, value })),
  ];
}
