import type { Bus } from '../../events/index.ts';
import { NasDirectory } from './directory.ts';
import { type NasContext, nasOf } from './nas.ts';
import { nasRoutes } from './routes.ts';
import type { NasRow, NasTables } from './tables.ts';

export { addressWords, formatWords } from './address.ts';
export type { NasDirectory } from './directory.ts';
export { nasMigrations } from './migrations.ts';
export type { NasContext } from './nas.ts';

/** RADIUS clients: their routes, and the directory in memory that the events of the bus keep fresh. */
export function createNasDirectory(context: NasContext & { bus: Bus }) {
  const { store, secrets, log, bus } = context;
  const directory = new NasDirectory();

  const take = (row: NasRow): void => {
    try {
      directory.set(nasOf(row, secrets));
    } catch (error) {
      // One client whose secret doesn't open must not keep the others out.
      directory.delete(row.id);
      log.error({ nasId: row.id, reason: (error as Error).message }, 'NAS left out: set its secret again');
    }
  };
  const refresh = async (id: string): Promise<void> => {
    const row = await store
      .as<NasTables>()
      .selectFrom('radius_nas')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    if (row) take(row);
    else directory.delete(id);
  };
  bus.on(['radius.nas.created', 'radius.nas.updated', 'radius.nas.deleted'], (event) => refresh(event.data.nasId));

  return {
    routes: nasRoutes(context),
    directory,
    /** Reads all clients; call it before the server listens. */
    async start(): Promise<void> {
      const rows = await store.as<NasTables>().selectFrom('radius_nas').selectAll().execute();
      for (const row of rows) take(row);
    },
  };
}
