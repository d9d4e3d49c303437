import type { Fields } from '../parse/fields.ts';

/** Fields that hold an address. */
export const IP_FIELDS = ['srcip', 'dstip', 'natip', 'natdstip', 'ip'] as const satisfies readonly (keyof Fields)[];
export type IpField = (typeof IP_FIELDS)[number];

export const PORT_FIELDS = ['srcport', 'dstport', 'natport', 'natdstport'] as const satisfies readonly (keyof Fields)[];

export const NUMBER_FIELDS = [
  ...PORT_FIELDS,
  ...(['bytes', 'bytes_in', 'bytes_out', 'severity', 'facility'] as const),
] as const satisfies readonly (keyof Fields)[];

/** Texts that have a column: those of which there are few values, and those that people ask for. */
export const TEXT_COLUMNS = [
  'user',
  'mac',
  'action',
  'event',
  'proto',
  'rule',
  'app',
  'hostname',
] as const satisfies readonly (keyof Fields)[];

/** Texts that are found by their words in the bloom filter, then in the records. */
export const PLAIN_TEXTS = [
  'host',
  'vendor',
  'product',
  'ssid',
  'in',
  'out',
  'session',
] as const satisfies readonly (keyof Fields)[];

/** Texts that are found by looking at the records only. */
const SCANNED = ['msg', 'device_time'] as const satisfies readonly (keyof Fields)[];

/** What is known of a record beside its fields. `address` is any of the fields that hold one. */
export const META = ['source', 'kind', 'parser', 'transport', 'peer', 'address'] as const;

export type Name = keyof Fields | (typeof META)[number];

export const NAMES: readonly Name[] = [
  ...IP_FIELDS,
  ...NUMBER_FIELDS,
  ...TEXT_COLUMNS,
  ...PLAIN_TEXTS,
  ...SCANNED,
  ...META,
];

export const isIpName = (name: Name): boolean => name === 'address' || (IP_FIELDS as readonly string[]).includes(name);
export const isNumberName = (name: Name): boolean => (NUMBER_FIELDS as readonly string[]).includes(name);
/** Whether each record's value of it gave its words to the bloom filter. */
export const isIndexed = (name: Name): boolean =>
  isIpName(name) || ([...PORT_FIELDS, ...TEXT_COLUMNS, ...PLAIN_TEXTS] as readonly string[]).includes(name);
