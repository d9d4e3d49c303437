import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { attributesOf, SECRET, type TestRecord } from '../../appliance/radius/accounting/testing.ts';
import { CODE, checkReply, encodeRequest, parsePacket } from '../../appliance/radius/codec/index.ts';
import type { SessionTables } from '../../appliance/radius/sessions/tables.ts';
import { startBed } from './accounting-bed.ts';

/** More for a soak: `GATEHOUSE_CRASH_ROUNDS=200`, `GATEHOUSE_CRASH_ANSWERS=50000`. */
const ROUNDS = Number(process.env.GATEHOUSE_CRASH_ROUNDS ?? 3);
const ANSWERS = Number(process.env.GATEHOUSE_CRASH_ANSWERS ?? 4000);
const SOCKETS = 4;
const WINDOW = 64;
const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-kill-'));
after(() => rmSync(dataDir, { recursive: true, force: true }));

/** A process of its own around accounting, which says its port. */
const program = `
  const { startBed } = await import(${JSON.stringify(new URL('./accounting-bed.ts', import.meta.url).href)});
  const bed = await startBed({ dataDir: ${JSON.stringify(dataDir)} });
  bed.store.onEvent(async () => undefined);
  console.log(bed.port);`;
const spawnStub = (): ChildProcess =>
  spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] });

/** One session and what became of its records: sent, and answered. */
interface Story {
  id: string;
  records: TestRecord[];
  sent: number;
  answered: Set<number>;
}

/** Sends the records of many sessions, each session's in order, and notes which are answered. */
async function load(port: number, stories: Story[], stop: { now: boolean }): Promise<void> {
  const sockets: Socket[] = [];
  const open = [...stories];
  const next = (): { story: Story; index: number } | undefined => {
    if (stop.now) return undefined;
    const at = Math.floor(Math.random() * Math.min(open.length, 400));
    const story = open[at];
    if (!story) return undefined;
    const index = story.sent++;
    if (story.sent === story.records.length) open.splice(at, 1);
    return { story, index };
  };
  for (let i = 0; i < SOCKETS; i++) {
    const socket = createSocket('udp4');
    const waiting = new Map<number, { story: Story; index: number; bytes: Uint8Array }>();
    let id = 0;
    const send = () => {
      const one = next();
      if (!one) return;
      while (waiting.has(id)) id = (id + 1) & 255;
      const bytes = encodeRequest(CODE.accountingRequest, id, SECRET, attributesOf(one.story.records[one.index]!));
      waiting.set(id, { ...one, bytes });
      socket.send(bytes, port, '127.0.0.1');
    };
    socket.on('error', () => undefined);
    socket.on('message', (reply) => {
      const packet = parsePacket(reply);
      const one = typeof packet === 'string' ? undefined : waiting.get(packet.id);
      if (typeof packet === 'string' || !one || !checkReply(packet, one.bytes.subarray(4, 20), SECRET)) return;
      waiting.delete(packet.id);
      one.story.answered.add(one.index);
      send();
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    for (let j = 0; j < WINDOW; j++) send();
    sockets.push(socket);
  }
  while (!stop.now) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const socket of sockets) socket.close();
}

async function startStub(): Promise<{ child: ChildProcess; port: number }> {
  const child = spawnStub();
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  return { child, port: Number(line) };
}

describe('kill -9 under load', () => {
  const now = Math.floor((Date.now() - Date.UTC(2026, 0, 15, 12)) / 1000);
  const stories: Story[] = [];
  const newStories = (round: number): Story[] =>
    Array.from({ length: 20_000 }, (_, n) => {
      const base = { id: `${round}-${n}`, user: `u${round}-${n}`, port: n, mac: null, at: now, untimed: true } as const;
      const records: TestRecord[] = [
        { ...base, kind: 'start' },
        { ...base, kind: 'interim', seconds: 1, in: 10 },
        { ...base, kind: 'interim', seconds: 2, in: 20 },
      ];
      if (n % 2 === 0) records.push({ ...base, kind: 'stop', seconds: 3, in: 30, cause: 1 });
      return { id: base.id, records, sent: 0, answered: new Set<number>() };
    });

  for (let round = 1; round <= ROUNDS; round++) {
    it(`round ${round}: no answered record is lost, and the active sessions are right`, async (t) => {
      const fresh = newStories(round);
      // Once more while what the last round left is read back.
      const early = spawnStub();
      await new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 500));
      const gone = once(early, 'exit');
      early.kill('SIGKILL');
      await gone;
      const { child, port } = await startStub();
      const stop = { now: false };
      const loading = load(port, fresh, stop);
      const ended = once(child, 'exit');
      const target = 300 + Math.random() * ANSWERS;
      const count = () => fresh.reduce((sum, { answered }) => sum + answered.size, 0);
      while (count() < target) await new Promise((resolve) => setTimeout(resolve, 10));
      child.kill('SIGKILL');
      await ended;
      stop.now = true;
      await loading;
      stories.push(...fresh.filter(({ sent }) => sent > 0));

      const bed = await startBed({ dataDir });
      try {
        const rows = await bed.store.as<SessionTables>().selectFrom('radius_sessions').selectAll().execute();
        const byId = new Map(rows.map((row) => [row.acct_session_id, row]));
        assert.equal(byId.size, rows.length, 'one row for each session');
        const active = new Set([...bed.sessions.active].map(({ acctSessionId }) => acctSessionId));
        let answers = 0;
        for (const story of stories) {
          const row = byId.get(story.id);
          answers += story.answered.size;
          if (story.answered.size === 0) continue;
          assert.ok(row, `${story.id} is lost`);
          const known = [...story.answered].map((index) => story.records[index]!);
          const least = Math.max(...known.map((record) => record.in ?? 0));
          assert.ok(row.bytes_in >= least, `${story.id}: ${row.bytes_in} octets, answered were ${least}`);
          const stopped = known.some(({ kind }) => kind === 'stop');
          const maybe = story.records.slice(0, story.sent).some(({ kind }) => kind === 'stop');
          if (stopped) assert.equal(row.status, 'ended', story.id);
          if (!maybe) assert.equal(row.status, 'active', story.id);
          assert.equal(active.has(story.id), row.status === 'active', story.id);
        }
        assert.ok(answers > 100, `${answers}`);
        t.diagnostic(`${answers} answered records of ${rows.length} sessions, ${active.size} active`);
        assert.deepEqual(bed.told, []);
      } finally {
        await bed.stop();
      }
    });
  }
});
