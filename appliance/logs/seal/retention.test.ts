import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { segmentFile } from '../archive/files.ts';
import { leafHash } from '../merkle/hash.ts';
import { inclusionProof, rootAt, verifyInclusion } from '../merkle/tree.ts';
import { KIND } from '../record/types.ts';
import { lines, messagesOf, openSealer, type TestSealer, usePlaces } from './testing.ts';

const place = usePlaces();

const forever = { system: null, audit: null, access: null, log: null, security: null, traffic: null, guest: null };
const limits = { segmentRecords: 512 };

/** Every record that is there is proven by the newest checkpoint; how many are. */
function proveAll(one: TestSealer): number {
  const archive = one.archive();
  const { size, root } = one.of('sealed').at(-1)!;
  let found = 0;
  for (let index = 0; index < size; index++) {
    const leaf = archive.leaf(index);
    if (!leaf) continue;
    found++;
    if (index % 37 !== 0) continue;
    const proof = inclusionProof(index, size, archive.readHash);
    assert.ok(verifyInclusion({ leaf: leafHash(leaf), index, size, root, proof }), `${index}`);
  }
  archive.close();
  return found;
}

describe('erasure in the sealing thread', () => {
  it('takes the payload and the salt, also of a record in the open segment, and proofs stay valid', async () => {
    const at = place();
    const one = openSealer(at, { limits });
    one.send(['keep me', 'forget me please', 'keep me too', ...lines(2000)]);
    one.pass(6);
    await one.call({ type: 'settings', sources: [], retention: forever, holds: [] });
    const before = one.archive();
    const index = [...before.blocks({ from: 0, to: 100 })].flatMap((block) =>
      [...block.index].filter((i) => Buffer.from(before.record(i)!.raw).toString() === 'forget me please'),
    )[0]!;
    const last = before.size() - 2;
    const leaves = [index, last].map((i) => before.leaf(i));
    const roots = one.of('sealed').map(({ size, root }) => [size, root] as const);
    before.close();
    const answer = await one.call({ type: 'erase', id: 4, indexes: [index, last], reason: 'asked for', by: 'a' });
    assert.deepEqual(answer, { type: 'erased', id: 4, count: 2 });
    one.pass(6);
    const archive = one.archive();
    const record = archive.record(index)!;
    assert.deepEqual([record.raw.length, record.salt.every((byte) => byte === 0)], [0, true]);
    assert.deepEqual([archive.leaf(index), archive.leaf(last)], leaves);
    for (const [size, root] of roots) assert.deepEqual(Buffer.from(rootAt(size, archive.readHash)), Buffer.from(root));
    assert.match(messagesOf(archive, KIND.erasure)[0]!, /"logs.erased".*"asked for"/);
    assert.ok(one.search.some((message) => message.type === 'rewritten' && message.segment === 0));
    assert.equal(proveAll(one), archive.size());
    one.sealer.close();
    const again = openSealer(at, { limits });
    assert.equal(again.sealer.state, 'sealing');
    again.sealer.close();
  });

  it('refuses what is held', async () => {
    const one = openSealer(place(), { limits });
    one.send(lines(1000));
    const holds = [{ fromUs: 0, toUs: 1e16, name: 'Case 7' }];
    await one.call({ type: 'settings', sources: [], retention: forever, holds });
    const answer = await one.call({ type: 'erase', id: 4, indexes: [10], reason: 'asked for' });
    assert.ok(answer?.type === 'erased' && answer.count === 0 && answer.error?.includes('the legal hold "Case 7"'));
    one.sealer.close();
  });
});

