import { nearest } from '../../config/index.ts';
import type { Method } from '../types.ts';
import type { DocumentChecks } from './document.ts';
import { canonicalMac } from './mac.ts';
import {
  type Comparison,
  MAX_FACTS,
  MAX_WINDOWS,
  type Match,
  METHOD_FAMILIES,
  METHODS,
  type PostureWish,
} from './model.ts';
import type { At, Reader } from './reader.ts';
import { daysOf, minuteOf, type Window } from './time.ts';
import { RANDOM_VENDOR } from './vendors.ts';

const MAX_TEXT = 253;
/** Names of posture facts. */
export const FACT_NAME = /^[a-z][a-z0-9_]{0,63}$/;
export const MAX_FACT_TEXT = 256;

/** The conditions of a policy. */
export function readMatch(reader: Reader, root: At, checks: DocumentChecks): Match {
  const match: Match = {};
  const set = <K extends keyof Match>(key: K, value: Match[K] | undefined): void => {
    if (value !== undefined) match[key] = value as NonNullable<Match[K]>;
  };
  type TextKey = { [K in keyof Match]-?: Match[K] extends string[] | undefined ? K : never }[keyof Match];
  const texts = (key: TextKey) => (at: At) =>
    set(
      key,
      reader.list(at, (item) => reader.text(item, MAX_TEXT)),
    );
  const keys: Record<keyof Match, (at: At) => void> = {
    users: texts('users'),
    groups: texts('groups'),
    realms: texts('realms'),
    methods: (at) => set('methods', reader.list(at, (item) => readMethod(reader, item))?.flat()),
    certificate: (at) => set('certificate', readCertificate(reader, at)),
    nas: texts('nas'),
    nas_groups: texts('nas_groups'),
    ssids: texts('ssids'),
    called_stations: texts('called_stations'),
    calling_stations: texts('calling_stations'),
    mac_vendors: (at) =>
      set(
        'mac_vendors',
        reader.list(at, (item) => readVendor(reader, item, checks)),
      ),
    devices: (at) =>
      set(
        'devices',
        reader.list(at, (item) => {
          const text = reader.text(item, MAX_TEXT);
          return text === undefined ? undefined : (canonicalMac(text) ?? text);
        }),
      ),
    device_groups: texts('device_groups'),
    voucher: (at) => set('voucher', readVoucher(reader, at)),
    time: (at) => set('time', readTime(reader, at)),
    posture: (at) => set('posture', readPosture(reader, at)),
    door: (at) => set('door', reader.oneOf(at, ['radius', 'overlay'] as const)),
  };
  reader.map(root, keys);
  return match;
}

function readMethod(reader: Reader, at: At): readonly Method[] | undefined {
  const known = [...METHODS, ...Object.keys(METHOD_FAMILIES)];
  const name = reader.oneOf(at, known);
  return name === undefined ? undefined : (METHOD_FAMILIES[name] ?? [name as Method]);
}

function readCertificate(reader: Reader, root: At): Match['certificate'] {
  const certificate: NonNullable<Match['certificate']> = {};
  const field = (key: keyof typeof certificate) => (at: At) => {
    const globs = reader.list(at, (item) => reader.text(item, MAX_TEXT));
    if (globs) certificate[key] = globs;
  };
  reader.map(root, {
    issuer: field('issuer'),
    subject: field('subject'),
    alternative_name: field('alternative_name'),
    common_name: field('common_name'),
  });
  return certificate;
}

function readVendor(reader: Reader, at: At, checks: DocumentChecks): string | undefined {
  const text = reader.text(at, 100);
  if (text === undefined || text.toLowerCase() === RANDOM_VENDOR || isPrefix(text)) return text;
  if (checks.vendors().prefixes(text).length > 0) return text;
  return reader.wrong(
    at,
    `no vendor in the IEEE's registry is called '${text}': write the beginning of its name there, a prefix such as 02:00:00, or '${RANDOM_VENDOR}' for made-up addresses`,
  );
}

/** Three to five bytes of a MAC address, in any notation with colons or dashes. */
export const isPrefix = (text: string): boolean => /^[0-9a-f]{2}([:-][0-9a-f]{2}){2,4}$/i.test(text.trim());

function readVoucher(reader: Reader, at: At): boolean | string[] | undefined {
  if (!reader.isList(at)) {
    const value = reader.scalar(at, 64);
    return typeof value === 'boolean' || value === undefined ? value : [String(value)];
  }
  return reader.list(at, (item) => reader.text(item, 64));
}

function readTime(reader: Reader, root: At): Window[] | undefined {
  return reader.list(
    root,
    (item) => {
      const days = Array<boolean>(7).fill(false);
      let [from, to]: [number | undefined, number | undefined] = [0, 24 * 60];
      let named = false;
      const minute = (at: At): number | undefined => {
        const text = reader.text(at, 8, 'write a time of day, for example "07:30"');
        return text === undefined
          ? undefined
          : (minuteOf(text) ?? reader.wrong(at, `'${text}' is not a time of day: write it as "07:30", in quotes`));
      };
      reader.map(
        item,
        {
          days: (at) => {
            named = true;
            for (const day of reader.list(at, (one) => readDays(reader, one))?.flat() ?? []) days[day] = true;
          },
          from: (at) => {
            from = minute(at);
          },
          to: (at) => {
            to = minute(at);
          },
        },
        [],
        'write {days: mon-fri, from: "07:00", to: "20:00"}, or a list of such',
      );
      if (from === undefined || to === undefined) return undefined;
      if (from === to || from === 24 * 60) {
        return reader.wrong(item, 'from and to are the same time: for whole days leave both out');
      }
      return { days: named ? days : days.fill(true), from, to };
    },
    MAX_WINDOWS,
  );
}

function readDays(reader: Reader, at: At): number[] | undefined {
  const text = reader.text(at, 32, 'write mon, tue, …, or mon-fri');
  if (text === undefined) return undefined;
  return (
    daysOf(text) ?? reader.wrong(at, `'${text}' is not a day: write mon, tue, wed, thu, fri, sat, sun, or mon-fri`)
  );
}

const COMPARED = /^(<=|>=|!=|<|>|=)\s*(.+)$/;

function readPosture(reader: Reader, root: At): Match['posture'] {
  const wishes: PostureWish[] = [];
  let known: boolean | undefined;
  let named = 0;
  reader.entries(root, (name, at) => {
    named++;
    if (name === 'known') {
      known = reader.boolean(at);
      return;
    }
    if (!FACT_NAME.test(name)) {
      const guess = nearest(name, ['known']);
      reader.fault(
        at,
        `'${name.slice(0, 60)}' is not the name of a fact: lower-case letters, digits and _${guess ? `; did you mean '${guess}'?` : ''}`,
      );
      return;
    }
    const value = reader.scalar(at, MAX_FACT_TEXT);
    if (value === undefined) return;
    const [, op, operand] = typeof value === 'string' ? (COMPARED.exec(value) ?? []) : [];
    wishes.push(
      op !== undefined && operand !== undefined
        ? { fact: name, op: op as Comparison, value: operand.trim() }
        : { fact: name, op: '=', value },
    );
  });
  if (wishes.length > MAX_FACTS) reader.fault(root, `posture has more than ${MAX_FACTS} facts`);
  if (named === 0) {
    reader.fault(root, 'posture names no fact: write for example {disk_encryption: true}, or {known: true}');
  }
  return { ...(known !== undefined && { known }), wishes };
}
