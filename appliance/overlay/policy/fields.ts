import { badRequest, conflict, notFound } from '../../http/index.ts';
import type { OverlayTx } from '../context.ts';
import type { NetworkRow } from '../tables.ts';

export type Reader = Pick<OverlayTx['db'], 'selectFrom'>;
export type Db = OverlayTx['db'];
type Named = 'groups' | 'policies' | 'routes';

/** The network; 404 when there is none. What is built on this is for administrators, who may see them all. */
export async function networkRow(db: Reader, networkId: string): Promise<NetworkRow> {
  const row = await db.selectFrom('networks').selectAll().where('id', '=', networkId).executeTakeFirst();
  if (!row) throw notFound('network');
  return row;
}

/** A name as it is kept: without spaces around it. 400 unless it is one line of text. */
export function checkName(text: string): string {
  const name = text.trim();
  if (name === '') throw badRequest('name must not be empty');
  if (/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u.test(name)) throw badRequest('name must be one line of printable text');
  return name;
}

/** Refuses a name that another of the network has: 409. */
export async function checkNameFree(
  db: Reader,
  table: Named,
  what: string,
  networkId: string,
  key: string,
  except?: string,
): Promise<void> {
  const other = await db
    .selectFrom(table)
    .select(['id', 'name'])
    .where('network_id', '=', networkId)
    .where('name_key', '=', key)
    .executeTakeFirst();
  if (other && other.id !== except) throw conflict(`there is a ${what} named ${other.name} in this network already`);
}

/** Refuses one more than the network may have: 409. */
export async function checkRoom(db: Reader, table: Named, networkId: string, max: number): Promise<void> {
  const { total } = await db
    .selectFrom(table)
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .where('network_id', '=', networkId)
    .executeTakeFirstOrThrow();
  if (Number(total) >= max) throw conflict(`the network has ${max} ${table}, which is the most that it may have`);
}

/** Which of these fields are not the same in both rows. */
export const changedFields = <T extends object>(before: T, after: T, fields: readonly (keyof T & string)[]): string[] =>
  fields.filter((field) => before[field] !== after[field]);
