import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type AgentStatus, IPC_MAX_REQUEST } from '@gatehouse/protocol';
import { ConnectError, callDaemon, watchDaemon } from '@gatehouse/protocol/socket';
import { agentStatus, bareSnapshot } from '../daemon/status.ts';
import { AgentError } from '../errors.ts';
import { initialState } from '../tunnel/index.ts';
import { type Handlers, type IpcServer, serveIpc } from './index.ts';

const status: AgentStatus = agentStatus(bareSnapshot(initialState({ mono: 0, wall: 0 })));

describe('local IPC', () => {
  let folder: string;
  let socketPath: string;
  let server: IpcServer;
  let emit: ((status: AgentStatus) => void) | null;
  let watched: number;
  let handlers: Handlers;
  let logs: string[];

  beforeEach(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-ipc-'));
    socketPath = path.join(folder, 'run', 'agent.sock');
    emit = null;
    watched = 0;
    logs = [];
    handlers = {
      status: async () => status,
      peers: async () => [],
      doctor: async () => [{ check: 'x', result: 'ok', detail: 'y'.repeat(1 << 20), advice: null }],
      logs: async ({ lines }) => Array.from({ length: lines ?? 3 }, (_, i) => `line ${i}`),
      enroll: async () => {
        throw new AgentError('token-invalid', 'no');
      },
      up: async () => {
        throw new Error('secret detail');
      },
      down: async () => {
        throw new AgentError('revoked', 'cut off');
      },
      leave: async () => status,
      use: async () => status,
      traffic: async () => assert.fail(),
      sessions: async () => [],
      posture: async () => assert.fail(),
      directory: async () => assert.fail(),
      watch: (send) => {
        emit = send;
        watched += 1;
        send(status);
        return () => {
          watched -= 1;
        };
      },
    };
    server = await serveIpc(socketPath, handlers, (message) => logs.push(message));
  });
  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const raw = async (): Promise<Socket> => {
    const socket = connect(socketPath);
    await once(socket, 'connect');
    return socket;
  };
  /** Sends text, gives the lines that come until the server hangs up or `count` came. */
  const talk = async (text: string | Buffer, count = Infinity): Promise<Record<string, unknown>[]> => {
    const socket = await raw();
    socket.on('error', () => undefined);
    socket.write(text);
    let got = '';
    for await (const chunk of socket) {
      got += String(chunk);
      if (got.split('\n').length > count) break;
    }
    socket.destroy();
    return got
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  const code = (answer: Record<string, unknown> | undefined) => (answer?.error as { code: string } | undefined)?.code;

  test('the socket is 0660 in a folder of 0750', () => {
    assert.equal(statSync(socketPath).mode & 0o777, 0o660);
    assert.equal(statSync(path.dirname(socketPath)).mode & 0o777, 0o750);
  });

  test('calls and errors come as the table types them', async () => {
    assert.deepEqual(await callDaemon(socketPath, 'status', {}), status);
    assert.deepEqual(await callDaemon(socketPath, 'logs', { lines: 1 }), ['line 0']);
    const enroll = callDaemon(socketPath, 'enroll', { url: 'x', token: 'y' });
    await assert.rejects(enroll, { name: 'IpcError', code: 'token-invalid', message: 'no' });
    await assert.rejects(callDaemon(socketPath, 'down', {}), { code: 'internal', message: 'cut off' });
  });

  test('an unexpected failure is logged, not told', async () => {
    await assert.rejects(callDaemon(socketPath, 'up', {}), { code: 'internal', message: /see its log/ });
    assert.match(logs.join(), /secret detail/);
  });

  test('bad requests get an answer, and the connection goes on', async () => {
    const lines = [
      'nonsense',
      '[]',
      '{"id":-1,"method":"status"}',
      '{"id":7,"method":"reboot"}',
      '{"id":8,"method":"__proto__"}',
      '{"id":9,"method":"logs","params":{"lines":"many"}}',
      '{"id":10,"method":"enroll","params":{"url":"x"}}',
      '{"id":11,"method":"status","params":{}}',
    ];
    const answers = await talk(`${lines.join('\n')}\n`, lines.length);
    assert.deepEqual(answers.map(code), [...Array(7).fill('bad-request'), undefined]);
    assert.deepEqual(
      answers.map(({ id }) => id),
      [0, 0, 0, 7, 8, 9, 10, 11],
    );
  });

  test('a wrong parameter is named, in words for people', async () => {
    const message = async (params: object, method: 'use' | 'logs' = 'use') =>
      callDaemon(socketPath, method, params as { profile: string }).then(
        () => assert.fail(),
        (error: Error) => error.message,
      );
    assert.equal(await message({ profile: '' }), "The profile of 'use' is empty.");
    assert.match(await message({ profile: 'x'.repeat(129) }), /^The profile of 'use' is longer than 128 characters/);
    assert.equal(await message({}), "'use' needs profile.");
    assert.match(
      await message({ lines: 0 }, 'logs'),
      /^The parameters of 'logs' are not what it takes: lines must be >= 1/,
    );
  });

  test('requests may come in pieces, and several in one', async () => {
    const socket = await raw();
    for (const piece of ['{"id":1,"me', 'thod":"peers"}\n{"id":2,', '"method":"peers"}\n']) {
      socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    let got = '';
    for await (const chunk of socket) {
      got += String(chunk);
      if (got.split('\n').length > 2) break;
    }
    assert.deepEqual(got.trim().split('\n'), ['{"id":1,"result":[]}', '{"id":2,"result":[]}']);
  });

  test('a client that ends its half is answered', async () => {
    const socket = await raw();
    socket.end('{"id":1,"method":"peers"}\n');
    let got = '';
    for await (const chunk of socket) got += String(chunk);
    assert.equal(got, '{"id":1,"result":[]}\n');
  });

  test('a line without end is refused', async () => {
    const answers = await talk(Buffer.alloc(IPC_MAX_REQUEST + 2, 'x'));
    assert.deepEqual(answers.map(code), ['bad-request']);
    assert.deepEqual(await callDaemon(socketPath, 'status', {}), status);
  });

  test('too many requests at once are refused', async () => {
    const answers = await talk(Array.from({ length: 40 }, (_, id) => `{"id":${id},"method":"peers"}\n`).join(''));
    assert.equal(code(answers.at(-1)), 'bad-request');
  });

  test('a client that reads nothing is cut off; others go on', async () => {
    const socket = await raw();
    socket.on('error', () => undefined);
    socket.pause();
    for (let id = 0; id < 200; id += 1) {
      socket.write(`{"id":${id},"method":"doctor"}\n`);
      await new Promise((resolve) => setImmediate(resolve));
      if (socket.destroyed) break;
    }
    assert.deepEqual(await callDaemon(socketPath, 'status', {}), status);
    socket.destroy();
  });

  test('clients that read nothing are bounded together, and the greediest goes first', async () => {
    const greedy = await raw();
    const modest = await raw();
    const gone: string[] = [];
    for (const [name, socket] of Object.entries({ greedy, modest })) {
      socket.on('error', () => undefined);
      socket.on('close', () => gone.push(name));
      socket.pause();
    }
    modest.write('{"id":1,"method":"doctor"}\n');
    handlers.doctor = async () => [{ check: 'x', result: 'ok', detail: 'y'.repeat(20 << 20), advice: null }];
    for (let id = 0; id < 5; id += 1) greedy.write(`{"id":${id},"method":"doctor"}\n`);
    // A client that is paused learns of its end by writing.
    while (gone.length === 0) {
      greedy.write('\n');
      modest.write('\n');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.deepEqual(gone, ['greedy']);
    assert.deepEqual(await callDaemon(socketPath, 'status', {}), status);
    modest.destroy();
  });

  test('a client that vanishes while it waits hurts nobody', async () => {
    let answer: (peers: []) => void = () => undefined;
    handlers.peers = () => new Promise((resolve) => (answer = resolve));
    const socket = await raw();
    socket.write('{"id":1,"method":"peers"}\n');
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 20));
    answer([]);
    assert.deepEqual(await callDaemon(socketPath, 'status', {}), status);
  });

  test('a request without its newline is answered when its client ends', async () => {
    const socket = await raw();
    socket.end('{"id":1,"method":"peers"}\n{"id":2,"method":"peers"}');
    let got = '';
    for await (const chunk of socket) got += String(chunk);
    assert.deepEqual(got.trim().split('\n'), ['{"id":1,"result":[]}', '{"id":2,"result":[]}']);
  });

  test('64 that watch and never read lock nobody out who asks; told once', async () => {
    const sockets = await Promise.all(Array.from({ length: 70 }, raw));
    for (const socket of sockets)
      socket
        .on('error', () => undefined)
        .pause()
        .write('{"id":1,"method":"watch"}\n');
    while (watched < 64) await new Promise((resolve) => setTimeout(resolve, 5));
    for (let i = 0; i < 100; i += 1) assert.deepEqual(await callDaemon(socketPath, 'status', {}), status);
    assert.equal(logs.length, 1, 'told once, not for each');
    assert.ok(watched < 64);
    for (const socket of sockets) socket.destroy();
  });

  test('where all wait for their answer a newcomer reads why it is refused, as does one that only wants to watch', async () => {
    const answers: ((lines: string[]) => void)[] = [];
    handlers.logs = () => new Promise((resolve) => void answers.push(resolve));
    const sockets = await Promise.all(Array.from({ length: 64 }, raw));
    for (const socket of sockets) socket.write('{"id":1,"method":"logs"}\n');
    while (answers.length < 64) await new Promise((resolve) => setTimeout(resolve, 5));
    const refused = { name: 'IpcError', code: 'internal', message: /too many local clients, more than 64/ };
    for (let i = 0; i < 40; i += 1) await assert.rejects(callDaemon(socketPath, 'status', {}), refused);
    await assert.rejects(
      watchDaemon(socketPath, () => undefined, new AbortController().signal),
      refused,
    );
    answers.pop()?.([]);
    while (!(await callDaemon(socketPath, 'status', {}).catch(() => null)))
      await new Promise((resolve) => setTimeout(resolve, 5));
    for (const socket of sockets) socket.destroy();
  });

  test('who watches and reads nothing is let go, who reads stays, and who neither asks nor watches goes', async () => {
    await server.close();
    server = await serveIpc(socketPath, handlers, () => undefined, 300);
    const stop = new AbortController();
    let seen = 0;
    const watching = watchDaemon(socketPath, () => (seen += 1), stop.signal);
    while (seen === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const reading = emit;
    const deaf = await raw();
    deaf.on('error', () => undefined).pause();
    deaf.write('{"id":1,"method":"watch"}\n');
    while (watched < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    const toDeaf = emit;
    const silent = await raw();
    silent.resume();
    const gone = once(silent, 'close');
    for (let i = 0; watched > 1; i += 1) {
      const event = { ...status, version: `${i}${'x'.repeat(30_000)}` };
      toDeaf?.(event);
      reading?.(event);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await gone;
    const before = seen;
    reading?.({ ...status, state: 'connecting' });
    while (seen === before) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort();
    await watching;
    deaf.destroy();
  });

  test('watch sends each status that differs, and ends with its client', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = watchDaemon(
      socketPath,
      (event) => {
        seen.push(event.state);
        if (seen.length === 1) {
          emit?.(status);
          emit?.({ ...status, state: 'connecting' });
        } else stop.abort();
      },
      stop.signal,
    );
    await watching;
    assert.deepEqual(seen, ['disconnected', 'connecting']);
    while (watched > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('a watcher learns that the daemon went away', async () => {
    const watching = watchDaemon(socketPath, () => void server.close(), new AbortController().signal);
    await assert.rejects(watching, ConnectError);
  });

  test('a second daemon on the same socket is refused; a socket file that nobody serves is replaced', async () => {
    await assert.rejects(
      serveIpc(socketPath, handlers, () => undefined),
      /already runs on .*agent\.sock/,
    );
    assert.deepEqual(await callDaemon(socketPath, 'status', {}), status);
    const stale = path.join(folder, 'stale.sock');
    const dead = createServer().listen(stale);
    await once(dead, 'listening');
    // Closing removes the file; a killed daemon leaves one, which a plain file stands for here.
    await new Promise((resolve) => dead.close(resolve));
    writeFileSync(stale, '');
    const again = await serveIpc(stale, handlers, () => undefined);
    assert.deepEqual(await callDaemon(stale, 'status', {}), status);
    await again.close();
  });

  test('nobody there', async () => {
    await assert.rejects(callDaemon(path.join(folder, 'none.sock'), 'status', {}), {
      name: 'ConnectError',
      reason: 'not-running',
      message: /none\.sock/,
    });
  });
});
