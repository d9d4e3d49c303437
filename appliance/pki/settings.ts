import { createPublicKey, type KeyObject } from 'node:crypto';
import { unprocessable } from '../http/index.ts';
import { type Certificate, isIssuedBy, pemOf, readPem, USAGE } from './certificate.ts';
import { isAuthority, validity } from './chain.ts';
import { isHttpUrl } from './fetch.ts';
import { openKey } from './issue.ts';
import { type AuthoritiesBody, LOGINS, MAX_CHAIN } from './schema.ts';
import type { AuthorityRow } from './tables.ts';

export type Login = (typeof LOGINS)[number];

/** A foreign CA whose certificates let people in. */
export interface Authority {
  /** SHA-256 of the certificate. */
  id: string;
  certificate: Certificate;
  crlUrl: string | undefined;
  ocsp: boolean;
  /** Asked in place of the one that a certificate names. */
  ocspUrl: string | undefined;
  /** Which name of the certificate is the login. */
  login: Login;
}

/** Throws where the row's certificate can't be read. */
export function authorityOf(row: AuthorityRow): Authority {
  const [certificate] = readPem(row.certificate, 1);
  if (!certificate) throw new Error(`authority ${row.id} has no certificate`);
  return {
    id: row.id,
    certificate,
    crlUrl: row.crl_url ?? undefined,
    ocsp: row.ocsp === 1,
    ocspUrl: row.ocsp_url ?? undefined,
    login: LOGINS.find((login) => login === row.login) ?? 'cn',
  };
}

/** The rows for a list of authorities. 422 says which one is wrong, and why. */
export function authorityRows(list: AuthoritiesBody['authorities'], now: number): AuthorityRow[] {
  const rows = list.map(({ pem, crl_url, ocsp, ocsp_url, login }, position): AuthorityRow => {
    const place = `authorities[${position}]`;
    const [certificate, second] = attempt(() => readPem(pem, 2)) ?? [];
    if (!certificate) throw unprocessable(`${place}.pem is not a certificate in PEM`);
    if (second) throw unprocessable(`${place}.pem has more than one certificate: give each an entry of its own`);
    if (!isAuthority(certificate)) throw unprocessable(`${place}.pem is not the certificate of an authority`);
    const out = validity(certificate, now);
    if (out !== undefined) throw unprocessable(`${place}.pem ${out}`);
    for (const [name, url] of Object.entries({ crl_url, ocsp_url })) {
      if (url != null && !isHttpUrl(url)) throw unprocessable(`${place}.${name} is not an http URL`);
    }
    return {
      id: certificate.fingerprint,
      position,
      certificate: pemOf(certificate),
      crl_url: crl_url ?? null,
      ocsp: ocsp ? 1 : 0,
      ocsp_url: ocsp_url ?? null,
      login,
    };
  });
  const twice = rows.find(({ id }, i) => rows.findIndex((row) => row.id === id) < i);
  if (twice) throw unprocessable(`authorities[${twice.position}].pem is there already`);
  return rows;
}

/** The site's own server certificate, checked. 422 says what is wrong. */
export function checkServer(chainPem: string, keyPem: string, now: number): { chain: Certificate[]; key: KeyObject } {
  const chain = attempt(() => readPem(chainPem, MAX_CHAIN));
  const [leaf] = chain ?? [];
  if (!chain || !leaf) throw unprocessable(`certificate is not 1 to ${MAX_CHAIN} certificates in PEM`);
  const key = attempt(() => openKey(keyPem));
  if (!key) throw unprocessable('private_key is not a private key in PEM without a password');
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'ec' && !(key.asymmetricKeyType === 'rsa' && bits >= 2048)) {
    throw unprocessable(
      'private_key is of a kind that supplicants refuse: use P-256, P-384, or RSA of 2048 bits or more',
    );
  }
  const same = createPublicKey(key as never).equals(leaf.x509.publicKey);
  if (!same) throw unprocessable('private_key belongs to another certificate than the first one');
  chain.forEach((certificate, i) => {
    const out = validity(certificate, now);
    if (out !== undefined) throw unprocessable(`certificate ${i + 1} of the chain ${out}`);
    const next = chain[i + 1];
    if (next && !(isAuthority(next) && isIssuedBy(certificate, next))) {
      throw unprocessable(
        `certificate ${i + 1} of the chain is not issued by the one behind it: the server's is first`,
      );
    }
  });
  if (leaf.usages && !leaf.usages.includes(USAGE.serverAuth) && !leaf.usages.includes(USAGE.any)) {
    throw unprocessable('the certificate is not for servers (extended key usage serverAuth)');
  }
  return { chain, key };
}

export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
