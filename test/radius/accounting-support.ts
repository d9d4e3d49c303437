import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { packetOf, type TestRecord, testNas } from '../../appliance/radius/accounting/testing.ts';
import type { SessionRow, SessionTables } from '../../appliance/radius/sessions/tables.ts';
import { type Bed, type BedOptions, startBed } from './accounting-bed.ts';

export const root = mkdtempSync(path.join(tmpdir(), 'gatehouse-accounting-'));
after(() => rmSync(root, { recursive: true, force: true }));
let beds = 0;
export const newFolder = () => path.join(root, String(++beds));

export const rows = (bed: Bed): Promise<SessionRow[]> =>
  bed.store.as<SessionTables>().selectFrom('radius_sessions').selectAll().orderBy('id').execute();
/** Milliseconds since 1970, in whole seconds. */
export const START = Math.floor(Date.now() / 1000) * 1000;

/** Hands a record in without a socket; received at a time in seconds after the start. */
export const hand = (bed: Bed, record: TestRecord, at = record.at ?? 0) =>
  bed.accounting.handle({
    packet: packetOf({ ...record, untimed: true }),
    nas: testNas(),
    address: '127.0.0.1',
    at: START + at * 1000,
  });
/** A bed in a folder of its own, for as long as `fn` runs. */
export const withBed = async (options: Partial<BedOptions>, fn: (bed: Bed) => Promise<void>): Promise<void> => {
  const bed = await startBed({ dataDir: newFolder(), ...options });
  try {
    await fn(bed);
  } finally {
    await bed.stop();
  }
};
