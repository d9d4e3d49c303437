import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mock, test } from 'node:test';
import { pino } from 'pino';
import { network as networkOf } from '../testing.ts';
import { createConnections, type WebSocket } from './connections.ts';
import { serveGatehouse } from './gatehouse.ts';
import type { ChannelContext } from './index.ts';

/** Only the deadlines are tested here, so the clock and the socket are made up; all else runs over real sockets. */
class FakeSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  sent: string[] = [];
  code: number | undefined;
  send(text: string): void {
    this.sent.push(JSON.parse(text).type);
  }
  close(code: number): void {
    this.readyState = 2;
    this.code ??= code;
  }
  terminate(): void {}
  ping(): void {}
}

async function serve(t: { after(fn: () => void): void }) {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const network = networkOf([{ id: 'hub', isHub: true }, { id: 'laptop' }]);
  const peer = network.peers.get('laptop');
  const context: ChannelContext = {
    connections: createConnections(() => undefined),
    streams: new Map(),
    log: pino({ level: 'silent' }),
    stats: { compiled: 0 },
    placeOf: async () => peer && { network, peer },
    privateKeyOf: async () => null,
    report: () => undefined,
  };
  const open = () => {
    const socket = new FakeSocket();
    const device = { peerId: 'laptop', networkId: 'net', secretHash: '', connection: 'one' };
    serveGatehouse(context, socket as unknown as WebSocket, device);
    return socket;
  };
  const say = async (socket: FakeSocket, message: object) => {
    socket.emit('message', Buffer.from(JSON.stringify(message)), false);
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  const epoch = () => context.streams.get('laptop')?.epoch as string;
  return { open, say, epoch };
}

test('an agent that says no hello is closed', async (t) => {
  const { open } = await serve(t);
  const socket = open();
  mock.timers.tick(9_999);
  assert.equal(socket.code, undefined);
  mock.timers.tick(1);
  assert.equal(socket.code, 4400);
});

test('an agent that acknowledges nothing is closed; one that does is not', async (t) => {
  const { open, say, epoch } = await serve(t);
  const lazy = open();
  await say(lazy, { type: 'hello', agentVersion: 'x' });
  assert.deepEqual(lazy.sent, ['state']);
  mock.timers.tick(60_000);
  assert.equal(lazy.code, 4408);
  const good = open();
  await say(good, { type: 'hello', agentVersion: 'x' });
  await say(good, { type: 'ack', epoch: epoch(), seq: 1 });
  mock.timers.tick(600_000);
  assert.equal(good.code, undefined);
});

test('an agent that resumes with nothing missed has nothing to acknowledge', async (t) => {
  const { open, say, epoch } = await serve(t);
  const first = open();
  await say(first, { type: 'hello', agentVersion: 'x' });
  const second = open();
  assert.equal(first.code, 4409);
  await say(second, { type: 'hello', agentVersion: 'x', resume: { epoch: epoch(), seq: 1 } });
  assert.deepEqual(second.sent, ['resumed']);
  mock.timers.tick(600_000);
  assert.equal(second.code, undefined);
});

test('a device that asks for its whole state again and again is closed, and told 30 of them', async (t) => {
  const { open, say } = await serve(t);
  const socket = open();
  for (let i = 0; i < 3_000; i++) await say(socket, { type: 'hello', agentVersion: 'x' });
  assert.equal(socket.sent.length, 30);
  assert.equal(socket.code, 4408);
});
