/** Rows of the PKI. Times are RFC 3339 in UTC, flags are 0 or 1, certificates PEM, keys sealed PEM (PKCS#8). */
export interface CaRow {
  id: string;
  certificate: string;
  key: string;
  /** The number of the newest CRL. */
  crl_number: number;
  created_at: string;
}

/** `own`: issued by the appliance's CA; `site`: brought by the site, which then counts. */
export interface ServerRow {
  id: 'own' | 'site';
  /** The chain, the server's first. */
  certificate: string;
  key: string;
  /** JSON: the names that an own one was made for. */
  names: string;
  created_at: string;
}

export interface CertificateRow {
  id: string;
  ca_id: string;
  /** Lower-case hexadecimal. */
  serial: string;
  kind: 'user' | 'nas';
  /** Empty where it is a NAS's. */
  username: string;
  /** The name of the NAS, lower-case; null where it is a person's. */
  nas: string | null;
  subject: string;
  certificate: string;
  not_before: string;
  not_after: string;
  created_at: string;
  revoked_at: string | null;
  reason: string | null;
}

export interface AuthorityRow {
  id: string;
  position: number;
  certificate: string;
  crl_url: string | null;
  ocsp: number;
  ocsp_url: string | null;
  login: string;
}

export interface SettingsRow {
  id: 'default';
  /** Whether certificates of the appliance's own CA let people in. */
  own: number;
  soft_fail: number;
}

export interface PkiTables {
  pki_ca: CaRow;
  pki_server: ServerRow;
  pki_certificates: CertificateRow;
  pki_authorities: AuthorityRow;
  pki_settings: SettingsRow;
}
