import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { openKeyFile } from '../../store/index.ts';
import { Catalog } from '../archive/catalog.ts';
import { MAX_SOURCES, OTHER_SOURCES } from '../archive/sources.ts';
import { Senders } from './senders.ts';

/** Opens the senders of one catalog again and again, as starts of the appliance do. */
function place(t: { after(fn: () => void): void }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-senders-'));
  const secrets = openKeyFile(folder);
  const open: Catalog[] = [];
  const close = (): void => {
    for (const catalog of open.splice(0)) catalog.close();
  };
  t.after(() => {
    close();
    rmSync(folder, { recursive: true });
  });
  return (): Senders => {
    close();
    const catalog = new Catalog(folder, secrets, false);
    open.push(catalog);
    return new Senders(catalog);
  };
}

const nobody = (): void => undefined;
const addressOf = (i: number): string => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
const peersOf = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${addressOf(from + i)}:514`);

describe('numbers of senders', () => {
  it('are free for others once some are removed, and never given twice', (t) => {
    const senders = place(t)();
    const ids = senders.idsOf(peersOf(0, MAX_SOURCES + 2), 1, nobody);
    assert.deepEqual(ids.slice(-3), [MAX_SOURCES, OTHER_SOURCES, OTHER_SOURCES]);
    assert.equal(senders.register('192.0.2.1', 1, nobody), undefined, 'there is no place');

    assert.equal(senders.retire(5), true);
    assert.equal(senders.retire(5), true);
    assert.equal(senders.retire(60_000), false);
    const told: [number, string][] = [];
    const late = `${addressOf(MAX_SOURCES)}:514`;
    assert.deepEqual(
      senders.idsOf([late], 1, (id, address) => void told.push([id, address])),
      [MAX_SOURCES + 1],
    );
    assert.deepEqual(told, [[MAX_SOURCES + 1, addressOf(MAX_SOURCES)]]);
    const fifth = peersOf(4, 1);
    assert.deepEqual(senders.idsOf(fifth, 1, nobody), [OTHER_SOURCES], 'its place is taken');
    senders.retire(6);
    assert.deepEqual(senders.idsOf(fifth, 1, nobody), [5], 'it is back under its number');
    assert.deepEqual(senders.retired, [6]);
  });

  it('are the same after restarts, whatever was registered, removed and sent', () => {
    const address = fc.integer({ min: 0, max: 5 }).map((i) => `192.0.2.${i}`);
    const step = fc.oneof(
      fc.record({ does: fc.constant('send' as const), address }),
      fc.record({ does: fc.constant('register' as const), address }),
      fc.record({ does: fc.constant('retire' as const), address }),
      fc.record({ does: fc.constant('restart' as const), address }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const enders: (() => void)[] = [];
        const open = place({ after: (fn) => void enders.push(fn) });
        try {
          let senders = open();
          const given = new Map<string, number>();
          const retired = new Set<number>();
          for (const { does, address: of } of steps) {
            if (does === 'restart') senders = open();
            else if (does === 'retire') {
              const id = given.get(of);
              assert.equal(senders.retire(id ?? 99), id !== undefined);
              if (id !== undefined) retired.add(id);
            } else {
              const id = does === 'send' ? senders.idsOf([`${of}:514`], 1, nobody)[0] : senders.register(of, 1, nobody);
              assert.equal(id, given.get(of) ?? given.size + 1);
              given.set(of, id!);
              retired.delete(id!);
            }
            assert.deepEqual(new Set(senders.retired), retired);
          }
        } finally {
          for (const end of enders) end();
        }
      }),
      { numRuns: 25 },
    );
  });
});
