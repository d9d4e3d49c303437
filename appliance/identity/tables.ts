import type { Role } from '../http/index.ts';

/** Rows of identity. Times are RFC 3339 in UTC with milliseconds (so their text sorts), lists are JSON. */
export interface UserRow {
  id: string;
  username: string;
  /** Empty where there is none. */
  email: string;
  name: string;
  role: Role;
  /** Network ids, as JSON. */
  authorized_networks: string;
  /** Argon2id in PHC string format; null for a user who signs in elsewhere. */
  password_hash: string | null;
  /** Counts the passwords that were set: a sign-in that began with an older one is refused. */
  password_version: number;
  created_at: string;
  updated_at: string;
  last_login_at: string | null;
  /** Sealed; null where the user has none. What RADIUS methods check that need a password in the clear (CHAP, MS-CHAP). */
  network_password: string | null;
}

/** A label on a user; policies match on it. */
export interface UserGroupRow {
  user_id: string;
  name: string;
  /** The name as it is compared: one group, however it is written. */
  name_key: string;
}

/** What a user may type to sign in, lower-case: user name and email, unique over both. */
interface UserNameRow {
  name: string;
  user_id: string;
}

interface UserSessionRow {
  /** SHA-256 of the session hash that the client holds. */
  hash: string;
  user_id: string;
  created_at: string;
  expires_at: string;
}

export interface ApiTokenRow {
  id: string;
  /** SHA-256 of the token. */
  hash: string;
  user_id: string;
  name: string;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
}

/** One row: what a new user gets when its maker doesn't say. */
export interface DefaultPermissionsRow {
  id: 1;
  role: Role;
  authorized_networks: string;
}

export interface IdentityTables {
  users: UserRow;
  user_names: UserNameRow;
  user_groups: UserGroupRow;
  user_sessions: UserSessionRow;
  api_tokens: ApiTokenRow;
  default_permissions: DefaultPermissionsRow;
}
