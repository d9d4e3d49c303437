import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { WebSocket } from '@fastify/websocket';
import { CLOSE } from '@gatehouse/protocol';
import { pino } from 'pino';
import { SYSTEM } from '../../events/index.ts';
import type { Role } from '../../http/index.ts';
import { SourceBook } from '../sources/book.ts';
import { type Fixture, startLogApi, until } from '../testing-api.ts';
import { createTails, MAX_OF_ONE } from './tail.ts';

describe('following records', () => {
  let l: Fixture;
  before(async () => {
    l = await startLogApi();
  });
  after(() => l?.close());
  beforeEach(() => {
    l.backend.records = [];
    l.backend.audit.length = 0;
    l.backend.recordFails = false;
    l.callers.set('admin', { id: 'u-admin', username: 'admin', role: 'administrator' });
  });
  const tell = (...args: [Parameters<Fixture['backend']['add']>[0]?][]) => {
    const records = args.map(([more]) => l.backend.add(more));
    for (const { listener } of l.backend.subscribers) listener(records, 0);
  };
  afterEach(async () => {
    for (const client of l.app.websocketServer.clients) client.terminate();
    await gone();
  });
  const gone = () => until(() => l.backend.subscribers.size === 0);

  test('records as they come, in the form of the list; the question is recorded', async () => {
    const { socket, messages } = await l.tail('?source=fortigate&q=deny&user=alice');
    await until(() => l.backend.subscribers.size === 1);
    assert.deepEqual([...l.backend.subscribers][0]!.filter, { parsers: ['fortigate'], q: 'deny', user: 'alice' });
    assert.deepEqual(
      l.backend.audit.map(({ event, query }) => ({ event, query })),
      [{ event: 'logs.tailed', query: { source: 'fortigate', q: 'deny', user: 'alice' } }],
    );
    tell([], []);
    await until(() => messages.length === 1);
    const { body } = await l.call('GET', '');
    assert.deepEqual(messages[0], { records: body.reverse() });
    for (const { listener } of l.backend.subscribers) listener([], 3);
    await until(() => messages.length === 2);
    assert.deepEqual(messages[1], { dropped: 3 });
    socket.close();
    await gone();
  });

  test('many at once come in several messages', async () => {
    const { socket, messages } = await l.tail();
    await until(() => l.backend.subscribers.size === 1);
    tell(...Array.from({ length: 250 }, (): [] => []));
    await until(() => messages.length === 3);
    assert.deepEqual(
      messages.map(({ records }) => records.length),
      [100, 100, 50],
    );
    socket.close();
    await gone();
  });

  test('who reads too slowly is told how many were left out', async () => {
    const { socket, messages } = await l.tail();
    await until(() => l.backend.subscribers.size === 1);
    socket.pause();
    const raw = 'x'.repeat(60_000);
    const COUNT = 4000;
    // More than the buffers of both ends take.
    for (let i = 0; i < COUNT / 50; i++) tell(...Array.from({ length: 50 }, (): [{ raw: string }] => [{ raw }]));
    socket.resume();
    const sum = () =>
      messages.reduce((all, { records, dropped }) => all + (dropped ?? 0) + (records?.length ?? 0), 0) as number;
    await until(() => {
      for (const { listener } of l.backend.subscribers) listener([], 0);
      return sum() === COUNT;
    });
    assert.ok(messages.some(({ dropped }) => dropped > 0));
    assert.ok(messages.reduce((all, { records }) => all + (records?.length ?? 0), 0) < COUNT / 2);
    socket.close();
    await gone();
  });

  test('refused before the upgrade: strangers, who is no administrator, other sites, bad filters', async () => {
    await assert.rejects(l.tail('', {}), /401/);
    await assert.rejects(l.tail('', { authorization: 'user' }), /403/);
    await assert.rejects(
      l.tail('', { authorization: 'admin', cookie: 'session=x', origin: 'https://evil.example' }),
      /403/,
    );
    for (const query of ['?ip=x', '?mac=x', '?q=(', '?source=nobody', '?site=paris']) {
      await assert.rejects(l.tail(query), /422/, query);
    }
    assert.equal((await l.call('GET', '/tail')).status, 426);
    assert.equal(l.backend.audit.length, 0);
    l.backend.recordFails = true;
    await assert.rejects(l.tail(), /503/);
    assert.equal(l.backend.subscribers.size, 0);
  });

  test('it ends when the right does', async () => {
    const { closed } = await l.tail();
    await until(() => l.backend.subscribers.size === 1);
    l.callers.set('admin', { id: 'u-admin', username: 'admin', role: 'user' });
    await l.bus.deliver({
      id: 1,
      at: '',
      type: 'identity.user.updated',
      data: { userId: 'u-admin', changed: ['role'], actor: SYSTEM },
    });
    assert.equal(await closed, CLOSE.revoked);
    await gone();
    l.callers.set('admin', { id: 'u-admin', username: 'admin', role: 'administrator' });
    const again = await l.tail();
    await until(() => l.backend.subscribers.size === 1);
    l.callers.delete('admin');
    await l.bus.deliver({ id: 2, at: '', type: 'identity.logout', data: { userId: 'u-admin', actor: SYSTEM } });
    assert.equal(await again.closed, CLOSE.revoked);
    await gone();
  });

  test('so many of one person', async () => {
    const open = [];
    for (let i = 0; i < MAX_OF_ONE; i++) open.push(await l.tail());
    await until(() => l.backend.subscribers.size === MAX_OF_ONE);
    await assert.rejects(l.tail(), /429/);
    const other = await l.tail('', { authorization: 'second' });
    for (const { socket } of [...open, other]) socket.close();
    await gone();
    (await l.tail()).socket.close();
    await gone();
  });

  test('who answers no pings is cut off, who answers stays; the right is asked for with each', async () => {
    const tails = createTails(
      { backend: l.backend, log: pino({ level: 'silent' }), sources: new SourceBook(l.backend, 'default') },
      () => async () => null,
    );
    const made = () => {
      const socket = Object.assign(new EventEmitter(), {
        OPEN: 1,
        readyState: 1,
        bufferedAmount: 0,
        pings: 0,
        closed: undefined as number | undefined,
        ping: () => void socket.pings++,
        send: () => undefined,
        close: (code: number) => {
          socket.closed = code;
        },
        terminate: () => void socket.emit('close'),
      });
      return socket;
    };
    const [silent, lively] = [made(), made()];
    let role: Role = 'administrator';
    for (const socket of [silent, lively]) {
      tails.serve(socket as unknown as WebSocket, {}, 'u', async () => ({
        ...{ id: 'u', username: 'u', role, authorizedNetworks: [], via: 'cookie' as const },
      }));
    }
    assert.equal(l.backend.subscribers.size, 2);
    for (let i = 0; i < 5; i++) {
      tails.tick();
      lively.emit('pong');
    }
    assert.deepEqual([silent.pings, lively.pings, l.backend.subscribers.size], [3, 5, 1]);
    role = 'user';
    tails.tick();
    await until(() => lively.closed === CLOSE.revoked);
    tails.stop();
    assert.equal(l.backend.subscribers.size, 0);
  });
});
