import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { FLAG, TRANSPORT } from '../record/types.ts';
import { testReceiver, until } from './testing.ts';

async function send(port: number, messages: readonly string[], host = '127.0.0.1'): Promise<number> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  for (const message of messages) {
    await new Promise<void>((resolve, reject) =>
      socket.send(Buffer.from(message, 'latin1'), port, host, (error) => (error ? reject(error) : resolve())),
    );
  }
  const { port: own } = socket.address();
  socket.close();
  return own;
}

async function open(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

for (const batched of ['auto', 'off'] as const) {
  describe(`UDP, ${batched === 'auto' ? 'in batches' : 'one by one'}`, () => {
    test('each datagram is a message, exactly as it came, with its sender and time', async () => {
      const t = await testReceiver({ batched });
      const sent = ['<13>a', '<13>b\n', '<13>\0\r\nc', '5 <1>ab', '\xff\xfe', 'x'.repeat(65_507)];
      const own = await send(t.port, sent);
      await until('all are there', () => t.kept.length >= sent.length);
      // Later, when nobody polls any more.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await send(t.port, ['<13>later']);
      await until('the later one is there', () => t.kept.length > sent.length);
      assert.deepEqual(t.texts(), [...sent, '<13>later']);
      const [first] = t.kept;
      assert.deepEqual([first!.peer, first!.transport, first!.flags], [`127.0.0.1:${own}`, TRANSPORT.udp, 0]);
      assert.ok(Math.abs(first!.receiveUs / 1000 - Date.now()) < 60_000);
      assert.ok(Number.isInteger(first!.receiveUs) && Number.isInteger(first!.monotonicUs));
      const stats = await t.stop();
      assert.deepEqual([stats.messages, stats.bytes, stats.dropped], [7, sent.join('').length + 9, []]);
    });

    test('an empty datagram is no message', async () => {
      const t = await testReceiver({ batched });
      await send(t.port, ['', '<13>a', '', '<13>b']);
      await until('two are there', () => t.kept.length === 2);
      assert.equal((await t.stop()).messages, 2);
    });

    test('IPv6, and IPv4 by a socket of both', async () => {
      const t = await testReceiver({ batched, listen: { host: '::', port: 0 } });
      const own = await send(t.port, ['<1>six'], '::1');
      const mapped = await send(t.port, ['<1>four']);
      const socket = await open(t.port);
      socket.end('<1>tcp\n');
      await until('all are there', () => t.kept.length === 3);
      const peers = new Map(t.kept.map(({ text, peer }) => [text, peer]));
      assert.equal(peers.get('<1>six'), `[::1]:${own}`);
      assert.equal(peers.get('<1>four'), `127.0.0.1:${mapped}`);
      assert.match(peers.get('<1>tcp')!, /^127\.0\.0\.1:\d+$/);
      await t.stop();
    });

    test('not acknowledged: what comes beyond the limit is dropped, counted and told by sender', async () => {
      const t = await testReceiver({ batched, limits: { waiting: 20_000, dropsMs: 50 } });
      t.state.acknowledges = false;
      const sent = Array.from({ length: 100 }, () => 'x'.repeat(976));
      await send(t.port, sent);
      const count = () => t.dropped.reduce((sum, { bySource }) => sum + (bySource[0]?.[1] ?? 0), 0);
      await until('all are accounted for', () => t.kept.length + count() === sent.length);
      assert.ok(t.kept.length >= 20 && t.kept.length < 30, String(t.kept.length));
      assert.deepEqual(
        new Set(t.dropped.map(({ reason, bySource }) => `${reason} ${bySource[0]![0]}`)),
        new Set(['queue 127.0.0.1']),
      );
      for (const { raw } of t.batches) t.tell({ type: 'credit', bytes: raw.length });
      await until('the queue is empty', async () => (await t.receiver.stats()).waiting === 0);
      await send(t.port, ['<1>again']);
      await until('it goes on', () => t.texts().at(-1) === '<1>again');
      t.tell({ type: 'pause' });
      await until('a full disk is told', async () => {
        await send(t.port, ['<1>lost']);
        return t.dropped.some(({ reason }) => reason === 'disk');
      });
      const { dropped } = await t.stop();
      assert.deepEqual(dropped.map(({ reason, address }) => [reason, address]).toSorted(), [
        ['disk', '127.0.0.1'],
        ['queue', '127.0.0.1'],
      ]);
      assert.ok(t.lines.some(({ message }) => message.includes('the disk is full')));
    });
  });
}

describe('TCP', () => {
  test('both ways of framing on one connection, and the rest at its end', async () => {
    const t = await testReceiver();
    const socket = await open(t.port);
    socket.write('<1>line\n6 <1>two<1>three\r\n');
    await until('three are there', () => t.kept.length === 3);
    assert.equal((await t.receiver.stats()).connections.tcp, 1);
    socket.end('<1>rest');
    await until('the rest is there', () => t.kept.length === 4);
    assert.deepEqual(t.texts(), ['<1>line', '<1>two', '<1>three', '<1>rest']);
    assert.deepEqual(
      new Set(t.kept.map(({ transport, flags }) => `${transport} ${flags}`)),
      new Set([`${TRANSPORT.tcp} 0`]),
    );
    await until('it is gone', async () => (await t.receiver.stats()).connections.tcp === 0);
    await t.stop();
  });

  test('a message of megabytes, a count of gigabytes, garbage: bounded, and others go on', async () => {
    const t = await testReceiver();
    const long = await open(t.port);
    const counted = await open(t.port);
    const garbage = await open(t.port);
    const good = await open(t.port);
    for (let i = 0; i < 64; i++) long.write('x'.repeat(65_536));
    counted.write('1000000000 <1>not that long\n9000000 <1>');
    for (let i = 0; i < 64; i++) counted.write('y'.repeat(65_536));
    garbage.end(Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 251)));
    good.end('<1>good\n');
    await until('the good one is there', () => t.texts().includes('<1>good'));
    long.end('\n<1>after\n');
    counted.end();
    await until(
      'the others too',
      () => t.texts().includes('<1>after') && t.kept.some(({ text }) => text.startsWith('<1>yyy')),
    );
    assert.ok(t.texts().includes('1000000000 <1>not that long'));
    for (const begin of ['xxx', '<1>yyy']) {
      const kept = t.kept.find(({ text }) => text.startsWith(begin))!;
      assert.deepEqual([kept.text.length, kept.flags], [65_535, FLAG.truncated]);
    }
    const { truncated, dropped } = await t.stop();
    assert.equal(truncated.messages, 2);
    assert.deepEqual(dropped, [{ reason: 'oversize', address: '127.0.0.1', count: 2 }]);
    assert.equal(truncated.bytes, 2 * 64 * 65_536 + 3 - 2 * 65_535);
    assert.ok(t.lines.some(({ message }) => message.includes('too long')));
  });

  test('more connections than one address may have, or all together, are refused; a place that is free is given again', async () => {
    for (const limits of [{ perAddress: 3 }, { connections: 3 }]) {
      const t = await testReceiver({ limits });
      const sockets = await Promise.all([open(t.port), open(t.port), open(t.port)]);
      await until('three are open', async () => (await t.receiver.stats()).connections.tcp === 3);
      const refused = await open(t.port);
      await once(refused, 'close');
      assert.equal((await t.receiver.stats()).refused.connections, 1);
      await until('it is told by address', () => t.dropped.length > 0);
      assert.deepEqual([t.dropped[0]!.reason, t.dropped[0]!.bySource], ['connection', [['127.0.0.1', 1]]]);
      sockets[0]!.destroy();
      await until('two are open', async () => (await t.receiver.stats()).connections.tcp === 2);
      const again = await open(t.port);
      again.end('<1>again\n');
      await until('it is there', () => t.kept.length === 1);
      assert.ok(t.lines.some(({ message }) => message.includes('refused')));
      await t.stop();
    }
  });

  test('a message that does not come to its end closes the connection, and is kept as far as it came', async () => {
    const t = await testReceiver({ limits: { partMs: 100, sweepMs: 20 } });
    const [slow, silent] = [await open(t.port), await open(t.port)];
    const closed = once(slow, 'close');
    slow.write('100 <1>s');
    const drip = setInterval(() => slow.write('x'), 10);
    await closed;
    clearInterval(drip);
    await until('it is there', () => t.kept.length === 1);
    assert.match(t.kept[0]!.text, /^<1>sx*$/);
    assert.equal(t.kept[0]!.flags, FLAG.truncated);
    // Who says nothing is not late.
    silent.end('<1>silent\n');
    await until('the silent one is there', () => t.texts().includes('<1>silent'));
    await t.stop();
  });

  test('a connection on which nothing comes is closed', async () => {
    const t = await testReceiver({ limits: { idleMs: 50, sweepMs: 20 } });
    const socket = await open(t.port);
    socket.write('<1>a\n');
    await once(socket, 'close');
    assert.ok(t.lines.some(({ message }) => message.includes('nothing came')));
    await t.stop();
  });

  test('not acknowledged: senders wait, and nothing is lost', async () => {
    const t = await testReceiver({ limits: { waiting: 100_000 } });
    t.state.acknowledges = false;
    const socket = await open(t.port);
    const line = `<1>${'x'.repeat(996)}\n`;
    let written = 0;
    // Until the system's buffers are full too.
    while (written < 40_000 && socket.writableLength < 1_000_000) {
      socket.write(line);
      if (++written % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until('it waits', async () => (await t.receiver.stats()).waiting > 100_000);
    const { waiting } = await t.receiver.stats();
    assert.ok(waiting < 500_000, `${waiting}`);
    t.state.acknowledges = true;
    for (const { raw } of t.batches) t.tell({ type: 'credit', bytes: raw.length });
    socket.end();
    await until('all are there', () => t.kept.length === written);
    assert.deepEqual((await t.stop()).dropped, []);
  });

  test('the end: what has come is handed on', async () => {
    const t = await testReceiver({ limits: { batchMs: 60_000 } });
    const socket = await open(t.port);
    socket.write('<1>whole\n<1>cut');
    await send(t.port, ['<1>datagram']);
    await until('all has come', async () => (await t.receiver.stats()).messages === 2);
    assert.equal(t.kept.length, 0);
    await t.stop();
    assert.deepEqual(t.kept.map(({ text, flags }) => [text, flags]).toSorted(), [
      ['<1>cut', FLAG.truncated],
      ['<1>datagram', 0],
      ['<1>whole', 0],
    ]);
  });
});

describe('listening', () => {
  test('UDP and TCP have the same port, also where any will do', async () => {
    const many = await Promise.all(Array.from({ length: 4 }, () => testReceiver()));
    for (const { receiver } of many) assert.equal(receiver.addresses.udp, receiver.addresses.tcp);
    await Promise.all(many.map((one) => one.stop()));
  });

  test('a name is looked up', async () => {
    const t = await testReceiver({ listen: { host: 'localhost', port: 0 } });
    assert.match(t.receiver.addresses.udp, /^(127\.0\.0\.1|\[::1\]):\d+$/);
    await t.stop();
  });

  test('a port that is taken is told with the name of its setting', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    for (const batched of ['auto', 'off'] as const) {
      await assert.rejects(testReceiver({ batched, listen: { host: '127.0.0.1', port } }), {
        code: 'EADDRINUSE',
        message: `GATEHOUSE_SYSLOG 127.0.0.1:${port}: another program has this address: stop it, or set another one`,
      });
    }
    server.close();
    const t = await testReceiver();
    await assert.rejects(testReceiver({ listen: { host: '127.0.0.1', port: t.port } }), /GATEHOUSE_SYSLOG /);
    await t.stop();
    await assert.rejects(
      testReceiver({ listen: { host: '192.0.2.77', port: 0 } }),
      /GATEHOUSE_SYSLOG .* no such address/,
    );
  });
});
