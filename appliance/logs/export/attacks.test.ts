import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { openLogKeys } from '../keys/index.ts';
import {
  caught,
  exported,
  forge,
  HOUR,
  keysOf,
  line,
  lines,
  list,
  makeLog,
  read,
  temporary,
  withMessage,
  witness,
  write,
} from './forging.ts';
import type { Line } from './format.ts';
import { messagesOf, NOON, ORIGIN, TestLog, type Verdict, verifyFolder, withMessages } from './testing.ts';

describe('in an export the verifier names', () => {
  const enders: (() => unknown)[] = [];
  let good: string;
  before(async () => {
    const t = { after: (fn: () => unknown) => void enders.push(fn) };
    good = await exported(t, makeLog(t));
  });
  after(() => {
    for (const end of enders) end();
  });
  const attack = (name: string, run: (folder: string, t: TestContext) => Promise<void>) =>
    test(name, async (t) => {
      const folder = temporary(t);
      cpSync(good, folder, { recursive: true });
      await run(folder, t);
    });

  attack('a record that was altered', async (folder) => {
    forge(folder, (records) => records.with(17, { ...records[17]!, raw: line(99) }));
    caught(await verifyFolder(folder), /Record 17 isn’t what was sealed: its message.*\[altered\]/);
  });

  attack('a record that was altered together with its leaf', async (folder) => {
    forge(folder, (records) => records.with(17, withMessage(records[17]!, line(99))));
    caught(await verifyFolder(folder), /Record 17 isn’t in the log under this checkpoint.*\[not in the log\]/);
  });

  attack('a time that was altered', async (folder) => {
    forge(folder, (records) => records.with(17, { ...records[17]!, received: '2060-11-22T09:00:00.000000Z' }));
    caught(await verifyFolder(folder), /Record 17: “received” isn’t what was sealed/);
  });

  attack('a record that was deleted', async (folder) => {
    forge(folder, (records) => records.toSpliced(17, 1));
    caught(await verifyFolder(folder), /Record 17 is missing, though the export says that it is whole/);
  });

  attack('a record that was deleted, the others moved up', async (folder) => {
    forge(folder, (records) => records.toSpliced(17, 1).map((record, index) => ({ ...record, index })), { last: 598 });
    caught(await verifyFolder(folder), /Record 17 isn’t in the log under this checkpoint/);
  });

  attack('a record that was put in', async (folder) => {
    const more = (records: Line[]) => withMessage({ ...records[17]!, index: 18 }, line(99));
    forge(folder, (records) => records.toSpliced(18, 1, more(records)));
    caught(await verifyFolder(folder), /Record 18 isn’t in the log under this checkpoint.*put in/);
  });

  attack('a record that was put in beside the others', async (folder) => {
    forge(folder, (records) => [...records, withMessage({ ...records[599]!, index: 600 }, line(99))], { last: 600 });
    caught(await verifyFolder(folder), /Record 600 has no proof that it is in the log: it was put in/);
  });

  attack('records in another order', async (folder) => {
    forge(folder, (records) => records.with(17, records[18]!).with(18, records[17]!));
    caught(await verifyFolder(folder), /Record 17 comes after record 18: records were put in another order/);
  });

  attack('records that have changed places', async (folder) => {
    forge(folder, (records) =>
      records.with(17, { ...records[18]!, index: 17 }).with(18, { ...records[17]!, index: 18 }),
    );
    caught(await verifyFolder(folder), /Record 17 isn’t in the log.*has another’s place/, /Record 18 isn’t in the log/);
  });

  attack('an end that was cut off', async (folder) => {
    forge(folder, (records) => records.slice(0, 500));
    caught(await verifyFolder(folder), /Records 500 to 599 are missing/);
    forge(folder, (records) => records, { last: 499 });
    caught(await verifyFolder(folder), /ends with record 499 isn’t proved: record 500 belongs to it/);
  });

  attack('salts that were swapped', async (folder) => {
    const swapped = (record: Line, other: Line): Line => ({ ...record, salt: other.salt! });
    forge(folder, (records) =>
      records.with(17, swapped(records[17]!, records[18]!)).with(18, swapped(records[18]!, records[17]!)),
    );
    caught(
      await verifyFolder(folder),
      /Record 17 isn’t what was sealed.*its salt was changed/,
      /Record 18 isn’t what was sealed/,
    );
  });

  attack('another table', async (folder) => {
    write(folder, 'records.csv', read(folder, 'records.csv').replace('10.0.0.17', '10.0.0.99'));
    list(folder);
    caught(await verifyFolder(folder), /records\.csv says something else than the record 17 itself/);
  });

  attack('a file that isn’t the one that is listed', async (folder) => {
    write(folder, 'report.pdf', `${read(folder, 'report.pdf')} `);
    caught(await verifyFolder(folder), /report\.pdf isn’t the file that the manifest lists/);
  });

  attack('files that don’t belong to it, wherever they are, without calling them proved', async (folder) => {
    mkdirSync(path.join(folder, 'proofs/more'));
    write(folder, 'proofs/more/evidence2.txt', 'x');
    write(folder, 'verify.mjs.bak', 'x');
    symlinkSync('/nowhere', path.join(folder, 'link'));
    const { code, text } = await verifyFolder(folder);
    assert.equal(code, 0, text);
    assert.match(text, /All \d+ files that the manifest lists are as it lists them\. 3 more beside them aren’t\./);
    assert.match(
      text,
      /To know:[\s\S]*Not part of the export, and not verified: link, proofs\/more\/evidence2\.txt, verify\.mjs\.bak\./,
    );
  });

  attack('nothing in a way that tells lies where it is shown', async (folder) => {
    write(folder, 'x\u001b[2J\nVERIFIED\u202e', '');
    list(folder, { whole: false, filter: { q: '\u202e\u009b' }, count: '9\nVERIFIED: all' });
    const { text } = await verifyFolder(folder);
    caught({ code: 1, text }, /speaks of 9\\u000aVERIFIED: all records/, /\\u202e\\u009b/);
    assert.doesNotMatch(text, /\u001b|\u202e|\u009b|^VERIFIED/m);
  });

  attack('the file and the line that isn’t text', async (folder) => {
    const damage = (name: string) => {
      const bytes = readFileSync(path.join(folder, name));
      bytes[bytes.indexOf(10) + 5] = 0xff;
      writeFileSync(path.join(folder, name), bytes);
    };
    damage('records.jsonl');
    caught(await verifyFolder(folder), /cannot be read: line 2 of records\.jsonl isn’t UTF-8/);
    damage('records.csv');
    caught(await verifyFolder(folder), /cannot be read: line 2 of records\.csv isn’t UTF-8/);
    damage('epochs.txt');
    caught(await verifyFolder(folder), /cannot be read: epochs\.txt isn’t UTF-8/);
  });

  attack('another report as not proved, with its hash', async (folder) => {
    write(folder, 'report.pdf', 'another');
    list(folder);
    const hash = createHash('sha256').update('another').digest('hex');
    const { code, text } = await verifyFolder(folder);
    assert.equal(code, 0, text);
    assert.match(text, new RegExp(`Not proved:[\\s\\S]*report\\.pdf \\(SHA-256 ${hash}\\): it is not sealed`));
  });

  attack('an old checkpoint in place of the newest', async (folder) => {
    write(folder, 'checkpoint', read(folder, 'checkpoints/300'));
    list(folder);
    caught(
      await verifyFolder(folder),
      /made for a log of 600 records, and its checkpoint has 300: an old checkpoint/,
      /The log has had 400 records already, and this checkpoint has 300/,
      /Record 0 has no proof that it is in the log/,
    );
  });

  attack('an older copy than a checkpoint that was noted elsewhere', async (folder, t) => {
    const later = makeLog(t);
    later.add(lines(600, 10), NOON + 4 * HOUR);
    const noted = path.join(folder, '..', `${path.basename(folder)}.note`);
    t.after(() => rmSync(noted, { force: true }));
    writeFileSync(noted, later.note());
    caught(
      await verifyFolder(folder, '--checkpoint', noted),
      /The log has had 610 records already, and this checkpoint has 600: an older copy/,
    );
  });

  attack('another log in its place', async (folder, t) => {
    const other = await exported(t, makeLog(t));
    caught(await verifyFolder(folder, ...keysOf(other)), /This isn’t the log whose key was noted/);
  });
});

