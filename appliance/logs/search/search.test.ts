import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { type Found, QueryFault } from '../backend.ts';
import { lines, makePlace, openSealer } from '../seal/testing.ts';
import { type Search, startSearch } from './search.ts';

const place = makePlace();
let search: Search | undefined;
after(async () => {
  await search?.stop();
  place.remove();
});

const silent = { warn: () => undefined, error: () => undefined, info: () => undefined } as never;

test('the search thread follows the sealing thread, answers, and tells of new records', async () => {
  const { port1, port2 } = new MessageChannel();
  const sealer = openSealer(place, { toSearch: (message) => port1.postMessage(message) });
  let credit = 0;
  port1.on('message', ({ bytes }: { bytes: number }) => {
    credit += bytes;
  });
  sealer.send(lines(1500));
  sealer.pass(6);
  search = startSearch({ folder: place.folder, dataDir: place.data, sealer: port2, log: silent });
  await search.ready;
  const raws = (records: readonly Found[]) => records.map(({ raw }) => raw);
  assert.deepEqual(raws((await search.query({ q: '"line 77"', limit: 3 })).records), [
    'line 779',
    'line 778',
    'line 777',
  ]);

  const heard: Found[] = [];
  const { signal, resolve } = ((): { signal: Promise<void>; resolve: () => void } => {
    const { promise, resolve } = Promise.withResolvers<void>();
    return { signal: promise, resolve };
  })();
  const stop = search.subscribe({ q: '1505 OR 1507' }, (records) => {
    heard.push(...records);
    if (heard.length >= 2) resolve();
  });
  await search.stats(); // it has heard of the subscription
  sealer.send(lines(10, 1500));
  sealer.pass(6);
  await signal;
  stop();
  assert.deepEqual(raws(heard), ['line 1505', 'line 1507']);
  const { records } = await search.query({ q: 'line', limit: 2 });
  assert.deepEqual(raws(records), ['line 1509', 'line 1508']);
  assert.deepEqual(raws(await search.read([records[1]!.index])), ['line 1508']);
  assert.ok(credit > 0);

  await assert.rejects(
    search.query({ q: 'a "b', limit: 1 }),
    (error) => error instanceof QueryFault && error.position === 2,
  );
  await assert.rejects(search.whois({ ip: 'nobody', atUs: 0 }), QueryFault);
  assert.deepEqual(await search.whois({ ip: '192.0.2.1', atUs: sealer.clock.wall }), { answers: [] });
  const { behind, sources } = await search.stats();
  const known = sources.find(({ id }) => id === records[0]!.source);
  assert.deepEqual([behind, known?.parser, (known?.messages ?? 0) >= 10], [0, undefined, true]);
  await sealer.stop();
  await search.stop();
  await assert.rejects(search.query({ limit: 1 }), /ended/);
  port1.close();
});
