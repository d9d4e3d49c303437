import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { pino } from 'pino';
import type { Service } from '../service.ts';
import type { ExportRow } from '../tables.ts';
import { ExportJobs } from './jobs.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-exports-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The queue over a database that holds these rows, which can be read and not be written. */
function queueOf(ids: readonly string[], reading: () => Promise<void> = async () => undefined) {
  const rows = ids.map((id): Partial<ExportRow> => ({ id, status: 'queued', requested_by: `u-${id}`, created_at: id }));
  const begun: string[] = [];
  // biome-ignore lint/suspicious/noExplicitAny: as much of the database as the queue asks of it
  const db: any = {
    selectFrom: () => db,
    selectAll: () => db,
    orderBy: () => db,
    where: () => db,
    async execute() {
      await reading();
      return rows;
    },
    updateTable: () => ({
      set: () => ({
        where: (_column: string, _is: string, id: string) => ({
          async executeTakeFirst() {
            begun.push(id);
            throw new Error('database or disk is full');
          },
        }),
      }),
    }),
  };
  const service = { store: { as: () => db }, log: pino({ level: 'silent' }), now: () => 0 } as unknown as Service;
  return { jobs: new ExportJobs(service, folder), begun };
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 200; i++) await turn();
};

test('while the database takes nothing, exports are not begun again and again, but once one is asked for', async () => {
  const { jobs, begun } = queueOf(['a', 'b', 'c', 'd']);
  jobs.kick();
  await turns();
  assert.ok(begun.length >= 1 && begun.length <= 4, `${begun.length} tries`);
  assert.equal(new Set(begun).size, begun.length);
  const before = begun.length;
  jobs.kick();
  await turns();
  assert.ok(begun.length > before && begun.length <= before + 4, `${begun.length} tries`);
  await jobs.stop();
});

test('none is begun once it was stopped, though the next one was being looked for', async () => {
  const read = Promise.withResolvers<void>();
  const { jobs, begun } = queueOf(['a'], () => read.promise);
  jobs.kick();
  await turn();
  const stopped = jobs.stop();
  read.resolve();
  await stopped;
  await turns();
  assert.deepEqual(begun, []);
});
