import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { PeerState } from '@gatehouse/protocol';
import { decode } from 'dns-packet';
import { requires } from '../../test/requires.ts';
import { RateLimit } from './limit.ts';
import { NameServer, type NameServerOptions } from './server.ts';
import { answered, hubState, peer, question, type Script, upstream } from './testing.ts';

const HUB = '127.77.0.1';
const CLIENT = '127.77.0.2';
const run = promisify(execFile);
const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(state: PeerState, options: Partial<NameServerOptions> = {}): Promise<NameServer> {
  const server = new NameServer({ log: () => undefined, port: 0, retry: 20, resolvConf: '/nonexistent', ...options });
  closing.push(() => server.close());
  await server.update(state);
  return server;
}

async function fake(script: Script, address?: string, port?: number) {
  const one = await upstream(script, address, port);
  closing.push(() => one.close());
  return one;
}

/** dig's short view: `status flags: answers`. */
async function dig(server: NameServer, ...args: string[]): Promise<string> {
  const port = String(server.portOf(HUB));
  const common = ['-4', `@${HUB}`, '-p', port, '-b', CLIENT, '+time=15', '+tries=1', '+noall', '+comments', '+answer'];
  const { stdout } = await run('dig', [...common, ...args], { maxBuffer: 1 << 22 });
  const status = /status: (\w+)/.exec(stdout)?.[1];
  const flags = /flags: ([\w ]*);/.exec(stdout)?.[1];
  const answers = stdout.split('\n').filter((line) => line !== '' && !line.startsWith(';'));
  return `${status} ${flags}: ${answers.map((line) => line.split(/\s+/).slice(3).join(' ')).join(', ')}`;
}

/** Sends a datagram from an address; resolves with what comes back. */
async function ask(server: NameServer, message: Buffer, from = CLIENT): Promise<Buffer> {
  const socket = createSocket('udp4');
  socket.bind(0, from);
  await once(socket, 'listening');
  socket.send(message, server.portOf(HUB)!, HUB);
  const [reply] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return reply;
}

describe('the hub’s DNS, asked by dig', requires('dig'), () => {
  test('peers, by UDP and TCP; records change with the state', async () => {
    const server = await serve(hubState());
    assert.equal(await dig(server, 'p2.internal', 'A'), 'NOERROR qr aa rd ra: A 127.77.0.2');
    assert.equal(await dig(server, '+tcp', 'p2.internal', 'AAAA'), 'NOERROR qr aa rd ra: ');
    assert.equal(await dig(server, '+tcp', '-x', '127.77.0.3'), 'NOERROR qr aa rd ra: PTR p3.internal.');
    assert.equal(await dig(server, '+noedns', 'nobody.internal', 'A'), 'NXDOMAIN qr aa rd ra: ');
    await server.update(hubState({}, { peers: [peer(2, { label: 'renamed' })] }));
    assert.equal(await dig(server, 'p2.internal', 'A'), 'NXDOMAIN qr aa rd ra: ');
    assert.equal(await dig(server, 'renamed.internal', 'A'), 'NOERROR qr aa rd ra: A 127.77.0.2');
    assert.equal(await dig(server, '+edns=1', '+noednsneg', 'renamed.internal', 'A'), 'BADVERS qr rd ra: ');
  });

  test('other names are asked for elsewhere', async () => {
    const other = await fake((message) => answered(message, ['192.0.2.80']));
    const server = await serve(hubState({ upstream: ['127.0.0.1'] }), { upstreamPort: other.port });
    assert.equal(await dig(server, 'Example.ORG', 'A'), 'NOERROR qr rd ra: A 192.0.2.80');
    assert.deepEqual(other.asked, ['udp']);
  });

  test('a long answer is cut for UDP and whole by TCP', async () => {
    const addresses = Array.from({ length: 200 }, (_, i) => `192.0.2.${i}`);
    const other = await fake((message, transport) =>
      transport === 'udp' ? answered(message, [], 0x8380) : answered(message, addresses),
    );
    const server = await serve(hubState({ upstream: ['127.0.0.1'] }), { upstreamPort: other.port });
    assert.match(await dig(server, '+ignore', '+bufsize=1232', 'example.org', 'A'), /^NOERROR qr tc rd ra: $/);
    // Large enough for all: what the other server couldn't say by UDP was fetched by TCP.
    assert.equal((await dig(server, '+ignore', '+bufsize=4096', 'example.org', 'A')).split(',').length, 200);
    assert.equal((await dig(server, 'example.org', 'A')).split(',').length, 200);
  });

  test('a name with many addresses of ours is cut likewise', async () => {
    const records = Array.from({ length: 100 }, (_, i) => ({ name: 'many.internal', address: `192.0.2.${i}` }));
    const server = await serve(hubState({ records }));
    assert.match(await dig(server, '+ignore', '+noedns', 'many.internal', 'A'), /^NOERROR qr aa tc rd ra: $/);
    assert.equal((await dig(server, '+noedns', 'many.internal', 'A')).split(',').length, 100);
  });
});

