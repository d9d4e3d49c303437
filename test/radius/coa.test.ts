import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { newRegistry } from '../../appliance/radius/accounting/testing.ts';
import { type CoaRequest, createCoaClient, MAX_AT_ONCE, WAITS_MS } from '../../appliance/radius/coa/index.ts';
import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  encodeReply,
  parsePacket,
  Secret,
} from '../../appliance/radius/codec/index.ts';
import { startNas } from './nas.ts';

const SECRET = new Secret('testing123');
const log = { info() {}, warn() {}, error() {} };

/** Timers that a test sets off. */
function manualTimers() {
  const waiting = new Set<{ fn: () => void; ms: number }>();
  return {
    set: (fn: () => void, ms: number) => {
      const timer = { fn, ms };
      waiting.add(timer);
      return timer;
    },
    clear: (timer: unknown) => void waiting.delete(timer as { fn: () => void; ms: number }),
    waiting,
    /** Lets everything that waits now be over; the waits, in milliseconds. */
    fire(): number[] {
      const now = [...waiting];
      waiting.clear();
      for (const { fn } of now) fn();
      return now.map(({ ms }) => ms);
    },
  };
}
const pause = (ms = 20) => new Promise((resolve) => setTimeout(resolve, ms));

describe('CoA and Disconnect', () => {
  const closing: (() => Promise<void>)[] = [];
  after(async () => {
    for (const close of closing) await close();
  });
  async function start() {
    const nas = await startNas(SECRET);
    const timers = manualTimers();
    const registry = newRegistry();
    const client = createCoaClient({ log, registry, now: () => Date.UTC(2026, 0, 1), timers });
    closing.push(nas.close, client.close);
    const attributes = new AttributeWriter().add(ATTRIBUTE.userName, 'alice').add(ATTRIBUTE.acctSessionId, 'S1').done();
    const request = (kind: CoaRequest['kind'] = 'disconnect', bulk = false): CoaRequest => ({
      kind,
      bulk,
      target: { address: '127.0.0.1', port: nas.port, secret: SECRET },
      attributes,
    });
    const until = async (count: number) => {
      while (nas.asked.length < count) await pause(1);
    };
    return { nas, timers, registry, client, request, until };
  }

  it('an ACK: the request names the session and has what a NAS asks for', async () => {
    const { nas, client, request } = await start();
    assert.deepEqual(await client.send(request()), { result: 'ack' });
    assert.deepEqual(await client.send(request('coa')), { result: 'ack' });
    assert.deepEqual(nas.wrong, []);
    assert.deepEqual(
      nas.asked.map(({ kind }) => kind),
      ['disconnect', 'coa'],
    );
    const [{ packet }] = nas.asked as [(typeof nas.asked)[0]];
    assert.equal(packet.text(ATTRIBUTE.userName), 'alice');
    assert.equal(packet.number(ATTRIBUTE.eventTimestamp), Date.UTC(2026, 0, 1) / 1000);
    assert.equal(packet.has(ATTRIBUTE.proxyState), false);
    assert.equal(packet.bytes[20], ATTRIBUTE.messageAuthenticator, 'first');
  });

  it('a NAK with its Error-Cause by name, with an unknown one, and without', async () => {
    const { nas, client, request } = await start();
    nas.state.behaviour = { nak: 503 };
    assert.deepEqual(await client.send(request()), {
      result: 'nak',
      cause: { code: 503, name: 'Session-Context-Not-Found' },
    });
    nas.state.behaviour = { nak: 999 };
    assert.deepEqual(await client.send(request('coa')), { result: 'nak', cause: { code: 999, name: 'Unknown' } });
    nas.state.behaviour = { nak: undefined };
    assert.deepEqual(await client.send(request('coa')), { result: 'nak', cause: null });
  });

  it('silence: four copies of the same packet, then no answer', async () => {
    const { nas, client, request, timers, until } = await start();
    nas.state.behaviour = 'silence';
    const outcome = client.send(request());
    const waits: number[] = [];
    for (let copy = 1; copy <= 4; copy++) {
      await until(copy);
      waits.push(...timers.fire());
    }
    assert.deepEqual(await outcome, { result: 'timeout' });
    assert.deepEqual(waits, WAITS_MS);
    assert.equal(new Set(nas.asked.map(({ bytes }) => bytes.toString('hex'))).size, 1);
    assert.equal(new Set(nas.asked.map(({ from }) => from)).size, 1);
  });

  it('an answer to the third copy is one', async () => {
    const { nas, client, request, timers, until } = await start();
    nas.state.behaviour = { copy: 3 };
    const outcome = client.send(request());
    for (let copy = 1; copy <= 2; copy++) {
      await until(copy);
      timers.fire();
    }
    assert.deepEqual(await outcome, { result: 'ack' });
    assert.equal(timers.waiting.size, 0);
  });

  it('an answer that was not made with the secret is none', async () => {
    const { nas, client, request, timers, until, registry } = await start();
    nas.state.behaviour = 'forged';
    const outcome = client.send(request());
    for (let copy = 1; copy <= 4; copy++) {
      await until(copy);
      await pause();
      timers.fire();
    }
    assert.deepEqual(await outcome, { result: 'timeout' });
    assert.match(await registry.metrics(), /gatehouse_radius_coa_dropped_total 4/);
  });

  it('thousands: 64 at once, each answered', async () => {
    const { nas, client, request } = await start();
    nas.delay.ms = 5;
    const outcomes = await Promise.all(Array.from({ length: 2000 }, () => client.send(request('coa', true))));
    assert.ok(outcomes.every(({ result }) => result === 'ack'));
    assert.equal(nas.asked.length, 2000);
    assert.ok(nas.mostAtOnce() <= MAX_AT_ONCE, `${nas.mostAtOnce()}`);
  });

  it('thousands to a NAS that is gone: what waits is given up with the first that got no answer', async () => {
    const { nas, client, request, timers, until } = await start();
    nas.state.behaviour = 'silence';
    const outcomes = Array.from({ length: 1000 }, () => client.send(request('coa', true)));
    const person = client.send(request());
    for (let copy = 1; copy <= 4; copy++) {
      await until(copy * (MAX_AT_ONCE + 1));
      timers.fire();
    }
    for (const outcome of outcomes) assert.deepEqual(await outcome, { result: 'timeout' });
    assert.deepEqual(await person, { result: 'timeout' }, 'a person waits for nobody');
    assert.equal(nas.asked.length, 4 * (MAX_AT_ONCE + 1));
  });

  it('by RadSec: once, by the connection of the NAS, and its answer comes back there', async () => {
    const timers = manualTimers();
    const sent: Uint8Array[] = [];
    const lines = new Set(['nas-1']);
    const client = createCoaClient({
      log,
      now: Date.now,
      timers,
      sendRadsec: (nasId, bytes) => {
        sent.push(bytes);
        return lines.has(nasId);
      },
    });
    const secret = new Secret('radsec');
    const request = (radsec: string): CoaRequest => ({
      kind: 'coa',
      target: { address: '127.0.0.1', port: 0, secret, radsec },
      attributes: new Uint8Array(0),
    });
    const outcome = client.send(request('nas-1'));
    const packet = parsePacket(sent[0]!);
    assert.ok(typeof packet !== 'string');
    const reply = encodeReply(CODE.coaAck, packet, secret, new Uint8Array(0));
    client.receiveRadsec('nas-2', reply);
    client.receiveRadsec('nas-1', Uint8Array.of(1, 2, 3));
    client.receiveRadsec('nas-1', reply);
    assert.deepEqual(await outcome, { result: 'ack' });
    const silent = client.send(request('nas-1'));
    assert.deepEqual(timers.fire(), [9000]);
    assert.deepEqual(await silent, { result: 'timeout' });
    const gone = client.send(request('nas-2'));
    timers.fire();
    assert.equal((await gone).result, 'failed');
    assert.equal(sent.length, 3);
  });

  it('what is under way at the end is given up', async () => {
    const { nas, client, request, until } = await start();
    nas.state.behaviour = 'silence';
    const outcome = client.send(request());
    await until(1);
    await client.close();
    assert.equal((await outcome).result, 'failed');
    assert.equal((await client.send(request())).result, 'failed');
  });

  it('attributes that fit in no packet are no reason to throw', async () => {
    const { client, request, timers } = await start();
    const outcome = client.send({ ...request(), attributes: new Uint8Array(5000) });
    timers.fire();
    assert.equal((await outcome).result, 'failed');
  });
});
