import { readdir, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { CREDENTIAL_PREFIX, PeerState, WgKey } from '@gatehouse/protocol';
import * as Type from 'typebox';
import { type Identity, type Pending, publicKeyOf } from '../controller/index.ts';
import { SessionsFile, TrafficFile } from '../history/index.ts';
import { stateProblem } from '../tunnel/index.ts';
import { DamagedFileError, JsonFile, makeStateFolder, sweep } from './files.ts';
import { profileFolder } from './profile-folder.ts';

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
const PendingFile = Type.Object({
  ...Secrets,
  pinned: Type.Optional(Type.Boolean()),
  token: Type.String(),
  add: Type.Optional(Type.Boolean()),
});
const TargetFile = Type.Object({ target: Type.Enum(['up', 'down']) });
const ActiveFile = Type.Object({ profile: Type.String() });
const NetworkFile = Type.Object({
  epoch: Type.String(),
  seq: Type.Integer(),
  state: PeerState,
  /** Addresses that host names of endpoints had when they resolved last. */
  addresses: Type.Record(Type.String(), Type.String()),
  /** The UDP port that the tunnel had last. */
  port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535 })),
  /** The controller's address, when it was reached last. */
  controller: Type.Optional(Type.String({ maxLength: 45 })),
});
export type Network = Type.Static<typeof NetworkFile>;

const PROFILES = 'profiles';
const IDENTITY = 'identity.json';
const NETWORK = 'network.json';

/**
 * All that the agent keeps on disk, each part in a file of its own: in the state folder what there is one of, and for
 * each network that the device is enrolled in `profiles/<peer id>/` with its identity and what its controller said last.
 */
export class AgentStore {
  readonly #folder: string;
  readonly #pending: JsonFile<typeof PendingFile>;
  readonly #target: JsonFile<typeof TargetFile>;
  readonly #active: JsonFile<typeof ActiveFile>;
  readonly #sessions: JsonFile<typeof SessionsFile>;
  readonly #traffic: JsonFile<typeof TrafficFile>;
  readonly #log: (message: string) => void;

  constructor(folder: string, log: (message: string) => void) {
    this.#folder = folder;
    this.#pending = new JsonFile(folder, 'pending.json', PendingFile);
    this.#target = new JsonFile(folder, 'target.json', TargetFile);
    this.#active = new JsonFile(folder, 'active.json', ActiveFile);
    this.#sessions = new JsonFile(folder, 'sessions.json', SessionsFile);
    this.#traffic = new JsonFile(folder, 'traffic.json', TrafficFile);
    this.#log = log;
  }

  #identityOf(peerId: string) {
    return new JsonFile(this.#profile(peerId), IDENTITY, IdentityFile);
  }

  #networkOf(peerId: string) {
    return new JsonFile(this.#profile(peerId), NETWORK, NetworkFile);
  }

  #profile(peerId: string): string {
    return path.join(this.#folder, PROFILES, profileFolder(peerId));
  }