describe('of a log that was written anew with stolen keys the verifier names', () => {
  /** The attacker's copy of the box's folder, with record 150 altered; the kept states are the box's. */
  const altered = (t: TestContext): [box: TestLog, forged: TestLog] => {
    const box = makeLog(t);
    const forged = new TestLog(t, box);
    forged.rewrite((block, batch) =>
      batch === 1 ? withMessages(block, messagesOf(block).with(50, line(999))) : block,
    );
    return [box, forged];
  };

  test('a past that was signed with the current epoch key alone', async (t) => {
    const [, forged] = altered(t);
    const logLine = new RegExp(`^— ${ORIGIN} .*\n`, 'm');
    forged.seal((body) => forged.keys.signCheckpoint(body).replace(logLine, ''));
    caught(
      await verifyFolder(await exported(t, forged)),
      /The checkpoint isn’t signed by the log key/,
      /The past was altered, one of the records 100 to 199/,
    );
  });

  test('a past that was signed with the log key and the current epoch key', async (t) => {
    const [, forged] = altered(t);
    forged.forgetKept();
    forged.seal();
    const folder = await exported(t, forged);
    // The states that destroyed keys have signed are in their statements, which nobody can sign anew.
    caught(
      await verifyFolder(folder),
      /The past was altered, one of the records 0 to 199: what was signed when the log had 200 records/,
    );
  });

  test('statements that were left out', async (t) => {
    const [box] = altered(t);
    const folder = await exported(t, box);
    const statements = read(folder, 'epochs.txt').split(/^(?=gatehouse\/epoch\/v1$)/m);
    write(folder, 'epochs.txt', statements.toSpliced(1, 1).join(''));
    list(folder);
    caught(await verifyFolder(folder), /The chain of keys is broken: where epoch 1 should follow, there is epoch 2/);
    write(folder, 'epochs.txt', statements.slice(0, 2).join(''));
    list(folder);
    caught(await verifyFolder(folder), /isn’t signed by any key of the chain of epoch keys/);
  });

  test('a whole new chain of epoch keys, by the first that was noted and by the witness', async (t) => {
    const [box, forged] = altered(t);
    for (const name of ['genesis', 'epoch.key', 'epochs'])
      rmSync(path.join(forged.folder, name), { recursive: true, force: true });
    for (const name of ['checkpoint', 'segments'])
      rmSync(path.join(forged.folder, name), { recursive: true, force: true });
    const keys = openLogKeys({ folder: forged.folder, secrets: forged.secrets, origin: ORIGIN });
    forged.forgetKept();
    forged.seal((body) => keys.signCheckpoint(body));
    const folder = await exported(t, forged);
    assert.equal((await verifyFolder(folder)).code, 0, 'with nothing noted, nothing can be said against it');
    const [, log, , epoch0] = keysOf(await exported(t, box));
    caught(await verifyFolder(folder, '--key', log!, '--key', epoch0!), /isn’t the first epoch key of this export/);
    caught(
      await verifyFolder(folder, '--key', log!, '--witness', witness.vkey),
      /No checkpoint in this export was cosigned by the witness/,
    );
  });
});

