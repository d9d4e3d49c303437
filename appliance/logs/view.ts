import type { Found, Proven } from './backend.ts';
import { FLAG, KIND, TRANSPORT } from './record/types.ts';
import type { RecordView } from './schema.ts';
import type { Source, SourceBook } from './sources/book.ts';
import { rfc3339 } from './times.ts';

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const KINDS = new Map(Object.entries(KIND).map(([name, kind]) => [kind as number, snake(name) as RecordView['kind']]));
const TRANSPORTS = new Map(
  Object.entries(TRANSPORT).map(([name, transport]) => [transport as number, name as RecordView['transport']]),
);

/** Records as the API tells of them. The sources are looked up once for all of them. */
export function viewer(book: SourceBook): (record: Found) => RecordView {
  let sources: Map<number, Source> | undefined;
  return (record) => {
    sources ??= new Map(book.all().map((source) => [source.id, source]));
    const source = sources.get(record.source);
    const deviceTime = record.fields.device_time;
    const erased = record.erased === true;
    const { flags = 0 } = record;
    return {
      index: record.index,
      received_at: rfc3339(record.receiveUs),
      device_time: typeof deviceTime === 'string' ? deviceTime : null,
      source: { id: record.source, name: source?.name ?? String(record.source), address: source?.address ?? '' },
      site_id: source?.siteId ?? book.defaultSite,
      kind: KINDS.get(record.kind) ?? 'log',
      transport: TRANSPORTS.get(record.transport) ?? 'internal',
      peer: record.peer === '' ? null : record.peer,
      parser: record.parser,
      fields: record.fields,
      flags: {
        truncated: (flags & FLAG.truncated) !== 0,
        clock_unsynchronised: (flags & FLAG.unsynchronised) !== 0,
        authenticated: (flags & FLAG.authenticated) !== 0,
      },
      ...(!erased && record.raw !== undefined && { raw: record.raw }),
      ...(!erased && record.rawBase64 !== undefined && { raw_base64: record.rawBase64 }),
      erased,
    };
  };
}

export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

export const provenView = (book: SourceBook, proven: Proven) => ({
  ...viewer(book)(proven.record),
  sealed: proven.proof !== undefined,
  leaf: base64(proven.leaf),
  salt: proven.salt === undefined ? null : base64(proven.salt),
  proof: proven.proof ?? null,
});
