import { randomUUID } from 'node:crypto';
import type { Actor, DomainEvent } from '../../events/index.ts';
import { type CursorPage, conflict, notFound, unprocessable } from '../../http/index.ts';
import { isUniqueViolation, type Logger, type SecretBox, type Store, type Tx } from '../../store/index.ts';
import { Secret } from '../codec/index.ts';
import type { Nas, NasType, Source } from '../types.ts';
import { addressKey, checkAddress, checkName, checkSource, sourceView, warningsOf } from './fields.ts';
import { DEFAULT_COA_PORT, MAX_NAS, type NasBody, type NasChange, type NasView, RADSEC_SECRET } from './schema.ts';
import type { NasRow, NasTables } from './tables.ts';

/** What the clients are built on; passed in. */
export interface NasContext {
  store: Store;
  secrets: SecretBox;
  log: Logger;
  now: () => Date;
  siteExists: (id: string) => Promise<boolean>;
  /** What is wrong with a source's connectors or upstream servers; undefined when nothing is. */
  sourceProblem?: (source: Source) => Promise<string | undefined>;
}

export interface NasCall {
  context: NasContext;
  actor: Actor;
  siteId: string;
}

type Db = Tx<NasTables>['db'];
type SecretField = 'secret' | 'coa_secret';

const COMPARED = [
  'name',
  'address',
  'type',
  'groups',
  'protocol',
  'require_message_authenticator',
  'coa_port',
] as const;

const sealContext = (id: string, field: SecretField): string => `radius_nas/${id}/${field}`;

const viewOf = (row: NasRow): NasView => ({
  id: row.id,
  site_id: row.site_id,
  name: row.name,
  address: row.address,
  type: row.type as NasType,
  groups: JSON.parse(row.groups) as string[],
  protocol: row.protocol,
  require_message_authenticator: row.require_message_authenticator === 1,
  coa_port: row.coa_port,
  source: row.source === null ? null : sourceView(JSON.parse(row.source) as Source),
  coa_secret_set: row.coa_secret !== null,
  created_at: row.created_at,
  updated_at: row.updated_at,
  warnings: warningsOf(row),
});

/** A client as the server keeps it. Throws when a secret can't be opened. */
export function nasOf(row: NasRow, secrets: SecretBox): Nas {
  const secret = new Secret(secrets.open(row.secret, sealContext(row.id, 'secret')));
  const coaSecret =
    row.coa_secret === null ? secret : new Secret(secrets.open(row.coa_secret, sealContext(row.id, 'coa_secret')));
  return {
    id: row.id,
    siteId: row.site_id,
    name: row.name,
    address: row.address,
    type: row.type as NasType,
    groups: JSON.parse(row.groups) as string[],
    protocol: row.protocol,
    secret,
    requireMessageAuthenticator: row.require_message_authenticator === 1,
    coa: { port: row.coa_port, secret: coaSecret },
    source: row.source === null ? undefined : (JSON.parse(row.source) as Source),
  };
}

const transact = <R>(
  { store }: NasContext,
  fn: (db: Db, emit: (event: DomainEvent) => void) => Promise<R>,
): Promise<R> => store.transaction<NasTables, R>((tx) => fn(tx.db, (event) => tx.emit(event)));

async function checkSite({ siteExists }: NasContext, siteId: string): Promise<void> {
  if (!(await siteExists(siteId))) throw notFound('site');
}

async function rowOf(db: Pick<Db, 'selectFrom'>, siteId: string, id: string): Promise<NasRow> {
  const row = await db
    .selectFrom('radius_nas')
    .selectAll()
    .where('id', '=', id)
    .where('site_id', '=', siteId)
    .executeTakeFirst();
  if (!row) throw notFound('NAS');
  return row;
}

