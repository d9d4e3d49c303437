import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { type CsvError, parse } from 'csv-parse';
import { GROUP_PATTERN, type Group, groupList, MAX_GROUP_NAME, MAX_GROUPS } from '../groups.ts';
import { networkPasswordFault } from '../network-password.ts';
import { EMAIL_PATTERN, MAX_EMAIL, MAX_NAME, MAX_USERNAME, NAME_PATTERN, USERNAME_PATTERN } from '../schema.ts';

export const COLUMNS = ['username', 'email', 'name', 'network_password', 'groups'] as const;
export type Column = (typeof COLUMNS)[number];

export const MAX_ROWS = 50_000;
export const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** Errors and changes that an answer lists. */
export const MAX_LISTED = 1000;
/** One row: about ten times what its longest values need. */
const MAX_RECORD_BYTES = 64 * 1024;
const SLICE_BYTES = 64 * 1024;
/** Rows that are read before others get the thread. */
const ROWS_AT_ONCE = 1000;

/** One user of the file. */
export interface Row {
  /** Where the row ends in the file; the header is in line 1. */
  line: number;
  username: string;
  email: string;
  name: string;
  /** In NFC; undefined leaves the user's as it is. */
  networkPassword: string | undefined;
  groups: Group[];
}

export interface Fault {
  line: number;
  column?: Column;
  message: string;
}

/** What is wrong with a file: the first of the faults, and in how many lines there are any. */
export class Faults {
  readonly list: Fault[] = [];
  readonly #lines = new Set<number>();
  #all = 0;

  add(line: number, message: string, column?: Column): void {
    this.#all++;
    this.#lines.add(line);
    if (this.list.length < MAX_LISTED) this.list.push({ line, ...(column && { column }), message });
  }
  has(line: number): boolean {
    return this.#lines.has(line);
  }
  get lines(): number {
    return this.#lines.size;
  }
  get truncated(): boolean {
    return this.#all > this.list.length;
  }
}

/**
 * Reads a CSV file (RFC 4180; UTF-8, with a byte order mark or without). What is wrong goes to `faults`; the answer has
 * the rows that are right.
 */
export async function parseUsers(file: Buffer, faults: Faults): Promise<Row[]> {
  if (!isUtf8(file)) {
    faults.add(1, 'the file is not UTF-8: save it as "CSV UTF-8"');
    return [];
  }
  const parser = Readable.from(slices(file)).pipe(
    parse({
      info: true,
      bom: true,
      skip_empty_lines: true,
      relax_column_count: true,
      max_record_size: MAX_RECORD_BYTES,
      record_delimiter: ['\r\n', '\n', '\r'],
    }),
  );
  const rows: Row[] = [];
  let order: number[] | undefined;
  let read = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      const { lines: line } = info;
      if (!order) {
        order = columnOrder(record, line, faults);
        if (!order) return [];
        continue;
      }
      if (++read > MAX_ROWS) {
        faults.add(line, `the file has more than ${MAX_ROWS} rows: split it`);
        return [];
      }
      if (read % ROWS_AT_ONCE === 0) await setImmediate();
      const row = toRow(record, order, line, faults);
      if (row) rows.push(row);
    }
  } catch (error) {
    const { code, lines } = error as CsvError & { lines?: number };
    faults.add(lines ?? 1, SYNTAX[code] ?? 'this is not CSV as in RFC 4180');
    return [];
  }
  if (!order) faults.add(1, `the file is empty: its first line names the columns ${COLUMNS.join(',')}`);
  return rows;
}

const SYNTAX: Record<string, string> = {
  CSV_QUOTE_NOT_CLOSED: 'a quoted value begins here and does not end',
  CSV_INVALID_CLOSING_QUOTE: 'behind the closing quote of a value there must be a comma or the end of the line',
  INVALID_OPENING_QUOTE: 'a quote inside a value: put the whole value in quotes and write the quote twice',
  CSV_MAX_RECORD_SIZE: `a row is longer than ${MAX_RECORD_BYTES / 1024} KiB`,
};

