import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { pino } from 'pino';
import { openStore, type Store, type StoredEvent, storeMigrations } from '../store/index.ts';
import { until } from './receive/testing.ts';
import { rememberedMigrations } from './remembered.ts';
import { createStateTeller } from './state.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const AT = '2026-11-22T12:00:00.000Z';

async function fixture(t: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-state-'));
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const migrations = [...storeMigrations, ...rememberedMigrations].map((step, i) => ({ ...step, id: i + 1 }));
  const store = await openStore({ dataDir, migrations, log });
  const events: StoredEvent[] = [];
  store.onEvent(async (event) => void events.push(event));
  t.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true });
  });
  return {
    store,
    lines,
    open: (over: Store = store) => createStateTeller({ store: over, log, now: () => NOW }),
    async told() {
      await store.drained();
      return events.map(({ type, data: { actor: _, ...data } }) => {
        assert.equal(type, 'log.state');
        return data;
      });
    },
  };
}

describe("changes of the log's state", () => {
  it('are told once each, in their order', async (t) => {
    const { open, told } = await fixture(t);
    const teller = open();
    teller.tell('sealing', ''); // as it starts
    teller.tell('full', 'the disk is full');
    teller.tell('full', 'the quota is used up');
    teller.tell('sealing', '');
    teller.tell('refused', 'a witness knows more');
    await teller.stop();
    assert.deepEqual(await told(), [
      { state: 'full', reason: 'the disk is full', at: AT },
      { state: 'sealing', reason: null, at: AT },
      { state: 'refused', reason: 'a witness knows more', at: AT },
    ]);
  });

  it('are told over a restart too, and only then', async (t) => {
    const { open, told } = await fixture(t);
    for (const state of ['damaged', 'damaged', 'sealing', 'sealing'] as const) {
      const teller = open();
      teller.tell(state, state === 'damaged' ? 'a file is gone' : '');
      await teller.stop();
    }
    assert.deepEqual(await told(), [
      { state: 'damaged', reason: 'a file is gone', at: AT },
      { state: 'sealing', reason: null, at: AT },
    ]);
  });

  it('wait for a database that takes nothing', async (t) => {
    const { store, open, told, lines } = await fixture(t);
    let isFull = true;
    const failing: Store = {
      ...store,
      transaction: (fn) => (isFull ? Promise.reject(new Error('database or disk is full')) : store.transaction(fn)),
    };
    const teller = open(failing);
    teller.tell('full', 'the disk is full');
    await until('it was tried', () => lines.length > 0);
    teller.tell('sealing', '');
    isFull = false;
    await teller.stop();
    assert.deepEqual(
      (await told()).map(({ state }) => state),
      ['full', 'sealing'],
    );
    assert.equal(lines.length, 1);
  });
});
