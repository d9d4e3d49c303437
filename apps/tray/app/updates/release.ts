import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { parse } from 'yaml';
import { compareVersions, isPrerelease, isVersion } from './version.ts';

export type Channel = 'stable' | 'beta';
/** How this copy was installed, which is also how it is replaced. */
export type PackageKind = 'nsis' | 'pkg' | 'deb' | 'rpm' | 'appimage';

const EXTENSIONS: Record<PackageKind, string> = {
  nsis: 'exe',
  pkg: 'pkg',
  deb: 'deb',
  rpm: 'rpm',
  appimage: 'AppImage',
};

/** A release's description is about 1 KiB. */
export const MAX_DESCRIPTION = 64 * 1024;
/** A line of 88 characters for each key. */
export const MAX_SIGNATURE = 512;
/** An installer is about 200 MB. */
const MAX_FILE = 2 ** 31;

const INSTANT = '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{3})?Z$';

/** What electron-builder writes to `latest*.yml`, and what signing adds (`expires`); what isn't named here is left out of what electron-updater sees. */
const Description = Compile(
  Type.Object({
    version: Type.String(),
    // Plain names beside the description: no address, no folder.
    files: Type.Array(
      Type.Object({
        url: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$' }),
        sha512: Type.String({ pattern: '^[A-Za-z0-9+/]{86}==$' }),
        size: Type.Integer({ minimum: 1, maximum: MAX_FILE }),
        blockMapSize: Type.Optional(Type.Integer({ minimum: 1, maximum: 16 * 1024 * 1024 })),
        isAdminRightsRequired: Type.Optional(Type.Boolean()),
      }),
      { minItems: 1, maxItems: 32 },
    ),
    releaseDate: Type.String({ pattern: INSTANT }),
    expires: Type.Optional(Type.String({ pattern: INSTANT })),
  }),
);

/** A file to install, as the release's description names it. */
export interface ReleaseFile {
  url: string;
  /** Base64. */
  sha512: string;
  /** Bytes. */
  size: number;
  blockMapSize?: number;
  isAdminRightsRequired?: boolean;
}

/** What is left of a description once it is verified: the one file for this copy. */
export interface Release {
  version: string;
  releaseDate: string;
  /** Until when its maker vouches that nothing newer is out, RFC 3339. */
  expires: string;
  file: ReleaseFile;
}

/** The newest release that was seen on a channel; `expires` is the latest that was signed for it. */
export type Seen = Pick<Release, 'version' | 'releaseDate' | 'expires'>;

/** Why an update isn't taken; the message is for people. */
export class UpdateError extends Error {
  override name = 'UpdateError';
}

/** Name of the description as electron-builder writes it: `latest-linux-arm64.yml`. */
export function descriptionName(channel: Channel, platform: string, arch: string): string {
  const system = { darwin: '-mac', linux: arch === 'x64' ? '-linux' : `-linux-${arch}` }[platform] ?? '';
  return `${channel === 'stable' ? 'latest' : 'beta'}${system}.yml`;
}

/** The public keys of releases: base64 of 32 bytes each (RFC 8032), separated by commas. Throws on anything else. */
export function parseKeys(text: string): KeyObject[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      if (!/^[A-Za-z0-9+/]{43}=$/.test(part)) throw new UpdateError('the key of releases is not 32 bytes in base64');
      const x = Buffer.from(part, 'base64').toString('base64url');
      return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    });
}

/**
 * Whether a signature file fits the exact bytes of a description: a line of base64 (64 bytes, Ed25519) for each key that
 * signed, of which one has to be by a key that is known here.
 */
export function isSigned(description: Uint8Array, signature: string, keys: readonly KeyObject[]): boolean {
  const lines = signature.split(/\r?\n/).filter((line) => /^[A-Za-z0-9+/]{86}==$/.test(line));
  return lines
    .slice(0, 4)
    .some((line) => keys.some((key) => verify(null, description, key, Buffer.from(line, 'base64'))));
}

export interface Trust {
  keys: readonly KeyObject[];
  channel: Channel;
  kind: PackageKind;
  arch: string;
  /** The newest release seen on this channel. */
  seen: Seen | undefined;
}

