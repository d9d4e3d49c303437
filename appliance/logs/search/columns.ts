import type { Fields } from '../parse/fields.ts';
import { ipv4Of, ipv6Of } from './address.ts';
import { IP_FIELDS, type IpField, type Name, PLAIN_TEXTS, TEXT_COLUMNS } from './names.ts';
import { addIpv4, addNumber, addText, type TokenSet } from './tokens.ts';

/** The bytes of a column's values, the highest first, each with one byte a row; a number where all rows have it. */
export type Plane = Uint8Array | number;

/** 0 is "none" in all of them. What is asked for is read then: it may throw IndexError. */
export interface Column {
  /** How many planes it has. */
  readonly count: number;
  plane(i: number): Plane;
  /** The least and the most of a plane, where that is known without reading it. */
  range(i: number): readonly [number, number] | undefined;
  /** Value n is texts()[n - 1]: a text, or an IPv6 address. Empty where values are numbers. */
  texts(): readonly string[];
}

/** First plane of an IP column: whether the other four are an IPv4 address or the place of an IPv6 one in `texts`. */
export const FAMILY = { v4: 1, v6: 2 } as const;

/** A code for texts beyond those that a column can tell apart: it may be any. */
export const ANY_TEXT = 0xffff;

/** `bytes` is kept as its logarithm, to a thousandth of the value: so records that don't match are hardly ever read. */
export const bucketOf = (bytes: number): number => 1 + Math.floor(Math.log2(bytes + 1) * 1024);

const PORT_COLUMNS = ['dstport', 'natport'] as const;
const TEXTS = ['parser', ...TEXT_COLUMNS] as const;

/** Columns that are there at all; what isn't among them is known from the records only. */
export const COLUMN_NAMES: readonly Name[] = ['source', 'kind', 'bytes', ...IP_FIELDS, ...PORT_COLUMNS, ...TEXTS];

interface Texts {
  high: Uint8Array;
  low: Uint8Array;
  codes: Map<string, number>;
  texts: string[];
  /** In which group a value's words were added last. */
  seen: number[];
  /** Of the row before. */
  last: string;
  lastCode: number;
  lastGroup: number;
}

interface Addresses {
  planes: Uint8Array[];
  v6: Map<string, number>;
  texts: string[];
}

/** Gathers the columns of a segment, row by row, and the words of the values. */
export class ColumnBuilder {
  private room = 1024;
  rows = 0;
  private readonly source: Uint8Array[];
  private readonly kind: Uint8Array[];
  private readonly bytes: Uint8Array[];
  private readonly ips = new Map<IpField, Addresses>();
  private readonly ports = new Map<string, Uint8Array[]>();
  private readonly texts = new Map<string, Texts>();
  private readonly last: (string | undefined)[] = PLAIN_TEXTS.map((): string | undefined => undefined);
  private lastGroup = -1;

  constructor() {
    this.source = this.planes(2);
    this.kind = this.planes(1);
    this.bytes = this.planes(2);
  }

  private planes(count: number): Uint8Array[] {
    return Array.from({ length: count }, () => new Uint8Array(this.room));
  }

  /** Adds a row, and the words of its values to those of its group. */
  add(set: TokenSet, group: number, source: number, kind: number, parser: string, fields: Fields): void {
    if (this.rows === this.room) this.grow();
    const row = this.rows++;
    this.source[0]![row] = source >>> 8;
    this.source[1]![row] = source;
    this.kind[0]![row] = kind;
    // Each by its name, not in a loop: a known name is several times as fast.
    if (fields.bytes !== undefined) this.addBytes(row, fields.bytes);
    if (fields.srcip !== undefined) this.addAddress('srcip', row, fields.srcip, set);
    if (fields.dstip !== undefined) this.addAddress('dstip', row, fields.dstip, set);
    if (fields.natip !== undefined) this.addAddress('natip', row, fields.natip, set);
    if (fields.natdstip !== undefined) this.addAddress('natdstip', row, fields.natdstip, set);
    if (fields.ip !== undefined) this.addAddress('ip', row, fields.ip, set);
    if (fields.dstport !== undefined) this.addPort('dstport', row, fields.dstport, set);
    if (fields.natport !== undefined) this.addPort('natport', row, fields.natport, set);
    if (fields.srcport !== undefined) addNumber(set, fields.srcport);
    if (fields.natdstport !== undefined) addNumber(set, fields.natdstport);
    this.addCoded('parser', row, parser, undefined, group);
    if (fields.user !== undefined) this.addCoded('user', row, fields.user, set, group);
    if (fields.mac !== undefined) this.addCoded('mac', row, fields.mac, set, group);
    if (fields.action !== undefined) this.addCoded('action', row, fields.action, set, group);
    if (fields.event !== undefined) this.addCoded('event', row, fields.event, set, group);
    if (fields.proto !== undefined) this.addCoded('proto', row, fields.proto, set, group);
    if (fields.rule !== undefined) this.addCoded('rule', row, fields.rule, set, group);
    if (fields.app !== undefined) this.addCoded('app', row, fields.app, set, group);
    if (fields.hostname !== undefined) this.addCoded('hostname', row, fields.hostname, set, group);
    if (group !== this.lastGroup) {
      this.lastGroup = group;
      this.last.fill(undefined);
    }
    this.addPlain(0, fields.host, set);
    this.addPlain(1, fields.vendor, set);
    this.addPlain(2, fields.product, set);
    this.addPlain(3, fields.ssid, set);
    this.addPlain(4, fields.in, set);
    this.addPlain(5, fields.out, set);
    this.addPlain(6, fields.session, set);
  }

