import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

/** The descriptions that electron-builder writes beside its packages. */
const DESCRIPTION = /^(latest|beta)(-mac|-linux|-linux-arm64)?\.yml$/;
/** What an appliance serves. */
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$/;
const PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----/g;

/** How long a description counts: until then it is to be signed again, or apps say that nothing is known. */
const DAYS = { usual: 90, most: 730 };

const USAGE = `usage: node installers/sign-update.ts [--days <n>] [--renew] <folder>
                          signs the releases of a folder, for ${DAYS.usual} days unless told otherwise
       node installers/sign-update.ts --new-key <file>
                          makes a key, and prints its public half

  --days <n>   until when the descriptions count (1 to ${DAYS.most} days from now); sign again before that
  --renew      signs again what this key has signed before: the packages needn't lie there

The key is PEM (Ed25519): in GATEHOUSE_UPDATE_SIGNING_KEY, or in the file that
GATEHOUSE_UPDATE_SIGNING_KEY_FILE names. Two keys one after the other sign both, while one replaces the other.`;

type Environment = Readonly<Record<string, string | undefined>>;

/** Base64 of the 32 bytes of a public key (RFC 8032): what GATEHOUSE_UPDATE_KEY takes as the app is built. */
export function publicHalf(key: KeyObject): string {
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  return Buffer.from(x!, 'base64url').toString('base64');
}

/** The signing keys of an environment; an empty variable counts as unset. Throws, saying what to do, where one is no good. */
export function signingKeys(env: Environment): KeyObject[] {
  const file = env.GATEHOUSE_UPDATE_SIGNING_KEY_FILE;
  const from = env.GATEHOUSE_UPDATE_SIGNING_KEY ? 'GATEHOUSE_UPDATE_SIGNING_KEY' : file;
  if (!from) throw new Error(`there is no signing key\n\n${USAGE}`);
  const keys = ((env.GATEHOUSE_UPDATE_SIGNING_KEY || readKeys(from)).match(PEM) ?? []).map((pem) => readKey(pem, from));
  if (keys.length === 0) throw new Error(`there is no private key in PEM in ${from}: --new-key makes one`);
  return keys;
}

function readKeys(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`GATEHOUSE_UPDATE_SIGNING_KEY_FILE names ${file}, and ${reason(error)}`);
  }
}

function readKey(pem: string, from: string): KeyObject {
  if (/ENCRYPTED/.test(pem)) {
    throw new Error(
      `the key in ${from} has a passphrase: take it off first, with openssl pkey -in <file> -out <new file>`,
    );
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new Error(`the key in ${from} is damaged: copy it whole, from its BEGIN line to its END line`);
  }
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`the key in ${from} is not Ed25519: --new-key makes one`);
  return key;
}

export interface Signing {
  keys: readonly KeyObject[];
  /** Until when the descriptions count. */
  expires: Date;
  /** Of what one of the keys has signed before; else the packages have to lie there. */
  renew?: boolean;
}

/**
 * Writes into each description of a folder until when it counts, and beside it `<name>.sig`: a line of base64 for each
 * key, over the exact bytes of the file. Returns a line of each. Throws, and changes none, where a package isn't as its
 * description says: every app would fail after its download.
 */
export function signFolder(folder: string, { keys, expires, renew = false }: Signing): string[] {
  const names = namesIn(folder).filter((name) => DESCRIPTION.test(name));
  if (names.length === 0) throw new Error(`there is no latest*.yml or beta*.yml in ${folder}`);
  const signed = names.map((name) => {
    const bytes = readFileSync(path.join(folder, name));
    const text = bytes.toString('utf8');
    checkForm(name, text);
    const files = describedFiles(name, text);
    if (renew) checkSigned(folder, name, bytes, keys);
    else for (const described of files) checkFile(folder, name, described);
    return { name, text: withEnd(text, expires) };
  });
  for (const { name, text } of signed) {
    const bytes = Buffer.from(text);
    writeFileSync(path.join(folder, name), bytes);
    const lines = keys.map((key) => `${sign(null, bytes, key).toString('base64')}\n`);
    writeFileSync(path.join(folder, `${name}.sig`), lines.join(''));
  }
  return signed.map(({ name, text }) => {
    const value = (key: string) => new RegExp(`^${key}: *'?([^'\\r\\n]*)`, 'm').exec(text)?.[1]?.slice(0, 64) ?? '?';
    const [released, until] = [value('releaseDate'), value('expires')].map((date) => date.slice(0, 10));
    return `${name}: ${value('version')} of ${released}, counts until ${until}`;
  });
}

/** A description with its end, in place of one that it had. */
const withEnd = (text: string, expires: Date): string =>
  `${text.replace(/^expires:.*(?:\r?\n|$)/gm, '').replace(/(?<!\n)$/, '\n')}expires: '${expires.toISOString()}'\n`;

/** Throws where a description was not signed by one of the keys before, as it lies there. */
function checkSigned(folder: string, name: string, bytes: Buffer, keys: readonly KeyObject[]): void {
  const file = path.join(folder, `${name}.sig`);
  const stat = statSync(file, { throwIfNoEntry: false });
  const lines = stat?.isFile() ? readFileSync(file, 'latin1').split(/\r?\n/).slice(0, 4) : [];
  const known = lines.map((line) => Buffer.from(line, 'base64')).filter(({ length }) => length === 64);
  if (known.some((signature) => keys.some((key) => verify(null, bytes, createPublicKey(key), signature)))) return;
  throw new Error(
    `${name} was not signed with this key before, or was changed since: sign it where its packages are, without --renew`,
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new Error(`the folder of the packages is to be ${folder}, and ${reason(error)}`);
  }
}

