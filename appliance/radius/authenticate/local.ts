import { ATTRIBUTE, md5, sameBytes } from '../codec/index.ts';
import {
  type AccountPasswords,
  type Checked,
  type DeviceEntry,
  type Directory,
  deviceSubject,
  macOf,
  NetworkPassword,
  type UserEntry,
  type VoucherEntry,
  voucherCode,
  voucherEnd,
} from '../directory/index.ts';
import { authenticatorResponse, challengeHash, challengeResponse } from '../mschap/index.ts';
import type { Attempt, Authenticate, Credentials, Subject, Verdict } from '../types.ts';
import { textOf } from './fields.ts';
import { stationOf } from './stations.ts';

export interface LocalOptions {
  directory: Directory;
  passwords: AccountPasswords;
  /** Starts the clock of a voucher; throws where that can't be written. */
  useVoucher(id: string): Promise<void>;
  /** Called with what `useVoucher` threw. */
  failed(error: unknown): void;
  /** Milliseconds since 1970. */
  now(): number;
}

type Accept = Extract<Verdict, { outcome: 'accept' }>;
type Shown = Exclude<Credentials, { kind: 'mab' }>;
/** What a right password of a known text gives. */
type Proof = Pick<Accept, 'mschapv2'> | undefined;

/** Under this user name the password is a voucher's code. */
const VOUCHER_USER = 'voucher';
const REJECTED = { unknown: 'unknown user', wrong: 'wrong password' } as const;
const reject = (reason: string, message?: string): Verdict => ({ outcome: 'reject', reason, message });

/**
 * Checks an attempt against the directory: at once, but for the first check of an account password (argon2) and the
 * first use of a voucher (a row). An unknown name is checked like a known one, against a password that nobody has.
 */
export function createLocal(options: LocalOptions): Authenticate {
  const { directory, passwords } = options;
  const nobody = new NetworkPassword(crypto.randomUUID());

  const user = (entry: UserEntry, attempt: Attempt): Verdict | Promise<Verdict> => {
    const { credentials } = attempt;
    if (credentials.kind === 'mab') return reject(REJECTED.unknown);
    const proof = prove(credentials, entry.password ?? nobody);
    if (!entry.enabled) return reject('this user is disabled');
    if (entry.password && proof) return { outcome: 'accept', subject: entry.subject, ...proof };
    if (credentials.kind === 'pap' && entry.account) {
      const checked = passwords.check(entry.account, credentials.password, callerOf(attempt));
      return checked instanceof Promise
        ? checked.then((late) => ofAccount(late, entry.subject))
        : ofAccount(checked, entry.subject);
    }
    return reject(entry.password || credentials.kind === 'pap' ? REJECTED.wrong : 'this user has no network password');
  };

  const byPassword = (entry: DeviceEntry, credentials: Shown): Verdict => {
    const proof = prove(credentials, entry.password ?? nobody);
    const refused = deviceRefused(entry);
    if (refused) return refused;
    if (!entry.password) return reject('this device has no network password');
    if (!proof) return reject(REJECTED.wrong);
    return { outcome: 'accept', subject: deviceSubject(entry, directory), ...proof };
  };

  const byMac = (mac: string): Verdict => {
    const entry = directory.deviceByMac(mac);
    if (!entry) return reject('unknown device');
    const refused = deviceRefused(entry);
    if (refused) return refused;
    if (!entry.mab) return reject('this device may not connect by its MAC address alone');
    return { outcome: 'accept', subject: deviceSubject(entry, directory) };
  };

  const deviceRefused = (entry: DeviceEntry): Verdict | undefined => {
    if (!entry.enabled) return reject('this device is disabled');
    const owner = entry.userId === undefined ? undefined : directory.userById(entry.userId);
    return owner && !owner.enabled ? reject("this device's owner is disabled") : undefined;
  };

  const voucher = (entry: VoucherEntry, proof: Proof): Verdict | Promise<Verdict> => {
    if (!proof) return reject('wrong password for a voucher');
    if (!entry.enabled) return reject('this voucher is disabled', 'This voucher is not valid.');
    const now = options.now();
    const end = voucherEnd(entry, now);
    if (end !== undefined && end <= now) return reject('this voucher has expired', 'This voucher has expired.');
    const verdict: Verdict = {
      outcome: 'accept',
      subject: entry.subject,
      ...proof,
      sessionTimeout: end === undefined ? undefined : Math.ceil((end - now) / 1000),
    };
    if (entry.firstUsedAt !== undefined) return verdict;
    return options.useVoucher(entry.id).then(
      () => {
        entry.firstUsedAt ??= now;
        return verdict;
      },
      (error): Verdict => {
        options.failed(error);
        return { outcome: 'none', reason: 'the first use of a voucher could not be written' };
      },
    );
  };

  return (attempt) => {
    if (!directory.loaded) return { outcome: 'none', reason: 'the directory is not loaded yet' };
    const { login, credentials } = attempt;
    if (credentials.kind === 'mab') return byMac(credentials.mac);
    const known = directory.user(login);
    if (known) return user(known, attempt);
    const mac = macOf(login);
    const device =
      (mac === undefined ? undefined : directory.deviceByMac(mac)) ??
      directory.deviceByName(login, callingMac(attempt));
    if (device) return byPassword(device, credentials);
    const named = directory.voucher(login);
    if (named) return voucher(named, proveVoucher(credentials, named, login));
    if (credentials.kind === 'pap' && login.toLowerCase() === VOUCHER_USER) {
      const shown = directory.voucher(textOf(credentials.password));
      return shown ? voucher(shown, {}) : reject('unknown voucher');
    }
    prove(credentials, nobody);
    return reject(REJECTED.unknown);
  };
}

