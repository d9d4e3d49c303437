import type { Logger } from '../store/index.ts';
import type { Certificate } from './certificate.ts';
import { type Crl, readCrl } from './crl.ts';
import { type HttpFetch, isHttpUrl } from './fetch.ts';
import { readOcspResponse, writeOcspRequest } from './ocsp.ts';
import type { Authority } from './settings.ts';

export const MAX_CRL_BYTES = 16 * 1024 * 1024;
const MAX_OCSP_BYTES = 64 * 1024;
const CRL_TIMEOUT_MS = 30_000;
const OCSP_TIMEOUT_MS = 3_000;
const CRL_REDIRECTS = 3;
/** An authority may publish before the day it gave; a handshake never waits for it. */
const CRL_REFRESH_MS = 3_600_000;
/** After an error nobody asks again for this long, so that handshakes don't each wait for a server that is down. */
const RETRY_MS = 30_000;
/** Without nextUpdate there is always newer information (RFC 6960, section 4.2.2.1): one person's tries share it. */
const OCSP_SHORT_MS = 60_000;
/** However far off a responder says the next update is. */
const OCSP_LONG_MS = 24 * 3_600_000;
const MAX_OCSP_ANSWERS = 10_000;
const MAX_OCSP_AT_ONCE = 64;

interface CrlState {
  authority: Authority;
  url: string;
  crl: Crl | undefined;
  /** When it was last asked for, successful or not. */
  triedAt: number;
  error: string | undefined;
  running: Promise<void> | undefined;
}

interface OcspState {
  status: 'good' | 'revoked' | 'unknown';
  until: number;
}

export type Revocation = ReturnType<typeof createRevocation>;

/**
 * Whether foreign certificates are revoked: by the CRL of their authority and by OCSP (first), as the authority is set.
 * CRLs are fetched in the background; only the first check after a start may wait for one.
 */
