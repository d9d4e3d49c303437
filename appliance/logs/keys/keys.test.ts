import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { openKeyFile } from '../../store/index.ts';
import { openLogKeys, readLogIdentity, verifyStatements } from './index.ts';
import { crashAt } from './testing.ts';

const ORIGIN = 'gatehouse/acme/berlin/edge-1';
const temporary = mkdtempSync(path.join(tmpdir(), 'gatehouse-log-keys-'));
after(() => rmSync(temporary, { recursive: true, force: true }));
const secrets = openKeyFile(temporary);
let made = 0;
const newFolder = (): string => path.join(temporary, `logs-${++made}`);
const open = (folder: string, origin = ORIGIN) => openLogKeys({ folder, secrets, origin });
const root = createHash('sha256').update('root').digest();
const body = (size: number): string => `${ORIGIN}\n${size}\n${root.toString('base64')}\n`;
const copyOf = (folder: string): string => {
  const copy = newFolder();
  cpSync(folder, copy, { recursive: true });
  return copy;
};
const namesOfSigners = (note: string): string[] => [...note.matchAll(/^\u2014 (\S+) \S+$/gm)].map((match) => match[1]!);

describe('the keys of a log', () => {
  it('are made once, and are the same after a restart', () => {
    const folder = newFolder();
    const first = open(folder);
    assert.equal(first.created, true);
    assert.equal(first.epoch, 0);
    const again = open(folder, 'gatehouse/other/name/now'); // the origin is fixed for the life of the log
    assert.equal(again.created, false);
    assert.equal(again.origin, ORIGIN);
    assert.equal(again.logVkey, first.logVkey);
    assert.equal(again.epochVkey, first.epochVkey);
    assert.equal(readFileSync(path.join(folder, 'genesis'), 'utf8'), `${first.logVkey}\n${first.epochVkey}\n`);
    assert.deepEqual(verifyStatements(again.statements(), first.genesisVkeys)[0]?.vkey, first.epochVkey);
    for (const name of ['log.key', 'epoch.key', 'genesis', 'origin', 'epochs/0']) {
      assert.equal(statSync(path.join(folder, name)).mode & 0o777, 0o600, name);
    }
    assert.doesNotMatch(readFileSync(path.join(folder, 'log.key'), 'utf8'), /PRIVATE/);
  });

  it('sign a checkpoint of this log and nothing else', () => {
    const keys = open(newFolder());
    const note = keys.signCheckpoint(body(7));
    assert.ok(note.startsWith(`${body(7)}\n`));
    assert.deepEqual(namesOfSigners(note), [ORIGIN, `${ORIGIN}/epoch-0`]);
    for (const bad of [body(7).trim(), body(-1), body(1.5), body(7).replace('acme', 'evil'), `${body(7)}\n`, '']) {
      assert.throws(() => keys.signCheckpoint(bad), /only a checkpoint/, bad);
    }
  });

  it('are only made for a name that a note can bear', () => {
    for (const bad of ['', 'x', 'gatehouse/a/b', 'gatehouse/a/b/c/d', 'gatehouse/a b/c/d', 'gatehouse/a+/b/c']) {
      const folder = newFolder();
      assert.throws(() => open(folder, bad), /cannot be called/, bad);
      assert.equal(existsSync(path.join(folder, 'log.key')), false);
    }
    for (const bad of ['gatehouse/ä/b/c', 'gatehouse//b/c', `gatehouse/a/b/${'c'.repeat(200)}`, 'gatehouse/a/b/c\n']) {
      assert.throws(() => open(newFolder(), bad), /cannot be called/, bad);
    }
  });

  it('are never made anew where there is a log', () => {
    const folder = newFolder();
    open(folder);
    for (const name of ['log.key', 'epoch.key', 'origin', 'epochs/0']) {
      const copy = copyOf(folder);
      rmSync(path.join(copy, name));
      assert.throws(() => open(copy).statements()[0], /missing/, name);
    }
    for (const name of ['segments/0000000000000000.seg', 'checkpoint']) {
      const copy = copyOf(folder);
      for (const lost of ['log.key', 'epoch.key', 'genesis', 'origin']) rmSync(path.join(copy, lost));
      mkdirSync(path.join(copy, 'segments'));
      writeFileSync(path.join(copy, name), '');
      assert.throws(() => open(copy), /genesis is missing, though there is a log already/);
      assert.equal(existsSync(path.join(copy, 'log.key')), false);
    }
  });

  it('say so when they are damaged, of another log or of another appliance', () => {
    const folder = newFolder();
    open(folder);
    const other = newFolder();
    open(other);
    const swapped = copyOf(folder);
    cpSync(path.join(other, 'log.key'), path.join(swapped, 'log.key'));
    assert.throws(() => open(swapped), /not the key this log began with/);
    for (const name of ['log.key', 'epoch.key']) {
      const copy = copyOf(folder);
      writeFileSync(path.join(copy, name), randomBytes(300));
      assert.throws(() => open(copy), new RegExp(`${name} (is damaged|cannot be opened)`));
    }
    const stranger = openKeyFile(path.join(temporary, 'stranger'));
    assert.throws(() => openLogKeys({ folder, secrets: stranger, origin: ORIGIN }), /cannot be opened/);
  });
});