describe('a clock that was turned back is named', () => {
  const flags = (unsynchronised: boolean) => new Uint8Array(5).fill(unsynchronised ? 2 : 0);
  const run = async (t: TestContext, make: (log: TestLog) => void): Promise<Verdict> => {
    const log = new TestLog(t);
    log.add(lines(0, 5), NOON);
    make(log);
    log.seal();
    return verifyFolder(await exported(t, log));
  };
  const mono = (us: number) => Float64Array.from({ length: 5 }, (_, i) => us + i);

  test('within a run', async (t) => {
    const back = await run(t, (log) => log.add(lines(5, 5), NOON - HOUR, { monotonicUs: mono(3_700e6) }));
    caught(
      back,
      /The clock was turned back by 3\d\d\d(\.\d)? s before record 5, which says 2060-11-22 11:00:00 UTC.*\[clock turned back\]/,
    );
  });

  test('over a start of the appliance, and of the machine', async (t) => {
    caught(
      await run(t, (log) => log.add(lines(5, 5), NOON - 10e6, { boot: 2, monotonicUs: mono(3_700e6) })),
      /before record 5/,
    );
    caught(
      await run(t, (log) => log.add(lines(5, 5), NOON - 10e6, { boot: 2, monotonicUs: mono(1e6) })),
      /before record 5/,
    );
  });

  test('in small steps', async (t) => {
    const { code, text } = await run(t, (log) => {
      for (let i = 1; i < 4; i++)
        log.add(lines(5 * i, 5), NOON + i * 10e6 - i * 1.5e6, { monotonicUs: mono(3_600e6 + i * 10e6) });
    });
    assert.equal(code, 1, text);
    assert.match(text, /before record 10/);
  });

  test('by what a witness has seen', async (t) => {
    const cosigned = (seconds: number) => (log: TestLog) => {
      log.keep(log.note(witness, NOON / 1e6 + seconds));
      log.add(lines(5, 5), NOON + 10e6);
    };
    caught(await run(t, cosigned(-3600)), /Record 0 says .* later than the witness witness\.example\/1 had seen it/);
    caught(await run(t, cosigned(3600)), /Record 5 says .* follows on the 5 records that the witness/);
  });

  test('but not one that was corrected, or that goes on', async (t) => {
    const good: ((log: TestLog) => void)[] = [
      (log) => log.add(lines(5, 5), NOON + HOUR, { monotonicUs: mono(3_600e6 + HOUR) }),
      (log) => log.add(lines(5, 5), NOON + HOUR, { boot: 2, monotonicUs: mono(1e6) }),
      (log) => log.add(lines(5, 5), NOON - HOUR, { boot: 2, monotonicUs: mono(1e6), flags: flags(true) }),
    ];
    for (const make of good) {
      const { code, text } = await run(t, make);
      assert.equal(code, 0, text);
    }
    const log = new TestLog(t);
    log.add(lines(0, 5), NOON + HOUR, { flags: flags(true) });
    log.add(lines(5, 5), NOON, { monotonicUs: mono(3_700e6 + HOUR) });
    log.seal();
    const { code, text } = await verifyFolder(await exported(t, log));
    assert.equal(code, 0, text);
    assert.match(text, /The clock was turned back by .* it hadn’t been synchronised before, and then was/);
  });
});

test('what a verifier is given that isn’t an export is refused kindly', async (t) => {
  const folder = await exported(t, makeLog(t));
  const empty = temporary(t);
  cpSync(path.join(folder, 'verify.mjs'), path.join(empty, 'verify.mjs'));
  caught(await verifyFolder(empty), /manifest\.json is missing/);
  assert.equal((await verifyFolder(folder, '--nonsense')).code, 2);
});
