import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import fc from 'fast-check';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  checkReply,
  encodeReply,
  encodeRequest,
  type Packet,
  parsePacket,
  Secret,
} from '../../appliance/radius/codec/index.ts';
import { createRadsec, type RadsecOptions } from '../../appliance/radius/radsec/index.ts';
import { createServer } from '../../appliance/radius/server/index.ts';
import type { AccessRequest, Nas } from '../../appliance/radius/types.ts';
import { requires } from '../requires.ts';
import { type Authority, type Issued, makeAuthority } from './certificates.ts';
import { accessRequest, nasOf, startProxy, upstreamOf } from './proxy-support.ts';

const RADSEC = new Secret('radsec');
const log = pino({ level: 'silent' });

const until = async (what: string, check: () => unknown): Promise<void> => {
  for (let i = 0; !check(); i++) {
    assert.ok(i < 1000, `waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

describe('RadSec', requires('openssl'), () => {
  let folder: string;
  let [ca, foreign]: Authority[] = [];
  let [server, ap1, stranger, person]: Issued[] = [];
  const ends: (() => unknown)[] = [];

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-radsec-'));
    ca = makeAuthority(path.join(folder, 'ca'), 'Test CA');
    foreign = makeAuthority(path.join(folder, 'foreign'), 'Foreign CA');
    server = ca.issue('radius.example.com', { alternatives: 'DNS:radius.example.com,IP:127.0.0.1' });
    ap1 = ca.issue('ap1', { alternatives: 'DNS:AP1.example.com' });
    person = ca.issue('ap1.example.com', { alternatives: 'email:ap1.example.com@example.com' });
    stranger = foreign.issue('ap1', { alternatives: 'DNS:ap1.example.com' });
  });
  after(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await rm(folder, { recursive: true });
  });

  /** The RADIUS server with RadSec before it; `alice` is let in. */
  async function start(more: Partial<RadsecOptions> = {}) {
    const registry = new Registry();
    const nas = new Map<string, Nas>([['ap1.example.com', nasOf({ protocol: 'radsec', secret: RADSEC })]]);
    const requests: AccessRequest[] = [];
    const radius = createServer({
      log,
      registry,
      clients: () => undefined,
      limits: { rejectDelayMs: 0 },
      onAccess(request) {
        requests.push(request);
        const ok = request.packet.text(ATTRIBUTE.userName) === 'alice';
        const attributes = new AttributeWriter().add(ATTRIBUTE.class, `by ${request.nas.name}`).done();
        return { code: ok ? CODE.accessAccept : CODE.accessReject, attributes };
      },
      onAccounting: async () => ({ code: CODE.accountingResponse, attributes: new Uint8Array(0) }),
      batched: 'off',
      monotonic: () => performance.now(),
      now: () => Date.now(),
    });
    const credentials = { key: server!.key, chain: server!.certificate, authorities: ca!.pem };
    const radsec = createRadsec({
      log,
      registry,
      credentials: () => ({ ...credentials }),
      findNas: (names) => names.map((name) => nas.get(name)).find((one) => one !== undefined),
      openStream: (connection) => radius.openStream(connection),
      monotonic: () => performance.now(),
      ...more,
    });
    const port = await radsec.listen('127.0.0.1', 0);
    ends.push(() => radius.close());
    ends.push(() => radsec.close());
    return { radsec, radius, port, nas, requests, credentials, registry };
  }

  /** A client that reads packets; rejects where it is not let in. */
  async function client(port: number, certificate: Issued | undefined, more: ConnectionOptions = {}) {
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca: ca!.pem,
      ...(certificate && { key: certificate.key, cert: certificate.certificate }),
      ...more,
    });
    ends.push(() => socket.destroy());
    let bytes = Buffer.alloc(0);
    let closed = false;
    let failed: Error | undefined;
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
    });
    socket.on('error', (error) => {
      failed = error;
    });
    socket.on('close', () => {
      closed = true;
    });
    let secure = false;
    socket.on('secureConnect', () => {
      secure = true;
    });
    await until('the handshake is over', () => closed || secure);
    return {
      socket,
      closed: () => until('the connection is closed', () => closed),
      isClosed: () => closed,
      failed: () => failed,
      async packet(): Promise<Packet> {
        await until('a packet is there', () => closed || (bytes.length >= 4 && bytes.length >= bytes.readUInt16BE(2)));
        const length = bytes.readUInt16BE(2);
        const packet = parsePacket(bytes.subarray(0, length)) as Packet;
        bytes = bytes.subarray(length);
        return packet;
      },
    };
  }

  const request = (id: number, name = 'alice', code: number = CODE.accessRequest): Packet =>
    parsePacket(encodeRequest(code, id, RADSEC, new AttributeWriter().add(ATTRIBUTE.userName, name).done())) as Packet;

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`${version}: requests of both kinds and Status-Server on one connection`, async () => {
      const it = await start();
      const peer = await client(it.port, ap1, { minVersion: version, maxVersion: version });
      const sent = [
        request(1),
        request(2, 'bob'),
        request(3, 'alice', CODE.accountingRequest),
        request(4, 'x', CODE.statusServer),
      ];
      peer.socket.write(Buffer.concat(sent.map(({ bytes }) => bytes)));
      const answers = new Map<number, Packet>();
      while (answers.size < 4) {
        const packet = await peer.packet();
        answers.set(packet.id, packet);
      }
      assert.deepEqual(
        [1, 2, 3, 4].map((id) => answers.get(id)?.code),
        [2, 3, 5, 2],
      );
      for (const one of sent) assert.ok(checkReply(answers.get(one.id)!, one.authenticator, RADSEC));
      assert.equal(answers.get(1)?.text(ATTRIBUTE.class), 'by ap-1');
      assert.deepEqual([it.requests[0]?.authPort, it.requests[0]?.address], [it.port, '127.0.0.1']);
    });
  }

  test('a stream in pieces of any size', async () => {
    const it = await start();
    const peer = await client(it.port, ap1);
    const stream = Buffer.concat(Array.from({ length: 20 }, (_, id) => request(id).bytes));
    const [sizes] = fc.sample(fc.infiniteStream(fc.integer({ min: 1, max: 90 })), 1);
    for (let at = 0; at < stream.length; ) {
      const size = sizes?.next().value ?? 1;
      peer.socket.write(stream.subarray(at, at + size));
      at += size;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const ids = new Set<number>();
    while (ids.size < 20) ids.add((await peer.packet()).id);
    assert.ok(!peer.isClosed());
  });

  test('who is not let in: no certificate, a foreign CA, a person, a name that no NAS has, a revoked one', async () => {
    const it = await start();
    for (const certificate of [
      undefined,
      stranger,
      person,
      ca!.issue('ap2', { alternatives: 'DNS:ap2.example.com' }),
    ]) {
      const peer = await client(it.port, certificate);
      await peer.closed();
    }
    assert.equal(it.requests.length, 0);
    const { refused } = it.radsec.stats();
    assert.deepEqual([refused.handshake, refused['unknown-client']], [2, 2]);
    assert.match(await it.registry.metrics(), /gatehouse_radius_radsec_refused_total\{reason="handshake"\} 2/);

    const seen: (readonly Uint8Array[])[] = [];
    const revoking = await start({
      checkCertificate: async (chain) => {
        seen.push(chain);
        return false;
      },
    });
    await (await client(revoking.port, ap1)).closed();
    assert.deepEqual([revoking.radsec.stats().refused.revoked, seen[0]?.length], [1, 2], 'the leaf and its CA');
  });

  test('a certificate that is revoked while its client is connected', async () => {
    let valid = true;
    const it = await start({ checkCertificate: async () => valid });
    const peer = await client(it.port, ap1);
    peer.socket.write(request(1).bytes);
    await peer.packet();
    it.radsec.refresh();
    peer.socket.write(request(2).bytes);
    assert.equal((await peer.packet()).code, CODE.accessAccept, 'it still holds');
    valid = false;
    it.radsec.refresh();
    await peer.closed();
  });

  test('TLS 1.1 and plain text are refused', async () => {
    const it = await start();
    await (
      await client(it.port, ap1, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' })
    ).closed();
    const plain = connectTcp(it.port, '127.0.0.1');
    plain.on('error', () => undefined);
    plain.write(request(1).bytes);
    plain.resume();
    await once(plain, 'close');
    assert.equal(it.requests.length, 0);
  });

  test('a length that cannot be, or a packet that is not signed right, ends the connection', async () => {
    const it = await start();
    const bad = [
      Uint8Array.of(1, 1, 0, 19, ...randomBytes(40)),
      Uint8Array.of(1, 1, 0x10, 0x01, ...randomBytes(40)),
      encodeRequest(CODE.accessRequest, 1, new Secret('another'), new AttributeWriter().add(1, 'alice').done()),
      encodeRequest(CODE.accountingRequest, 1, new Secret('another'), new AttributeWriter().add(1, 'alice').done()),
    ];
    for (const bytes of bad) {
      const peer = await client(it.port, ap1);
      peer.socket.write(request(1).bytes);
      assert.equal((await peer.packet()).code, CODE.accessAccept);
      peer.socket.write(bytes);
      await peer.closed();
    }
    assert.equal(it.radsec.stats().refused.broken, bad.length);
  });

  test('limits: connections of one address', async () => {
    const it = await start({ limits: { perAddress: 2 } });
    const peers = [await client(it.port, ap1), await client(it.port, ap1)];
    await (await client(it.port, ap1)).closed();
    assert.equal(it.radsec.stats().refused.full, 1);
    peers[0]?.socket.destroy();
    await until('one has left', () => it.radsec.stats().connections === 1);
    const again = await client(it.port, ap1);
    again.socket.write(request(1).bytes);
    assert.equal((await again.packet()).code, CODE.accessAccept);
  });

  test('limits: handshakes under way, connections of clients', async () => {
    const busy = await start({ limits: { handshakes: 1 } });
    const mute = connectTcp(busy.port, '127.0.0.1');
    ends.push(() => mute.destroy());
    await until('it is counted', () => busy.radsec.stats().handshakes === 1);
    await (await client(busy.port, ap1)).closed();
    const full = await start({ limits: { connections: 1 } });
    const first = await client(full.port, ap1);
    await until('it is counted', () => full.radsec.stats().connections === 1);
    await (await client(full.port, ap1)).closed();
    assert.deepEqual([busy.radsec.stats().refused.full, full.radsec.stats().refused.full], [1, 1]);
    assert.ok(!first.isClosed());
  });

  test('handshakes that never come, and connections without a word, end', async () => {
    const it = await start({ limits: { handshakeMs: 300 } });
    const mute = connectTcp(it.port, '127.0.0.1');
    ends.push(() => mute.destroy());
    mute.resume();
    await once(mute, 'close');
    await until('nothing is left', () => it.radsec.stats().handshakes === 0);
    assert.equal(it.radsec.stats().refused.handshake, 1);
    const idle = await start({ limits: { idleMs: 300 } });
    await (await client(idle.port, ap1)).closed();
    await until('nothing is left', () => idle.radsec.stats().connections === 0);
  });

  test('a client that reads no answers does not fill the memory', async () => {
    const it = await start({ limits: { unsent: 20_000 } });
    const peer = await client(it.port, ap1);
    peer.socket.pause();
    const many = Buffer.concat(Array.from({ length: 256 }, (_, id) => request(id).bytes));
    peer.socket.on('error', () => undefined);
    let sent = 0;
    const pump = (): void => {
      while (!peer.socket.destroyed && sent < 4000 && peer.socket.write(many)) sent++;
    };
    peer.socket.on('drain', pump);
    pump();
    // Either it isn't read any more, or it is cut off: what waits for it stays within bounds.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const other = await client(it.port, ap1);
    other.socket.write(request(1).bytes);
    assert.equal((await other.packet()).code, CODE.accessAccept);
  });

  test('a NAS that is changed or removed: the next packet sees it', async () => {
    const it = await start();
    const peer = await client(it.port, ap1);
    peer.socket.write(request(1).bytes);
    await peer.packet();
    it.nas.set('ap1.example.com', nasOf({ protocol: 'radsec', secret: RADSEC, name: 'renamed' }));
    peer.socket.write(request(2).bytes);
    assert.equal((await peer.packet()).text(ATTRIBUTE.class), 'by renamed');
    it.nas.clear();
    peer.socket.write(request(3).bytes);
    await peer.closed();
    it.nas.set('ap1.example.com', nasOf({ protocol: 'radsec', secret: RADSEC }));
    const back = await client(it.port, ap1);
    await until('it is known', () => it.radsec.stats().connections === 1);
    it.radsec.prune((id) => id !== 'nas-1');
    await back.closed();
  });

  test('new credentials are shown to new connections; other authorities end the old ones', async () => {
    const it = await start();
    const first = await client(it.port, ap1);
    const next = ca!.issue('next.example.com', { alternatives: 'IP:127.0.0.1,DNS:next.example.com' });
    Object.assign(it.credentials, { key: next.key, chain: next.certificate });
    it.radsec.refresh();
    const second = await client(it.port, ap1);
    assert.match(second.socket.getPeerCertificate().subject.CN as string, /next/);
    first.socket.write(request(1).bytes);
    assert.equal((await first.packet()).code, CODE.accessAccept, 'who is there stays');
    it.credentials.key = 'nonsense';
    it.radsec.refresh();
    assert.ok(await client(it.port, ap1), 'what cannot be used changes nothing');
    Object.assign(it.credentials, { key: next.key, authorities: foreign!.pem });
    it.radsec.refresh();
    await first.closed();
    await second.closed();
    await (await client(it.port, ap1)).closed();
    const now = await client(it.port, stranger);
    now.socket.write(request(2).bytes);
    assert.equal((await now.packet()).code, CODE.accessAccept);
  });

  test("CoA goes by the client's own connection, and its answer comes back", async () => {
    const replies: [string, Packet][] = [];
    const it = await start({ onReply: (id, bytes) => void replies.push([id, parsePacket(bytes) as Packet]) });
    assert.equal(it.radsec.sendTo('nas-1', new Uint8Array(20)), false);
    const peer = await client(it.port, ap1);
    await until('it is known', () => it.radsec.stats().connections === 1);
    const coa = parsePacket(
      encodeRequest(CODE.coaRequest, 9, RADSEC, new AttributeWriter().add(1, 'a').done()),
    ) as Packet;
    assert.equal(it.radsec.sendTo('nas-1', coa.bytes), true);
    const asked = await peer.packet();
    assert.deepEqual([asked.code, asked.id], [CODE.coaRequest, 9]);
    peer.socket.write(encodeReply(CODE.coaAck, asked, RADSEC, new Uint8Array(0)));
    await until('the answer is there', () => replies.length === 1);
    assert.equal(replies[0]?.[0], 'nas-1');
    assert.ok(checkReply(replies[0]![1], coa.authenticator, RADSEC));
  });

  describe('as upstream', () => {
    const tls = () => ({
      ca: ca!.pem,
      certificate: ap1!.certificate,
      privateKey: ap1!.key,
      serverName: 'radius.example.com',
    });
    const upstream = (port: number, more: Partial<ReturnType<typeof upstreamOf>> = {}) =>
      upstreamOf('a', port, { protocol: 'radsec', secret: RADSEC, tls: tls(), ...more });
    const ask = (proxy: ReturnType<typeof startProxy>, name = 'alice') =>
      proxy.proxyAccess(
        ['a'],
        accessRequest((w) => w.add(1, name)),
      );
    const proxyTo = (...args: Parameters<typeof upstream>) => {
      const proxy = startProxy([upstream(...args)]);
      ends.push(proxy.close);
      return proxy;
    };

    test('requests go by one connection that stays; more than 256 by another', async () => {
      const it = await start();
      const proxy = proxyTo(it.port);
      assert.equal((await ask(proxy))?.code, CODE.accessAccept);
      assert.equal((await ask(proxy, 'bob'))?.code, CODE.accessReject);
      assert.equal(it.radsec.stats().connections, 1);
      const all = await Promise.all(Array.from({ length: 600 }, () => ask(proxy)));
      assert.ok(all.every((answer) => answer?.code === CODE.accessAccept));
      assert.equal(it.radsec.stats().connections, 3);
    });

    test('after the connection broke it is made anew', async () => {
      const it = await start();
      const proxy = proxyTo(it.port, { deadSeconds: 0 });
      await ask(proxy);
      it.radsec.prune(() => false);
      let answer: Awaited<ReturnType<typeof ask>>;
      for (let i = 0; !answer && i < 200; i++) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        answer = await ask(proxy);
      }
      assert.equal(answer?.code, CODE.accessAccept);
    });

    test('a server that is not the one gets nothing', async () => {
      const it = await start();
      const elsewhere = proxyTo(it.port, { tls: { ...tls(), serverName: 'other.example.com' } });
      const distrusted = proxyTo(it.port, { tls: { ...tls(), ca: foreign!.pem } });
      const broken = proxyTo(it.port, { tls: { ...tls(), privateKey: 'nonsense' } });
      for (const proxy of [elsewhere, distrusted, broken]) assert.equal(await ask(proxy), undefined);
      assert.equal(it.requests.length, 0);
    });

    test('our own certificate, where the upstream has none; checked by address without a name', async () => {
      const it = await start();
      const proxy = startProxy([upstream(it.port, { tls: { ca: ca!.pem } })], {
        credentials: () => ({ key: ap1!.key, chain: ap1!.certificate }),
      });
      ends.push(proxy.close);
      assert.equal((await ask(proxy))?.code, CODE.accessAccept);
    });
  });
});
