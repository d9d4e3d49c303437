import type { Logger, SecretBox, Store } from '../store/index.ts';
import type { Gate } from './gate.ts';
import type { Argon2Cost } from './password.ts';
import type { Throttle } from './throttle.ts';

export { event } from '../events/index.ts';
export { actorOf } from '../http/index.ts';
export { timestamp } from '../store/index.ts';

/** What the parts of identity work with. */
export interface Service {
  store: Store;
  log: Logger;
  /** Seals network passwords. */
  secrets: SecretBox;
  /** Milliseconds since 1970. */
  now(): number;
  /** Of these network ids, those that don't exist. Never called inside a transaction. */
  networksExist(ids: readonly string[]): Promise<string[]>;
  throttle: Throttle;
  /** Every password hash, made or checked, goes through one of these, which take turns. */
  gate: Gate;
  networkGate: Gate;
  cost: Argon2Cost;
}
