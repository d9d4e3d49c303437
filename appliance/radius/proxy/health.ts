/**
 * Tries in a row without any answer, of two requests at least, after which a server is doubted: asked, or left out. One
 * request alone never does it: it may be one that nobody would answer.
 */
export const MAX_SILENT = 3;
/** Status-Server requests without an answer after which a doubted server is dead. */
export const MAX_SILENT_PROBES = 2;

export type State = 'alive' | 'doubted' | 'dead';

/**
 * Whether a server is there. A server that leaves a request unanswered may only not want to answer that one, so where it
 * knows Status-Server it is asked before it is dead. Times are monotonic milliseconds. Pure: no timers.
 */
export class Health {
  #silent = 0;
  /** Of the first silent try, and whether others were silent as well. */
  #first: object | undefined;
  #several = false;
  #silentProbes = 0;
  #state: State = 'alive';
  #deadUntil = 0;
  readonly #deadMs: number;
  readonly #statusServer: boolean;

  constructor(options: { deadMs: number; statusServer: boolean }) {
    this.#deadMs = options.deadMs;
    this.#statusServer = options.statusServer;
  }

  /** A dead server's time may be over by now: then one more silent try makes it dead again. */
  state(now: number): State {
    if (this.#state === 'dead' && now >= this.#deadUntil) {
      this.#state = 'alive';
      this.#silent = MAX_SILENT - 1;
      this.#several = true;
    }
    return this.#state;
  }

  /** Anything that the server has verifiably said. */
  heard(): void {
    this.#state = 'alive';
    this.#silent = 0;
    this.#first = undefined;
    this.#several = false;
    this.#silentProbes = 0;
  }

  /** A try of a request had no answer in its time, or couldn't be sent. */
  silent(now: number, request: object): void {
    this.#silent++;
    this.#first ??= request;
    this.#several ||= this.#first !== request;
    if (this.state(now) !== 'alive' || this.#silent < MAX_SILENT || !this.#several) return;
    if (this.#statusServer) this.#state = 'doubted';
    else this.#die(now);
  }

  probeSilent(now: number): void {
    if (this.state(now) === 'doubted' && ++this.#silentProbes >= MAX_SILENT_PROBES) this.#die(now);
  }

  #die(now: number): void {
    this.#state = 'dead';
    this.#silentProbes = 0;
    this.#deadUntil = now + this.#deadMs;
  }
}
