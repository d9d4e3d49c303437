import { type Certificate, pemOf } from './certificate.ts';
import type { Revocation } from './revocation.ts';
import type { SettingsView } from './schema.ts';
import type { Authority } from './settings.ts';
import type { PkiState } from './state.ts';

const shown = ({ facts, fingerprint, notBefore }: Certificate) => ({
  subject: facts.subject,
  fingerprint,
  not_before: new Date(notBefore).toISOString(),
  not_after: facts.notAfter,
});

const time = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());

function warningsOf({ ocsp, crlUrl }: Authority): string[] {
  return ocsp || crlUrl ? [] : ['nobody is asked whether its certificates are revoked: set ocsp or crl_url'];
}

/** The settings as they are answered: no keys. */
export function settingsView(state: PkiState, revocation: Revocation): SettingsView {
  const { ca, server, authorities, own, softFail } = state;
  const leaf = server.chain[0]!;
  return {
    ca: shown(ca.certificate),
    server: {
      ...shown(leaf),
      source: server.source,
      issuer: leaf.facts.issuer,
      names: [...leaf.facts.alternativeNames],
    },
    own,
    soft_fail: softFail,
    authorities: authorities.map((authority) => {
      const crl = revocation.crlState(authority.id);
      return {
        ...shown(authority.certificate),
        pem: pemOf(authority.certificate),
        crl_url: authority.crlUrl ?? null,
        ocsp: authority.ocsp,
        ocsp_url: authority.ocspUrl ?? null,
        login: authority.login,
        crl: crl ? { entries: crl.entries, next_update: time(crl.nextUpdate), error: crl.error ?? null } : null,
        warnings: warningsOf(authority),
      };
    }),
  };
}
