import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { DATABASE_FILE, openDatabase } from '../../store/index.ts';
import { openCheckpoint } from '../merkle/checkpoint.ts';
import { cosignatureVerifier } from '../merkle/cosignature.ts';
import { EMPTY_ROOT, toBase64 } from '../merkle/hash.ts';
import { noteVerifier } from '../merkle/note.ts';
import { askGo, requiresGo } from '../merkle/testing.ts';
import { post } from '../post.ts';
import { addCheckpoint, createWitnesses, type RoundResult } from './client.ts';
import { formatAddCheckpoint } from './request.ts';
import { logOf, startWitness } from './testing.ts';

const ORIGIN = 'gatehouse/acme/lisbon/edge-1';
const log = logOf(ORIGIN);
const SECOND = Date.UTC(2026, 10, 22, 12) / 1000;

describe('a witness', () => {
  let witness: Awaited<ReturnType<typeof startWitness>>;
  beforeEach(async () => {
    witness = await startWitness([log.vkey]);
  });
  afterEach(() => witness.close());

  const request = (old: number, size: number, of = log) =>
    formatAddCheckpoint({ old, proof: of.at(size).prove(old), checkpoint: of.at(size).note });
  const cosigned = (result: RoundResult | undefined) => {
    assert.ok(result && 'line' in result, String(result && 'error' in result && result.error));
    return result;
  };

  it('cosigns a log that grows, whether the log remembers its last size or not', async () => {
    let asked = 0;
    const counted: typeof post = (given) => {
      asked++;
      return post(given);
    };
    const witnesses = createWitnesses([witness], counted);
    for (const size of [1, 7, 8, 8, 300, 1000]) {
      witness.clock.at += 1000;
      const { line, name, seconds } = cosigned((await witnesses.round(log.at(size)))[0]);
      assert.equal(name, 'gatehouse/acme/porto/edge-2/witness');
      assert.equal(seconds, witness.clock.at / 1000);
      const keys = [noteVerifier(log.vkey), cosignatureVerifier(witness.vkey)];
      assert.equal(openCheckpoint(log.at(size).note + line, keys).signatures.length, 2);
    }
    assert.equal(asked, 6);
    // One that has forgotten asks for the size first.
    cosigned((await createWitnesses([witness], counted).round(log.at(1001)))[0]);
    assert.equal(asked, 8);
    // And so does one that has an old memory.
    cosigned((await witnesses.round(log.at(1002)))[0]);
    assert.equal(asked, 10);
  });

  it('gives a cosignature that Go takes', requiresGo(), async () => {
    const { line } = cosigned((await createWitnesses([witness], post).round(log.at(42)))[0]);
    const note = log.at(42).note + line;
    const vkeys = [log.vkey, witness.vkey];
    const [right, wrong] = await askGo([
      { kind: 'note', note, vkeys },
      { kind: 'note', note: note.replace('\n42\n', '\n43\n'), vkeys },
    ]);
    assert.equal(right, '');
    assert.notEqual(wrong, '');
  });

  it('takes no old checkpoint again, and says what it knows', async () => {
    assert.equal((await witness.send(request(0, 5))).status, 200);
    assert.equal((await witness.send(request(5, 9))).status, 200);
    const conflict = { status: 409, type: 'text/x.tlog.size', text: '9\n' };
    for (const replay of [request(0, 5), request(5, 9), request(5, 7), request(0, 20)]) {
      const { type, ...answer } = await witness.send(replay);
      assert.deepEqual({ type: type?.split(';')[0], ...answer }, conflict);
    }
    assert.deepEqual(await addCheckpoint({ ...witness, note: log.at(5).note, old: 0, proof: [], http: post }), {
      size: 9,
    });
    const [result] = await createWitnesses([witness], post).round(log.at(8));
    assert.deepEqual(result, { name: 'gatehouse/acme/porto/edge-2/witness', url: witness.url, ahead: 9 });
  });

  it('takes no other history of the same log', async () => {
    const fork = logOf(ORIGIN, { from: 6, key: log.key });
    const witnesses = createWitnesses([witness], post);
    cosigned((await witnesses.round(log.at(9)))[0]);
    for (const size of [9, 12]) {
      const [result] = await witnesses.round(fork.at(size));
      assert.ok(result && 'error' in result);
      assert.ok(result.error.inconsistent);
      assert.match(result.error.message, /porto.edge-2.witness has not cosigned: its answer is 422 .*size 9/);
    }
    cosigned((await witnesses.round(log.at(10)))[0]);
  });

  it('takes no checkpoint without the right proof', async () => {
    const { note, prove } = log.at(12);
    await witness.send(request(0, 5));
    const proofs = [[], prove(4), prove(5).slice(1), prove(5).toReversed(), [...prove(5), EMPTY_ROOT]];
    for (const proof of proofs) {
      assert.equal((await witness.send(formatAddCheckpoint({ old: 5, proof, checkpoint: note }))).status, 422);
    }
    assert.equal((await witness.send(request(5, 12))).status, 200);
    const again = { old: 12, proof: [EMPTY_ROOT], checkpoint: note };
    assert.equal((await witness.send(formatAddCheckpoint(again))).status, 422);
  });

  it('cosigns an empty log, without a proof', async () => {
    const wrong = log.sign(`${ORIGIN}\n0\n${toBase64(Buffer.alloc(32))}\n`);
    assert.equal((await witness.send(formatAddCheckpoint({ old: 0, proof: [], checkpoint: wrong }))).status, 422);
    assert.equal((await witness.send(request(0, 0))).status, 200);
    const proven = { old: 0, proof: [EMPTY_ROOT], checkpoint: log.at(3).note };
    assert.equal((await witness.send(formatAddCheckpoint(proven))).status, 422);
    assert.equal((await witness.send(request(0, 3))).status, 200);
  });

  it('cosigns for no other log and no other key', async () => {
    const other = logOf('gatehouse/acme/faro/edge-9');
    assert.equal((await witness.send(request(0, 3, other))).status, 404);
    const impostor = logOf(ORIGIN);
    assert.equal((await witness.send(request(0, 3, impostor))).status, 403);
    const altered = request(0, 3).replace('\n3\n', '\n4\n');
    assert.equal((await witness.send(altered)).status, 403);
    assert.equal((await witness.send(request(0, 3).replace(/$/, log.at(4).note.split('\n\n')[1]!))).status, 403);
  });

  it('says what is wrong with a request', async () => {
    const [old, rest] = ['old 0', `\n\n${log.at(3).note}`];
    const bad: [string, RegExp][] = [
      ['', /blank line/],
      [`${old}\n${log.at(3).note.trimStart()}`, /old size|base64/],
      [`old 00${rest}`, /the old size/],
      [`old -1${rest}`, /the old size/],
      [`new 0${rest}`, /old <size>/],
      [`${old} ${rest}`, /the old size/],
      [`old 4${rest}`, /the old size is larger/],
      [`${old}\nabc${rest}`, /line of a proof/],
      [`${old}${`\n${toBase64(EMPTY_ROOT)}`.repeat(64)}${rest}`, /at most 63/],
      [`${old}${rest}junk`, /newline/],
      [`${old}${rest.replace('\n3\n', '\n03\n')}`, /the size of a checkpoint/],
    ];
    for (const [body, message] of bad) {
      const answer = await witness.send(body);
      assert.equal(answer.status, 400, body);
      assert.match(answer.text, message);
      assert.equal(answer.type, 'text/plain; charset=utf-8');
    }
    const large = await witness.send(`${old}\n${'a'.repeat(65_536)}`);
    assert.deepEqual([large.status, large.text], [413, 'a request has at most 65536 bytes\n']);
  });

  it('doesn’t mind what type a request says to be', async () => {
    for (const type of [
      'application/json',
      'application/octet-stream',
      'text/plain',
      'application/x-www-form-urlencoded',
    ]) {
      assert.equal((await witness.send('x', { 'content-type': type })).status, 400);
    }
    assert.equal((await witness.send(request(0, 3), { 'content-type': 'application/json' })).status, 200);
  });

  it('lets one of many win that come at the same time', async () => {
    // Without HTTP in between, all of them have read the same row before the first writes.
    const send = (old: number, sizes: number[]) =>
      Promise.all(sizes.map((size) => witness.witness.addCheckpoint(request(old, size))));
    let known = 0;
    for (const sizes of [
      [1, 2, 3, 4],
      [8, 7, 6, 5, 9],
    ]) {
      const answers = await send(known, sizes);
      const won = answers.findIndex(({ status }) => status === 200);
      known = sizes[won]!;
      const lost = answers.filter((_, i) => i !== won);
      assert.deepEqual(lost, Array(sizes.length - 1).fill({ status: 409, body: `${known}\n` }));
    }
  });

  it('shows the newest checkpoint that it has cosigned, and its key', async () => {
    const checkpoint = `${witness.url}/${hash('sha256', ORIGIN)}/checkpoint`;
    assert.equal((await fetch(checkpoint)).status, 404);
    await witness.send(request(0, 5));
    await witness.send(request(5, 9));
    const keys = [noteVerifier(log.vkey), cosignatureVerifier(witness.vkey)];
    const opened = openCheckpoint(await (await fetch(checkpoint)).text(), keys);
    assert.deepEqual([opened.size, opened.signatures.length], [9, 2]);
    assert.equal((await fetch(`${witness.url}/${hash('sha256', 'other')}/checkpoint`)).status, 404);
    assert.equal(await (await fetch(`${witness.url}/key`)).text(), `${witness.vkey}\n`);
  });

  it('is the same after a restart', async () => {
    const { folder, vkey } = witness;
    await witness.send(request(0, 5));
    await witness.stop();
    witness = await startWitness([log.vkey], folder);
    assert.equal(witness.vkey, vkey);
    assert.equal((await witness.send(request(0, 5))).status, 409);
    assert.equal((await witness.send(request(5, 6))).status, 200);
    await witness.stop();
    const db = openDatabase(path.join(folder, DATABASE_FILE));
    const { value } = db.prepare("SELECT value FROM log_remembered WHERE name = 'witness key'").get() as {
      value: string;
    };
    assert.doesNotMatch(value, /PRIVATE/);
    const change = (to: string) => db.prepare('UPDATE log_remembered SET value = ?').run(to);
    change(`${value.slice(0, -1)}${value.endsWith('A') ? 'B' : 'A'}`);
    await assert.rejects(startWitness([log.vkey], folder), /cosigns other sites' logs cannot be opened.*keys\.json/);
    change(value);
    db.close();
    witness = await startWitness([], folder);
    assert.equal((await witness.send(request(6, 7))).status, 404);
  });
});

it('the time of a cosignature is the witness’s', async () => {
  const witness = await startWitness([log.vkey]);
  try {
    const answer = await addCheckpoint({ ...witness, note: log.at(2).note, old: 0, proof: [], http: post });
    assert.ok('seconds' in answer && answer.seconds === SECOND);
  } finally {
    await witness.close();
  }
});
