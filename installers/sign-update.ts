import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** The descriptions that electron-builder writes beside its packages. */
const DESCRIPTION = /^(latest|beta)(-mac|-linux|-linux-arm64)?\.yml$/;
const PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----/g;

const USAGE = `usage: node installers/sign-update.ts <folder>          signs the releases of a folder
       node installers/sign-update.ts --new-key <file>  makes a key, and prints its public half

The key is PEM (Ed25519): in GATEHOUSE_UPDATE_SIGNING_KEY, or in the file that
GATEHOUSE_UPDATE_SIGNING_KEY_FILE names. Two keys one after the other sign both, while one replaces the other.`;

type Environment = Readonly<Record<string, string | undefined>>;

/** Base64 of the 32 bytes of a public key (RFC 8032): what GATEHOUSE_UPDATE_KEY takes as the app is built. */
export function publicHalf(key: KeyObject): string {
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  return Buffer.from(x!, 'base64url').toString('base64');
}

/** The signing keys of an environment. Throws where there is none, or one of another kind. */
export function signingKeys(env: Environment): KeyObject[] {
  const file = env.GATEHOUSE_UPDATE_SIGNING_KEY_FILE;
  const text = env.GATEHOUSE_UPDATE_SIGNING_KEY ?? (file === undefined ? '' : readFileSync(file, 'utf8'));
  const keys = (text.match(PEM) ?? []).map((pem) => createPrivateKey(pem));
  if (keys.length === 0) throw new Error(`there is no signing key\n\n${USAGE}`);
  if (keys.some(({ asymmetricKeyType }) => asymmetricKeyType !== 'ed25519')) {
    throw new Error('the signing key is not Ed25519: --new-key makes one');
  }
  return keys;
}

/**
 * Writes `<name>.sig` beside each description of a folder: a line of base64 for each key, over the exact bytes of the
 * file. Returns the names. Throws where a package that a description names isn't there, since people would wait for it.
 */
export function signFolder(folder: string, keys: readonly KeyObject[]): string[] {
  const names = readdirSync(folder).filter((name) => DESCRIPTION.test(name));
  if (names.length === 0) throw new Error(`there is no latest*.yml or beta*.yml in ${folder}`);
  for (const name of names) {
    const bytes = readFileSync(path.join(folder, name));
    for (const [, url] of bytes.toString('utf8').matchAll(/^\s*-?\s*url: (.+)$/gm)) {
      if (!existsSync(path.join(folder, path.basename(url!.trim()))))
        throw new Error(`${name} names ${url}: not there`);
    }
    const lines = keys.map((key) => `${sign(null, bytes, key).toString('base64')}\n`);
    writeFileSync(path.join(folder, `${name}.sig`), lines.join(''));
  }
  return names;
}

function newKey(file: string): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  return publicHalf(privateKey);
}

export function main(args: readonly string[], env: Environment, out: (line: string) => void): void {
  const [first, file] = args;
  if (first === '--new-key' && file !== undefined) {
    out(`GATEHOUSE_UPDATE_KEY=${newKey(file)}`);
    return;
  }
  if (first === undefined || first.startsWith('-') || args.length > 1) throw new Error(USAGE);
  const keys = signingKeys(env);
  for (const name of signFolder(first, keys)) out(`signed ${name}`);
  out(`by ${keys.map(publicHalf).join(' and ')}`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    main(process.argv.slice(2), process.env, (line) => process.stdout.write(`${line}\n`));
  } catch (error) {
    process.stderr.write(`sign-update: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
