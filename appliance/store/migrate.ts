import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import { createFile, createFolder, syncFile } from './files.ts';
import { type Dialect, type Logger, type Migration, StoreError } from './types.ts';

const KEPT_BACKUPS = 5;

interface MigrationsTable {
  schema_migrations: { id: number; name: string; at: string };
}

/** The store's own steps. */
export const storeMigrations: readonly Migration[] = [
  {
    id: 1,
    name: 'outbox',
    async up(db, dialect) {
      await autoId(db.schema.createTable('outbox'), dialect)
        .addColumn('at', 'text', (column) => column.notNull())
        .addColumn('type', 'text', (column) => column.notNull())
        .addColumn('data', 'text', (column) => column.notNull())
        .execute();
    },
  },
];

/** Adds an integer primary key that the database counts up and never gives twice. */
export function autoId<TB extends string, C extends string>(
  builder: CreateTableBuilder<TB, C>,
  dialect: Dialect,
): CreateTableBuilder<TB, C | 'id'> {
  return dialect === 'sqlite'
    ? builder.addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    : builder.addColumn('id', 'bigint', (column) => column.primaryKey().generatedAlwaysAsIdentity());
}

/**
 * Brings the database to the last step: all that is missing in one transaction, so a failure leaves what was there.
 * `sqlite` is the writer's connection where the dialect is SQLite. Throws StoreError for a database that this program
 * does not know and for a step that fails.
 */
export async function migrate(options: {
  db: Kysely<unknown>;
  dialect: Dialect;
  sqlite?: DatabaseSync | undefined;
  dataDir: string;
  migrations: readonly Migration[];
  log: Logger;
}): Promise<void> {
  const { dialect, sqlite, migrations, log } = options;
  migrations.forEach((step, index) => {
    if (step.id !== index + 1) throw new Error(`migration '${step.name}' has id ${step.id}, not ${index + 1}`);
  });
  const db = options.db as unknown as Kysely<MigrationsTable>;
  await db.schema
    .createTable('schema_migrations')
    .ifNotExists()
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('at', 'text', (column) => column.notNull())
    .execute();
  const done = await db.selectFrom('schema_migrations').selectAll().orderBy('id').execute();
  for (const { id, name } of done) {
    const known = migrations[id - 1];
    if (!known) {
      throw new StoreError(
        `The database was written by a newer Gatehouse (its step ${id} is '${name}'; this program knows ${migrations.length}). Install that version, or restore a backup from before.`,
      );
    }
    if (known.name !== name) {
      throw new StoreError(
        `The database was written by another Gatehouse (its step ${id} is '${name}', here it is '${known.name}'). Install that version, or set GATEHOUSE_DATA.`,
      );
    }
  }
  const pending = migrations.slice(done.length);
  const first = pending[0];
  if (!first) return;

  let saved = '';
  if (done.length > 0 && sqlite) {
    const file = backupBefore(sqlite, options.dataDir, first.id);
    saved = ` The copy from before is ${file}.`;
    log.info({ file }, 'the database was copied before its migration');
  } else if (done.length > 0) {
    saved = ' PostgreSQL has rolled it back; copies (pg_dump) are made by its administrator.';
    log.warn({}, 'migrating PostgreSQL: Gatehouse makes no copy of it, pg_dump does');
  }

  let running = first;
  // SQLite rebuilds tables to change them; the keys are checked at the end instead.
  sqlite?.exec('PRAGMA foreign_keys=OFF');
  try {
    await db.transaction().execute(async (tx) => {
      for (const step of pending) {
        running = step;
        await step.up(tx, dialect);
        const at = new Date().toISOString();
        await tx.insertInto('schema_migrations').values({ id: step.id, name: step.name, at }).execute();
      }
      if (sqlite) {
        const broken = await sql<{ table: string }>`PRAGMA foreign_key_check`.execute(tx);
        if (broken.rows[0]) throw new Error(`a row of table ${broken.rows[0].table} points to nothing`);
      }
    });
  } catch (error) {
    throw new StoreError(
      `The database could not be migrated: step ${running.id} '${running.name}' failed (${(error as Error).message}). It is as it was.${saved}`,
      { cause: error },
    );
  } finally {
    sqlite?.exec('PRAGMA foreign_keys=ON');
  }
  log.info({ from: done.length, to: migrations.length }, 'the database was migrated');
}

/** Copies a database, consistently even while it is written, to a new file of mode 0600 that is on the disk after. */
export function copyDatabase(db: DatabaseSync, file: string): void {
  createFile(file); // VACUUM INTO takes an empty file, and keeps its mode
  db.prepare('VACUUM INTO ?').run(file);
  syncFile(file);
  syncFile(path.dirname(file));
}

function backupBefore(db: DatabaseSync, dataDir: string, id: number): string {
  const folder = path.join(dataDir, 'backups');
  createFolder(folder);
  const stamp = new Date().toISOString().replaceAll(/[-:.]/g, '');
  const file = path.join(folder, `before-${id}-${stamp}.db`);
  copyDatabase(db, file);
  const date = (name: string) => name.slice(name.lastIndexOf('-'));
  const copies = readdirSync(folder).filter((name) => /^before-\d+-\w+\.db$/.test(name));
  copies.sort((a, b) => (date(a) < date(b) ? 1 : -1));
  for (const old of copies.slice(KEPT_BACKUPS)) rmSync(path.join(folder, old));
  return file;
}
