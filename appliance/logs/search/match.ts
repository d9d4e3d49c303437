import { OWN_SOURCE } from '../archive/sources.ts';
import type { Found } from '../backend.ts';
import type { Fields } from '../parse/fields.ts';
import { parseOwn } from '../parse/index.ts';
import { type Block, type Kind, TRANSPORT, type Transport } from '../record/types.ts';
import { isIn } from './address.ts';
import { IP_FIELDS, type Name } from './names.ts';
import type { Condition, Query, Term } from './query.ts';
import { FOLD } from './tokens.ts';

/**
 * How a line is taken apart: `parse/`, or another one in tests. `hint` is the parser of the source's last line; `brief`
 * leaves out what isn't indexed.
 */
export type Parse = (
  raw: Uint8Array,
  hint?: string,
  receivedUs?: number,
  brief?: boolean,
) => { parser: string; fields: Fields };

/** The same, with the parser of the source's last line tried first. */
export type ParseOf = (source: number, raw: Uint8Array, receivedUs: number, brief?: boolean) => ReturnType<Parse>;

const TRANSPORTS = Object.keys(TRANSPORT) as (keyof typeof TRANSPORT)[];

/** `fixed` are parsers that were chosen for sources: what they can read nobody else is asked about. */
export function hinted(parse: Parse, fixed: () => Readonly<Record<number, string>> = () => ({})): ParseOf {
  const last = new Map<number, string>();
  return (source, raw, receivedUs, brief) => {
    if (source === OWN_SOURCE) return parseOwn(raw);
    const hint = fixed()[source] ?? last.get(source);
    const parsed = parse(raw, hint, receivedUs, brief);
    if (parsed.parser !== hint && parsed.parser !== 'none') last.set(source, parsed.parser);
    return parsed;
  };
}

/** A record that is looked at: what is costly to know of it is made when it's asked for. */
export class Row {
  private readonly parse: ParseOf;
  block!: Block;
  private bytes!: Buffer;
  at = 0;
  private folded: string | undefined;
  private ascii: string | undefined;
  private read: ReturnType<Parse> | undefined;

  constructor(parse: ParseOf) {
    this.parse = parse;
  }

  open(block: Block): void {
    if (this.block === block) return;
    this.block = block;
    this.bytes = Buffer.from(block.raw.buffer, block.raw.byteOffset, block.raw.length);
  }

  go(at: number): void {
    this.at = at;
    this.folded = undefined;
    this.ascii = undefined;
    this.read = undefined;
  }

  private get start(): number {
    return this.at === 0 ? 0 : this.block.ends[this.at - 1]!;
  }

  get raw(): Buffer {
    return this.bytes.subarray(this.start, this.block.ends[this.at]!);
  }

  /** The message as Latin-1 in lower case, letters above ASCII too: quick, but not exact for those. */
  get text(): string {
    this.folded ??= this.bytes.toString('latin1', this.start, this.block.ends[this.at]!).toLowerCase();
    return this.folded;
  }

  /** The same with ASCII letters in lower case only. */
  get asciiText(): string {
    this.ascii ??= asciiLower(this.bytes.toString('latin1', this.start, this.block.ends[this.at]!));
    return this.ascii;
  }

  get parsed(): ReturnType<Parse> {
    this.read ??= this.parse(this.block.source[this.at]!, this.raw, this.block.receiveUs[this.at]!);
    return this.read;
  }

  get peer(): string {
    return this.block.peers[this.block.peer[this.at]!] ?? '';
  }

  found(): Found {
    const { block, at, raw } = this;
    const { parser, fields } = this.parsed;
    const text = raw.toString('utf8');
    // Only what is UTF-8 comes back as it was.
    const whole = !text.includes('\ufffd') || Buffer.from(text).equals(raw);
    return {
      index: block.index[at]!,
      receiveUs: block.receiveUs[at]!,
      kind: block.kind[at] as Kind,
      transport: block.transport[at] as Transport,
      source: block.source[at]!,
      peer: this.peer,
      parser,
      fields: { ...fields },
      flags: block.flags[at]!,
      ...(whole ? { raw: text } : { rawBase64: raw.toString('base64') }),
      ...(block.erased.has(at) && { erased: true }),
    };
  }
}