function ofAccount(checked: Checked, subject: Subject): Verdict {
  if (checked === 'right') return { outcome: 'accept', subject };
  if (checked === 'busy') return { outcome: 'none', reason: 'too many account passwords are being checked' };
  if (checked === 'wrong') return reject(REJECTED.wrong);
  return reject('too many wrong account passwords: the next is checked within half a minute');
}

/** The proof where the credentials were made with this password; in the same time whether or not. */
function prove(credentials: Shown, password: NetworkPassword): Proof {
  switch (credentials.kind) {
    case 'pap':
      return sameBytes(credentials.password, password.bytes) ? {} : undefined;
    case 'chap': {
      const digest = md5(Uint8Array.of(credentials.id), password.bytes, credentials.challenge);
      return sameBytes(digest, credentials.response) ? {} : undefined;
    }
    case 'mschap':
      return sameBytes(challengeResponse(credentials.challenge, password.schedules), credentials.response)
        ? {}
        : undefined;
    case 'mschapv2': {
      const { authChallenge, peerChallenge, userName, response } = credentials;
      const challenge = challengeHash(peerChallenge, authChallenge, userName);
      if (!sameBytes(challengeResponse(challenge, password.schedules), response)) return undefined;
      const { ntHashHash } = password;
      return {
        mschapv2: { authenticatorResponse: authenticatorResponse(ntHashHash, response, challenge), ntHashHash },
      };
    }
  }
}

/** A code may be typed in any way; where it only went into a hash, the ways it is likely to have been typed are tried. */
function proveVoucher(credentials: Shown, { code }: VoucherEntry, login: string): Proof {
  if (credentials.kind === 'pap') return voucherCode(textOf(credentials.password)) === code ? {} : undefined;
  for (const typed of new Set([login, code, code.toLowerCase()])) {
    const proof = prove(credentials, new NetworkPassword(typed));
    if (proof) return proof;
  }
  return undefined;
}

function callingMac({ request }: Attempt): string | undefined {
  const calling = request?.packet.first(ATTRIBUTE.callingStationId);
  return calling && stationOf(calling).mac;
}

/** Who tries, for the throttle: the device, else where it comes from. */
const callerOf = (attempt: Attempt): string => callingMac(attempt) ?? attempt.request?.address ?? '';
