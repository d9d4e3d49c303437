import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { createAppender } from './append.ts';
import { KIND } from './record/types.ts';
import type { SealerThread } from './seal/start.ts';

/** A sealing thread, as far as the appender needs one; it fails while `state` isn't `sealing`. */
function fixture() {
  const thread = { state: 'sealing', taken: [] as string[][] };
  const errors: string[] = [];
  const sealer: Pick<SealerThread, 'append' | 'state'> = {
    async append(_kind, _class, records) {
      if (thread.state !== 'sealing') throw new Error(`it is ${thread.state}`);
      thread.taken.push(records);
    },
    state: () => ({ state: thread.state as 'sealing', reason: '' }),
  };
  const quiet = () => undefined;
  const log = { info: quiet, warn: quiet, error: (_details: object, text: string) => void errors.push(text) };
  return { thread, errors, appender: createAppender(() => sealer as SealerThread, log) };
}

const entries = (count: number) => Array.from({ length: count }, (_, n) => ({ event: 'test', n }));

describe('the appliance’s own records', () => {
  it('go to the sealing thread, not too many at once', async () => {
    const { thread, appender } = fixture();
    await appender.append(KIND.audit, 1, entries(2500));
    assert.deepEqual(
      thread.taken.map((records) => records.length),
      [1000, 1000, 500],
    );
    assert.equal(thread.taken[0]![1], '{"event":"test","n":1}');
  });

  it('wait while the disk is full, and hold nothing up', async (t) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    t.after(() => mock.timers.reset());
    const { thread, appender, errors } = fixture();
    thread.state = 'full';
    await appender.append(KIND.audit, 1, entries(1));
    await appender.append(KIND.access, 2, entries(2));
    thread.state = 'sealing';
    mock.timers.tick(1000);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([thread.taken.map((records) => records.length), appender.lost(), errors], [[1, 2], 0, []]);
  });

  it('are counted, and that is told once, where nothing is sealed at all', async () => {
    const { thread, appender, errors } = fixture();
    thread.state = 'damaged';
    await appender.append(KIND.audit, 1, entries(3));
    await appender.append(KIND.audit, 1, entries(1));
    assert.deepEqual([appender.lost(), errors], [4, ['records of the appliance itself are not sealed']]);
    await assert.rejects(appender.strict(KIND.audit, 1, { event: 'logs.searched' }), /it is damaged/);
  });

  it('wait up to a bound', async (t) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    t.after(() => mock.timers.reset());
    const { thread, appender } = fixture();
    thread.state = 'full';
    await appender.append(KIND.audit, 1, entries(20_000));
    await appender.append(KIND.audit, 1, entries(1));
    assert.equal(appender.lost(), 1);
    thread.state = 'sealing';
    await appender.stop();
    assert.equal(thread.taken.flat().length, 20_000);
  });

  it('stay with those who have them once the log is closed', async () => {
    const { appender } = fixture();
    await appender.stop();
    await assert.rejects(appender.append(KIND.audit, 1, entries(1)), /the log is closed/);
  });

  it('wait until they are written where somebody keeps them until then', async (t) => {
    mock.timers.enable({ apis: ['setTimeout'] });
    t.after(() => mock.timers.reset());
    const { thread, appender } = fixture();
    thread.state = 'full';
    let written = false;
    const keeping = appender.kept(KIND.access, 2, entries(2)).then(() => {
      written = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(written, false);
    thread.state = 'sealing';
    for (let i = 0; i < 3; i++) {
      mock.timers.tick(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await keeping;
    assert.equal(thread.taken.length, 1);
    await appender.stop();
    await assert.rejects(appender.kept(KIND.access, 2, entries(1)), /the log is closed/);
  });
});
