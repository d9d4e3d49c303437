import type { Facts } from '../types.ts';

export type PostureFacts = Readonly<Record<string, boolean | number | string>>;

/** What conditions ask of the world beside the facts of a request. */
export interface Surroundings {
  /** IANA name of a site's zone; without a site the default site's. */
  zoneOf(siteId: string | undefined): string;
  /** What is known of the posture of the device in these facts; undefined where nothing was ever told. */
  postureOf(facts: Facts): PostureFacts | undefined;
}

const lower = (text: string): string => text.toLowerCase();

/** The facts of one request, with what several policies ask for worked out once. */
export class Subject {
  readonly facts: Facts;
  readonly user: string;
  readonly #surroundings: Surroundings;
  #groups: readonly string[] | undefined;
  #called: string | undefined;
  #calling: string | undefined;
  #posture: PostureFacts | null | undefined;

  /** `posture` takes the place of what is known. */
  constructor(facts: Facts, surroundings: Surroundings, posture?: PostureFacts | null) {
    this.facts = facts;
    this.user = facts.username.toLowerCase();
    this.#surroundings = surroundings;
    this.#posture = posture;
  }
  get login(): string {
    return this.facts.realm === undefined ? this.user : `${this.user}@${this.facts.realm.toLowerCase()}`;
  }
  get groups(): readonly string[] {
    this.#groups ??= this.facts.groups.map(lower);
    return this.#groups;
  }
  get called(): string {
    this.#called ??= station(this.facts.calledStation);
    return this.#called;
  }
  get calling(): string {
    this.#calling ??= station(this.facts.callingStation);
    return this.#calling;
  }
  get posture(): PostureFacts | null {
    if (this.#posture === undefined) this.#posture = this.#surroundings.postureOf(this.facts) ?? null;
    return this.#posture;
  }
  get zone(): string {
    return this.#surroundings.zoneOf(this.facts.nas?.siteId);
  }
}

/** NAS write MAC addresses with colons or dashes: either is matched by either. */
export const station = (text: string | undefined): string => (text ?? '').toLowerCase().replaceAll('-', ':');
