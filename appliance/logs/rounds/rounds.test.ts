import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { pino } from 'pino';
import { requires } from '../../../test/requires.ts';
import { openStore, type StoredEvent, storeMigrations } from '../../store/index.ts';
import { leavesOf, readFrom } from '../merkle/testing.ts';
import { post } from '../post.ts';
import { startTsa } from '../timestamp/testing.ts';
import { logOf, startWitness } from '../witness/testing.ts';
import { anchorMigrations, readAnchor } from './anchor.ts';
import { createRounds, isTrusted } from './rounds.ts';

const ORIGIN = 'gatehouse/acme/lisbon/edge-1';
const NOW = Date.UTC(2026, 10, 22, 12);

/** A log, its main database, and what the sealing thread was told; `open` starts rounds over a size of it. */
async function fixture(t: TestContext) {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-rounds-'));
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  const migrations = [...storeMigrations, ...anchorMigrations].map((step, i) => ({ ...step, id: i + 1 }));
  const store = await openStore({ dataDir, migrations, log });
  const events: StoredEvent[] = [];
  store.onEvent(async (event) => void events.push(event));
  const sealed = logOf(ORIGIN);
  const told: unknown[][] = [];
  t.after(async () => {
    await store.close();
    rmSync(dataDir, { recursive: true });
  });

  function open(options: { size: number; witnesses?: { url: string; key: string }[]; tsa?: string }) {
    const at = { size: options.size };
    const rounds = createRounds({
      archive: {
        checkpoint: () => (at.size === 0 ? undefined : sealed.at(at.size).note),
        readHash: readFrom(leavesOf(1000)),
        timestamps: () => [],
      },
      sealer: {
        cosigned: (size, signatures) => void told.push(['cosigned', size, signatures.length]),
        timestamp: (size) => void told.push(['timestamp', size]),
        witnessSize: (size) => void told.push(['witnessSize', size]),
      },
      witnesses: options.witnesses ?? [],
      tsa: options.tsa,
      ...{ store, log, http: post, now: () => NOW },
    });
    t.after(() => rounds.stop());
    return { at, rounds };
  }
  const witnessOf = async (...trusted: string[]) => {
    const witness = await startWitness(trusted);
    t.after(() => witness.close());
    return { url: witness.url, key: witness.vkey };
  };
  return { sealed, told, store, lines, events, open, witnessOf };
}

describe('the rounds of the log', () => {
  it('remember the newest checkpoint in the main database, and tell of it once', async (t) => {
    const { open, store, events } = await fixture(t);
    const { at, rounds } = open({ size: 0 });
    await rounds.start(0);
    assert.equal(await readAnchor(store), undefined, 'nothing is sealed yet');
    at.size = 5;
    await rounds.now();
    await rounds.now();
    at.size = 7;
    await rounds.now();
    await store.drained();
    assert.equal((await readAnchor(store))?.size, 7);
    const data = events.map(({ type, data: { actor: _, root, ...rest } }) => ({
      type,
      rooted: String(root).length,
      ...rest,
    }));
    const common = { type: 'log.sealed', rooted: 44, cosignatures: 0, genTime: null };
    assert.deepEqual(data, [
      { ...common, range: { from: 0, to: 5 }, size: 5 },
      { ...common, range: { from: 5, to: 7 }, size: 7 },
    ]);
  });

  it('have witnesses cosign', async (t) => {
    const { open, witnessOf, sealed, told, store, events } = await fixture(t);
    const { rounds } = open({ size: 6, witnesses: [await witnessOf(sealed.vkey)] });
    await rounds.start(5);
    assert.deepEqual(told, [['cosigned', 6, 1]]);
    const [state] = rounds.witnesses();
    assert.deepEqual([state!.lastSize, state!.lastAtUs, state!.error], [6, NOW * 1000, undefined]);
    await store.drained();
    assert.equal(events.at(-1)!.data.cosignatures, 1);
  });

  it('go on without a witness that is away, which is told once, and in the status', async (t) => {
    const { open, witnessOf, sealed, told, lines } = await fixture(t);
    const { key } = await witnessOf(sealed.vkey);
    const { rounds } = open({ size: 5, witnesses: [{ url: 'http://127.0.0.1:1/witness', key }] });
    await rounds.start(0);
    await rounds.now();
    assert.equal(lines.filter((line) => line.includes('ECONNREFUSED')).length, 1);
    assert.match(rounds.witnesses()[0]!.error!, /has not cosigned: .*ECONNREFUSED/);
    assert.deepEqual(told, []);
  });

  it('stop the sealing where a witness knows of more', async (t) => {
    const { open, witnessOf, sealed, told } = await fixture(t);
    const witnesses = [await witnessOf(sealed.vkey)];
    await open({ size: 9, witnesses }).rounds.start(0);
    const copy = open({ size: 4, witnesses }).rounds;
    await copy.start(0);
    assert.deepEqual(told, [
      ['cosigned', 9, 1],
      ['witnessSize', 9],
    ]);
    assert.match(copy.witnesses()[0]!.error!, /it has cosigned 9 records, and here are 4: this is an older copy/);
  });

  it('believe a witness that knows of more over HTTPS, or where it is on the same machine, and no other', () => {
    for (const url of [
      'https://hub.example/witness',
      'HTTPS://hub.example/witness',
      'http://127.0.0.1:8080/witness',
      'http://127.9.8.7/witness',
      'http://[::1]:8080/witness',
      'http://localhost:8080/witness',
      'http://LOCALHOST/witness',
    ]) {
      assert.equal(isTrusted(url), true, url);
    }
    for (const url of [
      'http://127.evil.example/witness',
      'http://127.0.0.1.evil.example/',
      'http://127.0.0.1@evil.example/',
      'http://localhost.evil.example/',
      'http://evil.example/?http://127.0.0.1/',
      'http://[::2]/',
      'http://128.0.0.1/',
      'not a URL',
    ]) {
      assert.equal(isTrusted(url), false, url);
    }
  });

  it('get a time from an authority once a day, and for an export', requires('openssl'), async (t) => {
    const { open, told, store, events } = await fixture(t);
    const tsa = await startTsa();
    t.after(() => tsa.close());
    const { at, rounds } = open({ size: 5, tsa: tsa.url });
    await rounds.start(0);
    assert.deepEqual(told, [['timestamp', 5]]);
    await rounds.now();
    assert.equal(told.length, 1, 'this checkpoint has its time');
    at.size = 6;
    await rounds.now();
    assert.deepEqual(told[1], ['timestamp', 6]);
    await store.drained();
    assert.match(String(events[0]!.data.genTime), /^\d{4}-\d\d-\d\dT/);
    assert.equal(rounds.timestamp()!.lastSize, 6);
  });
});
