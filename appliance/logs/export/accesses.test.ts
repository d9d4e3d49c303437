import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { KIND } from '../record/types.ts';
import { caught, exported, forge, HOUR, lines, list, read, write } from './forging.ts';
import { NOON, TestLog, verifyFolder } from './testing.ts';
import type { ExportOptions } from './types.ts';

const ID = '0f8fad5b-d9cb-469f-a165-70867728950e';
const ASKED_AT = NOON + 30e6;
const [FROM, TO] = ['2060-11-22T11:00:00.000000Z', '2060-11-22T13:00:00.000000Z'];
const audit = { kind: Uint8Array.of(KIND.audit), source: Uint16Array.of(0), class: 1 };
const ACTOR = { kind: 'user', id: 'u-1', address: '192.0.2.9', username: 'admin' };
const request = (query: object, actor: object): string =>
  JSON.stringify({
    event: 'logs.exported',
    actor,
    export_id: ID,
    case: 'AZ 12/26',
    query: { source: null, q: null, ...query },
    from: FROM,
    to: TO,
  });

/** Five messages, a search (5), the request (6), five messages, and a search after the end of what was asked for (12). */
async function asked(
  t: TestContext,
  query: object = {},
  more: Partial<ExportOptions> = {},
  actor: object = ACTOR,
): Promise<string> {
  const log = new TestLog(t);
  log.add(lines(0, 5), NOON);
  log.add(['{"event":"logs.searched","query":{"q":"x"}}'], NOON + 20e6, audit);
  log.add([request(query, actor)], ASKED_AT, audit);
  log.add(lines(5, 5), NOON + 40e6);
  log.add(['{"event":"logs.searched","query":{}}'], NOON + 2 * HOUR, audit);
  log.seal();
  return exported(t, log, {
    file: path.join(log.dataDir, `${ID}.zip`),
    fromUs: NOON - HOUR,
    toUs: NOON + HOUR + 1,
    case: 'AZ 12/26',
    by: 'admin',
    atUs: ASKED_AT - 2000,
    ...more,
  });
}

/** access.jsonl without one of its records. */
function leaveOut(folder: string, index: number): void {
  const kept = read(folder, 'access.jsonl').replace(new RegExp(`^\\{"index":${index},.*\\n`, 'm'), '');
  assert.notEqual(kept, read(folder, 'access.jsonl'));
  write(folder, 'access.jsonl', kept);
  list(folder);
}

describe('the request of an export', () => {
  test('says who asked for it, when and for which case', async (t) => {
    const { code, text } = await verifyFolder(await asked(t));
    assert.equal(code, 0, text);
    assert.match(
      text,
      /This export was asked for on 2060-11-22T12:00:30\.000000Z by “admin” \(the user u-1\) from 192\.0\.2\.9, for the case “AZ 12\/26” \(record 6\)/,
    );
    assert.doesNotMatch(text, /is the name of the user/);
  });

  test('of a log that kept no names leaves the name unproved', async (t) => {
    const { username: _, ...nameless } = ACTOR;
    const { code, text } = await verifyFolder(await asked(t, {}, {}, nameless));
    assert.equal(code, 0, text);
    assert.match(text, /asked for on [^ ]+ by the user u-1 from/);
    assert.match(text, /Not proved:[\s\S]*That “admin” is the name of the user u-1/);
  });

  test('is held against the manifest', async (t) => {
    const folder = await asked(t);
    const manifest = JSON.parse(read(folder, 'manifest.json'));
    for (const [head, said] of [
      [{ case: 'AZ 99/26' }, /another case than record 6.*"AZ 99\/26", not "AZ 12\/26".*\[request\]/],
      [{ by: 'mallory' }, /another name of who asked \(by\) than record 6.*"mallory", not "admin".*\[request\]/],
      [{ by: undefined }, /another name of who asked \(by\).*null, not "admin"/],
      [{ case: undefined }, /another case than record 6.*null, not "AZ 12\/26"/],
      [{ made_at: '2060-11-23T12:00:00.000000Z' }, /another time \(made_at\) than record 6/],
      [{ made_at: 'never' }, /another time \(made_at\)/],
      [{ from: '2060-11-22T11:00:01.000000Z' }, /another beginning \(from\)/],
      [{ to: '2060-11-22T13:00:00.000000Z' }, /another end \(to\)/],
      [{ whole: false, filter: { source: ['1'] } }, /another selection/],
      [{ request: 5 }, /Record 5, by which this export was asked for as the manifest says, isn’t in access\.jsonl/],
    ] as const) {
      list(folder, { ...manifest, ...head });
      caught(await verifyFolder(folder), said);
    }
  });

  test('holds its selection', async (t) => {
    const filter = { from: FROM, to: TO, source: ['1'] };
    const folder = await asked(t, { source: '1' }, { sourceIds: [1], filter });
    const { code, text } = await verifyFolder(folder);
    assert.equal(code, 0, text);
    list(folder, { filter: { ...filter, source: ['2'] } });
    caught(await verifyFolder(folder), /another selection than record 6.*\["2"\]/);
  });

  test('is missed where there is none', async (t) => {
    const folder = await asked(t);
    list(folder, { request: undefined });
    const { code, text } = await verifyFolder(folder);
    assert.equal(code, 0, text);
    assert.match(
      text,
      /Not proved:[\s\S]*Who made this export and when, and the case “AZ 12\/26”: the manifest names no/,
    );
    assert.doesNotMatch(text, /asked for on/);
  });
});

describe('the list of accesses', () => {
  test('can’t be shortened as far as they are among the records', async (t) => {
    const folder = await asked(t);
    assert.match(
      (await verifyFolder(folder)).text,
      /3 searches, exports and other accesses are in the log too \(access\.jsonl\); of those up to record 11 none is left out/,
    );
    leaveOut(folder, 5);
    caught(await verifyFolder(folder), /Record 5 is one about an access \(logs\.searched\).*left out\. \[access\]/);
  });

  test('isn’t proved to be whole behind them, nor of a selection', async (t) => {
    const folder = await asked(t);
    leaveOut(folder, 12);
    const { code, text } = await verifyFolder(folder);
    assert.equal(code, 0, text);
    assert.match(text, /Not proved:[\s\S]*That access\.jsonl names all accesses after record 11/);
    const some = await asked(t, { source: '1' }, { sourceIds: [1], filter: { source: ['1'] } });
    leaveOut(some, 5);
    assert.match((await verifyFolder(some)).text, /names all accesses: this export is a selection/);
  });

  test('has accesses only', async (t) => {
    const folder = await asked(t);
    const first = read(folder, 'records.jsonl').split('\n')[0]!;
    write(folder, 'access.jsonl', `${first}\n${read(folder, 'access.jsonl')}`);
    forge(folder, (records) => records);
    caught(await verifyFolder(folder), /Record 0 in access\.jsonl isn’t one about an access/);
  });
});
