import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { Filter, Found } from '../backend.ts';
import { parse } from '../parse/index.ts';
import { KIND } from '../record/types.ts';
import type { Plane } from './columns.ts';
import { queryOf } from './compile.ts';
import { Engine } from './engine.ts';
import { Library } from './library.ts';
import { hinted, matcherOf, Row } from './match.ts';
import { type Line, MemoryArchive } from './testing.ts';

const root = mkdtempSync(path.join(tmpdir(), 'gatehouse-search-'));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;

function open(archive: MemoryArchive, folder = path.join(root, `${folders++}`)) {
  const warnings: string[] = [];
  const parseOf = hinted(parse);
  const library = new Library({ folder, archive, parse: parseOf, warn: (text) => warnings.push(text) });
  library.start();
  return { library, engine: new Engine(library, parseOf), folder, warnings };
}

/** Indexes all that the library was told. */
const settle = (library: Library): void => {
  while (library.follow());
};

/** Writes batches, closes a segment behind each of `closes`. */
function fill(batches: readonly Line[][], closes: ReadonlySet<number>) {
  const archive = new MemoryArchive();
  const opened = open(archive);
  batches.forEach((lines, i) => {
    const { segment, frames } = archive.write(lines);
    opened.library.add(segment, frames);
    if (closes.has(i)) opened.library.closed(archive.close());
  });
  settle(opened.library);
  return { archive, ...opened };
}

const run = (engine: Engine, filter: Filter & { before?: number; limit?: number }) =>
  engine.query({
    query: queryOf(filter),
    fromUs: filter.fromUs,
    toUs: filter.toUs,
    before: filter.before,
    limit: filter.limit ?? 100_000,
    within: 60_000,
  });

/** All that matches, found without any index. */
function scan(archive: MemoryArchive, filter: Filter): number[] {
  const matches = matcherOf(queryOf(filter));
  const row = new Row(hinted(parse));
  const found: number[] = [];
  for (const { frames } of archive.list) {
    for (const [, block] of frames) {
      row.open(block);
      for (let i = 0; i < block.count; i++) {
        row.go(i);
        const us = block.receiveUs[i]!;
        if (us < (filter.fromUs ?? 0) || us > (filter.toUs ?? Infinity)) continue;
        if (matches(row)) found.push(block.index[i]!);
      }
    }
  }
  return found.sort((a, b) => b - a);
}

const indexes = (records: readonly Found[]): number[] => records.map(({ index }) => index);

const ips = ['10.0.0.1', '10.0.0.2', '10.1.0.1', '192.0.2.77', '2001:db8::1', '2001:DB8:0:0::2', '::ffff:10.0.0.1'];
const users = ['alice', 'Alice', 'bob', 'ödön', 'ÖDÖN', 'al'];
const pick = <T>(...values: readonly T[]) => fc.constantFrom(...values);

const fortigate = fc
  .record({
    ...{ src: pick(...ips), dst: pick(...ips), sport: fc.integer({ min: 0, max: 65535 }), dport: pick(22, 53, 443) },
    ...{ user: pick(...users), action: pick('accept', 'deny', 'close'), sent: fc.nat(100_000) },
  })
  .map(
    (v) =>
      `<189>date=2026-11-22 time=10:00:00 devname="FGT-60F" devid="FGT60FTK21012345" logid="0000000013" type="traffic" subtype="forward" srcip=${v.src} srcport=${v.sport} dstip=${v.dst} dstport=${v.dport} user="${v.user}" action="${v.action}" sentbyte=${v.sent} rcvdbyte=10`,
  );
const message = fc
  .record({ ip: pick(...ips), user: pick(...users), mac: pick('AA-BB-CC-00-11-22', 'aa:bb:cc:00:11:22') })
  .map(
    (v) => `<38>Nov 22 10:00:00 ap1 sshd[99]: Accepted password for ${v.user} from ${v.ip}:514-${v.mac} (x.${v.ip}.y)`,
  );
const odd = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
const line: fc.Arbitrary<Line> = fc.record(
  {
    raw: fc.oneof<fc.Arbitrary<string | Uint8Array>[]>(fortigate, fortigate, message, odd),
    us: fc.integer({ min: 1e15, max: 1e15 + 1000 }),
    source: pick(1, 2, 300),
    kind: pick(KIND.log, KIND.audit),
    class: pick(3, 5),
    erased: fc.nat(5).map((n) => n === 0),
  },
  { requiredKeys: ['raw'] },
);

