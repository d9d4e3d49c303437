import { type Certificate, isIssuedBy } from './certificate.ts';

/** Certificates between a client's and the authority that is trusted. */
const MAX_DEPTH = 8;

export interface Path<A> {
  anchor: A;
  /** Who issued the first certificate: the authority itself, or an intermediate one. */
  issuer: Certificate;
}

/**
 * The way from a client's certificate (first in `chain`) to one of the authorities; a string says why there is none.
 * TLS has looked already: this finds which authority it was, and does not depend on how TLS was set up.
 */
export function findPath<A extends { certificate: Certificate }>(
  chain: readonly Certificate[],
  anchors: readonly A[],
  now: number,
): Path<A> | string {
  let current = chain[0];
  if (current === undefined) return 'there is no certificate';
  let issuer: Certificate | undefined;
  const others = chain.slice(1, 1 + MAX_DEPTH);
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    const child: Certificate = current;
    const anchor = anchors.find(({ certificate }) => isIssuedBy(child, certificate));
    if (anchor) {
      const out = validity(anchor.certificate, now);
      return out === undefined
        ? { anchor, issuer: issuer ?? anchor.certificate }
        : `the authority's certificate ${out}`;
    }
    const at = others.findIndex((candidate) => isAuthority(candidate) && isIssuedBy(child, candidate));
    const [next] = at < 0 ? [] : others.splice(at, 1);
    if (next === undefined) return 'the certificate is of an authority that is not trusted';
    const out = validity(next, now);
    if (out !== undefined) return `an intermediate certificate ${out}`;
    issuer ??= next;
    current = next;
  }
  return 'the chain of certificates is too long';
}

/** What is wrong with when a certificate is valid; undefined: nothing. */
export function validity({ notBefore, notAfter }: Certificate, now: number): string | undefined {
  if (now < notBefore) return 'is not valid yet';
  return now > notAfter ? 'has expired' : undefined;
}

export const isAuthority = (certificate: Certificate): boolean =>
  certificate.isAuthority && certificate.maySignCertificates;