  /**
   * Moves what an agent that knew one network only left in the state folder to where profiles are, as the active one.
   * Nothing is written anew, only renamed, the identity last: killed anywhere, the next start goes on. A damaged identity
   * stays where it is (DamagedFileError).
   */
  async takeOver(): Promise<void> {
    const file = new JsonFile(this.#folder, IDENTITY, IdentityFile);
    const identity = await usable(file.read());
    if (!identity) return;
    const { peerId } = identity;
    await this.#makeProfile(peerId);
    await this.#networkOf(peerId).moveFrom(path.join(this.#folder, NETWORK));
    await this.#active.write({ profile: peerId });
    await this.#identityOf(peerId).moveFrom(file.path);
    this.#log(`the enrollment as ${identity.peerName} is now a profile`);
  }

  /** Every identity that can be read; `problems` has the damaged ones, by the name of the profile's folder. */
  async readIdentities(): Promise<{ identities: Identity[]; problems: Map<string, string> }> {
    await sweep(this.#folder);
    const identities: Identity[] = [];
    const problems = new Map<string, string>();
    for (const folder of await this.#folders()) {
      const whole = path.join(this.#folder, PROFILES, folder);
      await sweep(whole);
      try {
        const file = new JsonFile(whole, IDENTITY, IdentityFile);
        const identity = await usable(file.read());
        // Killed while leaving.
        if (!identity) await this.#removeFolder(whole);
        else if (profileFolder(identity.peerId) === folder) identities.push(identity);
        else problems.set(folder, `${file.path} is damaged (another device's)`);
      } catch (error) {
        if (!(error instanceof DamagedFileError)) throw error;
        problems.set(folder, error.message);
      }
    }
    return { identities, problems };
  }

  async #folders(): Promise<string[]> {
    const entries = await readdir(path.join(this.#folder, PROFILES), { withFileTypes: true }).catch((error: Error) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  }

  async writeIdentity(identity: Identity): Promise<void> {
    await this.#identityOf(identity.peerId).write(clean(identity));
  }

  /** A new identity, without what was kept of one before it; `readNetwork` also compares keys, should we be killed here. */
  async addProfile(identity: Identity): Promise<void> {
    const file = this.#identityOf(identity.peerId);
    await this.#makeProfile(identity.peerId);
    await this.#readOrSetAside(file);
    await this.#networkOf(identity.peerId).write(null);
    await file.write(clean(identity));
  }

  /** Removes a profile whole: identity and keys, then what its controller said. */
  async removeProfile(peerId: string): Promise<void> {
    const folder = this.#profile(peerId);
    if (!(await this.#folders()).includes(path.basename(folder))) return;
    await this.#identityOf(peerId).write(null);
    await this.#removeFolder(folder);
  }

  async #removeFolder(folder: string): Promise<void> {
    await new JsonFile(folder, NETWORK, NetworkFile).write(null);
    // What was put aside as damaged stays for people to look at.
    for (const each of [folder, path.dirname(folder)]) await rmdir(each).catch(() => undefined);
  }

  /** Puts every identity aside that can't be read, so that it is in nobody's way any more. */
  async setDamagedAside(): Promise<void> {
    await this.#readOrSetAside(new JsonFile(this.#folder, IDENTITY, IdentityFile));
    for (const folder of await this.#folders())
      await this.#readOrSetAside(new JsonFile(path.join(this.#folder, PROFILES, folder), IDENTITY, IdentityFile));
  }

  /** The peer id of the active profile; null when none was chosen yet. */
  async readActive(): Promise<string | null> {
    return (await this.#readOrSetAside(this.#active))?.profile ?? null;
  }

  async writeActive(peerId: string | null): Promise<void> {
    await this.#active.write(peerId === null ? null : { profile: peerId });
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

  async writeTarget(target: 'up' | 'down' | null): Promise<void> {
    await this.#target.write(target === null ? null : { target });
  }

  /** What the controller said last to this identity; null when nothing usable is kept, for it is only a copy. */
  async readNetwork(identity: Identity): Promise<Network | null> {
    const network = await this.#readOrSetAside(this.#networkOf(identity.peerId));
    if (network?.state.interface.publicKey !== publicKeyOf(identity.privateKey)) return null;
    return stateProblem(network.state) === undefined ? network : null;
  }

  async writeNetwork(peerId: string, network: Network): Promise<void> {
    await this.#networkOf(peerId).write(network);
  }

  async readSessions(): Promise<SessionsFile | null> {
    return this.#readOrSetAside(this.#sessions);
  }

  async writeSessions(file: SessionsFile | null): Promise<void> {
    await this.#sessions.write(file);
  }

  async readTraffic(): Promise<TrafficFile | null> {
    return this.#readOrSetAside(this.#traffic);
  }

  async writeTraffic(file: TrafficFile | null): Promise<void> {
    await this.#traffic.write(file);
  }

  async #makeProfile(peerId: string): Promise<void> {
    await makeStateFolder(path.join(this.#folder, PROFILES));
    await makeStateFolder(this.#profile(peerId));
  }

  async #readOrSetAside<S extends Type.TSchema>(file: JsonFile<S>): Promise<Type.Static<S> | null> {
    try {
      return await file.read();
    } catch (error) {
      if (!(error instanceof DamagedFileError)) throw error;
      this.#log(`warning: ${error.message}; it is put aside, and is made anew`);
      await file.setAside().catch(() => undefined);
      return null;
    }
  }
}

/** Says of a damaged identity what to do. */
async function usable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof DamagedFileError)) throw error;
    throw new DamagedFileError(
      `${error.message}. It holds who this device is: restore it from a backup and restart the agent, or enroll ` +
        'anew with a new token (the damaged file is then kept beside).',
      { cause: error },
    );
  }
}

/** Without the keys whose value is undefined. */
const clean = <T extends object>(value: T): Clean<T> => JSON.parse(JSON.stringify(value)) as Clean<T>;
type Clean<T> = { [K in keyof T]: Exclude<T[K], undefined> };