const name = pick('srcip', 'dstip', 'address');
const term = fc.oneof(
  pick(
    ...ips,
    ...users,
    'traffic',
    'TRAFFIC',
    'nothere',
    '10.0',
    '0.0.1',
    '10',
    'fgt-60f',
    'aa-bb-cc-00-11-22',
    'al*',
    '10.0.0*',
  ),
  pick('"srcip=10."', '"for alice"', '"Accepted password"', '"ödön"', '"liCe"', '"10.0.0.1:514"'),
  fc
    .tuple(name, pick(...ips, '10.0.0.0/8', '10.0.0.0/15', '2001:db8::/32', '::/0', '0.0.0.0/0'))
    .map(([n, v]) => `${n}:${v}`),
  fc
    .tuple(
      pick('user', 'app', 'host', 'action', 'parser', 'event', 'msg'),
      pick(...users, 'sshd', 'FGT-60F', 'deny', 'allow', 'fortigate', 'traffic', 'al*'),
    )
    .map(([n, v]) => `${n}:${v}`),
  pick('dstport:22', 'dstport:>22', 'dstport:22-53', 'bytes:>50000', 'bytes:<=10010', 'bytes_in:10', 'severity:5'),
  pick('source:1', 'source:300', 'source:192.0.2.1', 'kind:audit', 'kind:log', 'transport:udp', 'peer:192.0.2.1'),
);
const q = fc
  .array(fc.tuple(fc.boolean(), term, fc.boolean()), { minLength: 1, maxLength: 4 })
  .map((terms) => terms.map(([not, text, or], i) => `${i > 0 && or ? 'OR ' : ''}${not ? '-' : ''}${text}`).join(' '));
const filter = fc.record(
  {
    q,
    source: fc.subarray([1, 2, 300]),
    fromUs: fc.integer({ min: 1e15, max: 1e15 + 1000 }),
    toUs: fc.integer({ min: 1e15, max: 1e15 + 1000 }),
    user: pick(...users),
    ip: pick(...ips, '10.0.0.0/8'),
    mac: pick('aa:bb:cc:00:11:22'),
  },
  { requiredKeys: ['q'] },
);

test('what the index finds is what a look at every record finds, in pages too', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.array(line, { minLength: 1, maxLength: 25 }), { minLength: 1, maxLength: 8 }),
    fc.uniqueArray(fc.nat(7)),
    fc.array(filter, { minLength: 1, maxLength: 12 }),
    fc.integer({ min: 1, max: 9 }),
    async (batches, closes, filters, limit) => {
      const { archive, engine } = fill(batches, new Set(closes));
      for (const one of filters) {
        const expected = scan(archive, one);
        assert.deepEqual(indexes((await run(engine, one)).records), expected, JSON.stringify(one));
        const paged: number[] = [];
        for (let before: number | undefined; ; ) {
          const { records, next } = await run(engine, { ...one, limit, ...(before !== undefined && { before }) });
          paged.push(...indexes(records));
          if (next === undefined) break;
          before = next;
        }
        assert.deepEqual(paged, expected, `pages of ${JSON.stringify(one)}`);
      }
    },
  );
  await fc.assert(property, { numRuns: 40 });
});

const many = (count: number, line: (i: number) => string): Line[][] =>
  Array.from({ length: Math.ceil(count / 500) }, (_, b) =>
    Array.from({ length: Math.min(500, count - b * 500) }, (_, i) => ({ raw: line(b * 500 + i) })),
  );
const traffic = (i: number): string =>
  `<189>date=2026-11-22 time=10:00:00 devname="F" devid="FGT60F" logid="0000000013" type="traffic" srcip=10.0.${i >> 8}.${i & 255} dstip=192.0.2.1 dstport=${i === 3333 ? 22 : 443} sessionid=${i + 1e6} action="${i % 100 === 33 ? 'deny' : 'accept'}"`;

test('a rare word, address or pair of fields reads a few frames of many', async () => {
  const { archive, engine } = fill(many(20_000, traffic), new Set([9, 19, 29]));
  for (const [q, most] of [
    ['1007777', 4],
    ['nowhere', 2],
    ['srcip:10.0.30.97', 2],
    ['10.0.30.97', 4],
    ['action:deny dstport:22', 1],
    ['srcip:10.0.30.0/30', 2],
    ['user:nobody', 0],
    ['kind:audit', 0],
  ] as const) {
    archive.reads = 0;
    const { frames, records } = await run(engine, { q });
    assert.ok(frames <= most, `${q}: ${frames} frames`);
    assert.equal(records.length, scan(archive, { q }).length, q);
  }
});

test('a page reads no more than it needs, and new records do not move the next', async () => {
  const { archive, engine, library } = fill(many(10_000, traffic), new Set([9]));
  const first = await run(engine, { q: 'traffic', limit: 50 });
  assert.deepEqual([first.frames, first.records[0]?.index, first.next], [1, 9999, 9950]);
  const { segment, frames } = archive.write([{ raw: traffic(1) }]);
  library.add(segment, frames);
  settle(library);
  const second = await run(engine, { q: 'traffic', limit: 50, before: first.next! });
  assert.equal(second.records[0]?.index, 9949);
});