  /** The words of a text without a column; most are as in the row before. */
  private addPlain(place: number, value: string | undefined, set: TokenSet): void {
    if (value === undefined || value === this.last[place]) return;
    this.last[place] = value;
    addText(set, value);
  }

  private addBytes(row: number, bytes: number): void {
    const bucket = bucketOf(bytes);
    this.bytes[0]![row] = bucket >>> 8;
    this.bytes[1]![row] = bucket;
  }

  private addPort(name: string, row: number, value: number, set: TokenSet): void {
    addNumber(set, value);
    let planes = this.ports.get(name);
    if (!planes) {
      planes = this.planes(2);
      this.ports.set(name, planes);
    }
    planes[0]![row] = value >>> 8;
    planes[1]![row] = value;
  }

  private addAddress(name: IpField, row: number, value: string, set: TokenSet): void {
    let column = this.ips.get(name);
    if (!column) {
      column = { planes: this.planes(5), v6: new Map(), texts: [] };
      this.ips.set(name, column);
    }
    let number = ipv4Of(value);
    let family: number = FAMILY.v4;
    if (number >= 0) addIpv4(set, number);
    else {
      addText(set, value);
      if (!ipv6Of(value)) return;
      family = FAMILY.v6;
      number = column.v6.get(value) ?? 0;
      if (number === 0) {
        number = column.texts.push(value);
        column.v6.set(value, number);
      }
    }
    const { planes } = column;
    planes[0]![row] = family;
    planes[1]![row] = number >>> 24;
    planes[2]![row] = number >>> 16;
    planes[3]![row] = number >>> 8;
    planes[4]![row] = number;
  }

  private addCoded(name: string, row: number, value: string, set: TokenSet | undefined, group: number): void {
    let column = this.texts.get(name);
    if (!column) {
      const [high, low] = this.planes(2) as [Uint8Array, Uint8Array];
      column = { high, low, codes: new Map(), texts: [], seen: [], last: '', lastCode: 0, lastGroup: -1 };
      this.texts.set(name, column);
    }
    if (value === column.last && group === column.lastGroup) {
      column.high[row] = column.lastCode >>> 8;
      column.low[row] = column.lastCode;
      return;
    }
    let code = column.codes.get(value);
    if (code === undefined) {
      if (column.texts.length + 1 < ANY_TEXT) {
        code = column.texts.push(value);
        column.codes.set(value, code);
        column.seen[code] = group;
      } else code = ANY_TEXT;
      if (set) addText(set, value);
    } else if (set && column.seen[code] !== group) {
      column.seen[code] = group;
      addText(set, value);
    }
    column.high[row] = code >>> 8;
    column.low[row] = code;
    column.last = value;
    column.lastCode = code;
    column.lastGroup = group;
  }

  private grow(): void {
    this.room *= 2;
    const grown = (plane: Uint8Array): Uint8Array => {
      const larger = new Uint8Array(this.room);
      larger.set(plane);
      return larger;
    };
    const all = (planes: Uint8Array[]): void => {
      for (let i = 0; i < planes.length; i++) planes[i] = grown(planes[i]!);
    };
    for (const planes of [this.source, this.kind, this.bytes, ...this.ports.values()]) all(planes);
    for (const { planes } of this.ips.values()) all(planes);
    for (const column of this.texts.values()) {
      column.high = grown(column.high);
      column.low = grown(column.low);
    }
  }

  /** Which parser understood a row. */
  parserOf(row: number): string {
    const { high, low, texts } = this.texts.get('parser')!;
    return texts[high[row]! * 256 + low[row]! - 1] ?? 'none';
  }

  /** What was gathered so far; undefined where no row has a value. The planes may be longer than there are rows. */
  column(name: Name): Column | undefined {
    if (name === 'source') return columnOf(this.source);
    if (name === 'kind') return columnOf(this.kind);
    if (name === 'bytes') return columnOf(this.bytes);
    const ip = this.ips.get(name as IpField);
    if (ip) return columnOf(ip.planes, ip.texts);
    const port = this.ports.get(name);
    if (port) return columnOf(port);
    const text = this.texts.get(name);
    return text && columnOf([text.high, text.low], text.texts);
  }
}

const columnOf = (planes: readonly Uint8Array[], texts: readonly string[] = []): Column => ({
  count: planes.length,
  plane: (i) => planes[i]!,
  range: () => undefined,
  texts: () => texts,
});
