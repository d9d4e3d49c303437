import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigError } from './error.ts';
import type { ConfigFile } from './file.ts';
import type { Given } from './index.ts';

/** Sign-in by OpenID Connect. */
export interface AuthConfig {
  /** The provider's issuer identifier: https, or http on this machine. */
  issuer: string;
  clientId: string;
  /** Undefined for a public client. */
  clientSecret: string | undefined;
  /** With `openid`. */
  scopes: readonly string[];
  /** The claim that holds a person's groups; a dotted name looks into objects. */
  groupsClaim: string;
  /** Whose members are administrators; undefined leaves roles to the appliance. */
  adminGroup: string | undefined;
  /** Whose members may sign in; undefined is everybody whom the provider knows. */
  userGroup: string | undefined;
  /** Where the provider may send people back to; undefined is the appliance's own origin. */
  redirectUris: readonly string[] | undefined;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
/** RFC 6749, section 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** The `auth` part of the settings, checked; undefined when there is none. */
export function readAuth(
  given: { issuer: Given | undefined; clientId: Given | undefined; clientSecret: Given | undefined },
  file: ConfigFile,
  folder: string,
): AuthConfig | undefined {
  const settings = file.settings.auth;
  const { issuer, clientId, clientSecret } = given;
  if (!settings && !issuer && !clientId && !clientSecret) return undefined;
  if (!issuer?.value) throw missing('issuer', 'GATEHOUSE_AUTH_ISSUER', 'https://id.example');
  if (!clientId?.value) throw missing('client_id', 'GATEHOUSE_AUTH_CLIENT_ID', 'gatehouse');
  checkUrl(issuer, 'https://id.example');
  const scopes = settings?.scopes ?? ['openid', 'profile', 'email'];
  const where = (key: string) => file.where('auth', key);
  if (!scopes.includes('openid') || !scopes.every((scope) => SCOPE.test(scope))) {
    throw new ConfigError(
      `${where('scopes')} must be a list of scopes with openid among them, for example [openid, profile, email].`,
    );
  }
  const text = (key: 'groups_claim' | 'admin_group' | 'user_group'): string | undefined => {
    if (settings?.[key] === '')
      throw new ConfigError(`${where(key)} is empty: write a name, or leave the setting out.`);
    return settings?.[key];
  };
  const redirectUris = settings?.redirect_uris;
  for (const value of redirectUris ?? []) {
    checkUrl({ value, where: where('redirect_uris') }, 'https://gatehouse.example/callback');
    // What the provider compares is the text, and what is sent to it is the normal form.
    const { href } = new URL(value);
    if (href !== value) throw new ConfigError(`${where('redirect_uris')} has ${value}: write it as ${href}`);
  }
  return {
    issuer: issuer.value,
    clientId: clientId.value,
    clientSecret: secretOf(clientSecret, file, folder),
    scopes: [...new Set(scopes)],
    groupsClaim: text('groups_claim') ?? 'groups',
    adminGroup: text('admin_group'),
    userGroup: text('user_group'),
    redirectUris,
  };
}

const missing = (key: string, variable: string, example: string): ConfigError =>
  new ConfigError(`Sign-in by OpenID Connect needs auth.${key} (or ${variable}), for example ${example}.`);

/** https, or http to this machine: what crosses a network in the clear proves nothing about a person. */
function checkUrl({ value, where }: Given, example: string): void {
  const url = URL.parse(value);
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.test(url.hostname));
  if (!url || !safe || url.username || url.password || /[?#]/.test(value)) {
    // A URL may hold a password.
    const shown = value.includes('@') ? 'a URL with a user' : JSON.stringify(value.slice(0, 200));
    throw new ConfigError(
      `${where} is ${shown}, not an https:// URL without user, query and fragment ` +
        `(http:// is for this machine only). For example ${example}.`,
    );
  }
}

function secretOf(given: Given | undefined, file: ConfigFile, folder: string): string | undefined {
  const name = file.settings.auth?.client_secret_file;
  if (given && name !== undefined && file.settings.auth?.client_secret !== undefined) {
    throw new ConfigError(
      `${file.where('auth', 'client_secret_file')}: auth.client_secret is set too: give one of them.`,
    );
  }
  if (given || name === undefined) return given?.value || undefined;
  const where = `${file.where('auth', 'client_secret_file')} is ${JSON.stringify(name)}`;
  let secret: string;
  try {
    secret = readFileSync(path.resolve(folder, name), 'utf8').trim();
  } catch (error) {
    throw new ConfigError(`${where}, which cannot be read: ${(error as Error).message}.`);
  }
  if (secret === '' || secret.length > 4096) throw new ConfigError(`${where}, which holds no client secret.`);
  return secret;
}
