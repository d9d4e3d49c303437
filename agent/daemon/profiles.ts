import type { Profile } from '@gatehouse/protocol';
import type { EnrollStore, Identity, Pending } from '../controller/index.ts';
import { AgentError } from '../errors.ts';
import { cleanName } from '../text.ts';
import { DamagedFileError } from './files.ts';
import { profileFolder } from './profile-folder.ts';
import type { AgentStore } from './store.ts';

/** Networks that one device may be enrolled in. */
export const MAX_PROFILES = 16;

interface Known {
  identity: Identity;
  /** As the controller said them last. */
  peerName: string;
  networkName: string | null;
}

/** The networks that this device is enrolled in, in memory and (first) on disk; one of them is active. */
export class Profiles implements EnrollStore {
  readonly #store: AgentStore;
  readonly #log: (message: string) => void;
  readonly #known = new Map<string, Known>();
  #active: string | null = null;
  #problem: string | null = null;

  constructor(store: AgentStore, log: (message: string) => void) {
    this.#store = store;
    this.#log = log;
  }

  /** Reads what is on disk, an older agent's too. What is damaged is said, and left as it is. */
  async load(): Promise<void> {
    await this.#store.takeOver().catch((error: Error) => {
      if (!(error instanceof DamagedFileError)) throw error;
      this.#problem = error.message;
    });
    const { identities, problems } = await this.#store.readIdentities();
    for (const identity of identities) {
      this.#known.set(identity.peerId, { identity, peerName: cleanName(identity.peerName), networkName: null });
    }
    const active = await this.#store.readActive();
    if (active !== null && this.#known.has(active)) this.#active = active;
    else {
      this.#problem ??= (active === null ? undefined : problems.get(profileFolder(active))) ?? null;
      // Never chosen, or killed while leaving: what there is serves.
      this.#active = this.#problem === null ? (identities[0]?.peerId ?? null) : null;
      if (this.#active === null) this.#problem ??= problems.values().next().value ?? null;
    }
    for (const problem of new Set([...problems.values(), ...(this.#problem === null ? [] : [this.#problem])])) {
      this.#log(`error: ${problem}`);
    }
    for (const { identity } of this.#known.values()) {
      if (identity.peerId === this.#active) continue;
      const network = await this.#store.readNetwork(identity);
      if (network) this.named(identity.peerId, network.state.peer.name, network.state.peer.networkName);
    }
  }

  get active(): Identity | null {
    return this.#active === null ? null : (this.#known.get(this.#active)?.identity ?? null);
  }

  /** Why nobody is active, where there is more to say than that. */
  get problem(): string | null {
    return this.#problem;
  }

  get full(): boolean {
    return this.#known.size >= MAX_PROFILES;
  }

  /** By network, then by device. */
  list(): Profile[] {
    const profiles = [...this.#known.values()].map(({ identity, peerName, networkName }) => ({
      id: identity.peerId,
      url: identity.url,
      peerName,
      networkName,
      active: identity.peerId === this.#active,
      revoked: identity.revoked !== undefined,
    }));
    const key = (profile: Profile): string => `${profile.networkName ?? '\uffff'}\n${profile.peerName}\n${profile.id}`;
    return profiles.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  }

  /** The one with this id, or the only one with this network's or device's name. Throws AgentError `unknown-profile`. */
  find(text: string): Identity {
    const exact = this.#known.get(text);
    if (exact) return exact.identity;
    const wanted = text.toLowerCase();
    const found = [...this.#known.values()].filter(
      ({ peerName, networkName }) => peerName.toLowerCase() === wanted || networkName?.toLowerCase() === wanted,
    );
    if (found.length === 1) return found[0]!.identity;
    const all = this.list().map(
      ({ id, peerName, networkName }) => `${networkName ?? peerName} (${peerName}, id ${id})`,
    );
    const there = all.length > 0 ? `There are: ${all.join(', ')}.` : 'This device is enrolled nowhere.';
    const why = found.length > 1 ? `More than one network goes by '${text}': say its id.` : `No network is '${text}'.`;
    throw new AgentError('unknown-profile', `${why} ${there}`);
  }

  has(peerId: string): boolean {
    return this.#known.has(peerId);
  }

  withKey(privateKey: string): Identity | null {
    return [...this.#known.values()].find(({ identity }) => identity.privateKey === privateKey)?.identity ?? null;
  }

  readPending(): Promise<Pending | null> {
    return this.#store.readPending();
  }

  writePending(pending: Pending | null): Promise<void> {
    return this.#store.writePending(pending);
  }

  /**
   * A new identity becomes the active one. It takes the place of the same peer's before it, and unless `add` of an active
   * one that was cut off. Killed anywhere, the same call again goes on: what is pending goes last.
   */
  async commit(identity: Identity, add: boolean): Promise<void> {
    const { peerId, url } = identity;
    const same = this.#known.get(peerId)?.identity;
    if (same && same.url !== url && same.revoked === undefined) {
      throw new AgentError(
        'already-enrolled',
        `${url} calls this device what ${same.url} calls it already (${peerId}), and only one of them can be kept. ` +
          `To let the new one take its place: gatehouse leave --profile ${peerId}; the enrollment then goes on by itself.`,
      );
    }
    const before = this.active;
    if (this.#problem !== null) await this.#store.setDamagedAside();
    if (same?.privateKey !== identity.privateKey) await this.#store.addProfile(identity);
    await this.#store.writeActive(peerId);
    this.#known.set(peerId, { identity, peerName: cleanName(identity.peerName), networkName: null });
    this.#active = peerId;
    this.#problem = null;
    if (!add && before?.revoked !== undefined && before.peerId !== peerId) {
      await this.#store.removeProfile(before.peerId);
      this.#known.delete(before.peerId);
    }
    await this.#store.writePending(null);
  }

  async activate({ peerId }: Identity): Promise<void> {
    await this.#store.writeActive(peerId);
    this.#active = peerId;
    this.#problem = null;
  }

  /** The identity as it is now: cut off. */
  async update(identity: Identity): Promise<void> {
    const known = this.#known.get(identity.peerId);
    if (known) known.identity = identity;
    await this.#store.writeIdentity(identity);
  }

  /** What the controller calls device and network now. */
  named(peerId: string, peerName: string, networkName: string): void {
    const known = this.#known.get(peerId);
    if (known) Object.assign(known, { peerName: cleanName(peerName), networkName: cleanName(networkName) });
  }

  /** Forgets one; when it was the active one, another becomes it where there is one. */
  async remove({ peerId }: Identity): Promise<void> {
    await this.#store.removeProfile(peerId);
    this.#known.delete(peerId);
    if (peerId === this.#active) await this.#activateNext();
  }

  /** Forgets an active one that can't be read; its file is kept beside. */
  async removeDamaged(): Promise<void> {
    await this.#store.setDamagedAside();
    await this.#activateNext();
  }

  async #activateNext(): Promise<void> {
    const rest = this.list();
    const next = rest.find(({ revoked }) => !revoked) ?? rest[0];
    await this.#store.writeActive(next?.id ?? null);
    this.#active = next?.id ?? null;
    this.#problem = null;
    if (!next) await this.#store.writeTarget(null);
  }
}