/** 409 where another client has the name in this site, or the address. */
async function checkFree(db: Db, row: NasRow): Promise<void> {
  const others = await db
    .selectFrom('radius_nas')
    .select(['name', 'site_id', 'name_key', 'address_key'])
    .where('id', '!=', row.id)
    .where((eb) =>
      eb.or([
        eb('address_key', '=', row.address_key),
        eb.and([eb('site_id', '=', row.site_id), eb('name_key', '=', row.name_key)]),
      ]),
    )
    .execute();
  const named = others.find((other) => other.site_id === row.site_id && other.name_key === row.name_key);
  if (named) throw conflict(`there is a NAS named ${named.name} in this site already`);
  const [other] = others;
  if (other) throw conflict(`address ${row.address} is that of the NAS ${other.name} already`);
}

async function checkedSource(context: NasContext, body: NasBody['source']): Promise<string | null> {
  if (!body) return null;
  const source = checkSource(body);
  const problem = await context.sourceProblem?.(source);
  if (problem !== undefined) throw unprocessable(`source: ${problem}`);
  return JSON.stringify(source);
}

/** Names and addresses are checked in the transaction; the constraint answers for what comes from another process. */
async function orTaken<R>(work: Promise<R>): Promise<R> {
  try {
    return await work;
  } catch (error) {
    if (isUniqueViolation(error)) throw conflict('another NAS has this name or address already');
    throw error;
  }
}

function warnOfDowngrade(context: NasContext, row: NasRow): void {
  if (row.protocol !== 'udp' || row.require_message_authenticator === 1) return;
  context.log.warn(
    { nasId: row.id, name: row.name },
    'NAS may send Access-Requests without Message-Authenticator: its answers can be forged (CVE-2024-3596)',
  );
}

export async function createNas(call: NasCall, body: NasBody): Promise<NasView> {
  const { context, actor, siteId } = call;
  await checkSite(context, siteId);
  const protocol = body.protocol ?? 'udp';
  const name = checkName(body.name);
  const secret = body.secret ?? (protocol === 'radsec' ? RADSEC_SECRET : undefined);
  if (secret === undefined) throw unprocessable('secret is required');
  const id = randomUUID();
  const at = context.now().toISOString();
  const row: NasRow = {
    id,
    site_id: siteId,
    name,
    name_key: name.toLowerCase(),
    address: checkAddress(body.address, protocol),
    address_key: '',
    type: body.type ?? 'generic',
    groups: JSON.stringify([...new Set(body.groups ?? [])]),
    protocol,
    secret: context.secrets.seal(secret, sealContext(id, 'secret')),
    require_message_authenticator: (body.require_message_authenticator ?? true) ? 1 : 0,
    coa_port: body.coa_port ?? DEFAULT_COA_PORT,
    coa_secret: body.coa_secret == null ? null : context.secrets.seal(body.coa_secret, sealContext(id, 'coa_secret')),
    source: await checkedSource(context, body.source),
    created_at: at,
    updated_at: at,
  };
  row.address_key = addressKey(row);
  const view = await orTaken(
    transact(context, async (db, emit) => {
      await checkFree(db, row);
      const { total } = await db
        .selectFrom('radius_nas')
        .select((eb) => eb.fn.countAll<number>().as('total'))
        .executeTakeFirstOrThrow();
      if (Number(total) >= MAX_NAS) throw conflict(`there are ${MAX_NAS} NAS, which is the most that there may be`);
      await db.insertInto('radius_nas').values(row).execute();
      emit({ type: 'radius.nas.created', data: { nasId: id, siteId, name, actor } });
      return viewOf(row);
    }),
  );
  warnOfDowngrade(context, row);
  return view;
}

/** The sealed secrets after a change, and whose text is another now. */
function changeSecrets(context: NasContext, before: NasRow, body: NasChange) {
  const sealed: Partial<Record<SecretField, string | null>> = {};
  const changed: SecretField[] = [];
  for (const field of ['secret', 'coa_secret'] as const) {
    const wanted = body[field];
    if (wanted === undefined) continue;
    const old = before[field];
    const same =
      old === null || wanted === null ? old === wanted : opens(context, old, sealContext(before.id, field)) === wanted;
    if (same) continue;
    sealed[field] = wanted === null ? null : context.secrets.seal(wanted, sealContext(before.id, field));
    changed.push(field);
  }
  return { sealed, changed };
}