describe('other servers', () => {
  const A = question('example.org', 'A');
  const status = async (server: NameServer, message = A): Promise<string> => {
    const { flags = 0, answers = [] } = decode(await ask(server, message));
    return [`rcode ${flags & 15}`, ...answers.map((record) => ('data' in record ? record.data : ''))].join(' ');
  };

  test('the next one is asked when the first is silent, away or unable', async () => {
    const second = await fake((message) => answered(message, ['192.0.2.2']), '127.0.0.2');
    const first: Script[] = [
      () => null,
      (message) => answered(message, [], 0x8182),
      (message) => answered(message, [], 0x8185),
    ];
    for (const script of first) {
      const one = await fake(script, '127.0.0.1', second.port);
      const names = { upstream: ['127.0.0.1', '127.0.0.2'] };
      const server = await serve(hubState(names), { upstreamPort: second.port });
      assert.equal(await status(server), 'rcode 0 192.0.2.2');
      one.close();
      closing.splice(closing.length - 2, 1);
    }
    const server = await serve(hubState({ upstream: ['127.0.0.3', '127.0.0.2'] }), { upstreamPort: second.port });
    assert.equal(await status(server), 'rcode 0 192.0.2.2');
  });

  test('SERVFAIL when there is none, or none answers', async () => {
    assert.equal(await status(await serve(hubState())), 'rcode 2');
    const server = await serve(hubState({ upstream: ['127.0.0.1'] }), { upstreamPort: 9 });
    assert.equal(await status(server), 'rcode 2');
  });

  test('forged answers are passed over: another id, name or question', async () => {
    const other = await fake((message) => {
      const wrong = (change: (forged: Buffer) => void): Buffer => {
        const forged = answered(message, ['192.0.2.66']);
        change(forged);
        return forged;
      };
      return [
        wrong((forged) => forged.writeUInt16BE(forged.readUInt16BE(0) ^ 1, 0)),
        wrong((forged) => forged.writeUInt8(forged[13]! ^ 1, 13)),
        wrong((forged) => forged.writeUInt16BE(0x0100, 2)),
        Buffer.alloc(3),
        answered(message, ['192.0.2.1']),
      ];
    });
    const server = await serve(hubState({ upstream: ['127.0.0.1'] }), { upstreamPort: other.port });
    assert.equal(await status(server), 'rcode 0 192.0.2.1');
  });

  test('a server that changes the letters’ case is asked by TCP', async () => {
    const other = await fake((message, transport) => {
      const lower = Buffer.from(message.toString('latin1').toLowerCase(), 'latin1');
      lower.set(message.subarray(0, 12));
      return answered(lower, [transport === 'udp' ? '192.0.2.66' : '192.0.2.1']);
    });
    const server = await serve(hubState({ upstream: ['127.0.0.1'] }), { upstreamPort: other.port });
    // Long, so that all letters staying small is out of the question.
    const name = `${'abcdefghijklmnopqrstuvwxyz'.repeat(2)}.example.org`;
    assert.equal(await status(server, question(name, 'A')), 'rcode 0 192.0.2.1');
    assert.deepEqual(other.asked, ['udp', 'tcp']);
  });

  test('id and port are new each time, and EDNS goes along as it came', async () => {
    const seen: string[] = [];
    const rest: string[] = [];
    const other = await fake((message, _, from) => {
      seen.push(`${message.readUInt16BE(0)} ${from?.port}`);
      rest.push(message.subarray(-11).toString('hex'));
      return answered(message, []);
    });
    const server = await serve(hubState({ upstream: ['127.0.0.1'] }), { upstreamPort: other.port });
    const edns = Buffer.concat([A, Buffer.from('0000290800000080000000', 'hex')]);
    edns.writeUInt16BE(1, 10);
    for (let i = 0; i < 20; i++) await status(server, edns);
    assert.ok(new Set(seen).size >= 19);
    assert.deepEqual(new Set(rest), new Set(['0000290800000080000000']));
  });

  test('the same question is asked once at a time, and its answer goes to all who ask', async () => {
    const held: (() => void)[] = [];
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    closing.push(() => socket.close());
    socket.on('message', (message, from) =>
      held.push(() => socket.send(answered(message, ['192.0.2.5']), from.port, from.address)),
    );
    const server = await serve(hubState({ upstream: ['127.0.0.1'] }), { upstreamPort: socket.address().port });
    const first = ask(server, question('Example.org', 'A', 1));
    const second = ask(server, question('eXample.org', 'A', 2));
    await ask(server, question('p2.internal', 'A'), '127.77.0.3');
    for (const answer of held.splice(0)) answer();
    for (const [reply, id, name] of [
      [await first, 1, 'Example.org'],
      [await second, 2, 'eXample.org'],
    ] as const) {
      const message = decode(reply);
      assert.equal(message.id, id);
      assert.equal(message.questions?.[0]?.name, name);
      assert.equal(message.answers?.length, 1);
    }
    assert.equal(held.length, 0);
  });

  test('the system’s servers serve where the network names none; never the hub itself, nor who asks', async () => {
    const other = await fake((message) => answered(message, ['192.0.2.7']), '127.0.0.9');
    const resolvConf = path.join(folder, 'resolv.conf');
    writeFileSync(resolvConf, `nameserver ${HUB}\nnameserver 127.0.0.9\nnameserver 127.77.0.3\n`);
    const server = await serve(hubState(), { upstreamPort: other.port, resolvConf });
    assert.equal(await status(server), 'rcode 0 192.0.2.7');
    const { flags = 0 } = decode(await ask(server, A, '127.77.0.3'));
    assert.equal(flags & 15, 5);
    const alone = await serve(hubState({ upstream: [HUB] }), { upstreamPort: other.port });
    assert.equal(await status(alone), 'rcode 2');
  });
});

