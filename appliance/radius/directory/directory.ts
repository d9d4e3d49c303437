import { setImmediate } from 'node:timers/promises';
import type { DeviceRecord, VoucherRecord } from '../../access/index.ts';
import type { Bus } from '../../events/index.ts';
import type { Logger } from '../../store/index.ts';
import {
  type Account,
  type DeviceEntry,
  deviceEntry,
  nameKey,
  type UserEntry,
  userEntry,
  type VoucherEntry,
  voucherCode,
  voucherEntry,
} from './entries.ts';
import { createRefresh } from './refresh.ts';

export interface DirectoryOptions {
  accounts(ids?: readonly string[]): Promise<Account[]>;
  devices(ids?: readonly string[]): Promise<DeviceRecord[]>;
  vouchers(ids?: readonly string[]): Promise<VoucherRecord[]>;
  log: Logger;
  /** Milliseconds since 1970. */
  now?: (() => number) | undefined;
}

/** So long a start waits for the first reading. */
const START_MS = 5000;
/** Records taken in before others get the thread: about a millisecond. */
const AT_ONCE = 250;
/** Longer names are nobody's: what a User-Name of a packet holds. */
const MAX_NAME = 253;

/**
 * Users, devices and vouchers in memory, kept fresh by domain events. While it isn't `loaded`, nobody can say that
 * somebody is unknown.
 */
export class Directory {
  readonly #users = new Map<string, UserEntry>();
  readonly #userNames = new Map<string, UserEntry>();
  readonly #devices = new Map<string, DeviceEntry>();
  readonly #macs = new Map<string, DeviceEntry>();
  /** Those with a password; names of devices needn't be unique. */
  readonly #deviceNames = new Map<string, DeviceEntry[]>();
  readonly #vouchers = new Map<string, VoucherEntry>();
  readonly #codes = new Map<string, VoucherEntry>();
  readonly #refreshes;
  readonly #missing = new Set(['users', 'devices', 'vouchers']);

  readonly #now: () => number;

