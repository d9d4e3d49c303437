import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { SecretBox, Store } from '../../store/index.ts';
import { type RememberedTables, recall, remember } from '../remembered.ts';

const NAME = 'witness key';
const CONTEXT = 'logs/witness-key';
/** Where the key was once: outside of backups. */
const FILE = 'witness.key';

interface KeyPlace {
  store: Store;
  secrets: SecretBox;
  /** Where the logs are, `<data>/logs`. */
  folder: string;
}

/**
 * The key that cosigns other sites' logs: Ed25519, sealed in the database, so that it is in backups and outlives this
 * appliance's own log; made where there is none. Rejects where it can't be opened.
 */
export async function openWitnessKey({ store, secrets, folder }: KeyPlace): Promise<KeyObject> {
  const known = await recall(store.as<RememberedTables>(), NAME);
  const file = path.join(folder, FILE);
  const sealed = known ?? (existsSync(file) ? readFileSync(file, 'utf8') : undefined);
  const key = sealed === undefined ? generateKeyPairSync('ed25519').privateKey : opened(sealed, secrets);
  if (known === undefined) {
    // The file stays: a database from before, should it be put back, finds it again.
    const text = sealed ?? secrets.seal(key.export({ format: 'pem', type: 'pkcs8' }) as string, CONTEXT);
    await store.transaction<RememberedTables, void>(({ db }) => remember(db, NAME, text));
  }
  return key;
}

function opened(sealed: string, secrets: SecretBox): KeyObject {
  try {
    return createPrivateKey(secrets.open(sealed, CONTEXT));
  } catch (error) {
    throw new Error(
      `The key that cosigns other sites' logs cannot be opened: ${(error as Error).message}. Restore keys.json from a backup.`,
      { cause: error },
    );
  }
}
