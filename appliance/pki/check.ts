import { createHash } from 'node:crypto';
import { type Certificate, type CertificateFacts, readCertificate, USAGE } from './certificate.ts';
import { findPath, type Path, validity } from './chain.ts';
import { NAS_UNIT } from './issue.ts';
import type { Revocation } from './revocation.ts';
import type { Authority, Login } from './settings.ts';
import type { PkiState } from './state.ts';

/** What a certificate is shown for: to sign in by EAP-TLS, to be a RadSec client, or to send logs, as a NAS or by another authority. */
export type Purpose = 'user' | 'nas' | 'sender';
/** `login` is empty where the purpose is not `user`. */
export type Checked = { ok: true; facts: CertificateFacts; login: string } | { ok: false; reason: string };

/** Chains that were followed already; following one costs a signature check or more. */
const MAX_KEPT = 10_000;
const MAX_CERTIFICATES = 10;

type Anchor = { own: true; certificate: Certificate } | ({ own: false } & Authority);
interface Followed {
  certificate: Certificate;
  path: Path<Anchor>;
  /** Until when all of the chain is valid. Milliseconds since 1970. */
  until: number;
}

/** Checks clients' certificates that TLS has accepted: whose they are, and whether they still count. */
export function createCheck(options: {
  state: () => PkiState;
  isRevoked: (serial: string) => boolean;
  revocation: Revocation;
  now: () => number;
}) {
  const { state, isRevoked, revocation, now } = options;
  const kept = new Map<string, Followed>();

  const follow = (chain: readonly Uint8Array[]): Followed | string => {
    const hash = createHash('sha256');
    for (const der of chain) hash.update(der);
    const key = hash.digest('latin1');
    const known = kept.get(key);
    if (known && known.until >= now()) return known;
    const certificates = chain.map((der) => readCertificate(der));
    const { ca, own, authorities } = state();
    const anchors: Anchor[] = authorities.map((authority) => ({ own: false, ...authority }));
    if (own) anchors.unshift({ own: true, certificate: ca.certificate });
    const path = findPath(certificates, anchors, now());
    if (typeof path === 'string') return path;
    const ends = [...certificates, path.anchor.certificate].map(({ notAfter }) => notAfter);
    const followed: Followed = { certificate: certificates[0]!, path, until: Math.min(...ends) };
    kept.set(key, followed);
    if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
    return followed;
  };

  return {
    /** Other authorities count now. */
    forget: () => kept.clear(),
    /** `chain`: DER, the client's first. Never rejects. */
    async check(chain: readonly Uint8Array[], purpose: Purpose = 'user'): Promise<Checked> {
      if (chain.length === 0 || chain.length > MAX_CERTIFICATES) return no('there is no certificate, or too many');
      try {
        const followed = follow(chain);
        if (typeof followed === 'string') return no(followed);
        const { certificate, path } = followed;
        const { anchor, issuer } = path;
        const out = validity(certificate, now());
        if (out !== undefined) return no(`the certificate ${out}`);
        const { usages, facts } = certificate;
        if (usages && !usages.includes(USAGE.clientAuth) && !usages.includes(USAGE.any)) {
          return no('the certificate is not for clients (extended key usage clientAuth)');
        }
        if (anchor.own) {
          if (isRevoked(facts.serial)) return no('the certificate is revoked');
          // Its issuer is the CA itself, which writes the subject: nobody chooses what it says here.
          const isNas = certificate.units.includes(NAS_UNIT);
          if (isNas && purpose === 'user') return no('this is a certificate of a NAS');
          if (!isNas && purpose !== 'user') return no('this is a certificate of a user, not of a NAS');
        } else {
          const problem = await revocation.problem(certificate, issuer, anchor, state().softFail);
          if (problem !== undefined) return no(problem);
        }
        if (purpose !== 'user') return { ok: true, facts, login: '' };
        const rule = anchor.own ? 'cn' : anchor.login;
        const login = loginOf(facts, rule);
        if (login === undefined) return no(`the certificate has no ${NAMES[rule]} that could be a login`);
        return { ok: true, facts, login };
      } catch (error) {
        return no(`the certificate cannot be read: ${(error as Error).message}`);
      }
    },
  };
}

const no = (reason: string): Checked => ({ ok: false, reason });

const NAMES: Record<Login, string> = {
  cn: 'common name',
  upn: 'user principal name',
  email: 'e-mail address',
  dns: 'DNS name',
};
const PREFIXES: Record<Exclude<Login, 'cn'>, string> = { upn: 'UPN:', email: 'email:', dns: 'DNS:' };
const MAX_LOGIN = 253;

function loginOf({ commonName, alternativeNames }: CertificateFacts, rule: Login): string | undefined {
  const login =
    rule === 'cn'
      ? commonName
      : alternativeNames.find((name) => name.startsWith(PREFIXES[rule]))?.slice(PREFIXES[rule].length);
  if (!login || login.length > MAX_LOGIN || /[\u0000-\u001f\u007f]/.test(login)) return undefined;
  return login;
}