  constructor({ accounts, devices, vouchers, log, now = () => Date.now() }: DirectoryOptions) {
    this.#now = now;
    const refresh = <R extends { id: string }>(
      what: string,
      read: (ids?: readonly string[]) => Promise<R[]>,
      known: ReadonlyMap<string, unknown>,
      put: (record: R) => void,
      remove: (id: string) => void,
    ) =>
      createRefresh(
        async (ids) => {
          const records = await (ids ? read(ids) : read());
          const there = new Set<string>();
          for (const record of records) {
            there.add(record.id);
            put(record);
            // Ten thousand at once would hold up every answer for 50 ms.
            if (there.size % AT_ONCE === 0) await setImmediate();
          }
          for (const id of ids ?? [...known.keys()]) if (!there.has(id)) remove(id);
          if (!ids) this.#missing.delete(what);
        },
        (error) => log.error({ err: error }, `the ${what} of the directory could not be read: again in a second`),
      );
    this.#refreshes = {
      users: refresh(
        'users',
        accounts,
        this.#users,
        (r) => this.#putUser(r),
        (id) => this.#removeUser(id),
      ),
      devices: refresh(
        'devices',
        devices,
        this.#devices,
        (r) => this.#putDevice(r),
        (id) => this.#removeDevice(id),
      ),
      vouchers: refresh(
        'vouchers',
        vouchers,
        this.#vouchers,
        (r) => this.#putVoucher(r),
        (id) => this.#removeVoucher(id),
      ),
    };
  }

  /** Hears what changes; before `start`, so that nothing is missed. */
  listen(bus: Bus): void {
    const { users, devices, vouchers } = this.#refreshes;
    bus.on(['identity.user.created', 'identity.user.updated', 'identity.user.deleted'], ({ data }) =>
      users.touch(data.userId),
    );
    bus.on(['access.device.created', 'access.device.updated', 'access.device.deleted'], ({ data }) =>
      devices.touch(data.deviceId),
    );
    bus.on(['access.voucher.updated', 'access.voucher.deleted'], ({ data }) => vouchers.touch(data.voucherId));
    bus.on(['access.vouchers.created'], () => vouchers.touchAll());
  }

  /**
   * Reads everything, again and again until it could be read. Resolves when that is done, or after some seconds: until
   * then there are no answers, but the rest of the appliance needn't wait.
   */
  async start(): Promise<void> {
    for (const refresh of Object.values(this.#refreshes)) refresh.touchAll();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, START_MS);
    });
    await Promise.race([this.settled(), late]);
    clearTimeout(timer);
  }

  stop(): void {
    for (const refresh of Object.values(this.#refreshes)) refresh.stop();
  }

  /** When every change that was heard holds. */
  async settled(): Promise<void> {
    await Promise.all(Object.values(this.#refreshes).map((refresh) => refresh.settled()));
  }

  get loaded(): boolean {
    return this.#missing.size === 0;
  }

  get size(): { users: number; devices: number; vouchers: number } {
    return { users: this.#users.size, devices: this.#devices.size, vouchers: this.#vouchers.size };
  }

  /** By user name or email, in any case. */
  user(name: string): UserEntry | undefined {
    if (name.length > MAX_NAME) return undefined;
    return this.#userNames.get(name) ?? this.#userNames.get(nameKey(name));
  }

  userById(id: string): UserEntry | undefined {
    return this.#users.get(id);
  }

  deviceById(id: string): DeviceEntry | undefined {
    return this.#devices.get(id);
  }

  /** By MAC address as `macOf` writes it. */
  deviceByMac(mac: string): DeviceEntry | undefined {
    return this.#macs.get(mac);
  }

  /** A device with a password by its name; where several have it, the one that `mac` is of, else the lowest id. */
  deviceByName(name: string, mac: string | undefined): DeviceEntry | undefined {
    if (name.length > MAX_NAME || this.#deviceNames.size === 0) return undefined;
    const named = this.#deviceNames.get(nameKey(name)) ?? [];
    return named.find((entry) => entry.mac === mac) ?? named[0];
  }

  /** By code, however it is written. */
  voucher(code: string): VoucherEntry | undefined {
    return code.length > MAX_NAME || this.#codes.size === 0 ? undefined : this.#codes.get(voucherCode(code));
  }

  voucherById(id: string): VoucherEntry | undefined {
    return this.#vouchers.get(id);
  }

  #putUser(account: Account): void {
    const before = this.#users.get(account.id);
    const entry = userEntry(account, before, this.#now());
    if (before) dropNames(this.#userNames, before.names, before);
    this.#users.set(account.id, entry);
    for (const name of entry.names) this.#userNames.set(name, entry);
  }

  #removeUser(id: string): void {
    const before = this.#users.get(id);
    if (!before) return;
    this.#users.delete(id);
    dropNames(this.#userNames, before.names, before);
  }

  #putDevice(record: DeviceRecord): void {
    const before = this.#devices.get(record.id);
    const entry = deviceEntry(record, before, this.#now());
    this.#removeDevice(record.id);
    this.#devices.set(record.id, entry);
    this.#macs.set(entry.mac, entry);
    if (!entry.password || entry.name === '') return;
    const named = [...(this.#deviceNames.get(entry.name) ?? []), entry];
    this.#deviceNames.set(
      entry.name,
      named.sort((a, b) => (a.id < b.id ? -1 : 1)),
    );
  }

  #removeDevice(id: string): void {
    const before = this.#devices.get(id);
    if (!before) return;
    this.#devices.delete(id);
    dropNames(this.#macs, [before.mac], before);
    const named = (this.#deviceNames.get(before.name) ?? []).filter((entry) => entry !== before);
    if (named.length > 0) this.#deviceNames.set(before.name, named);
    else this.#deviceNames.delete(before.name);
  }

  #putVoucher(record: VoucherRecord): void {
    const entry = voucherEntry(record, this.#vouchers.get(record.id));
    this.#removeVoucher(record.id);
    this.#vouchers.set(record.id, entry);
    this.#codes.set(entry.code, entry);
  }

  #removeVoucher(id: string): void {
    const before = this.#vouchers.get(id);
    if (!before) return;
    this.#vouchers.delete(id);
    dropNames(this.#codes, [before.code], before);
  }
}

/** A name that somebody else has taken meanwhile stays theirs. */
function dropNames<E>(names: Map<string, E>, of: readonly string[], entry: E): void {
  for (const name of of) if (names.get(name) === entry) names.delete(name);
}
