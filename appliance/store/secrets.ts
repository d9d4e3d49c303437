import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { replaceFile } from './files.ts';
import { StoreError } from './types.ts';

export const KEY_FILE = 'keys.json';
const KEY_BYTES = 32;
const NONCE_BYTES = 12; // NIST SP 800-38D, 8.2: 96 bits, here random
const TAG_BYTES = 16;

/** Encrypts secrets at rest. `context` names the place of the secret: a ciphertext opens in its own place only. */
export interface SecretBox {
  /** → `v1.<key id>.<base64url(nonce | ciphertext | tag)>`, AES-256-GCM under the newest key. */
  seal(plaintext: string, context: string): string;
  /** Throws when the text was changed, belongs to another context or to a key that is not there. */
  open(sealed: string, context: string): string;
  /** Adds a key that seals from now on; the old ones still open. Returns its id. */
  rotate(): string;
}

interface KeyFile {
  keys: { id: string; created: string; key: string }[];
}

/** Opens the key file beside the database, or makes it (0600). Throws StoreError when others may read it. */
export function openKeyFile(dataDir: string): SecretBox {
  const file = path.join(dataDir, KEY_FILE);
  let content = readKeyFile(file);
  if (content === undefined) {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    content = { keys: [newKey()] };
    replaceFile(file, textOf(content), 0o600);
  }
  let keys = parseKeys(content, file);
  const find = (id: string): Buffer | undefined => keys.find((key) => key.id === id)?.key;

  return {
    seal(plaintext, context) {
      const { id, key } = keys.at(-1)!;
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(aad(id, context)));
      const sealed = Buffer.concat([nonce, cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `v1.${id}.${sealed.toString('base64url')}`;
    },
    open(sealed, context) {
      const [, id = '', text = ''] = /^v1\.([0-9a-f]{8})\.([\w-]+)$/.exec(sealed) ?? [];
      const bytes = Buffer.from(text, 'base64url');
      // Base64url has several spellings of the same bytes; only ours is accepted.
      if (bytes.length < NONCE_BYTES + TAG_BYTES || bytes.toString('base64url') !== text) {
        throw new Error('a sealed secret is malformed');
      }
      const key = find(id) ?? find(reread(id));
      if (!key) throw new Error(`a secret is sealed under key ${id}, which is not in ${file}`);
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(aad(id, context)));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        const plain = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
        return Buffer.concat([plain, decipher.final()]).toString('utf8');
      } catch {
        throw new Error('a sealed secret was changed or belongs to another place');
      }
    },
    rotate() {
      const current = readKeyFile(file) ?? { keys: [] };
      const added = newKey();
      current.keys.push(added);
      replaceFile(file, textOf(current), 0o600);
      keys = parseKeys(current, file);
      return added.id;
    },
  };

  /** Another process (`keys rotate`, a restore) may have added the key since the start. */
  function reread(id: string): string {
    const current = readKeyFile(file);
    if (current) keys = parseKeys(current, file);
    return id;
  }
}

/** The text of a key file with the keys of both: `newest` of the two has the one that seals. Throws where one is damaged. */
export function joinKeyFiles(older: string, newest: string): string {
  const [before, after] = [older, newest].map((text, i) => {
    const content = JSON.parse(text) as KeyFile;
    parseKeys(content, i === 0 ? 'that is there' : 'of the backup');
    return content.keys;
  }) as [KeyFile['keys'], KeyFile['keys']];
  const added = before.filter(({ id }) => !after.some((key) => key.id === id));
  return textOf({ keys: [...added, ...after] });
}

/** SHA-256 in lower-case hexadecimal: how tokens are kept. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

const aad = (id: string, context: string): string => `gatehouse/v1/${id}/${context}`;

const textOf = (content: KeyFile): string => `${JSON.stringify(content, undefined, 2)}\n`;

const newKey = (): KeyFile['keys'][number] => ({
  id: randomBytes(4).toString('hex'),
  created: new Date().toISOString(),
  key: randomBytes(KEY_BYTES).toString('base64'),
});

function readKeyFile(file: string): KeyFile | undefined {
  let text: string;
  try {
    const { mode } = statSync(file);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new StoreError(`The key file ${file} can be read by others: chmod 600 ${file}`);
    }
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const content = JSON.parse(text) as KeyFile;
    parseKeys(content, file);
    return content;
  } catch {
    throw damaged(file); // JSON.parse's own message would quote the text, which is secret
  }
}

function parseKeys(content: KeyFile, file: string): { id: string; key: Buffer }[] {
  if (!Array.isArray(content?.keys) || content.keys.length === 0) throw damaged(file);
  return content.keys.map((entry) => {
    const key = Buffer.from(String(entry?.key), 'base64');
    if (!/^[0-9a-f]{8}$/.test(String(entry?.id)) || key.length !== KEY_BYTES) throw damaged(file);
    return { id: entry.id, key };
  });
}

const damaged = (file: string): StoreError =>
  new StoreError(`The key file ${file} is damaged: restore it from a backup. Without it stored secrets stay closed.`);
