import Type, { type TSchema } from 'typebox';
import { GROUP_PATTERN, MAX_GROUP_NAME, MAX_GROUPS } from './groups.ts';

/** The numbers of identity's limits. */
export const MAX_SESSIONS = 100;
export const MAX_TOKENS = 100;
export const SESSION_SECONDS = 30 * 24 * 3600;
const MAX_NETWORKS = 1000;

const Failure = Type.Object({ error: Type.String() });

/** The answers of a route: its success, and the error format for whatever fails. */
export const answers = <S extends Record<number, TSchema>>(success: S) => ({
  ...success,
  '4xx': Failure,
  502: Failure,
  503: Failure,
});

/** RFC 9457. */
const Problem = Type.Object(
  { type: Type.String(), title: Type.String(), status: Type.Integer(), detail: Type.String() },
  { additionalProperties: true },
);
/** The answers of a route of the site API: its success, and a problem for whatever fails. */
export const problems = <S extends Record<number, TSchema>>(success: S) => ({ ...success, '4xx': Problem });
export const Nothing = Type.Null({ description: 'No content' });

/** OpenAPI: a route that needs no credentials. */
export const OPEN = { security: [] };

const Time = Type.String({ format: 'date-time' });
const TimeOrNull = Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'date-time' });

const RoleName = Type.Enum(['administrator', 'user']);
const NetworkIds = Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: MAX_NETWORKS });
export const MAX_USERNAME = 64;
export const USERNAME_PATTERN = '^[A-Za-z0-9._@-]+$';
const Username = Type.String({
  minLength: 1,
  maxLength: MAX_USERNAME,
  pattern: USERNAME_PATTERN,
  description: 'Letters, digits and . _ @ -; upper and lower case are the same name',
});
export const MAX_EMAIL = 254;
export const EMAIL_PATTERN = '^([^\\s@]+@[^\\s@]+)?$';
const Email = Type.String({ maxLength: MAX_EMAIL, pattern: EMAIL_PATTERN, description: 'May be empty' });
export const MAX_NAME = 128;
export const NAME_PATTERN = '^[^\\u0000-\\u001f\\u007f]*$';
const Name = Type.String({ maxLength: MAX_NAME, pattern: NAME_PATTERN });
export const MIN_PASSWORD = 8;
export const MAX_PASSWORD = 1024;
const NewPassword = Type.String({ minLength: MIN_PASSWORD, maxLength: MAX_PASSWORD });
/** A password to check: its shape tells nothing about the stored one. */
const GivenPassword = Type.String({ maxLength: MAX_PASSWORD });

export const User = Type.Object({
  id: Type.String(),
  username: Type.String(),
  email: Type.String(),
  name: Type.String(),
  role: RoleName,
  authorized_networks: Type.Array(Type.String()),
  created_at: Time,
  updated_at: Time,
  last_login_at: TimeOrNull,
});
export type User = Type.Static<typeof User>;

export const NewUser = Type.Object(
  {
    username: Username,
    password: NewPassword,
    email: Type.Optional(Email),
    name: Type.Optional(Name),
    role: Type.Optional(RoleName),
    authorized_networks: Type.Optional(NetworkIds),
  },
  { additionalProperties: false },
);
export type NewUser = Type.Static<typeof NewUser>;

export const UserChange = Type.Object({
  name: Type.Optional(Name),
  role: Type.Optional(RoleName),
  authorized_networks: Type.Optional(NetworkIds),
  email: Type.Optional(Email),
  password: Type.Optional(NewPassword),
});
export type UserChange = Type.Static<typeof UserChange>;

export const DefaultPermissions = Type.Object({
  default_role: RoleName,
  default_authorized_networks: NetworkIds,
});
export type DefaultPermissions = Type.Static<typeof DefaultPermissions>;
export const DefaultPermissionsChange = Type.Partial(DefaultPermissions);

export const PasswordChange = Type.Object(
  { current_password: GivenPassword, new_password: NewPassword },
  { additionalProperties: false },
);

export const Credentials = Type.Object({
  username: Type.String({ maxLength: 254, description: 'User name or email' }),
  password: GivenPassword,
});
export const Session = Type.Object({
  session_hash: Type.String(),
  expires_in: Type.Integer({ description: 'Seconds' }),
});
/** Where the provider sends people back to. */
const RedirectUri = Type.String({ minLength: 1, maxLength: 2048 });
export const AuthConfig = Type.Object({
  enabled: Type.Boolean({ description: 'OIDC' }),
  issuer_url: Type.String(),
  client_id: Type.String(),
  simple_auth: Type.Boolean({ description: 'User name and password' }),
  authorization_endpoint: Type.Optional(
    Type.String({ description: 'With OIDC; empty while the provider does not answer' }),
  ),
  scope: Type.Optional(Type.String({ description: 'With OIDC' })),
});
export const StartQuery = Type.Object({ redirect_uri: RedirectUri });
export const Started = Type.Object({
  authorization_url: Type.String(),
  state: Type.String({ description: 'Comes back at redirect_uri; goes into POST /auth/token' }),
  expires_in: Type.Integer({ description: 'Seconds' }),
});
export const CodeExchange = Type.Object({
  code: Type.String({ minLength: 1, maxLength: 4096 }),
  redirect_uri: RedirectUri,
  state: Type.Optional(Type.String({ maxLength: 256, description: 'Of a sign-in begun with GET /auth/start' })),
  code_verifier: Type.Optional(
    Type.String({ pattern: '^[A-Za-z0-9._~-]{43,128}$', description: 'Of a sign-in that the client began itself' }),
  ),
  nonce: Type.Optional(
    Type.String({ minLength: 1, maxLength: 256, description: 'Of a sign-in that the client began itself' }),
  ),
});
export const LogoutBody = Type.Unsafe<{ session_hash?: string | null } | null>({
  type: ['object', 'null'],
  properties: { session_hash: { type: ['string', 'null'] } },
});

const tokenFields = {
  created_at: Time,
  expires_at: TimeOrNull,
  last_used_at: TimeOrNull,
};
export const ApiToken = Type.Object({ id: Type.String(), name: Type.String(), ...tokenFields });
export type ApiToken = Type.Static<typeof ApiToken>;
export const ShownToken = Type.Object({
  id: Type.String(),
  name: Type.String(),
  token: Type.String({ description: 'Shown this once' }),
  ...tokenFields,
});
export const NewToken = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100 }),
    expires_at: Type.Optional(
      Type.Unsafe<string | null>({
        type: ['string', 'null'],
        description: 'RFC 3339; without it the token never expires',
      }),
    ),
  },
  { additionalProperties: false },
);

/** The site API's lists. */
export const MAX_PAGE = 1000;
export const Groups = Type.Array(
  Type.String({
    minLength: 1,
    maxLength: MAX_GROUP_NAME,
    pattern: GROUP_PATTERN,
    description: 'Letters, digits and space . _ -',
  }),
  { maxItems: MAX_GROUPS },
);
/** A user as the site API shows it. */
export const Person = Type.Object({
  id: Type.String(),
  username: Type.String(),
  email: Type.String(),
  name: Type.String(),
  role: RoleName,
  groups: Type.Array(Type.String()),
  network_password_set: Type.Boolean(),
  created_at: Time,
  updated_at: Time,
});
export type Person = Type.Static<typeof Person>;
