import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { rootCertificates } from 'node:tls';
import { createFolder, replaceFile } from '../store/index.ts';
import { ConfigError } from './error.ts';
import { isFor, isForAll, makeAuthority, makeCertificate, newKey, type Pair, subjectNames } from './own-certificate.ts';
import { splitCertificates } from './pem.ts';

const DAY_MS = 86_400_000;
const RENEW_DAYS = 30;

export interface TlsFiles {
  /** PEM: the certificate, and what it was signed by. */
  cert: string;
  /** PEM, PKCS#8. */
  key: string;
  /** SHA-256 of the certificate as `AB:CD:…`, to compare by eye. */
  fingerprint: string;
  /** Made here, not by the administrator. */
  selfSigned: boolean;
  /** When the certificate ends. */
  validTo: Date;
  /** `sha256:…` of what the chain ends in, for devices to hold on to; undefined below a public authority. */
  pin: string | undefined;
  /** Whether it is for this host, a name or an address without brackets. */
  isFor(host: string): boolean;
}

/**
 * The certificate and key to serve with: the administrator's own where set, else one that is kept in `<data>/tls/`. That
 * one is signed by an authority of its own, which stays the same, and is made anew, with the same key, when fewer than 30
 * days are left or the machine has other names. `hosts` are names that it has to have; `now` is for tests.
 */
export async function loadTls(
  dataDir: string,
  own: { cert: string | undefined; key: string | undefined; hosts?: readonly string[] },
  now = Date.now(),
): Promise<TlsFiles> {
  if (own.cert !== undefined && own.key !== undefined) return loadOwn(own.cert, own.key);
  const folder = path.join(dataDir, 'tls');
  const [certFile, keyFile] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
  const [caFile, caKeyFile] = [path.join(folder, 'ca.pem'), path.join(folder, 'ca-key.pem')];
  const read = (cert: string, key: string): Pair | undefined =>
    attempt(() => pairOf(readFileSync(cert, 'utf8'), readFileSync(key, 'utf8')));
  const kept = attempt(() => tlsFiles(pairOf(readFileSync(certFile, 'utf8'), readFileSync(keyFile, 'utf8')), true));
  const hosts = own.hosts ?? [];
  const names = subjectNames(hosts);
  let authority = read(caFile, caKeyFile);
  if (kept && isCurrent(kept, now)) {
    const { signer, leaf } = chainOf(kept.cert);
    // Signed by itself, it is from before there was an authority: devices may hold on to it.
    const enough = signer === leaf ? hosts.every((host) => kept.isFor(host)) : isForAll(leaf, names);
    if (enough && (signer === leaf || (authority && signer.raw.equals(new X509Certificate(authority.cert).raw)))) {
      return kept;
    }
  }

  createFolder(folder);
  // The keys first: a crash in between leaves a pair that does not match, which the next start makes anew.
  if (!authority) {
    authority = await makeAuthority();
    replaceFile(caKeyFile, authority.key, 0o600);
    replaceFile(caFile, authority.cert, 0o644);
  }
  const oldKey = attempt(() => createPrivateKey(readFileSync(keyFile, 'utf8')));
  const key = oldKey?.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? oldKey : newKey();
  const made = await makeCertificate(authority, key, names, now);
  replaceFile(keyFile, made.key, 0o600);
  replaceFile(certFile, made.cert, 0o644);
  return tlsFiles(made, true);
}

function attempt<T>(fn: () => T): T | undefined {
  try {
    return fn();
  } catch {
    return undefined;
  }
}

/** Throws where the key isn't the certificate's. */
function pairOf(cert: string, key: string): Pair {
  const certificate = new X509Certificate(cert);
  if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error('the key belongs to another certificate');
  return { cert, key };
}

function tlsFiles({ cert, key }: Pair, selfSigned: boolean): TlsFiles {
  const { leaf } = chainOf(cert);
  return {
    cert,
    key,
    selfSigned,
    fingerprint: leaf.fingerprint256,
    validTo: new Date(leaf.validTo),
    pin: pinOf(cert),
    isFor: (host) => isFor(leaf, host),
  };
}

/** The certificate of a PEM file, and the last of those in it that sign one another up from it. */
function chainOf(cert: string): { leaf: X509Certificate; signer: X509Certificate } {
  const leaf = new X509Certificate(cert);
  const rest = splitCertificates(cert)
    .slice(1)
    .map((text) => new X509Certificate(text));
  let signer = leaf;
  for (;;) {
    const next = rest.findIndex((each) => signed(signer, each));
    if (next < 0) return { leaf, signer };
    signer = rest.splice(next, 1)[0] as X509Certificate;
  }
}

const signed = (certificate: X509Certificate, by: X509Certificate): boolean =>
  certificate.checkIssued(by) && certificate.verify(by.publicKey);

let roots: X509Certificate[] | undefined;

/** Undefined where what the chain ends in is a public authority's, or is signed by one. */
export function pinOf(cert: string): string | undefined {
  const { signer } = chainOf(cert);
  roots ??= rootCertificates.map((root) => new X509Certificate(root));
  if (roots.some((root) => root.raw.equals(signer.raw) || signed(signer, root))) return undefined;
  return `sha256:${createHash('sha256').update(signer.raw).digest('base64url')}`;
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
    return tlsFiles(pairOf(cert, key), false);
  } catch (error) {
    throw new ConfigError(
      `tls.cert (${certFile}) and tls.key (${keyFile}) cannot be used: ${(error as Error).message}. They must be PEM, the key without a password.`,
    );
  }
}