function* slices(file: Buffer): Generator<Buffer> {
  for (let at = 0; at < file.length; at += SLICE_BYTES) yield file.subarray(at, at + SLICE_BYTES);
}

/** Where each of COLUMNS is in a row; undefined for a header that isn't one. */
function columnOrder(header: string[], line: number, faults: Faults): number[] | undefined {
  const names = header.map((name) => name.trim());
  const show = (list: readonly string[]): string =>
    list
      .map((name) => name.slice(0, 64))
      .slice(0, 5)
      .join(', ');
  const missing = COLUMNS.filter((name) => !names.includes(name));
  const extra = names.filter((name) => !(COLUMNS as readonly string[]).includes(name));
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  if (missing.length > 0) {
    const hint = names.length === 1 && /[;\t]/.test(names[0] ?? '') ? ' (values are separated by commas)' : '';
    faults.add(line, `the header lacks the columns ${show(missing)}${hint}`);
  }
  if (extra.length > 0) faults.add(line, `the header has columns that aren't known: ${show(extra)}`);
  if (twice.length > 0) faults.add(line, `the header has columns twice: ${show(twice)}`);
  return faults.has(line) ? undefined : COLUMNS.map((name) => names.indexOf(name));
}

function toRow(record: string[], order: readonly number[], line: number, faults: Faults): Row | undefined {
  if (record.length !== COLUMNS.length) {
    faults.add(line, `the row has ${record.length} values, not ${COLUMNS.length}`);
    return undefined;
  }
  const [username, email, name, password, groups] = order.map((index) => record[index] ?? '') as [
    string,
    string,
    string,
    string,
    string,
  ];
  const check = (column: Column, fault: string | undefined): void => {
    if (fault) faults.add(line, `${column} ${fault}`, column);
  };
  check('username', usernameFault(username));
  check('email', emailFault(email));
  check('name', textFault(name, MAX_NAME, NAME));
  if (password !== '') check('network_password', networkPasswordFault(password));
  const names = groups
    .split(';')
    .map((group) => group.trim())
    .filter((group) => group !== '');
  check('groups', groupsFault(names));
  if (faults.has(line)) return undefined;
  return {
    line,
    username,
    email,
    name,
    networkPassword: password === '' ? undefined : password.normalize('NFC'),
    groups: groupList(names),
  };
}

const USERNAME = new RegExp(USERNAME_PATTERN, 'u');
const EMAIL = new RegExp(EMAIL_PATTERN, 'u');
const NAME = new RegExp(NAME_PATTERN, 'u');
const GROUP = new RegExp(GROUP_PATTERN, 'u');
/** No column's value has them, and PostgreSQL can't keep U+0000. */
const CONTROL = /[\u0000-\u001f\u007f]/;

function textFault(value: string, max: number, pattern: RegExp): string | undefined {
  if ([...value].length > max) return `has more than ${max} characters`;
  if (CONTROL.test(value)) return 'has a control character';
  return pattern.test(value) ? undefined : 'is not valid';
}

function usernameFault(value: string): string | undefined {
  if (value === '') return 'is empty';
  const fault = textFault(value, MAX_USERNAME, USERNAME);
  return fault === 'is not valid' ? 'may have letters A to Z, digits and . _ @ - only' : fault;
}

function emailFault(value: string): string | undefined {
  const fault = textFault(value, MAX_EMAIL, EMAIL);
  return fault === 'is not valid' ? 'is not an email address' : fault;
}

function groupsFault(names: readonly string[]): string | undefined {
  if (names.length > MAX_GROUPS) return `has more than ${MAX_GROUPS} groups`;
  for (const name of names) {
    const fault = textFault(name, MAX_GROUP_NAME, GROUP);
    if (fault === 'is not valid') return 'may have letters, digits and space . _ - only, and ; between groups';
    if (fault) return fault;
  }
  return undefined;
}