describe('the epochs of a log', () => {
  it('each name the next one, and what they signed with is gone from the disk', () => {
    const folder = newFolder();
    const keys = open(folder);
    for (let number = 1; number <= 5; number++) {
      const before = readFileSync(path.join(folder, 'epoch.key'), 'utf8');
      const { statement } = keys.rotate({ size: number * 10, root, nowSeconds: 1_800_000_000 + number });
      assert.equal(keys.epoch, number);
      assert.equal(statement, keys.statements()[number]);
      assert.deepEqual(namesOfSigners(statement), [ORIGIN, `${ORIGIN}/epoch-${number - 1}`]);
      assert.deepEqual(namesOfSigners(keys.signCheckpoint(body(99))), [ORIGIN, `${ORIGIN}/epoch-${number}`]);
      const sealed = (JSON.parse(before) as { key: string }).key;
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        const file = path.join(folder, name);
        if (statSync(file).isFile()) assert.ok(!readFileSync(file, 'latin1').includes(sealed), name);
      }
    }
    const epochs = verifyStatements(keys.statements(), keys.genesisVkeys);
    assert.deepEqual(
      epochs.map(({ number, size }) => [number, size]),
      [0, 1, 2, 3, 4, 5].map((number) => [number, number * 10]),
    );
    assert.equal(epochs.at(-1)!.vkey, keys.epochVkey);
    assert.deepEqual(readLogIdentity(folder).statements(), keys.statements());
    assert.equal(open(folder).epochVkey, keys.epochVkey);
  });

  it('refuse a size or root that cannot be', () => {
    const keys = open(newFolder());
    const bad = [
      { size: -1, root, nowSeconds: 1 },
      { size: 0.5, root, nowSeconds: 1 },
      { size: 1, root: root.subarray(1), nowSeconds: 1 },
      { size: 1, root, nowSeconds: Number.NaN },
    ];
    for (const at of bad) assert.throws(() => keys.rotate(at), /no epoch statement/);
    assert.equal(keys.epoch, 0);
  });

  it('overwrite the old key in its own place before it goes', () => {
    // A hard link sees what becomes of the bytes after the name is gone.
    const folder = newFolder();
    const keys = open(folder);
    const link = path.join(temporary, `link-${made}`);
    linkSync(path.join(folder, 'epoch.key'), link);
    const before = readFileSync(link);
    keys.rotate({ size: 1, root, nowSeconds: 1 });
    const after = readFileSync(link);
    assert.equal(after.length, before.length);
    assert.ok(!after.includes(before.subarray(20, 60)));
  });
});

