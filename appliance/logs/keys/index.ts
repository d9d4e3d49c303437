import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { createFolder, replaceFile, type SecretBox, StoreError, syncFile } from '../../store/index.ts';
import { EMPTY_ROOT } from '../merkle/hash.ts';
import { noteSigner, type Signer, signNote } from '../merkle/note.ts';
import { epochName, parseStatementBody, rawPublicKey, statementBody } from './statement.ts';

export { type Epoch, type EpochStatement, parseStatementBody, verifyStatements } from './statement.ts';

/** `gatehouse/<tenant>/<site>/<edge>`: a signed note's key name has neither white space nor `+`. */
const ORIGIN = /^gatehouse(\/[!-*,-.0-~]+){3}$/;
const MAX_ORIGIN = 200;
/** A checkpoint's text (c2sp.org/tlog-checkpoint), after its origin. */
const SIZE_AND_ROOT = /^(0|[1-9]\d{0,15})\n[A-Za-z0-9+/]{43}=\n$/;
const LOG_CONTEXT = 'logs/log-key';
const epochContext = (number: number): string => `logs/epoch-key/${number}`;

/** What anybody may know of a log's keys. */
export interface LogIdentity {
  origin: string;
  /** Verifier keys of the log and of its epoch 0: what is shown when it is set up. */
  genesisVkeys: [log: string, epoch0: string];
  /** The statement that names each epoch, from 0 to the present one; signed notes. */
  statements(): string[];
}

export interface LogKeys extends LogIdentity {
  /** The log was set up just now. */
  readonly created: boolean;
  readonly logVkey: string;
  /** Number of the present epoch. */
  readonly epoch: number;
  readonly epochVkey: string;
  /** The statement that names epoch 0. */
  readonly genesis: string;
  /** Signs a checkpoint's text (origin, size, root) with both keys; returns the whole note. */
  signCheckpoint(body: string): string;
  /**
   * Names the next epoch's key, signed by the present one, which is destroyed. `size` and `root` are those of the
   * newest checkpoint. Where an earlier call failed half-way, that one is finished, and its statement returned.
   */
  rotate(at: { size: number; root: Uint8Array; nowSeconds: number }): { statement: string };
}

/** The secret file of an epoch. Whatever it holds can be finished after a crash, its statement too. */
interface EpochFile {
  number: number;
  /** PKCS8 PEM, sealed. */
  key: string;
  /** The signed statement that names this epoch. */
  statement: string;
}

interface OpenEpoch {
  number: number;
  signer: Signer;
  statement: string;
}

/** Throws StoreError when a log can't have this origin. */
export function checkOrigin(origin: string): void {
  if (origin.length > MAX_ORIGIN || !ORIGIN.test(origin)) {
    throw new StoreError(
      `A log cannot be called '${origin}': it must be gatehouse/<tenant>/<site>/<edge>, at most ${MAX_ORIGIN} ASCII letters, digits and signs, without spaces, + or a further slash.`,
    );
  }
}

/**
 * Opens the keys of the log in `folder`, or makes them where there is no log yet; `origin` counts only then. Finishes or
 * takes back what a crash left half-done. Throws StoreError when a key is missing or damaged: a log never gets other
 * keys than those it began with.
 */
