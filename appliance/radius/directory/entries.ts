import type { DeviceRecord, VoucherRecord } from '../../access/index.ts';
import { expandNtHash, hashNtHash, ntHash } from '../mschap/index.ts';
import type { Subject } from '../types.ts';

/** A user as identity tells it. */
export interface Account {
  id: string;
  username: string;
  /** What may be typed for it, lower-case and in NFC: user name and email. */
  names: readonly string[];
  groups: readonly string[];
  enabled: boolean;
  hasPassword: boolean;
  /** Counts the account passwords that were set. */
  passwordVersion: number;
  /** In the clear. */
  networkPassword: string | null;
}

/** A password that is known in the clear, with what each method makes of it. */
export class NetworkPassword {
  /** UTF-8 */
  readonly bytes: Uint8Array;
  /** 16 bytes each. */
  readonly ntHash: Uint8Array;
  readonly ntHashHash: Uint8Array;
  #schedules: Int32Array | undefined;

  constructor(text: string) {
    this.bytes = Buffer.from(text);
    this.ntHash = ntHash(text);
    this.ntHashHash = hashNtHash(this.ntHash);
    this.#schedules = undefined;
  }

  /** The DES keys that the NT hash makes: 384 bytes, kept from the first MS-CHAP on. */
  get schedules(): Int32Array {
    this.#schedules ??= expandNtHash(this.ntHash);
    return this.#schedules;
  }
}

/** A user's account password, as far as it is known: a keyed digest of it once argon2 has proved it. */
export interface AccountProof {
  readonly userId: string;
  readonly version: number;
  proven: string | undefined;
}

export interface UserEntry {
  kind: 'user';
  id: string;
  names: readonly string[];
  enabled: boolean;
  subject: Subject;
  password: NetworkPassword | undefined;
  account: AccountProof | undefined;
  /** When a password was seen to change, in milliseconds since 1970; 0: not in this process. */
  changedAt: number;
}

export interface DeviceEntry {
  kind: 'device';
  id: string;
  mac: string;
  /** Lower-case. */
  name: string;
  enabled: boolean;
  mab: boolean;
  userId: string | undefined;
  groups: readonly string[];
  /** What `Facts.device` says of it. */
  facts: { id: string; name: string; groups: readonly string[] };
  subject: Subject;
  password: NetworkPassword | undefined;
  /** As of a user. */
  changedAt: number;
}

export interface VoucherEntry {
  kind: 'voucher';
  id: string;
  /** As `voucherCode` makes it. */
  code: string;
  enabled: boolean;
  /** Milliseconds since 1970. */
  validUntil: number | undefined;
  /** Seconds from the first use. */
  duration: number | undefined;
  firstUsedAt: number | undefined;
  bandwidth: { up?: number | undefined; down?: number | undefined } | undefined;
  quotaBytes: number | undefined;
  subject: Subject;
}

export type Entry = UserEntry | DeviceEntry | VoucherEntry;

/** What is typed for a user or a device, as it is compared. */
export const nameKey = (name: string): string => name.normalize('NFC').toLowerCase();

/** A voucher's code as it is compared: separators and case don't count. */
export const voucherCode = (text: string): string => text.replace(/[\s._-]+/g, '').toUpperCase();

/**
 * The entry of an account. What was proved of its password stays where `before` is the same user with the same
 * password, and an unchanged network password isn't hashed anew.
 */
export function userEntry(account: Account, before: UserEntry | undefined, now: number): UserEntry {
  const password = keep(account.networkPassword, before?.password);
  const proof = proofOf(account, before);
  const same = before?.password === password && before?.account?.version === proof?.version;
  return {
    kind: 'user',
    id: account.id,
    names: account.names,
    enabled: account.enabled,
    subject: {
      kind: 'user',
      id: account.id,
      username: account.username,
      userId: account.id,
      groups: account.groups,
      device: undefined,
      voucher: undefined,
    },
    password,
    account: proof,
    changedAt: before && !same ? now : (before?.changedAt ?? 0),
  };
}

export function deviceEntry(record: DeviceRecord, before: DeviceEntry | undefined, now: number): DeviceEntry {
  const password = keep(record.networkPassword, before?.password);
  const facts = { id: record.id, name: record.name, groups: record.groups };
  return {
    kind: 'device',
    id: record.id,
    mac: record.mac,
    name: nameKey(record.name),
    enabled: record.enabled,
    mab: record.mab,
    userId: record.userId ?? undefined,
    groups: record.groups,
    facts,
    subject: {
      kind: 'device',
      id: record.id,
      username: record.mac,
      userId: record.userId ?? undefined,
      groups: record.groups,
      device: facts,
      voucher: undefined,
    },
    password,
    changedAt: before && before.password !== password ? now : (before?.changedAt ?? 0),
  };
}

/** A first use that is only known here (its row is being written) isn't taken back by an older row. */
export function voucherEntry(record: VoucherRecord, before: VoucherEntry | undefined): VoucherEntry {
  return {
    kind: 'voucher',
    id: record.id,
    code: voucherCode(record.code),
    enabled: record.enabled,
    validUntil: record.validUntil ?? undefined,
    duration: record.duration ?? undefined,
    firstUsedAt: record.firstUsedAt ?? before?.firstUsedAt,
    bandwidth: record.bandwidth ?? undefined,
    quotaBytes: record.quotaBytes ?? undefined,
    subject: {
      kind: 'voucher',
      id: record.id,
      username: voucherCode(record.code),
      userId: undefined,
      groups: record.groups,
      device: undefined,
      voucher: { id: record.id, batchId: record.batchId },
    },
  };
}

function proofOf(account: Account, before: UserEntry | undefined): AccountProof | undefined {
  if (!account.hasPassword) return undefined;
  const known = account.enabled && before?.enabled ? before.account : undefined;
  if (known?.version === account.passwordVersion) return known;
  return { userId: account.id, version: account.passwordVersion, proven: undefined };
}

function keep(text: string | null, before: NetworkPassword | undefined): NetworkPassword | undefined {
  if (text === null || text === '') return undefined;
  return before && Buffer.from(text).equals(before.bytes) ? before : new NetworkPassword(text);
}

/** When a voucher ends, in milliseconds since 1970, with its clock started at `now` if it hasn't been; undefined: never. */
export function voucherEnd(voucher: VoucherEntry, now: number): number | undefined {
  const counted = voucher.duration === undefined ? undefined : (voucher.firstUsedAt ?? now) + voucher.duration * 1000;
  if (counted === undefined) return voucher.validUntil;
  return voucher.validUntil === undefined ? counted : Math.min(counted, voucher.validUntil);
}

/** A device, with its owner's groups beside its own. */
export function deviceSubject(entry: DeviceEntry, users: { userById(id: string): UserEntry | undefined }): Subject {
  const groups = entry.userId === undefined ? undefined : users.userById(entry.userId)?.subject.groups;
  if (!groups || groups.length === 0) return entry.subject;
  return { ...entry.subject, groups: [...new Set([...groups, ...entry.groups])] };
}
