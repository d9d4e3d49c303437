import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { parse } from 'yaml';

/** In the data folder; nothing is served while it isn't there. */
export const UPDATES_FOLDER = 'updates';

/** What is served: plain names, none of them hidden. */
export const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$/;
const DESCRIPTION_NAME = /^[a-z0-9-]{1,40}\.yml$/;
const MAX_DESCRIPTION = 64 * 1024;
/** Descriptions are signed for 90 days, unless told otherwise; this much earlier it is time to sign again. */
const SOON_MS = 14 * 86_400_000;

/** What electron-builder and signing write; only what is listed. */
const Description = Compile(
  Type.Object({
    version: Type.String({ maxLength: 64 }),
    releaseDate: Type.Optional(Type.String({ maxLength: 40 })),
    expires: Type.Optional(Type.String({ maxLength: 40 })),
    files: Type.Array(Type.Object({ url: Type.String({ maxLength: 200 }), size: Type.Optional(Type.Integer()) }), {
      maxItems: 32,
    }),
  }),
);

/** One release that is laid out for apps: a `latest*.yml` or `beta*.yml`. */
export interface ReleaseListing {
  /** Of its description. */
  name: string;
  /** Null where the description can't be read. */
  version: string | null;
  released: string | null;
  /** Until when apps believe it that nothing newer is out. */
  expires: string | null;
  /** Whether a signature lies beside it; apps take nothing without one. */
  signed: boolean;
  files: { name: string; bytes: number | null }[];
  /** What keeps apps from taking it, or makes them say that they know nothing. */
  problems: string[];
  /** What will soon. */
  warnings: string[];
}

/** The releases of a folder as they stand at `now`; null where the folder isn't there. */
export function listReleases(folder: string, now: Date = new Date()): ReleaseListing[] | null {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  return names
    .filter((name) => DESCRIPTION_NAME.test(name))
    .sort()
    .map((name) => listed(folder, name, now));
}

function listed(folder: string, name: string, now: Date): ReleaseListing {
  const signed = sizeOf(folder, `${name}.sig`) !== null;
  const problems = signed ? [] : ['it has no signature'];
  const description = read(folder, name);
  if (!description) {
    const nothing = { version: null, released: null, expires: null, files: [], warnings: [] };
    return { name, ...nothing, signed, problems: [...problems, "it can't be read"] };
  }
  const { expires = null } = description;
  const left = expires === null ? Number.NaN : Date.parse(expires) - now.getTime();
  if (Number.isNaN(left)) problems.push('it does not say until when it counts: sign it again');
  else if (left <= 0) problems.push('what it says has ended: sign it again');
  const files = description.files.map(({ url, size }) => {
    const bytes = FILE_NAME.test(url) ? sizeOf(folder, url) : null;
    if (bytes === null) problems.push(`${url} is not there`);
    else if (size !== undefined && size !== bytes) problems.push(`${url} has ${bytes} bytes, not ${size}`);
    return { name: url, bytes };
  });
  const days = Math.ceil(left / 86_400_000);
  const warnings =
    left > 0 && left <= SOON_MS ? [`it counts for ${days} more day${days === 1 ? '' : 's'}: sign it again`] : [];
  const { version, releaseDate: released = null } = description;
  return { name, version, released, expires, signed, files, problems, warnings };
}

function read(folder: string, name: string) {
  try {
    if ((sizeOf(folder, name) ?? MAX_DESCRIPTION + 1) > MAX_DESCRIPTION) return null;
    const text = readFileSync(path.join(folder, name), 'utf8');
    const value: unknown = parse(text, { maxAliasCount: 0, logLevel: 'error' });
    return Description.Check(value) ? value : null;
  } catch {
    return null;
  }
}

/** Of a plain file; null for anything else, which isn't served either. */
function sizeOf(folder: string, name: string): number | null {
  const stat = lstatSync(path.join(folder, name), { throwIfNoEntry: false });
  return stat?.isFile() ? stat.size : null;
}
