import type { Nas, Source } from '../types.ts';

/** A realm as the server keeps it in memory. */
export interface RealmEntry {
  id: string;
  /** Lower-case; `*` is any other realm, empty is none. */
  name: string;
  strip: boolean;
  source: Source;
  accounting: boolean;
}

/** Where a login belongs. */
export interface Resolved {
  /** Without its realm where that is to be stripped. */
  login: string;
  /** The realm of the login as it was written, in lower case, where one is configured for it. */
  realm: string | undefined;
  source: Source;
  /** Whether accounting is forwarded to the upstreams of `source`. */
  accounting: boolean;
}

const LOCAL: Source = { kind: 'local' };

/** A realm as it is compared. */
export const realmKey = (name: string): string => name.normalize('NFC').toLowerCase();

/** The two ways to write a realm: `user@realm` (RFC 7542: what follows the last @) and `REALM\user`. */
function* candidates(login: string): Generator<{ user: string; realm: string }> {
  const at = login.lastIndexOf('@');
  if (at >= 0 && at < login.length - 1) yield { user: login.slice(0, at), realm: realmKey(login.slice(at + 1)) };
  const slash = login.indexOf('\\');
  if (slash > 0) yield { user: login.slice(slash + 1), realm: realmKey(login.slice(0, slash)) };
}

/**
 * Finds the realm of a login, and where it is authenticated. A realm by name goes before `*`, a suffix before a prefix.
 * A login with a realm that isn't configured stays whole and local. A NAS's own source goes before the realm's.
 */
export function resolve(
  realms: ReadonlyMap<string, RealmEntry>,
  login: string,
  nas: Pick<Nas, 'source'> | undefined,
): Resolved {
  const found = [...candidates(login)];
  const named = found.find(({ realm }) => realms.has(realm) && realm !== '*') ?? found[0];
  const entry = named ? (named.realm !== '*' && realms.get(named.realm)) || realms.get('*') : realms.get('');
  const source = nas?.source ?? entry?.source ?? LOCAL;
  return {
    // A name of nothing is none: `@example.com` is an anonymous outer identity (RFC 7542, section 2.4).
    login: entry?.strip && named && named.user !== '' ? named.user : login,
    realm: entry && named ? named.realm : undefined,
    source,
    accounting: source.kind === 'proxy' && (entry?.accounting ?? nas?.source !== undefined),
  };
}
