import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { parse } from '../parse/index.ts';
import { Library } from './library.ts';
import { hinted } from './match.ts';
import { MemoryArchive } from './testing.ts';

const root = mkdtempSync(path.join(tmpdir(), 'gatehouse-senders-'));
after(() => rmSync(root, { recursive: true, force: true }));

const FORTIGATE = '<189>date=2026-11-22 time=10:00:00 devname="F" devid="F1" logid="1" type="traffic" srcip=10.0.0.1';
const SSHD = '<38>Nov 22 10:00:00 ap1 sshd[99]: Accepted password for bob from 10.0.0.1 port 514 ssh2';
const PLAIN = '<38>Nov 22 10:00:00 ap1 thing: something else';

test('of each source: how often since the start, when last, and who understood it', () => {
  const archive = new MemoryArchive();
  const open = (): Library => {
    const library = new Library({ folder: root, archive, parse: hinted(parse), warn: assert.fail });
    library.start();
    return library;
  };
  const library = open();
  const write = (to: Library, ...lines: [source: number, raw: string, us: number][]): void => {
    const { segment, frames } = archive.write(lines.map(([source, raw, us]) => ({ source, raw, us })));
    to.add(segment, frames);
    to.add(segment, frames); // told twice, it counts once
    while (to.follow());
  };
  write(library, [1, FORTIGATE, 10], [2, SSHD, 20], [2, PLAIN, 30], [1, FORTIGATE, 40], [3, '\u0001', 50]);
  assert.deepEqual(library.senders.all(), [
    { id: 1, messages: 2, lastSeenUs: 40, parser: 'fortigate' },
    { id: 2, messages: 2, lastSeenUs: 30, parser: 'sshd' },
    { id: 3, messages: 1, lastSeenUs: 50 },
  ]);
  library.closed(archive.close());
  write(library, [2, PLAIN, 60]);

  // After a start: what the open segment holds and what the newest index knows, but no number of messages.
  const again = open();
  write(again, [4, FORTIGATE, 70]);
  assert.deepEqual(
    again.senders.all().sort((a, b) => a.id - b.id),
    [
      { id: 1, messages: 0, lastSeenUs: 50, parser: 'fortigate' },
      { id: 2, messages: 0, lastSeenUs: 60, parser: 'generic' },
      { id: 3, messages: 0, lastSeenUs: 50 },
      { id: 4, messages: 1, lastSeenUs: 70, parser: 'fortigate' },
    ],
  );
});

test('the parser that was chosen for a source is asked first, and what it reads stays', () => {
  let fixed: Record<number, string> = {};
  const parseOf = hinted(parse, () => fixed);
  const read = (source: number, raw: string): string => parseOf(source, Buffer.from(raw), 0).parser;
  const cef = '<13>Nov 22 10:00:00 h CEF:0|Fortinet|Fortigate|v7|13|traffic:forward|3|src=10.0.0.1';
  assert.equal(read(1, cef), 'fortigate');
  fixed = { 1: 'cef', 2: 'nobody' };
  assert.deepEqual([read(1, cef), read(2, cef)], ['cef', 'fortigate']);
  assert.equal(read(1, SSHD), 'sshd', 'what it does not know is asked of the others');
  assert.equal(read(1, cef), 'cef');
});
