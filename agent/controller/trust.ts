import { type ConnectionOptions, getCACertificates } from 'node:tls';
import { AgentError } from '../errors.ts';

let roots: string[] | undefined;

/** Certificate authorities: Node's own, the system's, and `extra` (PEM). */
function authorities(extra: string | undefined): string[] {
  if (!roots) {
    const all = new Set(getCACertificates('default'));
    try {
      for (const pem of getCACertificates('system')) all.add(pem);
    } catch {
      // A system whose store can't be read: Node's own roots remain.
    }
    roots = [...all];
  }
  return extra === undefined ? roots : [...roots, extra];
}

/**
 * Whom a connection believes: `ca` (PEM) beside the system's authorities, or it alone. A certificate in it counts also where
 * it signed nothing, not even itself.
 */
export function trusting(ca: string | undefined, alone = false): ConnectionOptions {
  if (ca === undefined) return { ca: authorities(undefined) };
  return { ca: alone ? [ca] : authorities(ca), allowPartialTrustChain: true };
}

/** Throws AgentError `bad-request` when `pem` holds no certificate. */
export function checkPem(pem: string): void {
  if (!/-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(pem)) {
    throw new AgentError('bad-request', 'The file given with --ca holds no PEM certificate (BEGIN CERTIFICATE).');
  }
}