describe('who is answered', () => {
  test('only the overlay', async () => {
    const server = await serve(hubState());
    const outsider = createSocket('udp4');
    let heard = 0;
    outsider.on('message', () => heard++);
    outsider.bind(0, '127.0.0.1');
    await once(outsider, 'listening');
    outsider.send(question('p2.internal', 'A'), server.portOf(HUB)!, HUB);
    // The next question on the same socket of the server is answered after it.
    await ask(server, question('p2.internal', 'A'));
    const socket = connect({ host: HUB, port: server.portOf(HUB)!, localAddress: '127.0.0.1' });
    const message = question('p2.internal', 'A');
    socket.write(Buffer.concat([Buffer.from([0, message.length]), message]));
    socket.on('data', () => heard++);
    await once(socket, 'close');
    assert.equal(heard, 0);
    outsider.close();
  });

  test('several questions on one TCP connection, in pieces', async () => {
    const server = await serve(hubState());
    const socket = connect({ host: HUB, port: server.portOf(HUB)!, localAddress: CLIENT });
    const frame = (id: number): Buffer => {
      const message = question('p2.internal', 'A', id);
      return Buffer.concat([Buffer.from([0, message.length]), message]);
    };
    const all = Buffer.concat([frame(1), frame(2), frame(3)]);
    socket.write(all.subarray(0, 50));
    await new Promise((resolve) => setImmediate(resolve));
    socket.write(all.subarray(50));
    const ids = new Set<number>();
    let said = Buffer.alloc(0);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      said = Buffer.concat([said, chunk]);
      while (said.length >= 2 && said.length >= 2 + said.readUInt16BE(0)) {
        ids.add(said.readUInt16BE(2));
        said = said.subarray(2 + said.readUInt16BE(0));
      }
      if (ids.size === 3) break;
    }
    assert.deepEqual(ids, new Set([1, 2, 3]));
    socket.destroy();
  });

  test('one client can’t take it all', () => {
    let now = 0;
    const limit = new RateLimit(() => now);
    const granted = (client: string): number =>
      Array.from({ length: 1000 }, () => limit.take(client)).filter(Boolean).length;
    assert.equal(granted('a'), 500);
    assert.equal(granted('b'), 500);
    now += 1000;
    assert.equal(granted('a'), 100);
  });

  test('a port that is taken is said, and had once it is free; a state without names ends it', async () => {
    const other = createSocket('udp4');
    other.bind(0, HUB);
    await once(other, 'listening');
    const { port } = other.address();
    const server = await serve(hubState(), { port });
    assert.match(server.problems.join(), /can't listen on 127\.77\.0\.1 port \d+: another program has the port/);
    await new Promise<void>((resolve) => other.close(() => resolve()));
    while (server.problems.length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(server.portOf(HUB), port);
    const { names: _, ...spoke } = hubState();
    await server.update(spoke);
    assert.equal(server.portOf(HUB), undefined);
    await server.update(
      hubState({}, { interface: { publicKey: peer(1).publicKey, addresses: ['127.77.0.9/16'], mtu: 1420 } }),
    );
    assert.equal(server.portOf('127.77.0.9'), port);
  });
});
