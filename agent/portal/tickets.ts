/** Milliseconds that a peer gets the same address again: its token is good for 10 minutes, of which people need a few. */
export const KEEP = 60_000;
/** Milliseconds until the controller is asked again after it has refused. */
const PAUSE = 5_000;
/** Calls to the controller at once. */
const MAX_CALLS = 8;

interface Ticket {
  url: Promise<string>;
  until: number;
}

/**
 * Portal addresses by peer, so that a device which asks ten times a second costs the controller one call a minute.
 * `clock` gives milliseconds and never goes back.
 */
export class Tickets {
  readonly #ask: (peer: string) => Promise<string>;
  readonly #clock: () => number;
  readonly #tickets = new Map<string, Ticket>();
  #calls = 0;

  constructor(ask: (peer: string) => Promise<string>, clock: () => number = () => performance.now()) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** Rejects when the controller gives none, or has too many to give. */
  get(peer: string): Promise<string> {
    const now = this.#clock();
    const known = this.#tickets.get(peer);
    if (known && now < known.until) return known.url;
    if (this.#calls >= MAX_CALLS) return Promise.reject(new Error('too many devices ask for the portal at once'));
    this.#calls += 1;
    const ticket: Ticket = { url: this.#ask(peer), until: now + KEEP };
    this.#tickets.set(peer, ticket);
    const done = (): void => {
      this.#calls -= 1;
    };
    ticket.url.then(done, () => {
      done();
      ticket.until = this.#clock() + PAUSE;
    });
    return ticket.url;
  }

  /** Forgets all peers but these: who was let in meanwhile has used its token. */
  retain(peers: ReadonlySet<string>): void {
    for (const peer of this.#tickets.keys()) if (!peers.has(peer)) this.#tickets.delete(peer);
  }
}