/** Of a system's error, in words. */
function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is nothing of that name';
  if (code === 'EISDIR') return 'that is a folder';
  if (code === 'ENOTDIR') return 'that is no folder';
  if (code === 'EACCES') return 'you may not read it';
  return message;
}

interface Described {
  url: string;
  /** Base64. */
  sha512: string;
  /** Bytes. */
  size: number;
}

/** A value on its own line: nothing of YAML that begins another node, and quotes that end. */
const VALUE = "(?:'[^']*'|[^&*!|>{}\\[\\]%@`\"'#?\\s-](?:(?! #|: ).)*|\\d+)";
const LINE = new RegExp(
  `^(?:|#.*|files:|([A-Za-z]\\w*): ${VALUE}|  - url: ${VALUE}|    ([A-Za-z]\\w*): ${VALUE}) *\\r?$`,
);

/**
 * Throws where a description isn't laid out as electron-builder does it: what is read here has to be what apps read, who
 * take YAML whole.
 */
function checkForm(name: string, text: string): void {
  const seen = new Set<string>();
  for (const [index, line] of text.split('\n').entries()) {
    const key = /^[A-Za-z]\w*(?=:)/.exec(line)?.[0];
    if (LINE.test(line) && !(key && seen.has(key))) {
      if (key) seen.add(key);
      continue;
    }
    throw new Error(`line ${index + 1} of ${name} is none that electron-builder writes; build it again`);
  }
}

/**
 * The `files` of a description as electron-builder lays it out: one value a line, each file begun by `- url:`. By hand, so
 * that signing needs nothing but Node where the key is. Throws where a file lacks one of the three.
 */
function describedFiles(name: string, text: string): Described[] {
  const block = /^files:[ ]*\r?\n((?:[ -].*(?:\r?\n|$))+)/m.exec(text)?.[1] ?? '';
  const files = block
    .split(/^[ ]*- (?=url:)/m)
    .slice(1)
    .map((entry) => {
      const value = (key: string) => new RegExp(`^ *${key}: *(['"]?)(.+?)\\1 *\\r?$`, 'm').exec(entry)?.[2] ?? '';
      return { url: value('url'), sha512: value('sha512'), size: value('size') };
    });
  if (files.length === 0) throw new Error(`${name} lists no files: electron-builder's descriptions do; build it again`);
  return files.map(({ url, sha512, size }) => {
    if (!FILE_NAME.test(url)) throw new Error(`${name} names '${url}', which is no plain name of a file beside it`);
    if (!/^[A-Za-z0-9+/]{86}==$/.test(sha512) || !/^\d{1,15}$/.test(size)) {
      throw new Error(`${name} says no sha512 and size of ${url}: apps would refuse it; build it again`);
    }
    return { url, sha512, size: Number(size) };
  });
}

function checkFile(folder: string, name: string, { url, sha512, size }: Described): void {
  const file = path.join(folder, url);
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat?.isFile()) throw new Error(`${name} names ${url}: not there`);
  const again = 'build both again, or copy the package that belongs to it';
  if (stat.size !== size) throw new Error(`${url} has ${stat.size} bytes, and ${name} says ${size}: ${again}`);
  if (hash('sha512', readFileSync(file), 'base64') !== sha512) {
    throw new Error(`${url} is not the package that ${name} describes (SHA-512 differs): ${again}`);
  }
}

function newKey(file: string): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  try {
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const there = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new Error(there ? `${file} is there already, and no key is written over` : `${file} can't be written`, {
      cause: error,
    });
  }
  return publicHalf(privateKey);
}

function days(text: string): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= DAYS.most) return value;
  throw new Error(`--days takes 1 to ${DAYS.most}, not '${text}'`);
}

export function main(
  args: readonly string[],
  env: Environment,
  out: (line: string) => void,
  now: Date = new Date(),
): void {
  const { values, positionals } = parsed(args);
  const keyFile = values['new-key'];
  if (keyFile && args.length === 2) {
    out(`GATEHOUSE_UPDATE_KEY=${newKey(keyFile)}`);
    return;
  }
  const [folder] = positionals;
  if (!folder || positionals.length > 1 || keyFile !== undefined) throw new Error(USAGE);
  const expires = new Date(now.getTime() + days(values.days ?? String(DAYS.usual)) * 86_400_000);
  const keys = signingKeys(env);
  for (const line of signFolder(folder, { keys, expires, renew: values.renew ?? false })) out(`signed ${line}`);
  out(`by ${keys.map(publicHalf).join(' and ')}`);
}

function parsed(args: readonly string[]) {
  const options = { days: { type: 'string' }, renew: { type: 'boolean' }, 'new-key': { type: 'string' } } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch {
    throw new Error(USAGE);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    main(process.argv.slice(2), process.env, (line) => process.stdout.write(`${line}\n`));
  } catch (error) {
    process.stderr.write(`sign-update: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
