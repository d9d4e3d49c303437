import type { Actor } from '../../events/index.ts';
import { conflict, notFound, unprocessable } from '../../http/index.ts';
import { event, type Service, timestamp, transact } from '../service.ts';
import type { SourceRow } from '../tables.ts';
import { rfc3339 } from '../times.ts';
import { APPLIANCE, defaultName, keyOf, type Source } from './book.ts';
import type { SourceChange, SourceView } from './schema.ts';

export function viewOf(service: Service, source: Source): SourceView {
  const parser = source.fixedParser ?? source.parser ?? null;
  return {
    id: source.id,
    address: source.address,
    name: source.name,
    parser: source.fixedParser ?? 'auto',
    recognised: source.parser ?? null,
    vendor: service.backend.parsers.find(({ name }) => name === parser)?.vendor || null,
    class: source.class,
    site_id: source.siteId,
    first_seen: rfc3339(source.firstSeenUs),
    last_seen: source.lastSeenUs === undefined ? null : rfc3339(source.lastSeenUs),
    messages: source.messages,
    dropped: source.dropped,
    truncated: source.truncated ?? 0,
  };
}

/** 404 when there is no such source. */
export function getSource(service: Service, id: number): Source {
  const source = service.sources.find(id);
  if (!source) throw notFound('source');
  return source;
}

/** Changes what is given. */
export async function updateSource(service: Service, id: number, body: SourceChange, actor: Actor): Promise<Source> {
  const source = getSource(service, id);
  if (id === APPLIANCE) throw conflict("these are the appliance's own records: there is nothing to set for them");
  const name = body.name?.trim().normalize('NFC') ?? source.name;
  if (name !== source.name) checkName(service, source, name);
  if (body.site_id !== undefined && !service.backend.siteExists(body.site_id)) {
    throw unprocessable(`site_id names a site that doesn't exist: ${body.site_id}`);
  }
  const row: SourceRow = {
    address: source.address,
    name,
    name_key: keyOf(name),
    parser: body.parser === undefined ? source.fixedParser : parserOf(service, body.parser),
    class: body.class ?? source.class,
    site_id: body.site_id ?? source.siteId,
    updated_at: timestamp(service.now()),
  };
  const changed = [
    ...(row.name === source.name ? [] : ['name']),
    ...(row.parser === source.fixedParser ? [] : ['parser']),
    ...(row.class === source.class ? [] : ['class']),
    ...(row.site_id === source.siteId ? [] : ['site_id']),
  ];
  if (changed.length === 0) return source;
  await transact(service, async (db, emit) => {
    const { name_key: key } = row;
    const taken = await db.selectFrom('log_sources').select('address').where('name_key', '=', key).executeTakeFirst();
    if (taken && taken.address !== row.address) throw isTaken(name);
    const { address, ...values } = row;
    await db
      .insertInto('log_sources')
      .values(row)
      .onConflict((on) => on.column('address').doUpdateSet(values))
      .execute();
    emit(event('logs.source.updated', { sourceId: id, address, name, changed }, actor));
  });
  service.sources.set(row);
  return getSource(service, id);
}

const isTaken = (name: string) => conflict(`there is a source with the name ${name} already: give it another one`);

/** A name must not be taken for another source's id, address or name. */
function checkName(service: Service, source: Source, name: string): void {
  if (name.includes(',') || /^\d+$/.test(name)) {
    throw unprocessable('name must have no commas, and something that is no digit: it would be read as an id');
  }
  const key = keyOf(name);
  const other = service.sources
    .all()
    .find((one) => one.id !== source.id && [one.name, defaultName(one)].some((of) => keyOf(of) === key));
  if (other) throw isTaken(name);
}

function parserOf(service: Service, text: string): string | null {
  if (keyOf(text.trim()) === 'auto') return null;
  const [parser, ...more] = service.sources.parsers(text);
  if (parser !== undefined && more.length === 0) return parser;
  const names = parser === undefined ? service.backend.parsers.map(({ name }) => name) : [parser, ...more];
  throw unprocessable(`parser must be auto or one of ${names.join(', ')}`);
}