const asciiLower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** `192.0.2.1` of `192.0.2.1:514`. */
const addressOf = (peer: string): string => peer.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');

/** Does the record match all of the query? Exact: on its bytes and its fields. */
export function matcherOf(query: Query): (row: Row) => boolean {
  // What costs least to look at comes first.
  const clauses = query
    .map((terms) => ({ tests: terms.map(testOf), cost: Math.max(...terms.map(costOf)) }))
    .sort((a, b) => a.cost - b.cost);
  return (row) => clauses.every(({ tests }) => tests.some((test) => test(row)));
}

const costOf = (term: Term): number =>
  term.type === 'set' ? 0 : term.type === 'word' || term.type === 'phrase' ? 1 : 2;

function testOf(term: Term): (row: Row) => boolean {
  const test = conditionTest(term);
  return term.not ? (row) => !test(row) : test;
}

function conditionTest(condition: Condition): (row: Row) => boolean {
  switch (condition.type) {
    case 'word':
    case 'phrase':
      return textTest(condition);
    case 'set': {
      const { name, values } = condition;
      return (row) => values.includes((name === 'kind' ? row.block.kind : row.block.source)[row.at]!);
    }
    case 'ip': {
      const { name, net } = condition;
      const names = name === 'address' ? IP_FIELDS : [name as (typeof IP_FIELDS)[number]];
      return ({ parsed: { fields } }) => names.some((field) => fields[field] !== undefined && isIn(net, fields[field]));
    }
    case 'number': {
      const { least, most } = condition;
      const name = condition.name as keyof Fields;
      return ({ parsed: { fields } }) => {
        const value = fields[name] as number | undefined;
        return value !== undefined && value >= least && value <= most;
      };
    }
    case 'text': {
      const { name } = condition;
      const test = valueTest(condition);
      return (row) => valuesOf(row, name).some(test);
    }
  }
}

/** Whether a value is the one that is searched for; `msg` has it in it. */
export function valueTest({ name, text, start }: Extract<Condition, { type: 'text' }>): (value: string) => boolean {
  if (name === 'msg') return (value) => value.toLowerCase().includes(text);
  return start ? (value) => value.toLowerCase().startsWith(text) : (value) => value.toLowerCase() === text;
}

function valuesOf(row: Row, name: Name): string[] {
  switch (name) {
    case 'parser':
      return [row.parsed.parser];
    case 'transport':
      return [TRANSPORTS[row.block.transport[row.at]!] ?? ''];
    case 'source':
      return [addressOf(row.peer)];
    case 'peer':
      return [row.peer, addressOf(row.peer)];
    default: {
      const value = (row.parsed.fields as Record<string, unknown>)[name];
      return value === undefined ? [] : [String(value)];
    }
  }
}

function textTest({ type, text, start }: { type: 'word' | 'phrase'; text: string; start: boolean }) {
  const needle = asciiLower(Buffer.from(text).toString('latin1'));
  const exact = /[^\0-\x7f]/.test(needle);
  const here = (row: Row): string => (exact ? row.asciiText : row.text);
  if (type === 'phrase') return (row: Row) => here(row).includes(needle);
  const isPart = (code: number): boolean => FOLD[code] !== 0;
  const firstIsPart = isPart(needle.charCodeAt(0));
  const lastIsPart = !start && isPart(needle.charCodeAt(needle.length - 1));
  return (row: Row) => {
    const line = here(row);
    for (let at = line.indexOf(needle); at >= 0; at = line.indexOf(needle, at + 1)) {
      const end = at + needle.length;
      const free = !(firstIsPart && at > 0 && isPart(line.charCodeAt(at - 1)));
      if (free && !(lastIsPart && end < line.length && isPart(line.charCodeAt(end)))) return true;
    }
    return false;
  };
}
