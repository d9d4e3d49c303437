import { CREDENTIAL_PREFIX, PeerState, WgKey } from '@gatehouse/protocol';
import Type from 'typebox';
import { type EnrollStore, type Identity, type Pending, publicKeyOf } from '../controller/index.ts';
import { stateProblem } from '../tunnel/index.ts';
import { DamagedFileError, JsonFile } from './files.ts';

const Secrets = {
  url: Type.String({ pattern: '^https?://' }),
  ca: Type.Optional(Type.String()),
  allowHttp: Type.Boolean(),
  privateKey: WgKey,
  credential: Type.String({ pattern: `^${CREDENTIAL_PREFIX}[0-9a-f]{64}$` }),
};
const IdentityFile = Type.Object({
  ...Secrets,
  networkId: Type.String(),
  peerId: Type.String(),
  peerName: Type.String(),
  revoked: Type.Optional(Type.String()),
});
const PendingFile = Type.Object({ ...Secrets, token: Type.String() });
const TargetFile = Type.Object({ target: Type.Enum(['up', 'down']) });
const NetworkFile = Type.Object({
  epoch: Type.String(),
  seq: Type.Integer(),
  state: PeerState,
  /** Addresses that host names of endpoints had when they resolved last. */
  addresses: Type.Record(Type.String(), Type.String()),
});
export type Network = Type.Static<typeof NetworkFile>;

/** All that the agent keeps on disk, each part in a file of its own in the state folder. */
export class AgentStore implements EnrollStore {
  readonly #identity: JsonFile<typeof IdentityFile>;
  readonly #pending: JsonFile<typeof PendingFile>;
  readonly #target: JsonFile<typeof TargetFile>;
  readonly #network: JsonFile<typeof NetworkFile>;
  readonly #log: (message: string) => void;

  constructor(folder: string, log: (message: string) => void) {
    this.#identity = new JsonFile(folder, 'identity.json', IdentityFile);
    this.#pending = new JsonFile(folder, 'pending.json', PendingFile);
    this.#target = new JsonFile(folder, 'target.json', TargetFile);
    this.#network = new JsonFile(folder, 'network.json', NetworkFile);
    this.#log = log;
  }

  /** Null when not enrolled. Throws DamagedFileError, whose message says what to do. */
  async readIdentity(): Promise<Identity | null> {
    try {
      return await this.#identity.read();
    } catch (error) {
      if (!(error instanceof DamagedFileError)) throw error;
      throw new DamagedFileError(
        `${error.message}. It holds who this device is: restore it from a backup and restart the agent, or enroll ` +
          'anew with a new token (the damaged file is then kept beside).',
        { cause: error },
      );
    }
  }

  async writeIdentity(identity: Identity): Promise<void> {
    await this.#identity.write(clean(identity));
  }

  async commit(identity: Identity): Promise<void> {
    await this.#setAsideIfDamaged(this.#identity);
    // First what belongs to an identity before this one; `readNetwork` also compares keys, should we be killed here.
    await this.#network.write(null);
    await this.#identity.write(clean(identity));
    await this.#pending.write(null);
  }

  /** A damaged pending enrollment is put aside: the token can be tried again. */
  readPending(): Promise<Pending | null> {
    return this.#readOrSetAside(this.#pending);
  }

  async writePending(pending: Pending | null): Promise<void> {
    await this.#pending.write(pending === null ? null : clean(pending));
  }

  /** `down` when never set, and when the file is damaged: better no tunnel than one the user didn't want. */
  async readTarget(): Promise<'up' | 'down'> {
    return (await this.#readOrSetAside(this.#target))?.target ?? 'down';
  }

  async writeTarget(target: 'up' | 'down'): Promise<void> {
    await this.#target.write({ target });
  }

  /** What the controller said last to this identity; null when nothing usable is kept, for it is only a copy. */
  async readNetwork(identity: Identity): Promise<Network | null> {
    const network = await this.#readOrSetAside(this.#network);
    if (network?.state.interface.publicKey !== publicKeyOf(identity.privateKey)) return null;
    return stateProblem(network.state) === undefined ? network : null;
  }

  async writeNetwork(network: Network): Promise<void> {
    await this.#network.write(network);
  }

  /** Forgets everything; the target last, so that a crash in between leaves a device that can `leave` again. */
  async clear(): Promise<void> {
    await this.#setAsideIfDamaged(this.#identity);
    await this.#pending.write(null);
    await this.#identity.write(null);
    await this.#network.write(null);
    await this.#target.write(null);
  }

  async #readOrSetAside<S extends Type.TSchema>(file: JsonFile<S>): Promise<Type.Static<S> | null> {
    try {
      return await file.read();
    } catch (error) {
      if (!(error instanceof DamagedFileError)) throw error;
      this.#log(`warning: ${error.message}; it is put aside and its content is asked for again`);
      await file.setAside().catch(() => undefined);
      return null;
    }
  }

  async #setAsideIfDamaged<S extends Type.TSchema>(file: JsonFile<S>): Promise<void> {
    await this.#readOrSetAside(file);
  }
}

/** Without the keys whose value is undefined. */
const clean = <T extends object>(value: T): Clean<T> => JSON.parse(JSON.stringify(value)) as Clean<T>;
type Clean<T> = { [K in keyof T]: Exclude<T[K], undefined> };
