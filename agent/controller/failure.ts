import { AgentError } from '../errors.ts';

/** OpenSSL's verification errors, as Node names them: the certificate isn't one to trust. */
const CERTIFICATE = new Map([
  ['CERT_HAS_EXPIRED', 'it has expired; renew it on the controller (and check the clock of this machine)'],
  ['CERT_NOT_YET_VALID', 'it is not valid yet; check the clock of this machine'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'it is for another name; use the name in the certificate'],
  ['CERT_REVOKED', 'it was revoked; replace it on the controller'],
]);
export const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'CERT_REJECTED',
  'INVALID_CA',
  'PATH_LENGTH_EXCEEDED',
  'INVALID_PURPOSE',
  'CERT_CHAIN_TOO_LONG',
  'HOSTNAME_MISMATCH',
]);

const NETWORK = new Map([
  ['ENOTFOUND', "its name can't be resolved; check the URL and this machine's DNS"],
  ['EAI_AGAIN', "its name can't be resolved now; check this machine's network and DNS"],
  ['ECONNREFUSED', 'nothing listens there; check the port, and that the controller runs'],
  ['EHOSTUNREACH', 'there is no route to it; check the network'],
  ['ENETUNREACH', 'there is no route to it; check the network'],
  ['ECONNRESET', 'the connection was cut; check proxies and firewalls in between'],
  ['ETIMEDOUT', 'it does not answer; check the network and firewalls in between'],
]);

interface Caused {
  code?: unknown;
  message?: string;
  cause?: unknown;
  errors?: unknown[];
}

/** The code of an error or of what caused it. */
export function codes(error: unknown, depth = 0): string[] {
  if (typeof error !== 'object' || error === null || depth > 4) return [];
  const { code, cause, errors } = error as Caused;
  return [...(typeof code === 'string' ? [code] : []), ...codes(cause, depth + 1), ...codes(errors?.[0], depth + 1)];
}

/** Says of a failed connection to `origin` what it means and what to do. */
export function explain(error: unknown, origin: string): AgentError {
  if (error instanceof AgentError) return error;
  const found = codes(error);
  const because = { cause: error };
  for (const code of found) {
    const advice = CERTIFICATE.get(code);
    if (advice) {
      return new AgentError('certificate', `The certificate of ${origin} is not good: ${advice}.`, because);
    }
    if (UNTRUSTED.has(code)) {
      return new AgentError(
        'certificate',
        `The certificate of ${origin} is signed by nobody this machine trusts. If it is your own, enroll with ` +
          'the link of an invitation, which names the certificate, or with --ca <file> and its PEM; if not, somebody may be listening in.',
        because,
      );
    }
    if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
      return new AgentError(
        'controller-error',
        `${origin} doesn't speak TLS properly (${code}): check the port; plain HTTP is written http://.`,
        because,
      );
    }
  }
  for (const code of found) {
    const advice = NETWORK.get(code);
    if (advice) return new AgentError('controller-unreachable', `${origin} can't be reached: ${advice}.`, because);
  }
  const message = error instanceof Error ? error.message : String(error);
  return new AgentError(
    'controller-unreachable',
    `${origin} can't be reached: ${message}. Check the URL and the network.`,
    because,
  );
}
