import Type from 'typebox';
import { CursorQuery } from '../http/index.ts';
import { REASONS, type Reason } from './crl.ts';

export const LOGINS = ['cn', 'upn', 'email', 'dns'] as const;
export const MAX_AUTHORITIES = 32;
/** Certificates that the CA has issued and that are kept. */
export const MAX_CERTIFICATES = 100_000;
export const MAX_PAGE = 1_000;
/** The longest that Apple's systems accept. */
export const MAX_DAYS = 825;
export const DEFAULT_DAYS = 365;
/** RFC 5280, appendix A.1: ub-common-name. */
export const MAX_USERNAME = 64;
/** Certificates in the chain of a server. */
export const MAX_CHAIN = 8;

const Time = Type.String({ format: 'date-time' });
const OptionalTime = Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time' });
const Pem = (maxLength: number, description: string) => Type.String({ minLength: 1, maxLength, description });
const Url = Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength: 1024 });
const Fingerprint = Type.String({ description: 'SHA-256, lower-case hexadecimal' });
const ReasonName = Type.Enum(Object.keys(REASONS) as [Reason, ...Reason[]]);

export const CertificateBody = Type.Object(
  {
    username: Type.Optional(
      Type.String({ minLength: 1, maxLength: 255, description: "A user's name, or e-mail address" }),
    ),
    nas: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 253,
        description: 'In place of username: the name of a RadSec NAS, which must be a DNS name or an IP address',
      }),
    ),
    csr: Type.Optional(Pem(16_384, 'A certificate request (PKCS#10) in PEM; only its key is taken')),
    generate: Type.Optional(Type.Boolean({ description: 'Make the key here; it is shown once and not kept' })),
    format: Type.Optional(Type.Enum(['pem', 'pkcs12'])),
    days: Type.Integer({ minimum: 1, maximum: MAX_DAYS, default: DEFAULT_DAYS }),
  },
  { additionalProperties: false },
);
export type CertificateBody = Type.Static<typeof CertificateBody>;

const base = {
  id: Type.String(),
  serial: Type.String({ description: 'Lower-case hexadecimal' }),
  username: Type.String({ description: "Empty where it is a NAS's" }),
  nas: Type.Unsafe<string | null>({
    type: ['string', 'null'],
    description: "Name of the NAS in lower case; null where it is a user's",
  }),
  not_before: Time,
  not_after: Time,
};

export const CertificateView = Type.Object({
  ...base,
  subject: Type.String(),
  created_at: Time,
  revoked_at: OptionalTime,
  reason: Type.Unsafe<Reason | null>({ type: ['string', 'null'] }),
  certificate: Type.String({ description: 'PEM chain' }),
});
export type CertificateView = Type.Static<typeof CertificateView>;

export const IssuedView = Type.Object({
  ...base,
  certificate: Type.Optional(Type.String({ description: 'PEM: the certificate, then the CA' })),
  private_key: Type.Optional(Type.String({ description: 'PEM (PKCS#8), where it was made here; shown once' })),
  pkcs12: Type.Optional(Type.String({ description: 'Base64: key, certificate and CA' })),
  password: Type.Optional(Type.String({ description: 'Opens the PKCS#12; shown once' })),
});
export type IssuedView = Type.Static<typeof IssuedView>;

export const CertificatesQuery = Type.Object({
  ...CursorQuery(MAX_PAGE).properties,
  username: Type.Optional(Type.String({ maxLength: 255 })),
  nas: Type.Optional(Type.String({ maxLength: 253 })),
});
export type CertificatesFilter = Pick<Type.Static<typeof CertificatesQuery>, 'username' | 'nas'>;
export const CertificateParams = Type.Object({ id: Type.String({ maxLength: 64 }) });
/** It may be left out. */
export const RevokeBody = Type.Unsafe<{ reason?: Reason } | null>({
  type: ['object', 'null'],
  properties: { reason: ReasonName },
  additionalProperties: false,
});

export const ServerBody = Type.Object(
  {
    certificate: Pem(131_072, "PEM chain: the server's certificate first, each issued by the next"),
    private_key: Pem(16_384, 'PEM, without a password; never read back'),
  },
  { additionalProperties: false },
);
export type ServerBody = Type.Static<typeof ServerBody>;

export const AuthoritiesBody = Type.Object(
  {
    authorities: Type.Array(
      Type.Object(
        {
          pem: Pem(16_384, 'The certificate of the authority'),
          crl_url: Type.Optional(Url),
          ocsp: Type.Boolean({ description: 'Ask the OCSP responder that each certificate names' }),
          ocsp_url: Type.Optional(Url),
          login: Type.Enum([...LOGINS], { description: 'Which name in a certificate is the login' }),
        },
        { additionalProperties: false },
      ),
      { maxItems: MAX_AUTHORITIES },
    ),
    own: Type.Boolean({ description: "Whether certificates of the appliance's CA let people in" }),
    soft_fail: Type.Optional(
      Type.Boolean({ description: 'Accept where it cannot be found out whether a certificate is revoked' }),
    ),
  },
  { additionalProperties: false },
);
export type AuthoritiesBody = Type.Static<typeof AuthoritiesBody>;

const Shown = { subject: Type.String(), fingerprint: Fingerprint, not_before: Time, not_after: Time };

export const SettingsView = Type.Object({
  ca: Type.Object(Shown),
  server: Type.Object({
    ...Shown,
    source: Type.Enum(['own', 'site']),
    issuer: Type.String(),
    names: Type.Array(Type.String()),
  }),
  own: Type.Boolean(),
  soft_fail: Type.Boolean(),
  authorities: Type.Array(
    Type.Object({
      ...Shown,
      pem: Type.String(),
      crl_url: Url,
      ocsp: Type.Boolean(),
      ocsp_url: Url,
      login: Type.Enum([...LOGINS]),
      crl: Type.Unsafe<{ entries: number; next_update: string | null; error: string | null } | null>({
        type: ['object', 'null'],
        properties: {
          entries: { type: 'integer' },
          next_update: { type: ['string', 'null'], format: 'date-time' },
          error: { type: ['string', 'null'] },
        },
        required: ['entries', 'next_update', 'error'],
      }),
      warnings: Type.Array(Type.String(), { description: 'What is allowed and not advised' }),
    }),
  ),
});
export type SettingsView = Type.Static<typeof SettingsView>;
