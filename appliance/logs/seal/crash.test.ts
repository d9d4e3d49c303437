import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, cpSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { requires } from '../../../test/requires.ts';
import { crashAt } from '../keys/testing.ts';
import { rootAt } from '../merkle/tree.ts';
import { KIND } from '../record/types.ts';
import { killRounds } from './kill.ts';
import { lines, makePlace, messagesOf, openSealer, type Place, type TestSealer, usePlaces } from './testing.ts';

const place = usePlaces();

describe('a crash', () => {
  it('at any step that changes the disk: it starts again, with all that was sealed', () => {
    const base = place();
    const begun = openSealer(base, { limits: { segmentRecords: 600 } });
    begun.send(lines(400));
    begun.pass(6);
    begun.sealer.close();
    // Every third step, from another one each time; with GATEHOUSE_KILLS every one.
    const stride = process.env.GATEHOUSE_KILLS ? 1 : 3;
    for (let step = 1 + Math.floor(Math.random() * stride); ; step += stride) {
      const at = place();
      cpSync(base.data, at.data, { recursive: true });
      const told: TestSealer['told'] = [];
      const crashed = crashAt(step, () => {
        const tell = (message: TestSealer['told'][0]) => void told.push(message);
        const one = openSealer(at, { limits: { segmentRecords: 600 }, tell });
        one.send(lines(500, 400), '198.51.100.1:1');
        one.pass(6);
        one.clock.go(90_000);
        one.pass(2);
        one.sealer.close();
      });
      // As it lies on the disk: what "crashed" still has its files open here, and locked.
      const left = place();
      cpSync(at.data, left.data, { recursive: true });
      const one = openSealer(left);
      assert.equal(one.sealer.state, 'sealing', `step ${step}: ${one.of('state')[0]?.reason}`);
      one.pass(6);
      const archive = one.archive();
      for (const message of told) {
        if (message.type !== 'sealed') continue;
        const root = rootAt(message.size, archive.readHash);
        assert.deepEqual(Buffer.from(root), Buffer.from(message.root), `step ${step}: checkpoint ${message.size}`);
      }
      const statements = messagesOf(archive, KIND.keyRotation).map((text) => JSON.parse(text).statement);
      assert.deepEqual([...new Set(statements)], one.statements(), `step ${step}`);
      archive.close();
      one.sealer.close();
      for (const folder of [at, left]) folder.remove();
      if (!crashed) break;
    }
  });

  it('by SIGKILL under load: no record is lost that a checkpoint covered, and it starts again', async () => {
    const size = await killRounds(place(), Number(process.env.GATEHOUSE_KILLS ?? 5));
    assert.ok(size > 0);
  });
});

describe('a full disk', requires('root', 'mount'), () => {
  const mounted: string[] = [];
  after(() => {
    for (const folder of mounted) {
      execFileSync('umount', [folder]);
      rmSync(folder, { recursive: true });
    }
  });
  const smallDisk = (): Place => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'tmpfs', folder]);
    mounted.push(folder);
    return makePlace(folder);
  };
  /** Takes all that is free but for about so many bytes. */
  const fill = ({ data }: Place, but: number): string => {
    const file = path.join(data, 'filler');
    const spare = path.join(data, 'spare');
    const [keep, fd] = [openSync(spare, 'w'), openSync(file, 'w')];
    if (but > 0) writeSync(keep, Buffer.alloc(but));
    try {
      for (;;) if (writeSync(fd, Buffer.alloc(4096)) < 4096) break;
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
    closeSync(fd);
    closeSync(keep);
    rmSync(spare);
    return file;
  };

  for (const free of [0, 4096, 8192, 16_384, 32_768, 65_536]) {
    it(`with ${free} bytes left: the receiver is told to wait, and nothing is lost or sealed twice`, () => {
      const at = smallDisk();
      // Without the reserve, as where somebody else fills the disk faster than it is looked at.
      const one = openSealer(at, { room: () => undefined });
      one.send(lines(500));
      one.pass(6);
      const filler = fill(at, free);
      let sent = 500;
      for (; sent < 60_000 && one.sealer.state === 'sealing'; sent += 1000) {
        one.send(lines(1000, sent), `192.0.2.${sent / 1000}:514`);
        one.pass(6);
      }
      assert.equal(one.sealer.state, 'full');
      assert.match(one.of('state').at(-1)!.reason, /the disk is full: free some space/);
      assert.deepEqual(one.receiver.at(-1), { type: 'pause' });
      const { size } = one.of('sealed').at(-1)!;
      one.sealer.hear({ type: 'dropped', fromUs: 1, atUs: 2, reason: 'disk', bySource: [['192.0.2.1', 5]] });
      one.pass(20);
      assert.equal(one.of('sealed').at(-1)!.size, size, 'still full');

      rmSync(filler);
      one.pass(8);
      assert.equal(one.sealer.state, 'sealing');
      assert.ok(one.receiver.some(({ type }) => type === 'resume'));
      const archive = one.archive();
      assert.deepEqual(messagesOf(archive, KIND.log), lines(sent));
      assert.match(messagesOf(archive, KIND.gap)[0]!, /"reason":"disk".*"count":5/);
      const roots = new Set(one.of('sealed').map((message) => message.size));
      assert.equal(roots.size, one.of('sealed').length, 'one root for a size');
      for (const { size: told, root } of one.of('sealed')) {
        assert.deepEqual(Buffer.from(rootAt(told, archive.readHash)), Buffer.from(root));
      }
      archive.close();
      one.sealer.close();
      const next = openSealer(at);
      assert.equal(next.sealer.state, 'sealing');
      next.sealer.close();
    });
  }
});
