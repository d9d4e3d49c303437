import { globMatcher, type Matcher } from './glob.ts';
import { isLocalMac } from './mac.ts';
import { isPrefix } from './match.ts';
import type { Comparison, Match, PostureWish } from './model.ts';
import { type PostureFacts, type Subject, station } from './subject.ts';
import { inWindow, type LocalTime, showLocal, showWindow, wallClock } from './time.ts';
import { RANDOM_VENDOR, type Vendors } from './vendors.ts';

/** One condition of a policy: a test, and how `explain` words it. */
export interface Condition {
  /** As in the document: `groups`, `certificate.issuer`, `posture.firewall`. */
  name: string;
  expected: string;
  test(subject: Subject): boolean;
  /** What there was instead; null where nothing is known. */
  actual(subject: Subject): string | null;
}

const lowerSet = (values: readonly string[]): ReadonlySet<string> =>
  new Set(values.map((value) => value.toLowerCase()));
const shown = (values: readonly string[]): string => values.join(', ');

type Makers = { [K in keyof Match]-?: (wanted: NonNullable<Match[K]>, vendors: () => Vendors) => Condition[] };

const one = (
  name: string,
  expected: string,
  test: Condition['test'],
  actual: (subject: Subject) => string | undefined,
): Condition[] => [{ name, expected, test, actual: (subject) => actual(subject) ?? null }];

/** In the order in which they are asked: the cheap and telling ones first. */
const MAKERS: Makers = {
  door: (door) =>
    one(
      'door',
      door,
      ({ facts }) => facts.door === door,
      ({ facts }) => facts.door,
    ),
  users: (users) => {
    const set = lowerSet(users);
    const test = (subject: Subject) =>
      set.has(subject.user) || (subject.facts.realm !== undefined && set.has(subject.login));
    return one('users', shown(users), test, (subject) => subject.login);
  },
  groups: (groups) => {
    const set = lowerSet(groups);
    return one(
      'groups',
      shown(groups),
      (subject) => someIn(subject.groups, set),
      ({ facts }) => shown(facts.groups),
    );
  },
  realms: (realms) => {
    const set = lowerSet(realms);
    const test = ({ facts }: Subject) => facts.realm !== undefined && set.has(facts.realm.toLowerCase());
    return one('realms', shown(realms), test, ({ facts }) => facts.realm);
  },
  methods: (methods) => {
    const set: ReadonlySet<string> = new Set(methods);
    return one(
      'methods',
      shown(methods),
      ({ facts }) => set.has(facts.method),
      ({ facts }) => facts.method,
    );
  },
  voucher: (wanted) => {
    const actual = ({ facts }: Subject) => facts.voucher && `${facts.voucher.id} of batch ${facts.voucher.batchId}`;
    if (typeof wanted === 'boolean') {
      return one('voucher', String(wanted), ({ facts }) => (facts.voucher !== undefined) === wanted, actual);
    }
    const ids = new Set(wanted);
    const test = ({ facts }: Subject) =>
      facts.voucher !== undefined && (ids.has(facts.voucher.batchId) || ids.has(facts.voucher.id));
    return one('voucher', shown(wanted), test, actual);
  },
  nas: (wanted) => {
    const set = lowerSet(wanted);
    const test = ({ facts: { nas } }: Subject) =>
      nas !== undefined && (set.has(nas.name.toLowerCase()) || set.has(nas.id.toLowerCase()));
    return one('nas', shown(wanted), test, ({ facts }) => facts.nas?.name);
  },
  nas_groups: (wanted) => {
    const set = lowerSet(wanted);
    const test = ({ facts: { nas } }: Subject) => nas?.groups.some((group) => set.has(group.toLowerCase())) === true;
    return one('nas_groups', shown(wanted), test, ({ facts }) => facts.nas && shown(facts.nas.groups));
  },
  ssids: (wanted) => {
    // Case counts: IEEE 802.11 knows an SSID as bytes.
    const set = new Set(wanted);
    const test = ({ facts }: Subject) => facts.ssid !== undefined && set.has(facts.ssid);
    return one('ssids', shown(wanted), test, ({ facts }) => facts.ssid);
  },
  called_stations: (globs) => {
    const match = anyGlob(globs.map(station));
    const test = (subject: Subject) => subject.facts.calledStation !== undefined && match(subject.called);
    return one('called_stations', shown(globs), test, ({ facts }) => facts.calledStation);
  },
  calling_stations: (globs) => {
    const match = anyGlob(globs.map(station));
    const test = (subject: Subject) =>
      (subject.facts.callingStation !== undefined && match(subject.calling)) ||
      (subject.facts.mac !== undefined && match(subject.facts.mac));
    return one('calling_stations', shown(globs), test, ({ facts }) => facts.callingStation ?? facts.mac);
  },
  mac_vendors: (wanted, vendors) => {
    const test = vendorTest(wanted, vendors);
    return one(
      'mac_vendors',
      shown(wanted),
      ({ facts }) => facts.mac !== undefined && test(facts.mac),
      ({ facts }) => facts.mac,
    );
  },
  devices: (wanted) => {
    const set = lowerSet(wanted);
    const test = ({ facts: { device, mac } }: Subject) =>
      (device !== undefined && (set.has(device.id) || set.has(device.name.toLowerCase()))) ||
      (mac !== undefined && set.has(mac));
    return one('devices', shown(wanted), test, ({ facts }) => facts.device?.name ?? facts.mac);
  },
  device_groups: (wanted) => {
    const set = lowerSet(wanted);
    const test = ({ facts: { device } }: Subject) =>
      device?.groups.some((group) => set.has(group.toLowerCase())) === true;
    return one('device_groups', shown(wanted), test, ({ facts }) => facts.device && shown(facts.device.groups));
  },
  certificate: ({ issuer, subject, alternative_name: alternative, common_name: common }) => {
    const field = (name: string, globs: string[] | undefined, values: (subject: Subject) => readonly string[]) => {
      if (!globs) return [];
      const match = anyGlob(globs);
      return one(
        `certificate.${name}`,
        shown(globs),
        (some) => values(some).some((value) => match(value.toLowerCase())),
        (some) => some.facts.certificate && shown(values(some)),
      );
    };
    return [
      ...field('issuer', issuer, ({ facts }) => (facts.certificate ? [facts.certificate.issuer] : [])),
      ...field('subject', subject, ({ facts }) => (facts.certificate ? [facts.certificate.subject] : [])),
      ...field('common_name', common, ({ facts }) => (facts.certificate ? [facts.certificate.commonName] : [])),
      ...field('alternative_name', alternative, ({ facts }) => alternativeNames(facts.certificate?.alternativeNames)),
    ];
  },
  time: (windows) => {
    const local = (subject: Subject): LocalTime => clockOf(subject.zone)(subject.facts.at);
    const test = (subject: Subject) => {
      const now = local(subject);
      return windows.some((window) => inWindow(window, now));
    };
    return one(
      'time',
      windows.map(showWindow).join('; '),
      test,
      (subject) => `${showLocal(local(subject))} ${subject.zone}`,
    );
  },
  posture: ({ known, wishes }) => [
    ...(known === undefined
      ? []
      : one(
          'posture.known',
          String(known),
          ({ posture }) => (posture !== null) === known,
          ({ posture }) => String(posture !== null),
        )),
    ...wishes.flatMap((wish) =>
      one(
        `posture.${wish.fact}`,
        wish.op === '=' ? String(wish.value) : `${wish.op}${wish.value}`,
        ({ posture }) => holds(wish, posture),
        ({ posture }) => (posture && Object.hasOwn(posture, wish.fact) ? String(posture[wish.fact]) : undefined),
      ),
    ),
  ],
};