export function createRevocation(options: { fetch: HttpFetch; log: Logger; now: () => number }) {
  const { fetch, log, now } = options;
  const crls = new Map<string, CrlState>();
  const answers = new Map<string, OcspState>();
  const asking = new Map<string, Promise<OcspState>>();
  const failedAt = new Map<string, number>();

  const load = async (state: CrlState, issuers: readonly Certificate[]): Promise<void> => {
    state.triedAt = now();
    try {
      const { url } = state;
      const bytes = await fetch({
        url,
        method: 'GET',
        timeoutMs: CRL_TIMEOUT_MS,
        maxBytes: MAX_CRL_BYTES,
        redirects: CRL_REDIRECTS,
      });
      const crl = await readCrl(bytes, issuers);
      // An old list that is still signed would bring revoked certificates back.
      if (state.crl && crl.thisUpdate < state.crl.thisUpdate) throw new Error('the CRL is older than the one before');
      state.crl = crl;
      state.error = undefined;
    } catch (error) {
      state.error = (error as Error).message;
      log.warn(
        { authority: state.authority.certificate.facts.subject, url: state.url, error: state.error },
        'CRL failed',
      );
    }
  };
  const isCurrent = ({ crl }: CrlState): boolean => crl !== undefined && (crl.nextUpdate ?? Infinity) > now();
  const refresh = (state: CrlState, issuers: readonly Certificate[]): Promise<void> => {
    state.running ??= load(state, issuers).finally(() => {
      state.running = undefined;
    });
    return state.running;
  };

  /** Undefined: not revoked. */
  const byCrl = async (certificate: Certificate, issuer: Certificate, authority: Authority) => {
    const state = crls.get(authority.id);
    if (!state) return { failed: 'there is no CRL' };
    if (!isCurrent(state) && (state.running || now() - state.triedAt >= RETRY_MS)) {
      await refresh(state, [authority.certificate, issuer]);
    }
    const { crl } = state;
    if (!crl || !isCurrent(state)) return { failed: state.error ?? 'the CRL is out of date' };
    if (!Buffer.from(crl.issuer).equals(issuer.subject)) return { failed: 'the CRL is of another issuer' };
    return { revoked: crl.revoked.has(certificate.facts.serial) };
  };

  const ask = async (certificate: Certificate, issuer: Certificate, url: string): Promise<OcspState> => {
    const { body, nonce } = writeOcspRequest(certificate, issuer);
    const bytes = await fetch({
      url,
      method: 'POST',
      body,
      contentType: 'application/ocsp-request',
      timeoutMs: OCSP_TIMEOUT_MS,
      maxBytes: MAX_OCSP_BYTES,
      redirects: 0,
    });
    const at = now();
    const { status, nextUpdate } = readOcspResponse(bytes, { certificate, issuer, nonce, now: at });
    return { status, until: Math.min(nextUpdate ?? at + OCSP_SHORT_MS, at + OCSP_LONG_MS) };
  };

  const byOcsp = async (certificate: Certificate, issuer: Certificate, authority: Authority) => {
    const url = authority.ocspUrl ?? certificate.ocspUrls.find(isHttpUrl);
    if (url === undefined) return { failed: 'the certificate names no OCSP responder' };
    const known = answers.get(certificate.fingerprint);
    if (known && known.until > now()) return { status: known.status };
    if (now() - (failedAt.get(url) ?? -Infinity) < RETRY_MS) return { failed: 'the OCSP responder failed just now' };
    try {
      let running = asking.get(certificate.fingerprint);
      if (!running) {
        if (asking.size >= MAX_OCSP_AT_ONCE) return { failed: 'too many OCSP requests at once' };
        running = ask(certificate, issuer, url).finally(() => asking.delete(certificate.fingerprint));
        asking.set(certificate.fingerprint, running);
      }
      const state = await running;
      answers.delete(certificate.fingerprint);
      answers.set(certificate.fingerprint, state);
      if (answers.size > MAX_OCSP_ANSWERS) answers.delete(answers.keys().next().value!);
      failedAt.delete(url);
      return { status: state.status };
    } catch (error) {
      const { message } = error as Error;
      // What a responder that answers says of one certificate says nothing of the next one.
      if (!(error as Error).name.startsWith('Der')) failedAt.set(url, now());
      if (failedAt.size > MAX_OCSP_ANSWERS) failedAt.clear();
      log.warn({ authority: authority.certificate.facts.subject, url, error: message }, 'OCSP failed');
      return { failed: message };
    }
  };

  return {
    /** The authorities as they are set now. What is known of those that stay is kept. */
    use(authorities: readonly Authority[]): void {
      for (const [id, { url }] of crls) {
        if (!authorities.some((authority) => authority.id === id && authority.crlUrl === url)) crls.delete(id);
      }
      for (const authority of authorities) {
        const { id, crlUrl: url } = authority;
        if (url === undefined || crls.has(id)) continue;
        crls.set(id, { authority, url, crl: undefined, triedAt: -Infinity, error: undefined, running: undefined });
      }
      answers.clear();
      failedAt.clear();
    },
    /** Fetches the CRLs that are due; called every minute. */
    async tick(): Promise<void> {
      const due = [...crls.values()].filter(
        (state) => now() - state.triedAt >= (isCurrent(state) && !state.error ? CRL_REFRESH_MS : RETRY_MS),
      );
      await Promise.all(due.map((state) => refresh(state, [state.authority.certificate])));
    },
    /** Why a certificate must not be accepted; undefined where it may. */
    async problem(
      certificate: Certificate,
      issuer: Certificate,
      authority: Authority,
      softFail: boolean,
    ): Promise<string | undefined> {
      const failures: string[] = [];
      if (authority.ocsp) {
        const answer = await byOcsp(certificate, issuer, authority);
        if (answer.status === 'revoked') return 'the certificate is revoked';
        if (answer.status === 'unknown') return 'the certificate is not known to its authority';
        if (answer.status === 'good') return undefined;
        failures.push(answer.failed ?? '');
      }
      if (authority.crlUrl !== undefined) {
        const answer = await byCrl(certificate, issuer, authority);
        if (answer.revoked === true) return 'the certificate is revoked';
        if (answer.revoked === false) return undefined;
        failures.push(answer.failed ?? '');
      }
      if (failures.length === 0 || softFail) return undefined;
      return `whether the certificate is revoked cannot be found out: ${failures.join('; ')}`;
    },
    /** For the settings: how an authority's CRL stands. */
    crlState(id: string): { entries: number; nextUpdate: number | undefined; error: string | undefined } | undefined {
      const state = crls.get(id);
      if (!state) return undefined;
      return { entries: state.crl?.revoked.size ?? 0, nextUpdate: state.crl?.nextUpdate, error: state.error };
    },
  };
}
