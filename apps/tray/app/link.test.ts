import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { IPC_VERSION } from '@gatehouse/protocol';
import type { Link } from '../core/index.ts';
import { CONNECTED } from '../test/electron/fake-daemon.ts';
import { systemClock } from './clock.ts';
import { type Daemon, linkOf, openDaemon } from './link.ts';
import { Problem } from './problem.ts';
import type { Trust } from './trust.ts';

describe('the link to the daemon', () => {
  let folder: string;
  let socketPath: string;
  let server: Server | null;
  let sockets: Set<Socket>;
  let daemon: Daemon | null;
  let links: Link[];
  let trust: Trust;
  let heard: () => void;

  /** Answers each request by what `answer` gives for its method. */
  const serve = async (answer: (method: string) => object | string | null): Promise<void> => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        const { id, method } = JSON.parse(String(chunk)) as { id: number; method: string };
        const given = answer(method);
        if (given === null) return;
        socket.write(typeof given === 'string' ? given : `${JSON.stringify({ id, ...given })}\n`);
      });
    });
    await new Promise<void>((resolve) => server?.listen(socketPath, resolve));
  };
  const hangUp = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server?.close(resolve));
    server = null;
  };
  const open = (clock = systemClock): Daemon => {
    daemon = openDaemon({
      socketPath,
      inspect: async () => trust,
      clock,
      log: () => undefined,
      onLink: (link) => {
        links.push(link);
        heard();
      },
    });
    return daemon;
  };
  const until = async (kind: Link['kind']): Promise<Link> => {
    for (;;) {
      const last = links.at(-1);
      if (last?.kind === kind) return last;
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    }
  };

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-link-'));
    socketPath = path.join(folder, 'agent.sock');
    [server, daemon, links, trust, sockets] = [null, null, [], { kind: 'trusted' }, new Set()];
    heard = () => undefined;
  });
  afterEach(async () => {
    daemon?.stop();
    if (server) await hangUp();
    rmSync(folder, { recursive: true });
  });

  test('follows the daemon as it goes and comes', async () => {
    open();
    assert.deepEqual(await until('down'), { kind: 'down', starting: false });
    await serve(() => ({ event: CONNECTED }));
    assert.deepEqual(await until('up'), { kind: 'up', status: CONNECTED });
    await hangUp();
    await until('down');
    await assert.rejects((daemon as Daemon).call('up', {}), { key: 'no-daemon' });
    await serve(() => ({ event: CONNECTED }));
    (daemon as Daemon).hurry();
    await until('up');
  });

  test('says nothing to a socket that isn’t trusted', async () => {
    let asked = 0;
    await serve(() => {
      asked += 1;
      return { event: CONNECTED };
    });
    trust = { kind: 'untrusted', owner: 'user 1000' };
    open();
    assert.deepEqual(await until('untrusted'), { kind: 'untrusted', owner: 'user 1000' });
    trust = { kind: 'denied' };
    await until('denied');
    assert.equal(asked, 0);
    assert.equal(sockets.size, 0);
    trust = { kind: 'trusted' };
    await until('up');
    trust = { kind: 'untrusted', owner: 'user 1000' };
    const before = asked;
    await assert.rejects((daemon as Daemon).call('up', {}), { key: 'no-daemon' });
    assert.equal(asked, before);
  });

  test('waits longer from try to try, up to 5 s', async () => {
    const waits: number[] = [];
    const done = Promise.withResolvers<void>();
    open({
      now: () => 0,
      after: (ms, then) => {
        // How long a first word may take: none is waited for here.
        if (ms === 10_000) return () => undefined;
        waits.push(ms);
        if (waits.length > 6) done.resolve();
        else setImmediate(then);
        return () => undefined;
      },
    });
    await done.promise;
    assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 5000, 5000]);
  });

  test('a daemon that accepts and says nothing counts as none', async () => {
    await serve(() => null);
    open({
      now: () => 0,
      after: (ms, then) => {
        if (ms === 10_000) setTimeout(then, 20);
        return () => undefined;
      },
    });
    await until('down');
  });

  test('takes no answer that the table doesn’t have', async () => {
    await serve((method) => {
      if (method === 'watch') return { event: CONNECTED };
      if (method === 'peers') return { result: [{ name: 1 }] };
      if (method === 'logs') return { error: { code: 'no-such-code', message: 'x' } };
      if (method === 'up') return { error: { code: 'no-privileges', message: 'start it as root' } };
      if (method === 'down') return 'no JSON\n';
      return { result: [] };
    });
    open();
    await until('up');
    const call = (daemon as Daemon).call;
    await assert.rejects(call('peers', {}), { key: 'bad-answer' });
    await assert.rejects(call('up', {}), { name: 'IpcError', code: 'no-privileges' });
    await assert.rejects(call('logs', {}), { name: 'IpcError' });
    await assert.rejects(call('down', {}), Problem);
    assert.deepEqual(await call('sessions', {}), []);
  });

  test('asks not too much at once, and waits not for ever', async () => {
    await serve((method) => (method === 'watch' ? { event: CONNECTED } : null));
    let late: (() => void)[] = [];
    open({
      now: () => 0,
      after: (_ms, then) => {
        late.push(then);
        return () => undefined;
      },
    });
    await until('up');
    const calls = Array.from({ length: 17 }, () => (daemon as Daemon).call('peers', {}));
    await assert.rejects(calls.pop() as Promise<unknown>, { key: 'too-much' });
    while (late.length < 16) await new Promise((resolve) => setImmediate(resolve));
    const then = late;
    late = [];
    for (const end of then) end();
    for (const call of calls) await assert.rejects(call, { key: 'slow-daemon' });
  });

  test('another version of the IPC is told, whatever else its status holds', () => {
    assert.deepEqual(linkOf({ ...CONNECTED, ipc: IPC_VERSION + 1, version: '9.0.0', state: 'new' }), {
      kind: 'version',
      daemonVersion: '9.0.0',
      daemonIsOlder: false,
    });
    assert.deepEqual(linkOf({ version: '0.0.1', ipc: 1 }), {
      kind: 'version',
      daemonVersion: '0.0.1',
      daemonIsOlder: true,
    });
    for (const event of [null, 'x', {}, { version: 1 }]) assert.equal(linkOf(event).kind, 'version');
    assert.equal(linkOf({ ...CONNECTED, state: 'flying' }).kind, 'version');
    assert.equal(linkOf(CONNECTED).kind, 'up');
  });
});