/**
 * A description whose signature is right, and that isn't older than what was seen before (a feed that goes back in time
 * is an attacker's, or a mistake's). Expired or not: see `staleSince`. Throws `UpdateError`.
 */
export function verifyRelease(description: Uint8Array, signature: string, trust: Trust): Release {
  if (!isSigned(description, signature, trust.keys)) {
    throw new UpdateError('the update is not signed by the maker of this app, so it was not taken');
  }
  const { version, releaseDate, expires, files } = parseDescription(description);
  if (trust.channel === 'stable' && isPrerelease(version)) {
    throw new UpdateError(`${version} is a test version; this app takes finished versions only`);
  }
  if (trust.seen && isOlder({ version, releaseDate }, trust.seen)) {
    const { seen } = trust;
    throw new UpdateError(`the server offers ${version}, older than ${seen.version} that it offered before`);
  }
  const file = files.find(({ url }) => isFor(url, trust));
  if (!file)
    throw new UpdateError(`version ${version} has no package for this computer (${trust.kind}, ${trust.arch})`);
  return { version, releaseDate, expires, file };
}

/** What is to be remembered after `release`: the newest release, and of one that was signed again the later end. */
export function newest(seen: Seen | undefined, { version, releaseDate, expires }: Release): Seen {
  if (!seen || isOlder(seen, { version, releaseDate })) return { version, releaseDate, expires };
  return Date.parse(expires) > Date.parse(seen.expires) ? { ...seen, expires } : seen;
}

/**
 * Since when nothing is known of newer releases (RFC 3339): the last word of their maker has ended. Whoever holds the
 * folder or the way to it can repeat an old description, or say nothing, but no longer than this unnoticed ("freeze
 * attack", The Update Framework 1.0, section 5.4.4). Undefined while the word holds, and before there was one.
 */
export const staleSince = (seen: Seen | undefined, now: Date): string | undefined =>
  seen && Date.parse(seen.expires) <= now.getTime() ? seen.expires : undefined;

type Dated = Pick<Seen, 'version' | 'releaseDate'>;

/** By version; of the same version by date. */
const isOlder = (a: Dated, b: Dated): boolean => {
  const order = compareVersions(a.version, b.version);
  return order < 0 || (order === 0 && Date.parse(a.releaseDate) < Date.parse(b.releaseDate));
};

/** Processors as package formats name them; `universal` is every Mac. */
const ARCHES: Record<string, readonly string[]> = {
  x64: ['x64', 'amd64', 'x86_64', 'universal'],
  arm64: ['arm64', 'aarch64', 'universal'],
};

/** `Gatehouse-1.2.0-linux-amd64.deb` is for deb on x64. */
function isFor(name: string, { kind, arch }: Pick<Trust, 'kind' | 'arch'>): boolean {
  return (ARCHES[arch] ?? []).some((word) => name.endsWith(`-${word}.${EXTENSIONS[kind]}`));
}

function parseDescription(bytes: Uint8Array) {
  let value: unknown;
  try {
    // 'silent' would take what has errors, a key that stands twice among them.
    value = parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes), { maxAliasCount: 0, logLevel: 'error' });
  } catch {
    throw new UpdateError('the description of the update is not valid YAML');
  }
  if (!Description.Check(value) || !isVersion(value.version) || !isInstant(value.releaseDate)) {
    throw new UpdateError('the description of the update has not the form that this app knows');
  }
  // Else whoever holds the folder could take one of before there was an end, and hold on to it for ever.
  if (value.expires === undefined || !isInstant(value.expires)) {
    throw new UpdateError('the description of the update does not say until when it counts, so it was not taken');
  }
  // A newer maker may add fields; electron-updater is handed none that weren't checked.
  const files = value.files.map(({ url, sha512, size, blockMapSize, isAdminRightsRequired }) => ({
    url,
    sha512,
    size,
    ...(blockMapSize !== undefined && { blockMapSize }),
    ...(isAdminRightsRequired !== undefined && { isAdminRightsRequired }),
  }));
  return { version: value.version, releaseDate: value.releaseDate, expires: value.expires, files };
}

const isInstant = (text: string): boolean => !Number.isNaN(Date.parse(text));
