import { readFileSync } from 'node:fs';
import path from 'node:path';
import Type from 'typebox';
import { Check } from 'typebox/value';
import { DATABASE_FILE, KEY_FILE, sha256Hex } from '../store/index.ts';
import { CommandError } from './command.ts';

export const MANIFEST_FILE = 'manifest.json';
export const CONFIG_FILE = 'gatehouse.yaml';
/** The sealed log, in the data folder. */
export const LOGS_FOLDER = 'logs';
/** The certificate of its own, and the authority that devices hold on to. */
export const TLS_FILES = ['tls/cert.pem', 'tls/key.pem', 'tls/ca.pem', 'tls/ca-key.pem'] as const;
/** What a backup may hold, besides its manifest; names are relative to the folder. */
export const BUNDLE_FILES = [DATABASE_FILE, KEY_FILE, CONFIG_FILE, ...TLS_FILES] as const;
export type BundleFile = (typeof BUNDLE_FILES)[number];

const Manifest = Type.Object({
  format: Type.Literal(1),
  version: Type.String(),
  created: Type.String(),
  database: Type.Union([Type.Literal('sqlite'), Type.Literal('postgres')]),
  /** The sealed log is large, and a copy of its keys would outlive their destruction. */
  logs: Type.Optional(Type.Literal('not included')),
  /** File → SHA-256 in hexadecimal. */
  files: Type.Record(Type.String(), Type.String()),
});
export type Manifest = Type.Static<typeof Manifest>;

/** Reads a backup's manifest and checks every file against it. Throws CommandError. */
export function readBundle(folder: string): { manifest: Manifest; files: BundleFile[] } {
  let manifest: unknown;
  try {
    manifest = JSON.parse(readFileSync(path.join(folder, MANIFEST_FILE), 'utf8'));
  } catch (error) {
    throw new CommandError(`${folder} is not a backup of Gatehouse: ${(error as Error).message}`);
  }
  if (!Check(Manifest, manifest)) {
    throw new CommandError(
      `${folder} is not a backup that this Gatehouse reads: its ${MANIFEST_FILE} has another form`,
    );
  }
  const files = Object.entries(manifest.files).map(([name, hash]) => {
    const known = BUNDLE_FILES.find((file) => file === name); // a name from outside never becomes a path
    if (!known) throw new CommandError(`The backup ${folder} names a file that is none of Gatehouse's: ${name}`);
    let content: Buffer;
    try {
      content = readFileSync(path.join(folder, known));
    } catch (error) {
      throw new CommandError(`The backup ${folder} is not whole: ${(error as Error).message}`);
    }
    if (sha256Hex(content) !== hash) throw new CommandError(`The backup ${folder} is damaged: ${name} was changed`);
    return known;
  });
  return { manifest, files };
}
