import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MAX_OCTETS } from '../../appliance/radius/accounting/record.ts';
import { SECRET, testNas } from '../../appliance/radius/accounting/testing.ts';
import { ATTRIBUTE, AttributeWriter, CODE, encodeRequest, parsePacket } from '../../appliance/radius/codec/index.ts';
import { requiresPostgres, startPostgres } from '../postgres.ts';

import { hand, newFolder, rows, START, withBed } from './accounting-support.ts';

describe('accounting on both databases', () => {
  /** Whatever packets hold, sessions are written and read back: a row that no database takes would hold up all others. */
  async function anything(database: string | undefined): Promise<void> {
    const attribute = fc.tuple(
      fc.constantFrom(1, 4, 5, 8, 25, 26, 30, 31, 32, 41, 42, 43, 46, 47, 49, 50, 52, 53, 55, 87, 95, 97, 168),
      fc.oneof(fc.uint8Array({ maxLength: 253 }), fc.uint8Array({ minLength: 4, maxLength: 4 })),
    );
    const packets = fc.sample(
      fc.tuple(
        fc.constantFrom(1, 2, 3, 7, 8),
        fc.uint8Array({ minLength: 1, maxLength: 253 }),
        fc.array(attribute, { maxLength: 12 }),
      ),
      600,
    );
    const dataDir = newFolder();
    const place = { dataDir, ...(database !== undefined && { database }) };
    let active = 0;
    await withBed(place, async (bed) => {
      for (const [index, [status, id, attributes]] of packets.entries()) {
        const writer = new AttributeWriter().add(ATTRIBUTE.acctStatusType, status).add(ATTRIBUTE.acctSessionId, id);
        for (const [type, value] of attributes) writer.add(type, value);
        const packet = parsePacket(encodeRequest(CODE.accountingRequest, 1, SECRET, writer.done()));
        assert.ok(typeof packet !== 'string');
        void bed.accounting.handle({ packet, nas: testNas(), address: '::1', at: START + index + 0.5 });
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
      await bed.sessions.flush();
      assert.ok((await rows(bed)).length > 100);
      assert.deepEqual(bed.told, []);
      active = bed.sessions.active.size;
    });
    await withBed(place, async (bed) => assert.equal(bed.sessions.active.size, active));
  }

  it('whatever packets hold, sessions are written and read back', () => anything(undefined));

  it('PostgreSQL: the same', requiresPostgres(), async () => {
    const server = await startPostgres();
    try {
      await anything(await server.createDatabase());
      const database = await server.createDatabase();
      const dataDir = newFolder();
      await withBed({ dataDir, database }, async (bed) => {
        for (let i = 0; i < 100; i++)
          await hand(bed, { kind: 'start', id: `S${i}`, port: i, user: `u${i}`, gigaIn: 9 });
        await hand(bed, { kind: 'stop', id: 'S5', port: 5, user: 'u5', gigaIn: 3_000_000, at: 60 });
        await bed.sessions.flush();
      });
      await withBed({ dataDir, database }, async (bed) => {
        assert.equal(bed.sessions.active.size, 99);
        await hand(bed, { kind: 'interim', id: 'S5', port: 5, user: 'u5', at: 50 });
        await hand(bed, { kind: 'interim', id: 'S6', port: 6, user: 'u6', at: 50, in: 77, gigaIn: 10 });
        await new Promise((resolve) => setTimeout(resolve, 50));
        await bed.sessions.flush();
        const all = await rows(bed);
        assert.equal(all.length, 100);
        const of = (id: string) => all.find(({ acct_session_id }) => acct_session_id === id);
        assert.equal(of('S5')?.bytes_in, MAX_OCTETS);
        assert.deepEqual([of('S6')?.bytes_in, of('S6')?.status], [10 * 2 ** 32 + 77, 'active']);
      });
    } finally {
      await server.stop();
    }
  });
});