export function openLogKeys(options: { folder: string; secrets: SecretBox; origin: string }): LogKeys {
  const { folder, secrets } = options;
  const at = filesIn(folder);
  createFolder(folder);
  createFolder(at.epochs);
  wipeLeftovers(folder);
  const created = !existsSync(at.genesis);
  if (created) create(folder, secrets, options.origin);

  const identity = readLogIdentity(folder);
  const { origin } = identity;
  const log = openSigner(at.logKey, secrets, origin);
  if (log.vkey !== identity.genesisVkeys[0]) {
    throw new StoreError(`${at.logKey} is not the key this log began with: put the one of this log back`);
  }
  let epoch = finishSwitch(folder, secrets, origin) ?? openEpoch(at.epochKey, secrets, origin);
  /** A switch was begun and may be anywhere between its first step and its last. */
  let switching = false;
  const settle = (): void => {
    if (!switching) return;
    epoch = finishSwitch(folder, secrets, origin) ?? openEpoch(at.epochKey, secrets, origin);
    switching = false;
  };

  return {
    ...identity,
    created,
    logVkey: log.vkey,
    get epoch() {
      return epoch.number;
    },
    get epochVkey() {
      return epoch.signer.vkey;
    },
    genesis: identity.statements()[0]!,
    signCheckpoint(body) {
      if (!body.startsWith(`${origin}\n`) || !SIZE_AND_ROOT.test(body.slice(origin.length + 1))) {
        throw new Error('only a checkpoint of this log is signed');
      }
      settle(); // once its successor is named, a key signs nothing more
      return signNote(body, [log, epoch.signer]);
    },
    rotate({ size, root, nowSeconds }) {
      const number = epoch.number + 1;
      settle();
      if (epoch.number === number) return { statement: epoch.statement };
      const { privateKey, publicKey } = generateKeyPairSync('ed25519');
      const body = statementBody({
        origin,
        number,
        publicKey: rawPublicKey(publicKey),
        size,
        root,
        atSeconds: nowSeconds,
      });
      parseStatementBody(body); // a bad size or root would be signed for ever
      const statement = signNote(body, [log, epoch.signer]);
      wipeLeftovers(folder);
      switching = true;
      writeEpoch(at.nextKey, secrets, number, privateKey, statement);
      settle();
      return { statement: epoch.statement };
    },
  };
}

/** Reads what is public of the log in `folder`, without its secrets. Throws StoreError when something is missing. */
export function readLogIdentity(folder: string): LogIdentity {
  const at = filesIn(folder);
  const origin = readPublic(at.origin).replace(/\n$/, '');
  checkOrigin(origin);
  const [log = '', epoch0 = ''] = readPublic(at.genesis).split('\n');
  return {
    origin,
    genesisVkeys: [log, epoch0],
    statements() {
      const numbers = readdirSync(at.epochs)
        .filter((name) => /^\d+$/.test(name))
        .map(Number);
      return Array.from({ length: Math.max(0, ...numbers) + 1 }, (_, number) =>
        readPublic(path.join(at.epochs, String(number))),
      );
    },
  };
}

/**
 * Each file is made where it is missing, the genesis last: until then nothing was signed that anybody has seen. Only
 * where there is no log yet; else a lost key would be taken for a new beginning.
 */
function create(folder: string, secrets: SecretBox, wanted: string): void {
  const at = filesIn(folder);
  const begun = existsSync(at.checkpoint) ? at.checkpoint : segmentIn(at.segments);
  if (begun) {
    throw new StoreError(
      `${at.genesis} is missing, though there is a log already (${begun}): restore it, log.key and epoch.key from a backup.`,
    );
  }
  if (!existsSync(at.origin)) {
    checkOrigin(wanted);
    replaceFile(at.origin, `${wanted}\n`, 0o600);
  }
  const origin = readPublic(at.origin).replace(/\n$/, '');
  if (!existsSync(at.logKey)) {
    const { privateKey } = generateKeyPairSync('ed25519');
    replaceFile(at.logKey, secrets.seal(pemOf(privateKey), LOG_CONTEXT), 0o600);
  }
  const log = openSigner(at.logKey, secrets, origin);
  if (!existsSync(at.epochKey)) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const body = statementBody({
      origin,
      number: 0,
      publicKey: rawPublicKey(publicKey),
      size: 0,
      root: EMPTY_ROOT,
      atSeconds: Math.floor(Date.now() / 1000),
    });
    const statement = signNote(body, [log, noteSigner(epochName(origin, 0), privateKey)]);
    writeEpoch(at.epochKey, secrets, 0, privateKey, statement);
  }
  const epoch = openEpoch(at.epochKey, secrets, origin);
  keepStatement(at.epochs, epoch);
  replaceFile(at.genesis, `${log.vkey}\n${epoch.signer.vkey}\n`, 0o600);
}

/** Where the next epoch's key is on the disk, with its statement: destroys the present one and puts it in its place. */
function finishSwitch(folder: string, secrets: SecretBox, origin: string): OpenEpoch | undefined {
  const at = filesIn(folder);
  if (!existsSync(at.nextKey)) return undefined;
  const next = openEpoch(at.nextKey, secrets, origin);
  keepStatement(at.epochs, next);
  overwrite(at.epochKey);
  renameSync(at.nextKey, at.epochKey);
  syncFile(folder);
  return next;
}

