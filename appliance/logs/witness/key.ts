import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createFolder, replaceFile, type SecretBox } from '../../store/index.ts';

const FILE = 'witness.key';
const CONTEXT = 'logs/witness-key';

/** The key that cosigns other sites' logs: Ed25519, sealed in `folder`; made where there is none. */
export function openWitnessKey(folder: string, secrets: SecretBox): KeyObject {
  const file = path.join(folder, FILE);
  if (existsSync(file)) {
    try {
      return createPrivateKey(secrets.open(readFileSync(file, 'utf8'), CONTEXT));
    } catch (error) {
      throw new Error(
        `The witness's key ${file} cannot be opened: ${(error as Error).message}. Restore it from a backup; or delete ` +
          'it for a new one, and tell its verifier key to the sites whose logs are cosigned here.',
        { cause: error },
      );
    }
  }
  createFolder(folder);
  const { privateKey } = generateKeyPairSync('ed25519');
  replaceFile(file, secrets.seal(privateKey.export({ format: 'pem', type: 'pkcs8' }) as string, CONTEXT), 0o600);
  return privateKey;
}
