import { createHmac, randomBytes, randomInt, randomUUID } from 'node:crypto';
import { type Actor, SYSTEM } from '../events/index.ts';
import { type CursorPage, conflict, notFound, unprocessable } from '../http/index.ts';
import { newestFirst } from '../store/index.ts';
import { parseDuration, parseRate, parseSize } from './policy/units.ts';
import { bandwidthOf } from './records.ts';
import { MAX_VOUCHERS, type NewVouchers, type Voucher } from './schema.ts';
import { type Db, event, type Service, timestamp, transact, voucherContext } from './service.ts';
import type { AccessTables, VoucherRow } from './tables.ts';
import { DAY_PROBLEM, parseTime } from './times.ts';

/** 23 characters of which none looks like another (no 0 O, 1 I L, 2 Z, 5 S, 8 B, U V): 10 of them are 45.2 bits. */
export const ALPHABET = 'ACDEFGHJKMNPQRTWXY34679';
export const CODE_LENGTH = 10;
const DIGEST_KEY = 'voucher-digest';
const ROWS_AT_ONCE = 200;
/** A voucher whose time is over stays in the list this long. */
const KEPT_MS = 30 * 24 * 3600_000;
const PRUNED_AT_ONCE = 500;

const newCode = (): string => Array.from({ length: CODE_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');

/** As it is printed: `XXXXX-XXXXX`. */
const printed = (code: string): string => `${code.slice(0, 5)}-${code.slice(5)}`;

function view(service: Service, row: VoucherRow, code?: string): Voucher {
  const over = row.valid_until !== null && Date.parse(row.valid_until) <= service.now();
  return {
    id: row.id,
    batch_id: row.batch_id,
    code: printed(code ?? service.secrets.open(row.code, voucherContext(row.id))),
    groups: JSON.parse(row.groups) as string[],
    duration: row.duration,
    bandwidth: bandwidthOf(row) as Voucher['bandwidth'],
    quota: row.quota_bytes,
    valid_until: row.valid_until,
    first_used_at: row.first_used_at,
    status: over ? 'expired' : row.first_used_at === null ? 'unused' : 'active',
    created_at: row.created_at,
  };
}

/** A batch of vouchers, with codes that nobody has yet. */
export async function createVouchers(
  service: Service,
  body: NewVouchers,
  actor: Actor,
): Promise<{ batch_id: string; vouchers: Voucher[] }> {
  const terms = termsOf(service, body);
  return transact(service, async (db, emit) => {
    const { count } = await db
      .selectFrom('access_vouchers')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    if (Number(count) + body.count > MAX_VOUCHERS) {
      throw conflict(`there would be more than ${MAX_VOUCHERS} vouchers: delete some first`);
    }
    const key = await digestKey(service, db);
    const batchId = randomUUID();
    const at = timestamp(service.now());
    const codes = await freshCodes(db, key, body.count);
    const made = [...codes].map(([digest, code]): { row: VoucherRow; code: string } => {
      const id = randomUUID();
      const sealed = service.secrets.seal(code, voucherContext(id));
      const row = { id, batch_id: batchId, code: sealed, code_digest: digest, enabled: 1, first_used_at: null };
      return { row: { ...row, ...terms, created_at: at }, code };
    });
    for (let from = 0; from < made.length; from += ROWS_AT_ONCE) {
      const rows = made.slice(from, from + ROWS_AT_ONCE).map(({ row }) => row);
      await db.insertInto('access_vouchers').values(rows).execute();
    }
    emit(event('access.vouchers.created', { batchId, count: made.length }, actor));
    return { batch_id: batchId, vouchers: made.map(({ row, code }) => view(service, row, code)) };
  });
}

/** What a body grants. 422 for what can't be read. */
function termsOf(service: Service, body: NewVouchers) {
  const read = (
    name: string,
    value: number | string | undefined,
    parse: (value: string | number) => number | string,
  ) => {
    if (value === undefined) return null;
    const parsed = parse(value);
    if (typeof parsed === 'string') throw unprocessable(`${name}: ${parsed}`);
    return parsed;
  };
  const { bandwidth, valid_until: until } = body;
  const both = typeof bandwidth === 'object' ? bandwidth : { up: bandwidth, down: bandwidth };
  const validUntil = until === undefined ? undefined : parseTime(until);
  if (until !== undefined && validUntil === undefined) throw unprocessable(`valid_until ${DAY_PROBLEM}`);
  if (validUntil !== undefined && validUntil <= service.now()) throw unprocessable('valid_until is over already');
  if (validUntil === undefined && body.duration === undefined) {
    throw unprocessable('give duration, valid_until or both: a voucher that never ends is a password');
  }
  return {
    groups: JSON.stringify(body.groups ?? []),
    duration: read('duration', body.duration, parseDuration),
    bandwidth_up: read('bandwidth', both.up, parseRate),
    bandwidth_down: read('bandwidth', both.down, parseRate),
    quota_bytes: read('quota', body.quota, parseSize),
    valid_until: validUntil === undefined ? null : timestamp(validUntil),
  };
}

/** Codes by their keyed digests. A digest without a key could be tried through: a code has 45 bits. */
async function freshCodes(db: Db, key: Buffer, count: number): Promise<Map<string, string>> {
  const codes = new Map<string, string>();
  while (codes.size < count) {
    const more = new Map<string, string>();
    while (codes.size + more.size < count && more.size < ROWS_AT_ONCE) {
      const code = newCode();
      const digest = createHmac('sha256', key).update(code).digest('hex');
      if (!codes.has(digest)) more.set(digest, code);
    }
    const taken = await db
      .selectFrom('access_vouchers')
      .select('code_digest')
      .where('code_digest', 'in', [...more.keys()])
      .execute();
    for (const { code_digest } of taken) more.delete(code_digest);
    for (const [digest, code] of more) codes.set(digest, code);
  }
  return codes;
}

async function digestKey({ secrets }: Service, db: Db): Promise<Buffer> {
  const context = `access/key/${DIGEST_KEY}`;
  const row = await db.selectFrom('access_keys').select('value').where('name', '=', DIGEST_KEY).executeTakeFirst();
  if (row) return Buffer.from(secrets.open(row.value, context), 'base64');
  const key = randomBytes(32);
  const value = secrets.seal(key.toString('base64'), context);
  await db.insertInto('access_keys').values({ name: DIGEST_KEY, value }).execute();
  return key;
}

/** The newest first. */
export async function listVouchers(
  service: Service,
  query: { batch_id?: string },
  page: CursorPage,
): Promise<Voucher[]> {
  let wanted = service.store.as<AccessTables>().selectFrom('access_vouchers').selectAll();
  if (query.batch_id !== undefined) wanted = wanted.where('batch_id', '=', query.batch_id);
  const rows = await newestFirst(wanted, page).execute();
  return page.cut(rows, (row) => ({ key: row.created_at, id: row.id })).map((row) => view(service, row));
}

export async function deleteVoucher(service: Service, id: string, actor: Actor): Promise<void> {
  await transact(service, async (db, emit) => {
    const row = await db.selectFrom('access_vouchers').select('id').where('id', '=', id).executeTakeFirst();
    if (!row) throw notFound('voucher');
    await db.deleteFrom('access_vouchers').where('id', '=', id).execute();
    emit(event('access.voucher.deleted', { voucherId: id }, actor));
  });
}

/** The first use starts the clock; any later one, and one of a voucher that is gone, changes nothing. */
export async function useVoucher(service: Service, id: string): Promise<void> {
  await transact(service, async (db, emit) => {
    const row = await db.selectFrom('access_vouchers').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row || row.first_used_at !== null) return;
    const now = service.now();
    const end = row.duration === null ? undefined : timestamp(now + row.duration * 1000);
    // Texts of one form compare as the times that they are.
    const until = end === undefined || (row.valid_until !== null && row.valid_until < end) ? row.valid_until : end;
    await db
      .updateTable('access_vouchers')
      .set({ first_used_at: timestamp(now), valid_until: until })
      .where('id', '=', id)
      .execute();
    emit(event('access.voucher.updated', { voucherId: id, changed: ['first_used_at', 'valid_until'] }, SYSTEM));
  });
}

/** Takes vouchers out of the list whose time has been over for a month. */
export async function pruneVouchers(service: Service): Promise<void> {
  const old = await service.store
    .as<AccessTables>()
    .selectFrom('access_vouchers')
    .select('id')
    .where('valid_until', '<', timestamp(service.now() - KEPT_MS))
    .limit(PRUNED_AT_ONCE)
    .execute();
  if (old.length === 0) return;
  const ids = old.map(({ id }) => id);
  await transact(service, async (db, emit) => {
    await db.deleteFrom('access_vouchers').where('id', 'in', ids).execute();
    for (const voucherId of ids) emit(event('access.voucher.deleted', { voucherId }, SYSTEM));
  });
}
