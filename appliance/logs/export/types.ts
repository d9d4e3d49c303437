/** What an export is to hold, and what its report says. Everything can be cloned to another thread. */
export interface ExportOptions {
  /** Where the key file of the appliance's secrets is. */
  dataDir: string;
  /** The log's folder. */
  folder: string;
  /** The ZIP to write; it appears once it is whole. */
  file: string;
  /** Microseconds since 1970: `from <= received < to`. */
  fromUs: number;
  toUs: number;
  /** Only records of these sources, and what the log says about itself (gaps, erasures, …). */
  sourceIds?: readonly number[];
  /** Only these leaves, and what the log says about itself. */
  indexes?: readonly number[];
  /** The selection as it was asked for; told in the report. */
  filter?: Record<string, unknown>;
  case?: string;
  by: string;
  /** Microseconds since 1970. */
  atUs: number;
  /** What people call the sources, by their id. */
  sourceNames?: Readonly<Record<number, string>>;
  /** Parsers that were chosen for sources, by the source's id. */
  parsers?: Readonly<Record<number, string>>;
  /** vkeys of the witnesses. */
  witnesses?: readonly string[];
}

export interface Exported {
  file: string;
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
  /** Records in it. */
  count: number;
}

export type FromExport =
  | { type: 'progress'; done: number }
  | { type: 'done'; exported: Exported }
  | { type: 'failed'; message: string };
