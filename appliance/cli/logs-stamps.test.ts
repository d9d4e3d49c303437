import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { requires } from '../../test/requires.ts';
import { TestLog } from '../logs/export/testing.ts';
import { parseNote } from '../logs/merkle/note.ts';
import { post } from '../logs/post.ts';
import { requestTimestamp } from '../logs/timestamp/client.ts';
import { startTsa, type Tsa } from '../logs/timestamp/testing.ts';
import { run } from './index.ts';

describe('logs verify, time-stamps', requires('openssl'), () => {
  let tsa: Tsa;
  before(async () => {
    tsa = await startTsa();
    await tsa.root('stranger');
  });
  after(() => tsa.close());

  async function verify(box: TestLog, ...args: string[]) {
    const [out, err]: [string[], string[]] = [[], []];
    const code = await run(['logs', 'verify', '--json', ...args], {
      env: { GATEHOUSE_DATA: box.dataDir },
      cwd: path.dirname(box.dataDir),
      stdin: Readable.from([]),
      out: (line) => void out.push(line),
      err: (line) => void err.push(line),
    });
    return { code, err: err.join('\n'), ...(out[0] === undefined ? {} : JSON.parse(out[0])) };
  }

  /** A log with a checkpoint of two records that openssl's authority has time-stamped, and one record more. */
  async function stamped(t: { after(fn: () => void): void }, change: (token: Buffer, us: number) => [Buffer, number]) {
    const box = new TestLog(t);
    const now = Date.now() * 1000;
    box.add(['first', 'second'], now - 120e6, { monotonicUs: Float64Array.of(1, 2) });
    const note = box.note();
    box.keep(note, 'timestamp');
    const digest = createHash('sha256').update(parseNote(note).text).digest();
    const { token, genTimeUs } = await requestTimestamp({ url: tsa.url, digest, http: post });
    box.stamp(...change(token, genTimeUs));
    box.add(['third'], now - 60e6, { monotonicUs: Float64Array.of(60e6) });
    box.seal();
    return box;
  }
  const asItCame = (token: Buffer, us: number): [Buffer, number] => [token, us];

  test('that are good prove a time; by whom only where the authority is named', async (t) => {
    const box = await stamped(t, asItCame);
    const plain = await verify(box);
    assert.equal(plain.code, 0, JSON.stringify(plain));
    const proved =
      /^1 time-stamp is of checkpoints of this log, rightly signed by O=Times, CN=tsa: 2 records were there/;
    assert.ok(
      plain.proved.some((text: string) => proved.test(text)),
      plain.proved,
    );
    assert.ok(plain.remarks.some((text: string) => /not checked against an authority/.test(text)));

    const trusted = await verify(box, '--tsa-ca', tsa.file('root.pem'));
    assert.equal(trusted.code, 0, JSON.stringify(trusted));
    assert.ok(!trusted.remarks.some((text: string) => /authority/.test(text)));

    const stranger = await verify(box, '--tsa-ca', tsa.file('stranger.pem'));
    assert.equal(stranger.code, 1);
    assert.deepEqual(stranger.findings[0].defect, 'timestamp');
    assert.match(stranger.findings[0].text, /of 2 records isn’t good: .*by an authority that is not trusted/);
    const none = await verify(box, '--tsa-ca', 'none.pem');
    assert.equal(none.code, 2);
    assert.match(none.err, /--tsa-ca none\.pem: ENOENT/);
  });

  test('that were changed, exchanged, or are remembered wrongly are named', async (t) => {
    const other = await requestTimestamp({
      ...{ url: tsa.url, http: post },
      digest: createHash('sha256').update('another log').digest(),
    });
    for (const [change, why] of [
      [(token: Buffer, us: number) => [token.with(-1, token.at(-1)! ^ 1), us], /signature of the time-stamp is wrong/],
      [() => [other.token, other.genTimeUs], /is of something else/],
      [(_token: Buffer, us: number) => [Buffer.from('nothing'), us], /bytes behind its end/],
      [(token: Buffer, us: number) => [token, us - 3600e6], /it is of .*, and .* is remembered of it/],
    ] as const) {
      const box = await stamped(t, change as typeof asItCame);
      const { code, findings, proved } = await verify(box);
      assert.equal(code, 1);
      assert.deepEqual([findings.length, findings[0].defect], [1, 'timestamp'], JSON.stringify(findings));
      assert.match(findings[0].text, why);
      assert.deepEqual(proved, []);
    }
  });
});
