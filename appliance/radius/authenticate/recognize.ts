import { type Directory, deviceSubject, voucherEnd } from '../directory/index.ts';
import type { InnerMethod, Known } from '../eap/index.ts';
import type { Verdict } from '../types.ts';
import type { Accepted } from './authorize.ts';
import type { Resolve } from './dispatch.ts';

/** `at`: when the session was made that is resumed, in milliseconds since 1970. */
export type Recognized = Known & { at?: number | undefined };

export interface RecognizeOptions {
  directory: Directory;
  resolve: Resolve;
  /** Milliseconds since 1970. */
  now(): number;
}

/** Says who somebody is that needn't show a password: the owner of a certificate, or of a TLS session that is resumed. */
export function createRecognize({ directory, resolve, now }: RecognizeOptions): (known: Recognized) => Verdict {
  const refuse = (reason: string): Verdict => ({ outcome: 'reject', reason });
  return ({ login: name, request, earlier, at, certificate }) => {
    if (!directory.loaded) return { outcome: 'none', reason: 'the directory is not loaded yet' };
    const { login, realm, source } = resolve(name, request.nas);
    const accept = (verdict: Accepted): Verdict => ({ ...verdict, realm: verdict.realm ?? realm });
    const kind = earlier?.subject.kind ?? 'user';
    if (earlier && kind === 'external') {
      return source.kind === 'rest' ? accept(earlier) : refuse('another source has vouched for this user');
    }
    if (earlier && kind === 'voucher') {
      const voucher = directory.voucherById(earlier.subject.id);
      if (!voucher?.enabled) return refuse('this voucher is disabled');
      const end = voucherEnd(voucher, now());
      if (end !== undefined && end <= now()) return refuse('this voucher has expired');
      return accept({ ...earlier, subject: voucher.subject });
    }
    if (earlier && kind === 'device') {
      const device = directory.deviceById(earlier.subject.id);
      if (!device?.enabled) return refuse('this device is disabled');
      if (!device.password) return refuse('this device has no network password');
      if (isOlder(at, device.changedAt)) return refuse(CHANGED);
      return accept({ ...earlier, subject: deviceSubject(device, directory) });
    }
    const user = earlier ? directory.userById(earlier.subject.id) : (directory.user(login) ?? directory.user(name));
    if (!user) return refuse('unknown user');
    if (!user.enabled) return refuse('this user is disabled');
    if (certificate === undefined && isOlder(at, user.changedAt)) return refuse(CHANGED);
    return accept({ outcome: 'accept', subject: user.subject, sessionTimeout: earlier?.sessionTimeout });
  };
}

const CHANGED = 'the password has changed since this session was made';
const isOlder = (at: number | undefined, changedAt: number): boolean => at !== undefined && at <= changedAt;

/** What a person may use inside PEAP: without a network password there is nothing that MS-CHAPv2 could be checked with. */
export function createInnerMethods({
  directory,
  resolve,
}: Omit<RecognizeOptions, 'now'>): (login: string) => readonly InnerMethod[] {
  return (name) => {
    const { login, source } = resolve(name, undefined);
    const user = source.kind === 'local' ? directory.user(login) : undefined;
    return user && !user.password && user.account ? GTC : BOTH;
  };
}

const GTC: readonly InnerMethod[] = ['gtc'];
const BOTH: readonly InnerMethod[] = ['mschapv2', 'gtc'];
