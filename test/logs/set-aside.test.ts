import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { run as runCommand } from '../../appliance/cli/index.ts';
import { startTestAppliance } from '../harness.ts';
import { found, inState, portOf, sendUdp, status, tempFolder } from './support.ts';

async function command(dataDir: string, ...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCommand(['logs', ...args], {
    env: { GATEHOUSE_DATA: dataDir },
    cwd: dataDir,
    stdin: Readable.from([]),
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('a log that is set aside', () => {
  test('is whole where it was put, and the next one begins with its name, its size and why', async (t) => {
    const enders: (() => unknown)[] = [];
    t.after(async () => {
      for (const end of enders.reverse()) await end();
    });
    const dataDir = tempFolder({ after: (fn: () => unknown) => void enders.push(fn) });
    const logs = path.join(dataDir, 'logs');
    const start = async () => {
      const a = await startTestAppliance({ after: () => undefined }, { GATEHOUSE_DATA: dataDir });
      let open = true;
      const close = async (): Promise<void> => {
        if (open) await a.close();
        open = false;
      };
      enders.push(close);
      return Object.assign(a, { end: close });
    };
    const first = await start();
    await sendUdp(portOf(first.logs.syslog), ['<13>quebec before']);
    await found(first.admin, { q: 'quebec kind:log' });
    const { log_key: oldKey, origin } = await status(first.admin);
    const running = await command(dataDir, 'set-aside', '--reason', 'x');
    assert.equal(running.code, 1, 'it runs');
    assert.ok(existsSync(logs));
    await first.end();

    const note = readFileSync(path.join(logs, 'checkpoint'), 'utf8');
    const [, size, root] = note.split('\n');

    const genesis = readFileSync(path.join(logs, 'genesis'));
    for (const [args, code, said] of [
      [[], 2, /--reason is missing/],
      [['--reason', ' '], 2, /--reason must be a text/],
      [['--reason', 'x', '--to', 'logs/old'], 2, /is in the log itself/],
      [['--reason', 'x', '--to', dataDir], 1, /exists: name a new folder/],
      [['--reason', 'x', '--to', 'none/old'], 1, /There is no folder/],
    ] as const) {
      const refused = await command(dataDir, 'set-aside', ...args);
      assert.deepEqual([refused.code, said.test(refused.err)], [code, true], refused.err);
      assert.ok(existsSync(logs));
    }
    const to = path.join(dataDir, 'case-17');
    const done = await command(dataDir, 'set-aside', '--reason', 'case 17', '--by', 'A. Clerk', '--to', to, '--json');
    assert.equal(done.code, 0, done.err);
    const told = JSON.parse(done.out);
    assert.deepEqual(
      [told.folder, told.origin, told.log_key, told.size, told.root, told.by, told.reason],
      [to, origin, oldKey, Number(size), root, 'A. Clerk', 'case 17'],
    );
    // The database remembers it from the first minute on.
    assert.ok(told.remembered === null || told.remembered.size <= Number(size));
    assert.match(told.next.join('\n'), /write down the keys of the new log/);
    assert.ok(!existsSync(logs));
    assert.ok(readFileSync(path.join(to, 'genesis')).equals(genesis));
    assert.equal(readFileSync(path.join(to, 'checkpoint'), 'utf8'), note);
    // Interrupted before the database forgot it, it is done again without harm.
    const again = await command(dataDir, 'set-aside', '--reason', 'other', '--json');
    assert.deepEqual([again.code, JSON.parse(again.out).reason], [0, 'case 17']);

    const second = await start();
    assert.equal(second.logs.newKeys?.length, 2);
    const [record] = await found(second.admin, { q: 'app:logs.set_aside' });
    assert.equal(record.index, 0);
    const { next: _, ...said } = told;
    assert.deepEqual(JSON.parse(record.raw), { event: 'logs.set_aside', ...said });
    assert.ok(!existsSync(path.join(dataDir, 'logs-set-aside.json')));
    assert.notEqual((await inState(second.admin, 'sealing')).log_key, oldKey);
    await second.end();

    // A start that finds nothing to record records nothing twice.
    const third = await start();
    await found(third.admin, { q: 'app:logs.set_aside' });
    await third.end();
  });

  test('a damaged one too, whatever can be read of it', async (t) => {
    const dataDir = tempFolder(t);
    mkdirSync(path.join(dataDir, 'logs', 'segments'), { recursive: true });
    writeFileSync(path.join(dataDir, 'logs', 'checkpoint'), 'nothing\n');
    const { code, out, err } = await command(dataDir, 'set-aside', '--reason', 'it is damaged');
    assert.equal(code, 0, err);
    const [, folder] =
      /^Set aside: a log whose name cannot be read \(no checkpoint that can be read\) is in (.*)\.$/m.exec(out)!;
    assert.match(folder!, /logs-set-aside-\d{8}T\d{6}Z$/);
    assert.equal(readFileSync(path.join(folder!, 'checkpoint'), 'utf8'), 'nothing\n');
    // Put back by hand: what is left to be recorded is about this log, and another call begins anew.
    renameSync(folder!, path.join(dataDir, 'logs'));
    assert.equal((await command(dataDir, 'set-aside', '--reason', 'again')).code, 0);
    rmSync(path.join(dataDir, 'logs-set-aside.json'));
    assert.equal((await command(dataDir, 'set-aside', '--reason', 'none is there')).code, 1);
  });
});
