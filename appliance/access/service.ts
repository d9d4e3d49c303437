import type { DomainEvent } from '../events/index.ts';
import type { Logger, SecretBox, Store, Tx } from '../store/index.ts';
import type { Decider } from './decider.ts';
import type { Journal } from './journal.ts';
import type { DocumentChecks } from './policy/document.ts';
import type { AccessTables } from './tables.ts';

export { event } from '../events/index.ts';
export { actorOf } from '../http/index.ts';
export { timestamp } from '../store/index.ts';

/** Who stands behind a user id, for policies: identity's answer. */
export interface UserFacts {
  username: string;
  groups: readonly string[];
}

/** What the parts of access work with. */
export interface Service {
  store: Store;
  secrets: SecretBox;
  log: Logger;
  /** Milliseconds since 1970. */
  now(): number;
  decider: Decider;
  journal: Journal;
  checks: DocumentChecks;
  /** Undefined where there is no such user. */
  userFacts(userId: string): Promise<UserFacts | undefined>;
  /** The user with this name, for `explain`. */
  findUser: ((username: string) => Promise<(UserFacts & { id: string }) | undefined>) | undefined;
  /** A password that can be read aloud. */
  generatePassword(): string;
  /** What is wrong with a network password that somebody gives; undefined where nothing is. */
  passwordFault(password: string): string | undefined;
  /** Of these names, those that no overlay network has a group of. */
  unknownOverlayGroups(names: readonly string[]): Promise<string[]>;
}

export type AccessTx = Tx<AccessTables>;
export type Db = AccessTx['db'];
export type Emit = (event: DomainEvent) => void;
/** Takes back a change of what is in memory, where its rows weren't written after all. */
export type Undo = () => void;

/**
 * A transaction on the tables of access whose events are typed by the catalogue. What `fn` changes in memory is there
 * before the first listener hears of it; for the case that the commit fails it says how to take it back.
 */
export function transact<R>(
  { store }: Pick<Service, 'store'>,
  fn: (db: Db, emit: Emit, orElse: (undo: Undo) => void) => Promise<R>,
): Promise<R> {
  const undos: Undo[] = [];
  return store
    .transaction<AccessTables, R>((tx) =>
      fn(
        tx.db,
        (event) => tx.emit(event),
        (undo) => undos.push(undo),
      ),
    )
    .catch((error) => {
      for (const undo of undos.reverse()) undo();
      throw error;
    });
}

/** Seals open in their own place only: `SecretBox.seal`'s context. */
export const networkPasswordContext = (deviceId: string): string => `access/device/${deviceId}/network-password`;
export const voucherContext = (voucherId: string): string => `access/voucher/${voucherId}/code`;
