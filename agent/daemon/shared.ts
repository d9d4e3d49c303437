import { AgentError } from '../errors.ts';

/** Work that all who ask for it while it goes on share; of different work, `most` go on at a time. */
export class Shared<T> {
  readonly #most: number;
  readonly #going = new Map<string, Promise<T>>();

  constructor(most: number) {
    this.#most = most;
  }

  /** The result of `work`, or of the one with this key that goes on. Throws AgentError when too many others do. */
  get(key: string, work: () => Promise<T>): Promise<T> {
    const going = this.#going.get(key);
    if (going) return going;
    if (this.#going.size >= this.#most) {
      throw new AgentError('internal', `${this.#most} requests like this one wait for their answer: try again later.`);
    }
    const result = work().finally(() => this.#going.delete(key));
    this.#going.set(key, result);
    return result;
  }
}