describe('a chain of statements', () => {
  const keys = open(newFolder());
  for (const size of [10, 20, 30]) keys.rotate({ size, root, nowSeconds: size });
  const good = keys.statements();
  const refused = (statements: string[], message: RegExp, vkeys: readonly string[] = keys.genesisVkeys): void => {
    assert.throws(() => verifyStatements(statements, vkeys), message);
  };

  it('is refused when one is missing, doubled, in another order or of another log', () => {
    refused([good[0]!, good[2]!], /epoch 1 is that of epoch 2/);
    refused([good[0]!, good[0]!], /epoch 1 is that of epoch 0/);
    refused(good.slice(1), /epoch 0 is that of epoch 1/);
    const other = open(newFolder());
    refused(other.statements(), /another key than was shown/);
    refused(good, /another key/, [keys.logVkey, other.epochVkey]);
    refused(good, /signed by the log key/, [other.logVkey, keys.genesisVkeys[1]]);
    refused(open(newFolder(), 'gatehouse/a/b/c').statements(), /is of another log, gatehouse\/a\/b\/c/);
    refused(good, /of another log/, []);
  });

  it('is refused when any character of it is another', () => {
    const note = good[1]!;
    for (let at = 0; at < note.length; at++) {
      const changed = note.slice(0, at) + (note[at] === 'A' ? 'B' : 'A') + note.slice(at + 1);
      assert.throws(() => verifyStatements(good.with(1, changed), keys.genesisVkeys), /the statement of epoch/);
    }
  });

  it('is refused when a successor is signed by the log key only', () => {
    const lines = good[2]!.trimEnd().split('\n');
    refused(good.with(2, `${lines.slice(0, -1).join('\n')}\n`), /epoch 2 isn't signed by the key of epoch 1/);
    refused(good.with(2, `${lines.toSpliced(-2, 1).join('\n')}\n`), /isn't signed by the log key/);
  });
});

describe('a crash', () => {
  it('while the keys are made leaves what the next start finishes', () => {
    for (let step = 1, crashed = true; crashed; step++) {
      const folder = newFolder();
      crashed = crashAt(step, () => open(folder));
      const keys = open(folder);
      assert.ok(keys.created || !crashed || existsSync(path.join(folder, 'genesis')));
      assert.equal(open(folder).logVkey, keys.logVkey);
      assert.equal(verifyStatements(keys.statements(), keys.genesisVkeys).length, 1);
      assertClean(folder);
      if (!crashed) assert.ok(step > 20, 'the steps were counted');
    }
  });

  it('while an epoch ends leaves one key, and one successor of each', () => {
    const template = newFolder();
    open(template).rotate({ size: 1, root, nowSeconds: 1 });
    const outcomes = new Set<number>();
    for (let step = 1, crashed = true; crashed; step++) {
      const folder = copyOf(template);
      const running = open(folder);
      let told: string | undefined;
      crashed = crashAt(step, () => {
        told = running.rotate({ size: 5, root, nowSeconds: 2 }).statement;
      });
      const restarted = copyOf(folder);
      const keys = open(restarted);
      outcomes.add(keys.epoch);
      if (told) assert.equal(keys.statements()[2], told);
      // Or the disk was full for a moment: the same process tries again.
      const { statement } = running.rotate({ size: 9, root, nowSeconds: 3 });
      if (keys.epoch === 2 && !told) assert.equal(statement, keys.statements()[2]);
      for (const one of [keys, running, open(folder)]) {
        const epochs = verifyStatements(one.statements(), one.genesisVkeys);
        assert.equal(epochs.at(-1)!.vkey, one.epochVkey);
        assert.equal(epochs.length, one.epoch + 1);
      }
      assertClean(folder);
      assertClean(restarted);
      if (!crashed) assert.ok(step > 10, 'the steps were counted');
    }
    assert.deepEqual([...outcomes].sort(), [1, 2]);
  });

  it('in the middle of the switch signs nothing more with the key that has a successor', () => {
    const template = newFolder();
    open(template);
    for (let step = 1, crashed = true; crashed; step++) {
      const folder = copyOf(template);
      const keys = open(folder);
      crashed = crashAt(step, () => keys.rotate({ size: 5, root, nowSeconds: 2 }));
      const { number } = JSON.parse(readFileSync(path.join(copyOpened(folder), 'epoch.key'), 'utf8')) as {
        number: number;
      };
      assert.deepEqual(namesOfSigners(keys.signCheckpoint(body(9)))[1], `${ORIGIN}/epoch-${number}`);
    }
  });
});

/** A copy of the folder as the next start leaves it. */
function copyOpened(folder: string): string {
  const copy = copyOf(folder);
  open(copy);
  return copy;
}

/** No second secret lies about. */
function assertClean(folder: string): void {
  const names = readdirSync(folder).filter((name) => /key|next|tmp/.test(name));
  assert.deepEqual(names.sort(), ['epoch.key', 'log.key']);
}
