import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { journalFolder } from '../../appliance/radius/accounting/files.ts';
import { MAX_OCTETS } from '../../appliance/radius/accounting/record.ts';
import { attributesOf, packetOf, SECRET, type TestRecord, testNas } from '../../appliance/radius/accounting/testing.ts';
import { CODE, checkReply, encodeRequest, parsePacket } from '../../appliance/radius/codec/index.ts';
import type { StoredEvent } from '../../appliance/store/index.ts';
import { requires } from '../requires.ts';
import type { Bed, BedOptions } from './accounting-bed.ts';

import { hand, newFolder, root, rows, START, withBed } from './accounting-support.ts';

const run = promisify(execFile);

/** Sends a record by UDP; true when a valid answer came. */
async function send(bed: Bed, record: TestRecord): Promise<boolean> {
  const socket = createSocket('udp4');
  const bytes = encodeRequest(CODE.accountingRequest, 7, SECRET, attributesOf({ ...record, untimed: true }));
  const answer = new Promise<boolean>((resolve) => {
    socket.on('message', (reply) => {
      const packet = parsePacket(reply);
      resolve(
        typeof packet !== 'string' &&
          packet.code === 5 &&
          packet.id === 7 &&
          checkReply(packet, bytes.subarray(4, 20), SECRET),
      );
    });
    setTimeout(() => resolve(false), 1500).unref();
  });
  socket.send(bytes, bed.port, '127.0.0.1');
  return answer.finally(() => socket.close());
}
describe('accounting', () => {
  it('radclient: Start, Interim, Stop, On and Off are answered and stored', requires('radclient'), () =>
    withBed({}, async (bed) => {
      const file = path.join(root, 'records.txt');
      const record = (type: string, more = '') =>
        `Acct-Status-Type = ${type}\nAcct-Session-Id = "0001"\nUser-Name = "alice"\nNAS-Identifier = "ap"\n` +
        `Calling-Station-Id = "02-00-00-11-22-33"\nCalled-Station-Id = "AA-BB-CC-DD-EE-FF:campus"\nNAS-Port = 3\n${more}`;
      writeFileSync(
        file,
        [
          record('Start'),
          record(
            'Interim-Update',
            'Acct-Session-Time = 60\nAcct-Input-Octets = 10\nAcct-Input-Gigawords = 2\nFramed-IP-Address = 10.0.0.9\n' +
              'Framed-IPv6-Address = 2001:db8::9\nAcct-Output-Octets = 20\nAcct-Input-Packets = 3\nAcct-Output-Packets = 4\n',
          ),
          record(
            'Stop',
            'Acct-Session-Time = 90\nAcct-Input-Octets = 11\nAcct-Input-Gigawords = 2\nAcct-Terminate-Cause = Idle-Timeout\n',
          ),
          record('Start').replace('0001', '0002'),
          'Acct-Status-Type = Accounting-On\nNAS-Identifier = "ap"\n',
          'Acct-Status-Type = Accounting-Off\nNAS-Identifier = "ap"\n',
        ].join('\n'),
      );
      const { stdout } = await run('radclient', [
        '-q',
        '-s',
        '-p',
        '1',
        '-r',
        '1',
        '-f',
        file,
        `127.0.0.1:${bed.port}`,
        'acct',
        'testing123',
      ]);
      assert.match(stdout, /Accepted\s*:\s*6/, stdout);
      await bed.sessions.flush();
      const [first, second] = await rows(bed);
      assert.deepEqual(
        [first?.username, first?.mac, first?.ssid, first?.nas_port, first?.ip, first?.ipv6, first?.terminate_cause],
        ['alice', '02:00:00:11:22:33', 'campus', '3', '10.0.0.9', '2001:db8::9', 'Idle-Timeout'],
      );
      assert.deepEqual(
        [first?.bytes_in, first?.bytes_out, first?.packets_in, first?.packets_out, first?.seconds],
        [2 * 2 ** 32 + 11, 20, 3, 4, 90],
      );
      assert.deepEqual([second?.status, second?.terminate_cause], ['ended', 'NAS-Reboot']);
      assert.deepEqual(bed.told, []);
    }),
  );

  it('a session and its end are in one transaction, and the end is told once', () =>
    withBed({}, async (bed) => {
      const events: StoredEvent[] = [];
      bed.store.onEvent(async (event) => void events.push(event));
      await hand(bed, { kind: 'start' });
      await bed.sessions.flush();
      assert.equal((await rows(bed))[0]?.status, 'active');
      for (let copy = 0; copy < 3; copy++) {
        await hand(bed, { kind: 'stop', at: 60, seconds: 60, cause: 1 });
        await bed.sessions.flush();
      }
      await bed.store.drained();
      const [row] = await rows(bed);
      assert.deepEqual(
        [row?.status, row?.identity, row?.ended_at],
        ['ended', null, new Date(START + 60_000).toISOString()],
      );
      assert.deepEqual(
        events.map(({ type, data }) => [
          type,
          data.sessionId,
          data.cause,
          data.username,
          data.nasId,
          data.siteId,
          data.mac,
        ]),
        [['session.disconnected', row?.id, 'User-Request', 'alice', 'nas-1', 'default', '02:00:00:11:22:33']],
      );
    }));

  it('what has no session id or no status type is not answered; other status types are', () =>
    withBed({}, async (bed) => {
      assert.equal(await send(bed, { kind: 'start', id: '' }), false);
      const tunnel = packetOf({ kind: 'start' });
      tunnel.bytes[25] = 9;
      const answer = bed.accounting.handle({ packet: tunnel, nas: testNas(), address: '127.0.0.1', at: START });
      assert.equal((await answer)?.code, CODE.accountingResponse);
      assert.match(await bed.registry.metrics(), /accounting_dropped_total{reason="invalid"} 1/);
    }));

  it('an answer waits for the disk', async () => {
    const dataDir = newFolder();
    const disk = { free: () => {} };
    const synced = new Promise<void>((resolve) => {
      disk.free = resolve;
    });
    const folder = journalFolder(path.join(dataDir, 'journal'));
    const slow = {
      ...folder,
      async create(name: string) {
        const file = await folder.create(name);
        return { ...file, sync: () => synced.then(() => file.sync()) };
      },
    };
    await withBed({ dataDir, accounting: { folder: slow } }, async (bed) => {
      let answered = false;
      const answer = Promise.resolve(hand(bed, { kind: 'start' })).then(() => {
        answered = true;
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(answered, false);
      assert.equal(bed.sessions.active.size, 0);
      disk.free();
      await answer;
      assert.equal(bed.sessions.active.size, 1);
    });
  });

  it('without the database: answered, kept in the journal, and stored when it is back', async () => {
    const dataDir = newFolder();
    const database = { broken: true };
    await withBed(
      {
        dataDir,
        store: (store) => ({
          ...store,
          transaction: (fn) => (database.broken ? Promise.reject(new Error('no database')) : store.transaction(fn)),
        }),
      },
      async (bed) => {
        assert.equal(await send(bed, { kind: 'start' }), true);
        await new Promise((resolve) => setTimeout(resolve, 1500));
        assert.equal(readdirSync(path.join(dataDir, 'accounting')).length, 1);
        assert.deepEqual(
          bed.told.map(({ message }) => message),
          ['sessions could not be written; they are kept and tried again'],
        );
        database.broken = false;
        await bed.sessions.flush();
        assert.equal((await rows(bed)).length, 1);
      },
    );
    assert.deepEqual(readdirSync(path.join(dataDir, 'accounting')), []);
  });

  it('passes on what another server is to have, and answers when that one has', async () => {
    const taken: boolean[] = [true, false];
    await withBed(
      {
        accounting: {
          forward: ({ packet }) => (packet.text(1) === 'bob' ? Promise.resolve(taken.shift()!) : undefined),
        },
      },
      async (bed) => {
        assert.equal((await hand(bed, { kind: 'start' }))?.code, CODE.accountingResponse);
        assert.equal((await hand(bed, { kind: 'start', id: 'B', user: 'bob' }))?.code, CODE.accountingResponse);
        assert.equal(await hand(bed, { kind: 'stop', id: 'B', user: 'bob' }), undefined);
      },
    );
  });

  it('a late record of a session that only the database knows finds it', async () => {
    const dataDir = newFolder();
    await withBed({ dataDir }, async (bed) => {
      await hand(bed, { kind: 'start' });
      await hand(bed, { kind: 'stop', at: 60, seconds: 60, in: 5 });
    });
    await withBed({ dataDir, now: () => START + 100_000 }, async (bed) => {
      await hand(bed, { kind: 'stop', at: 60, seconds: 60, in: 5 }, 100);
      await bed.accounting.handle({
        packet: packetOf({ kind: 'start', untimed: true, delay: 100 }),
        nas: testNas(),
        address: '127.0.0.1',
        at: START + 100_000,
      });
      await new Promise((resolve) => setTimeout(resolve, 20));
      await bed.sessions.flush();
      const all = await rows(bed);
      assert.equal(all.length, 1);
      assert.equal(all[0]?.status, 'ended');
    });
  });

  it('active sessions and the usage of today outlive a restart', async () => {
    const dataDir = newFolder();
    const now = () => START + 20_000;
    await withBed({ dataDir, now }, async (bed) => {
      await hand(bed, { kind: 'start' });
      await hand(bed, { kind: 'interim', at: 10, seconds: 10, in: 100, out: 20 });
      await hand(bed, { kind: 'start', id: 'S2', mac: '02-00-00-00-00-02', port: 9 });
      await hand(bed, { kind: 'stop', id: 'S2', mac: '02-00-00-00-00-02', port: 9, at: 5, seconds: 5, in: 7 });
      assert.deepEqual(bed.sessions.usage('name:alice', now()), { sessions: 1, bytes: 127, seconds: 15 + 10 });
    });
    await withBed({ dataDir, now }, async (bed) => {
      assert.deepEqual(bed.sessions.usage('name:alice', now()), { sessions: 1, bytes: 127, seconds: 15 + 10 });
      assert.deepEqual(
        [...bed.sessions.active].map(({ acctSessionId, bytesIn }) => [acctSessionId, bytesIn]),
        [['S1', 100]],
      );
      await hand(bed, { kind: 'stop', at: 20, seconds: 20, in: 150, out: 20 });
      assert.deepEqual(bed.sessions.usage('name:alice', now()), { sessions: 0, bytes: 177, seconds: 25 });
    });
  });

  it('octets as many as a field holds are no obstacle, neither to the sessions nor to the next start', async () => {
    const dataDir = newFolder();
    const most = { gigaIn: 0xff_ff_ff_ff, gigaOut: 0xff_ff_ff_ff };
    for (let round = 0; round < 2; round++) {
      await withBed({ dataDir, now: () => START + 10_000 }, async (bed) => {
        for (let i = 0; i < 8; i++) {
          const id = `${round}-${i}`;
          await hand(bed, { kind: 'start', id, port: i });
          await hand(bed, { kind: 'stop', id, port: i, at: 5, seconds: 0xff_ff_ff_ff, ...most });
        }
        await bed.sessions.flush();
        assert.equal((await rows(bed))[0]?.day_bytes, 2 * MAX_OCTETS);
        assert.ok(bed.sessions.usage('name:alice', START).bytes >= 8 * (round + 1) * MAX_OCTETS);
        assert.deepEqual(bed.told, []);
      });
    }
  });

  it('what is replayed is not counted as stored of what comes after it', async () => {
    const dataDir = newFolder();
    const database = { broken: true };
    const store: BedOptions['store'] = (real) => ({
      ...real,
      transaction: (fn) => (database.broken ? Promise.reject(new Error('no database')) : real.transaction(fn)),
    });
    const many = (bed: Bed, name: string) =>
      Promise.all(
        Array.from({ length: 2000 }, (_, i) => hand(bed, { kind: 'start', id: `${name}${i}`, port: i, user: name })),
      );
    await withBed({ dataDir, store }, async (bed) => void (await many(bed, 'a')));
    database.broken = false;
    await withBed({ dataDir, store }, async (bed) => {
      assert.equal(bed.sessions.active.size, 2000);
      await hand(bed, { kind: 'start', id: 'one' });
      await bed.sessions.flush();
      database.broken = true;
      await many(bed, 'b');
    });
    database.broken = false;
    await withBed({ dataDir, store }, async (bed) => {
      assert.equal(bed.sessions.active.size, 2000, 'b took the ports of a');
      assert.equal((await rows(bed)).length, 4001);
    });
  });

  it('a journal that is replayed twice changes nothing', async () => {
    const dataDir = newFolder();
    const folder = journalFolder(path.join(dataDir, 'kept'));
    const kept = { ...folder, remove: async () => undefined };
    const records: TestRecord[] = [
      { kind: 'start' },
      { kind: 'interim', at: 60, seconds: 60, in: 50 },
      { kind: 'stop', at: 90, seconds: 90, in: 60 },
      { kind: 'start', id: 'S2', at: 100 },
      { kind: 'on', at: 110 },
      { kind: 'start', id: 'S1', at: 120 },
    ];
    const told: unknown[] = [];
    let before: unknown;
    for (let round = 0; round < 3; round++) {
      await withBed({ dataDir, accounting: { folder: kept }, now: () => START + 130_000 }, async (bed) => {
        bed.store.onEvent(async ({ data }) => void told.push(data.sessionId));
        if (round === 0) for (const record of records) await hand(bed, record);
        await bed.sessions.flush();
        await bed.store.drained();
        const seen = { rows: await rows(bed), usage: bed.sessions.usage('name:alice', START + 130_000) };
        before ??= seen;
        assert.deepEqual(seen, before);
        assert.equal(bed.sessions.active.size, 1);
        assert.equal(seen.rows.length, 3);
      });
    }
    assert.equal(told.length, 2, 'the two ends, once each');
  });
});