/** The conditions of a policy, all of which must hold. */
export function conditionsOf(match: Match, vendors: () => Vendors): Condition[] {
  return (Object.keys(MAKERS) as (keyof Match)[]).flatMap((key) => {
    const wanted = match[key];
    return wanted === undefined
      ? []
      : (MAKERS[key] as (wanted: unknown, vendors: () => Vendors) => Condition[])(wanted, vendors);
  });
}

export const isPosture = ({ name }: Condition): boolean => name.startsWith('posture.');

function someIn(values: readonly string[], set: ReadonlySet<string>): boolean {
  for (const value of values) if (set.has(value)) return true;
  return false;
}

function anyGlob(globs: readonly string[]): Matcher {
  const exact = new Set(globs.filter((glob) => !/[*?]/.test(glob)).map((glob) => glob.toLowerCase()));
  const matchers = globs.filter((glob) => /[*?]/.test(glob)).map(globMatcher);
  return (text) => exact.has(text) || matchers.some((match) => match(text));
}

/** Each with its kind (`email:a@b`) and without. */
const alternativeNames = (names: readonly string[] = []): string[] =>
  names.flatMap((name) => [name, name.slice(name.indexOf(':') + 1)]);

function vendorTest(wanted: readonly string[], vendors: () => Vendors): (mac: string) => boolean {
  const random = wanted.some((name) => name.toLowerCase() === RANDOM_VENDOR);
  const prefixes = new Set(
    wanted.flatMap((name) => {
      if (name.toLowerCase() === RANDOM_VENDOR) return [];
      return isPrefix(name) ? [station(name.trim())] : vendors().prefixes(name);
    }),
  );
  const lengths = [...new Set([...prefixes].map((prefix) => prefix.length))];
  return (mac) => (random && isLocalMac(mac)) || lengths.some((length) => prefixes.has(mac.slice(0, length)));
}

const clocks = new Map<string, (at: number) => LocalTime>();
function clockOf(zone: string): (at: number) => LocalTime {
  let clock = clocks.get(zone);
  if (!clock) {
    clock = wallClock(zone);
    clocks.set(zone, clock);
  }
  return clock;
}

/** Whether a fact is as wished; what isn't known never is. */
export function holds({ fact, op, value }: PostureWish, posture: PostureFacts | null): boolean {
  if (!posture || !Object.hasOwn(posture, fact)) return false;
  const actual = posture[fact] as boolean | number | string;
  if (op === '=' || op === '!=') return sameValue(actual, value) === (op === '=');
  if (typeof actual === 'boolean') return false;
  return compared(compareVersions(String(actual), String(value)), op);
}

const sameValue = (a: boolean | number | string, b: boolean | number | string): boolean =>
  String(a).toLowerCase() === String(b).toLowerCase() ||
  (typeof a !== 'boolean' &&
    /^\d/.test(String(a)) &&
    /^\d/.test(String(b)) &&
    compareVersions(String(a), String(b)) === 0);

const compared = (order: number, op: Comparison): boolean =>
  op === '<' ? order < 0 : op === '<=' ? order <= 0 : op === '>' ? order > 0 : order >= 0;

/** By parts between dots, dashes and the like: numbers as numbers, a part that is missing as 0. `14.10` > `14.2`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) =>
    text
      .toLowerCase()
      .split(/[^0-9a-z]+/)
      .filter(Boolean),
  ) as [string[], string[]];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const [x = '0', y = '0'] = [left[index], right[index]];
    const numbers = /^\d+$/.test(x) && /^\d+$/.test(y);
    const order = numbers ? Number(x) - Number(y) : x < y ? -1 : x > y ? 1 : 0;
    if (order !== 0) return order;
  }
  return 0;
}
