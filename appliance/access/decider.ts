import { type Explained, PolicySet, type PostureMiss } from './policy/engine.ts';
import type { StoredPolicy } from './policy/model.ts';
import type { PostureFacts, Surroundings } from './policy/subject.ts';
import { loadVendors } from './policy/vendors.ts';
import type { Decision, Facts } from './types.ts';

interface Known {
  id: string;
  mac: string;
  facts: PostureFacts;
}

/** The policies and the postures in memory: all that a decision needs beside its facts. */
export class Decider {
  #stored: ReadonlyMap<string, StoredPolicy> = new Map();
  #set: PolicySet;
  readonly #surroundings: Surroundings;
  readonly #byId = new Map<string, Known>();
  readonly #byMac = new Map<string, Known>();

  constructor(zoneOf: Surroundings['zoneOf']) {
    this.#surroundings = { zoneOf, postureOf: (facts) => this.postureOf(facts) };
    this.#set = new PolicySet([], this.#surroundings, loadVendors);
  }

  get policies(): ReadonlyMap<string, StoredPolicy> {
    return this.#stored;
  }
  get set(): PolicySet {
    return this.#set;
  }
  decide(facts: Facts): Decision {
    return this.#set.decide(facts);
  }
  explain(facts: Facts, posture?: PostureFacts | null): Explained {
    return this.#set.explain(facts, posture);
  }
  postureMiss(facts: Facts, posture: PostureFacts | null): PostureMiss | undefined {
    return this.#set.postureMiss(facts, posture);
  }

  /** These policies instead of the ones before, to try them: nothing changes. */
  trial(change: (policies: Map<string, StoredPolicy>) => void): PolicySet {
    const policies = new Map(this.#stored);
    change(policies);
    return new PolicySet([...policies.values()], this.#surroundings, loadVendors, this.#set.policies);
  }

  /** Changes the policies; answers how to take that back. */
  change(change: (policies: Map<string, StoredPolicy>) => void): () => void {
    const [stored, set] = [this.#stored, this.#set];
    const policies = new Map(stored);
    change(policies);
    this.#set = new PolicySet([...policies.values()], this.#surroundings, loadVendors, set.policies);
    this.#stored = policies;
    return () => {
      [this.#stored, this.#set] = [stored, set];
    };
  }

  /** What is known of the device in these facts: by its id, else by the MAC address. */
  postureOf({ device, mac }: Facts): PostureFacts | undefined {
    return (device ? this.#byId.get(device.id) : mac === undefined ? undefined : this.#byMac.get(mac))?.facts;
  }
  posture(deviceId: string): PostureFacts | undefined {
    return this.#byId.get(deviceId)?.facts;
  }

  /** Changes what is known of a device; null forgets it. Answers how to take that back. */
  setPosture(id: string, mac: string, facts: PostureFacts | null): () => void {
    const before = this.#byId.get(id);
    if (before) this.#byMac.delete(before.mac);
    if (facts) {
      const known = { id, mac, facts };
      this.#byId.set(id, known);
      this.#byMac.set(mac, known);
    } else {
      this.#byId.delete(id);
    }
    return () => {
      this.#byMac.delete(mac);
      this.#byId.delete(id);
      if (!before) return;
      this.#byId.set(id, before);
      this.#byMac.set(before.mac, before);
    };
  }
}