function keepStatement(epochs: string, { number, statement }: OpenEpoch): void {
  const file = path.join(epochs, String(number));
  if (!existsSync(file)) replaceFile(file, statement, 0o600);
  if (readFileSync(file, 'utf8') !== statement) {
    throw new StoreError(`${file} names another key than this log has: restore the whole folder from one backup.`);
  }
}

/** A private key that was never named: its temporary file was left by a crash. */
function wipeLeftovers(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!/^(log|epoch)\.(key|next)\.\d+\.tmp$/.test(name)) continue;
    overwrite(path.join(folder, name));
    rmSync(path.join(folder, name), { force: true });
  }
}

/** Random bytes over what a file holds. A disk that moves its blocks (flash does) may keep a copy nevertheless. */
function overwrite(file: string): void {
  const handle = openSync(file, 'r+');
  try {
    const noise = randomBytes(fstatSync(handle).size);
    for (let done = 0; done < noise.length; ) done += writeSync(handle, noise, done, noise.length - done, done);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function writeEpoch(file: string, secrets: SecretBox, number: number, key: KeyObject, statement: string): void {
  const content: EpochFile = { number, key: secrets.seal(pemOf(key), epochContext(number)), statement };
  replaceFile(file, `${JSON.stringify(content)}\n`, 0o600);
}

function readEpoch(file: string): EpochFile {
  const text = readSecret(file);
  try {
    const content = JSON.parse(text) as EpochFile;
    if (Number.isSafeInteger(content.number) && typeof content.key === 'string') return content;
  } catch {
    // told below
  }
  throw new StoreError(
    `${file} is damaged. The past can still be verified, but nothing more can be sealed under this epoch: restore the folder, or begin a new log.`,
  );
}

/** What is wrong with the keys that a log signs with, so that it couldn't go on. Changes nothing. */
export function signerFaults(folder: string, secrets: SecretBox): string[] {
  const at = filesIn(folder);
  const { origin, genesisVkeys } = readLogIdentity(folder);
  const faults: string[] = [];
  const attempt = (open: () => void): void => {
    try {
      open();
    } catch (error) {
      faults.push((error as Error).message.replace(/\.$/, ''));
    }
  };
  attempt(() => {
    if (openSigner(at.logKey, secrets, origin).vkey !== genesisVkeys[0]) {
      throw new StoreError(`${at.logKey} is not the key this log began with`);
    }
  });
  attempt(() => openEpoch(existsSync(at.nextKey) ? at.nextKey : at.epochKey, secrets, origin));
  return faults;
}

function openEpoch(file: string, secrets: SecretBox, origin: string): OpenEpoch {
  const { number, key, statement } = readEpoch(file);
  return {
    number,
    statement,
    signer: noteSigner(epochName(origin, number), openKey(file, key, secrets, epochContext(number))),
  };
}

const openSigner = (logKey: string, secrets: SecretBox, origin: string): Signer =>
  noteSigner(origin, openKey(logKey, readSecret(logKey), secrets, LOG_CONTEXT));

function openKey(file: string, sealed: string, secrets: SecretBox, context: string): KeyObject {
  try {
    return createPrivateKey(secrets.open(sealed.trim(), context));
  } catch (error) {
    throw new StoreError(`${file} cannot be opened: ${(error as Error).message}. Restore it from a backup.`);
  }
}

function readSecret(file: string): string {
  if (existsSync(file)) return readFileSync(file, 'utf8');
  throw new StoreError(
    `${file} is missing. A log never gets another key than it began with: put the whole folder of the log back, or begin a new log`,
  );
}

function readPublic(file: string): string {
  if (existsSync(file)) return readFileSync(file, 'utf8');
  throw new StoreError(
    `${file} is missing: put the whole folder of the log back from where it is kept (it is in no backup), or begin a new log`,
  );
}

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

function segmentIn(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const name = readdirSync(folder).find((one) => one.endsWith('.seg'));
  return name && path.join(folder, name);
}

const filesIn = (folder: string) => ({
  origin: path.join(folder, 'origin'),
  genesis: path.join(folder, 'genesis'),
  logKey: path.join(folder, 'log.key'),
  epochKey: path.join(folder, 'epoch.key'),
  nextKey: path.join(folder, 'epoch.next'),
  epochs: path.join(folder, 'epochs'),
  checkpoint: path.join(folder, 'checkpoint'),
  segments: path.join(folder, 'segments'),
});
