import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { Batch, type Calls, socketAddress } from './index.ts';

const EINTR = 4;
const EAGAIN = 11;
const ENETUNREACH = 101;
const ECONNREFUSED = 111;
const HEADER_BYTES = 64n;
const NAME = socketAddress([0x7f000001], 1812);
const REPLY = new Uint8Array(20);
const SIZES = { count: 64, receive: 4097, send: 4096 };

/** Stands in for the system, which can't be made to answer so: each call takes the next of a script. */
function scripted(script: { result: number; errno?: number }[]) {
  const sent: { header: bigint; count: number }[] = [];
  const errno = new Int32Array(1);
  const next = (): number => {
    const step = script.shift();
    if (!step) throw new Error('one call more than there should be');
    errno[0] = step.errno ?? errno[0]!;
    return step.result;
  };
  const functions = {
    recvmmsg: next,
    sendmmsg: (_fd: number, header: bigint, count: number) => {
      sent.push({ header, count });
      return next();
    },
  };
  const batch = new Batch({ functions, errno, pointer: () => 0n } as unknown as Calls, 1, 4, SIZES);
  const queue = (count: number): boolean[] => Array.from({ length: count }, () => batch.send(NAME, REPLY));
  /** Which of the queue each call began with, and how many it had. */
  const spans = () => sent.map(({ header, count }) => [Number((header - sent[0]!.header) / HEADER_BYTES), count]);
  return { batch, queue, spans, script };
}

describe('sending in batches', () => {
  test('goes on behind what was sent, and after an interruption', () => {
    const { batch, queue, spans } = scripted([{ result: 4 }, { result: -1, errno: EINTR }, { result: 6 }]);
    queue(10);
    assert.deepEqual([batch.flush(), batch.waiting], [0, 0]);
    assert.deepEqual(spans(), [
      [0, 10],
      [4, 6],
      [4, 6],
    ]);
  });

  test('keeps what the system can not take now', () => {
    const { batch, queue, spans, script } = scripted([{ result: 3 }, { result: -1, errno: EAGAIN }]);
    queue(5);
    assert.deepEqual([batch.flush(), batch.waiting], [0, 2]);
    queue(1);
    script.push({ result: 3 });
    assert.deepEqual([batch.flush(), batch.waiting], [0, 0]);
    assert.deepEqual(spans().slice(2), [[3, 3]]);
  });

  test('leaves out what can not be sent at all', () => {
    const refused = { result: -1, errno: ENETUNREACH };
    const { batch, queue, spans } = scripted([{ result: 1 }, refused, refused, { result: 2 }]);
    queue(5);
    assert.deepEqual([batch.flush(), batch.waiting], [2, 0]);
    assert.deepEqual(spans().slice(1), [
      [1, 4],
      [2, 3],
      [3, 2],
    ]);
  });

  test('full, it makes room or takes no more', () => {
    const { batch, queue, script } = scripted([]);
    assert.ok(queue(SIZES.count).every(Boolean));
    script.push({ result: -1, errno: EAGAIN });
    assert.deepEqual(queue(1), [false]);
    script.push({ result: SIZES.count });
    assert.deepEqual([queue(1), batch.waiting], [[true], 1]);
  });
});

describe('receiving in batches', () => {
  test('nothing there is nothing; an error that is told about something sent is passed', () => {
    const refused = { result: -1, errno: ECONNREFUSED };
    assert.equal(scripted([{ result: -1, errno: EAGAIN }]).batch.receive(), 0);
    assert.equal(scripted([refused, { result: 7 }]).batch.receive(), 7);
    assert.equal(scripted([refused, refused, refused]).batch.receive(), 0);
  });
});

test('the warning of an experimental module is not for users; others are', () => {
  const code = `
    const { loadCalls } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
    await loadCalls();
    process.emitWarning('of another kind');`;
  const { stderr: said } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  assert.doesNotMatch(said, /Experimental/);
  assert.match(said, /of another kind/);
});