/** Undefined where the key file no longer opens it: a new secret must be settable then. */
function opens({ secrets }: NasContext, sealed: string, place: string): string | undefined {
  try {
    return secrets.open(sealed, place);
  } catch {
    return undefined;
  }
}

/** Changes what is given. */
export async function updateNas(call: NasCall, id: string, body: NasChange): Promise<NasView> {
  const { context, actor, siteId } = call;
  await checkSite(context, siteId);
  const source = body.source === undefined ? undefined : await checkedSource(context, body.source);
  const [row, changed] = await orTaken(
    transact(context, async (db, emit) => {
      const before = await rowOf(db, siteId, id);
      const protocol = body.protocol ?? before.protocol;
      if (protocol === 'udp' && before.protocol === 'radsec' && body.secret === undefined) {
        throw unprocessable('secret is required where protocol becomes udp');
      }
      const { sealed, changed: secretsChanged } = changeSecrets(context, before, body);
      const name = body.name === undefined ? before.name : checkName(body.name);
      const after: NasRow = {
        ...before,
        ...(sealed as Partial<NasRow>),
        name,
        name_key: name.toLowerCase(),
        // Again where it stays, as UDP refuses what RadSec doesn't.
        address: checkAddress(body.address ?? before.address, protocol),
        type: body.type ?? before.type,
        groups: body.groups === undefined ? before.groups : JSON.stringify([...new Set(body.groups)]),
        protocol,
        coa_port: body.coa_port ?? before.coa_port,
        source: source === undefined ? before.source : source,
      };
      const required = body.require_message_authenticator;
      if (required !== undefined) after.require_message_authenticator = required ? 1 : 0;
      after.address_key = addressKey(after);
      const changed: string[] = [...COMPARED, 'source' as const].filter((field) => before[field] !== after[field]);
      changed.push(...secretsChanged);
      if (changed.length === 0) return [before, changed] as const;
      await checkFree(db, after);
      after.updated_at = context.now().toISOString();
      const { id: _, ...values } = after;
      await db.updateTable('radius_nas').set(values).where('id', '=', id).execute();
      emit({ type: 'radius.nas.updated', data: { nasId: id, siteId, changed, actor } });
      return [after, changed] as const;
    }),
  );
  if (changed.includes('require_message_authenticator') || changed.includes('protocol')) warnOfDowngrade(context, row);
  return viewOf(row);
}

export async function deleteNas(call: NasCall, id: string): Promise<void> {
  const { context, actor, siteId } = call;
  await checkSite(context, siteId);
  await transact(context, async (db, emit) => {
    const { name } = await rowOf(db, siteId, id);
    await db.deleteFrom('radius_nas').where('id', '=', id).execute();
    emit({ type: 'radius.nas.deleted', data: { nasId: id, siteId, name, actor } });
  });
}

export async function getNas(context: NasContext, siteId: string, id: string): Promise<NasView> {
  await checkSite(context, siteId);
  return viewOf(await rowOf(context.store.as<NasTables>(), siteId, id));
}

/** A page of a site's clients by name. */
export async function listNas(context: NasContext, siteId: string, page: CursorPage): Promise<NasView[]> {
  await checkSite(context, siteId);
  let query = context.store.as<NasTables>().selectFrom('radius_nas').selectAll().where('site_id', '=', siteId);
  const { after } = page;
  if (after) query = query.where('name_key', '>', after.key);
  const rows = await query
    .orderBy('name_key')
    .limit(page.limit + 1)
    .execute();
  return page.cut(rows, (row) => ({ key: row.name_key, id: row.id })).map(viewOf);
}