describe('expiry in the sealing thread', () => {
  it('destroys records and keys past their days; later records are proven as before', async () => {
    const at = place();
    const one = openSealer(at, { limits });
    await one.call({ type: 'settings', sources: [{ id: 1, class: 'traffic' }], retention: forever, holds: [] });
    for (let i = 0; i < 3; i++) {
      one.send(lines(700), '192.0.2.1:1');
      one.send(lines(700), '192.0.2.2:1');
    }
    one.pass(6);
    const all = proveAll(one);
    const cipher = readFileSync(segmentFile(at.folder, 0));
    one.clock.go(3 * 86_400);
    const retention = { ...forever, traffic: 2 };
    const told = await one.call({ type: 'expiring', id: 1, retention });
    assert.ok(told?.type === 'expiring' && told.expiring[0]!.class === 'traffic');
    await one.call({ type: 'settings', sources: [{ id: 1, class: 'traffic' }], retention, holds: [] });
    one.send(lines(1000), '192.0.2.2:1');
    one.pass(20);
    const archive = one.archive();
    const expired = archive.segments().filter((info) => info.expired.includes(5));
    assert.ok(expired.length >= 5);
    assert.ok(!readFileSync(segmentFile(at.folder, 0)).equals(cipher));
    const left = proveAll(one);
    assert.ok(left < archive.size() - 1500 && left > all - 2100);
    assert.match(messagesOf(archive, KIND.erasure)[0]!, /"logs.expired".*"traffic"/);
    archive.close();
    one.sealer.close();
    const again = openSealer(at, { limits });
    assert.equal(again.sealer.state, 'sealing');
    again.sealer.close();
  });

  const DAY_US = 86_400e6;
  const traffic = { type: 'settings', sources: [{ id: 1, class: 'traffic' as const }], holds: [] } as const;
  const kept = (days: number) => ({
    ...traffic,
    sources: [...traffic.sources],
    holds: [],
    retention: { ...forever, traffic: days },
  });
  /** A day of running: looked at once an hour, which is enough here. */
  const run = (one: TestSealer, days: number): void => {
    for (let hours = days * 24; hours > 0; hours--) {
      one.clock.go(3599);
      one.pass(1);
    }
  };
  const expired = (one: TestSealer): number => {
    const archive = one.archive();
    const count = archive.segments().filter((info) => info.expired.includes(5)).length;
    archive.close();
    return count;
  };

  it('does not believe a clock that has jumped ahead, until it has been there for a week of running', async () => {
    const at = place();
    let one = openSealer(at, { limits });
    await one.call(kept(30));
    one.send(lines(1500), '192.0.2.1:1');
    one.pass(6);
    one.clock.wall += 365 * DAY_US;
    run(one, 1);
    assert.equal(expired(one), 0);
    assert.deepEqual(await one.call({ type: 'expiring', id: 1, retention: kept(30).retention }), {
      type: 'expiring',
      id: 1,
      expiring: [],
    });
    assert.equal(one.of('warning').length, 1, 'once');
    assert.match(one.of('warning')[0]!.reason, /365 days ahead/);
    const archive = one.archive();
    const step = messagesOf(archive, KIND.timeSync).map((text) => JSON.parse(text))[1];
    archive.close();
    assert.equal(step.step_us, 365 * DAY_US);
    assert.equal(step.wall_us - step.trusted_us, 365 * DAY_US);

    // A restart changes nothing: what it ran before counts, and it is doubted as before.
    const { clock } = one;
    one.sealer.close();
    one = openSealer(at, { limits, clock });
    await one.call(kept(30));
    run(one, 5);
    assert.equal(expired(one), 0);
    run(one, 2);
    assert.ok(expired(one) > 0);
    one.sealer.close();
  });

  it('goes by its own clock meanwhile, and is not led on in small steps either', async () => {
    const one = openSealer(place(), { limits });
    await one.call(kept(6));
    one.send(lines(1500), '192.0.2.1:1');
    one.pass(6);
    for (let day = 0; day < 4; day++) {
      one.clock.wall += 1.5 * DAY_US;
      run(one, 1);
    }
    assert.equal(expired(one), 0, 'four days have passed, and the clock says ten');
    run(one, 3);
    assert.ok(expired(one) > 0, 'seven');
    one.sealer.close();
  });

  it('believes a clock that was set by less than two days, and one that has been behind', async () => {
    const one = openSealer(place(), { limits });
    await one.call(kept(2));
    one.clock.wall -= 365 * DAY_US;
    one.pass(60);
    one.clock.wall += 365 * DAY_US;
    one.send(lines(1500), '192.0.2.1:1');
    one.pass(6);
    one.clock.wall += 1.5 * DAY_US;
    run(one, 1);
    assert.ok(expired(one) > 0);
    assert.deepEqual(one.of('warning'), []);
    one.sealer.close();
  });
});