test('a query that takes too long answers what it has and where to go on', async () => {
  const { library } = fill(many(5000, traffic), new Set([4]));
  let now = 0;
  const engine = new Engine(library, hinted(parse), () => (now += 700));
  const wanted = { query: queryOf({ q: '"decades"' }), limit: 10, within: 2000 };
  let pages = 0;
  for (let before: number | undefined; ; pages++) {
    const { next, partial, records } = await engine.query({ ...wanted, before });
    assert.deepEqual(records, []);
    if (next === undefined) break;
    assert.match(partial!, /too long/);
    assert.ok(before === undefined || next < before);
    before = next;
  }
  assert.ok(pages > 0);
});

test('a damaged, cut or missing index is made anew, and meanwhile it is said', async () => {
  const { archive, folder } = fill(many(6000, traffic), new Set([3, 7, 11]));
  const files = readdirSync(folder).sort();
  assert.equal(files.length, 3);
  const [one, two, three] = files.map((file) => path.join(folder, file)) as [string, string, string];
  const broken = readFileSync(one);
  broken[broken.length >> 1]! ^= 1;
  writeFileSync(one, broken);
  writeFileSync(two, readFileSync(two).subarray(0, 2000));
  rmSync(three);
  const { engine, library, warnings } = open(archive, folder);
  assert.match((await run(engine, { q: 'traffic' })).partial!, /made anew/);
  while (library.step());
  const { records, partial } = await run(engine, { q: 'traffic' });
  assert.deepEqual([records.length, partial, library.behind], [6000, undefined, 0]);
  assert.ok(warnings.some((text) => text.includes('damaged')));
  const again = open(archive, folder);
  while (again.library.step());
  assert.deepEqual(again.warnings, []);
});

test('after a start the open segment is known from the archive, and frames told twice count once', async () => {
  const { archive, folder, library: before } = fill(many(3000, traffic), new Set([1]));
  assert.equal(before.behind, 0);
  const { engine, library } = open(archive, folder);
  const { first, frames } = archive.list.at(-1)!;
  library.add(first, frames.slice(-1));
  const more = archive.write([{ raw: traffic(7) }]);
  library.add(more.segment, [[more.frames[0]![0], undefined]]); // too far behind to be told
  const next = archive.write([{ raw: traffic(8) }]);
  library.add(next.segment, next.frames);
  library.sealed(archive.size);
  settle(library);
  assert.deepEqual(indexes((await run(engine, { q: 'traffic' })).records), scan(archive, { q: 'traffic' }));
});

test('erased records are found as such, not by what they said; what has expired is gone', async () => {
  const batch: Line[] = [
    { raw: '<13>Nov 22 10:00:00 h app: secretword one', class: 3 },
    { raw: '<13>Nov 22 10:00:00 h app: secretword two', class: 5 },
  ];
  const { archive, engine, library, folder } = fill([batch, batch], new Set([0]));
  assert.deepEqual(indexes((await run(engine, { q: 'secretword' })).records), [3, 2, 1, 0]);
  const erased = new MemoryArchive();
  erased.write([{ ...batch[0]!, erased: true }, batch[1]!]);
  archive.find(0).frames = erased
    .find(0)
    .frames.map(([frame, block]) => [{ ...frame, offset: frame.offset + 1 }, block]);
  library.changed(0, false);
  while (library.step());
  assert.deepEqual(indexes((await run(engine, { q: 'secretword' })).records), [3, 2, 1]);
  const [gone] = (await run(engine, { q: 'kind:log', before: 1 })).records;
  assert.deepEqual([gone?.index, gone?.erased, gone?.raw], [0, true, '']);
  archive.expired.add(5);
  for (const { first } of archive.list) library.changed(first, false);
  while (library.step());
  assert.deepEqual(indexes((await run(engine, { q: 'secretword' })).records), [2]);
  archive.list.shift();
  library.changed(0, true);
  assert.deepEqual(indexes((await run(engine, {})).records), [2]);
  assert.deepEqual(readdirSync(folder), []);
});

test('records are read by their index', () => {
  const { archive, engine, library } = fill(many(3000, traffic), new Set([2]));
  assert.deepEqual(indexes(engine.read([2999, 5, 77_777, 1500])), [5, 1500, 2999]);
  const { segment, frames } = archive.write([{ raw: traffic(1) }, { raw: traffic(2) }]);
  library.add(segment, frames);
  assert.deepEqual(indexes(engine.read([3001, 5])), [5, 3001], 'though it is not indexed yet');
});

