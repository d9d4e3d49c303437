import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Actor, DomainEvent } from '../../events/index.ts';
import { conflict, notFound, unprocessable } from '../../http/index.ts';
import { event, type Service, timestamp, transact } from '../service.ts';
import type { SourceRow } from '../tables.ts';
import { rfc3339 } from '../times.ts';
import { APPLIANCE, defaultName, keyOf, OTHERS, type Source } from './book.ts';
import type { NewSource, SourceChange, SourceView } from './schema.ts';

/** Ranges of ipaddr.js. */
const NOT_SENDERS: ReadonlySet<string> = new Set(['unspecified', 'multicast', 'broadcast']);

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
    removed: source.retired,
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
  const row = rowOf(service, source, body);
  const changed = [
    ...(row.name === source.name ? [] : ['name']),
    ...(row.parser === source.fixedParser ? [] : ['parser']),
    ...(row.class === source.class ? [] : ['class']),
    ...(row.site_id === source.siteId ? [] : ['site_id']),
  ];
  if (changed.length === 0) return source;
  const { address, name } = row;
  await save(service, row, event('logs.source.updated', { sourceId: id, address, name, changed }, actor));
  return getSource(service, id);
}

/**
 * Registers a sender before it has sent anything, or one that was removed anew. 409 where it is there, its name is taken or
 * there are too many; 422 for what can't be an address, a parser or a site.
 */
export async function createSource(service: Service, { address: given, ...body }: NewSource, actor: Actor) {
  const address = addressOf(given);
  const known = service.sources.all().find((source) => source.address === address);
  if (known && !known.retired) {
    throw conflict(`${address} is source ${known.id} already: change it with PATCH /v1/logs/sources/${known.id}`);
  }
  const before = known ?? service.sources.of({ id: -1, address, firstSeenUs: 0, messages: 0, dropped: 0 });
  // All that can be wrong is looked for before it gets a number.
  const row = rowOf(service, { ...before, retired: false }, body);
  const id = await service.backend.addSource(address);
  try {
    await save(service, row, event('logs.source.created', { sourceId: id, address, name: row.name }, actor));
  } catch (error) {
    await service.backend.retireSource(id);
    throw error;
  }
  return getSource(service, id);
}

/** Frees the place of a sender. Its records stay, and so does its number for it: the number is in what is sealed. */
export async function removeSource(service: Service, id: number, actor: Actor): Promise<void> {
  const source = getSource(service, id);
  if (id === APPLIANCE) throw conflict("this is the appliance itself: its records can't be removed from the sources");
  if (id === OTHERS) throw conflict('this stands for all senders that have no number of their own: it has no place');
  if (source.retired) return;
  await service.backend.retireSource(id);
  const { address, name } = source;
  await save(
    service,
    rowOf(service, { ...source, retired: true }, {}),
    event('logs.source.deleted', { sourceId: id, address, name }, actor),
  );
}

/** What is to be kept of a sender. Its name is free for another one once it was removed. */
function rowOf(service: Service, source: Source, body: SourceChange): SourceRow {
  const name = body.name?.trim().normalize('NFC') ?? source.name;
  if (!source.retired && (name !== source.name || source.id === -1)) checkName(service, source, name);
  if (body.site_id !== undefined && !service.backend.siteExists(body.site_id)) {
    throw unprocessable(`site_id names a site that doesn't exist: ${body.site_id}`);
  }
  return {
    address: source.address,
    name,
    // No name has a comma.
    name_key: source.retired ? `${keyOf(name)},${source.address}` : keyOf(name),
    parser: body.parser === undefined ? source.fixedParser : parserOf(service, body.parser),
    class: body.class ?? source.class,
    site_id: body.site_id ?? source.siteId,
    updated_at: timestamp(service.now()),
  };
}

async function save(service: Service, row: SourceRow, told: DomainEvent): Promise<void> {
  await transact(service, async (db, emit) => {
    const { name_key: key } = row;
    const taken = await db.selectFrom('log_sources').select('address').where('name_key', '=', key).executeTakeFirst();
    if (taken && taken.address !== row.address) throw isTaken(row.name);
    const { address, ...values } = row;
    await db
      .insertInto('log_sources')
      .values(row)
      .onConflict((on) => on.column('address').doUpdateSet(values))
      .execute();
    emit(told);
  });
  service.sources.set(row);
}

/** As the receiver writes it. 422 where nothing can be sent from it. */
function addressOf(text: string): string {
  const bare = text.trim();
  const problem = (why: string) => unprocessable(`address ${why}: write one such as 192.0.2.1 or 2001:db8::1`);
  if (!isIP(bare) || bare.includes('%')) throw problem('must be an IPv4 or IPv6 address, without a port or a zone');
  const address = ipaddr.process(bare);
  if (NOT_SENDERS.has(address.range())) throw problem('is none that a device can send from');
  return address.toString();
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
    .find(
      (one) => one.id !== source.id && !one.retired && [one.name, defaultName(one)].some((of) => keyOf(of) === key),
    );
  if (other) throw isTaken(name);
}

function parserOf(service: Service, text: string): string | null {
  if (keyOf(text.trim()) === 'auto') return null;
  const [parser, ...more] = service.sources.parsers(text);
  if (parser !== undefined && more.length === 0) return parser;
  const names = parser === undefined ? service.backend.parsers.map(({ name }) => name) : [parser, ...more];
  throw unprocessable(`parser must be auto or one of ${names.join(', ')}`);
}
