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

/** What electron-builder writes; only what is listed. */
const Description = Compile(
  Type.Object({
    version: Type.String({ maxLength: 64 }),
    releaseDate: Type.Optional(Type.String({ maxLength: 40 })),
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
  /** Whether a signature lies beside it; apps take nothing without one. */
  signed: boolean;
  files: { name: string; bytes: number | null }[];
  /** What keeps apps from taking it. */
  problems: string[];
}

/** The releases of a folder; null where the folder isn't there. */
export function listReleases(folder: string): ReleaseListing[] | null {
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
    .map((name) => listed(folder, name));
}

function listed(folder: string, name: string): ReleaseListing {
  const signed = sizeOf(folder, `${name}.sig`) !== null;
  const problems = signed ? [] : ['it has no signature'];
  const description = read(folder, name);
  if (!description) {
    return { name, version: null, released: null, signed, files: [], problems: [...problems, "it can't be read"] };
  }
  const files = description.files.map(({ url, size }) => {
    const bytes = FILE_NAME.test(url) ? sizeOf(folder, url) : null;
    if (bytes === null) problems.push(`${url} is not there`);
    else if (size !== undefined && size !== bytes) problems.push(`${url} has ${bytes} bytes, not ${size}`);
    return { name: url, bytes };
  });
  return { name, version: description.version, released: description.releaseDate ?? null, signed, files, problems };
}

function read(folder: string, name: string) {
  try {
    if ((sizeOf(folder, name) ?? MAX_DESCRIPTION + 1) > MAX_DESCRIPTION) return null;
    const text = readFileSync(path.join(folder, name), 'utf8');
    const value: unknown = parse(text, { maxAliasCount: 0, logLevel: 'silent' });
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