test('what was told is indexed a piece at a time, and meanwhile the rest is found and it is said what is missing', async () => {
  const { archive, engine, library } = fill(many(3000, traffic), new Set([3]));
  const before = archive.size;
  let credits = 0;
  for (let i = 0; i < 8; i++) {
    const { segment, frames } = archive.write(many(500, (k) => traffic(10_000 + i * 500 + k))[0]!);
    library.add(segment, frames, () => credits++);
  }
  library.closed(archive.close());
  const find = (before?: number) => run(engine, { q: 'traffic', limit: 5, ...(before !== undefined && { before }) });
  const known = (): number =>
    library.all().reduce((sum, { groups }) => sum + groups.reduce((n, g) => n + g.rows, 0), 0);
  const first = await find();
  assert.deepEqual([first.records[0]?.index, first.next, library.upTo], [before - 1, before - 5, before]);
  assert.match(first.partial!, /the newest 4000 records are still being indexed/);
  assert.equal((await find(before)).partial, undefined, 'nothing is missing of what is older');
  assert.match((await find(before + 1)).partial!, /still being indexed/);
  assert.deepEqual([library.unindexed(before), typeof library.unindexed(before + 1)], [undefined, 'string']);
  archive.reads = 0;
  let steps = 0;
  for (let last = known(); library.follow(); last = known(), steps++) {
    assert.ok(known() - last <= 500, 'a piece is a batch');
  }
  assert.deepEqual([credits, archive.reads, library.upTo], [8, 0, Number.POSITIVE_INFINITY]);
  assert.ok(steps > 20, 'the index is written in pieces too');
  assert.equal(library.unindexed(), undefined);
  const last = await find();
  assert.deepEqual([last.records[0]?.index, last.partial], [archive.size - 1, undefined]);
});

test('what was not told is read from the archive once it is sealed, a frame at a time', async () => {
  const { archive, engine, library } = fill(many(1000, traffic), new Set());
  for (let i = 0; i < 6; i++) {
    const { segment, frames } = archive.write(many(500, (k) => traffic(20_000 + i * 500 + k))[0]!);
    library.add(
      segment,
      frames.map(([frame, block]) => [frame, i === 0 ? undefined : block]),
    );
  }
  settle(library);
  assert.deepEqual([library.upTo, indexes((await run(engine, { q: 'traffic' })).records).length], [1000, 1000]);
  library.sealed(archive.size);
  for (;;) {
    archive.reads = 0;
    if (!library.follow()) break;
    assert.ok(archive.reads <= 1);
  }
  const { records, partial } = await run(engine, { q: 'traffic' });
  assert.deepEqual([indexes(records), partial], [scan(archive, { q: 'traffic' }), undefined]);
});

test('what waits to be indexed and is rewritten meanwhile is read anew', async () => {
  const { archive, engine, library } = fill(many(1000, traffic), new Set());
  let credits = 0;
  const { segment, frames } = archive.write(many(500, (k) => traffic(30_000 + k))[0]!);
  library.add(segment, frames, () => credits++);
  library.closed(archive.close());
  library.changed(segment, false);
  assert.equal(credits, 1);
  while (library.step());
  const { records, partial } = await run(engine, { q: 'traffic' });
  assert.deepEqual([indexes(records), partial], [scan(archive, { q: 'traffic' }), undefined]);
});

test('an index knows the least and the most of a plane without reading it', () => {
  const { library } = fill(many(2000, traffic), new Set([1, 3]));
  let planes = 0;
  for (const part of library.all()) {
    for (const name of ['srcip', 'dstport', 'action', 'source'] as const) {
      const column = part.column(name);
      assert.ok(column && column !== 'unknown');
      for (let i = 0; i < column.count; i++, planes++) {
        const plane: Plane = column.plane(i);
        // Where values are packed as halves of bytes, one may be left over.
        const values: number[] = typeof plane === 'number' ? [plane] : [...plane.subarray(0, 1000)];
        assert.deepEqual(column.range(i), [Math.min(...values), Math.max(...values)], `${name} ${i}`);
      }
    }
  }
  assert.equal(planes, 2 * (5 + 2 + 2 + 2));
});

test('small frames are kept in memory as what they are', async () => {
  const { archive, engine, library } = fill(
    Array.from({ length: 900 }, (_, i) => [{ raw: traffic(i) }]),
    new Set(),
  );
  library.sealed(archive.size);
  settle(library);
  const found: number[] = [];
  for (let i = 0; i < 2; i++) {
    archive.reads = 0;
    found.push((await run(engine, { q: 'traffic' })).records.length, archive.reads);
  }
  assert.deepEqual(found, [900, 900, 900, 0]);
});
