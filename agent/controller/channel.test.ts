import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CLOSE, MAX_PEERS, type PeerState, type Telemetry } from '@gatehouse/protocol';
import { Backoff } from './backoff.ts';
import { Channel, type ChannelOptions, type Position } from './channel.ts';
import { newPrivateKey, publicKeyOf } from './keys.ts';
import { selfSigned } from './testing/certificates.ts';
import { type FakeController, spokeState, startFakeController } from './testing/fake-controller.ts';

const KEY = publicKeyOf(newPrivateKey());
const OTHER = publicKeyOf(newPrivateKey());

const telemetry: Telemetry = {
  hostname: 'laptop',
  agentVersion: '0',
  os: { platform: 'linux', distro: '', release: '', arch: 'x64' },
  systemUptime: 1,
  wireguardUptime: 1,
  cpu: 0,
  memory: { total: 1, used: 0 },
  battery: null,
  peers: [],
};

describe('the channel', () => {
  let controller: FakeController;
  let channel: Channel | null = null;
  let events: string[];
  let states: Position[];
  let waiting: (() => void)[];

  beforeEach(async () => {
    events = [];
    states = [];
    waiting = [];
    controller = await startFakeController({ state: () => spokeState(KEY) });
  });
  afterEach(async () => {
    channel?.stop();
    await controller.close();
  });

  const note = (what: string) => {
    events.push(what);
    for (const wake of waiting.splice(0)) wake();
  };
  /** Resolves when `count` events begin with `what`. */
  const seen = async (what: string, count = 1): Promise<string> => {
    for (;;) {
      const found = events.filter((event) => event.startsWith(what));
      if (found.length >= count) return found[count - 1]!;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  const open = (options: Partial<ChannelOptions> = {}, apply = async (_: Position) => undefined as undefined) => {
    channel = new Channel({
      url: controller.url,
      credential: `ghd_${'0'.repeat(64)}`,
      publicKey: KEY,
      position: null,
      log: (message) => note(`log ${message}`),
      backoff: new Backoff(1, 1),
      events: {
        connected: () => note('connected'),
        lost: (code, message) => note(`lost ${code} ${message}`),
        revoked: (message) => note(`revoked ${message}`),
        state: (position) => {
          states.push(position);
          note(`state ${position.epoch} ${position.seq}`);
          return apply(position);
        },
      },
      ...options,
    });
    channel.start();
    return channel;
  };
  const hellos = () => controller.heard.filter((message) => message.type === 'hello');
  const acks = () => controller.heard.flatMap((message) => (message.type === 'ack' ? [message.seq] : []));
  const ack = (seq: number) => controller.hear((message) => message.type === 'ack' && message.seq === seq);

  test('says hello, takes the state, acknowledges it once it is applied, then deltas in turn', async () => {
    let applied: () => void = () => undefined;
    open({}, () => new Promise((resolve) => (applied = () => resolve(undefined))));
    await seen('state epoch-1 1');
    assert.deepEqual(events, ['connected', 'state epoch-1 1']);
    assert.deepEqual(acks(), []);
    applied();
    await ack(1);
    const routes = ['10.10.0.0/24', '10.20.0.0/16'];
    controller.send({ type: 'delta', epoch: 'epoch-1', seq: 2, delta: { sections: { routes } } });
    await seen('state epoch-1 2');
    assert.deepEqual(states[1]?.state, { ...spokeState(KEY), routes });
    applied();
    await ack(2);
    assert.equal(hellos()[0]?.resume, undefined);
  });

  test('a state that could not be applied is not acknowledged', async () => {
    open({}, async ({ seq }) => {
      if (seq === 1) throw new Error('no privileges');
      return undefined;
    });
    await seen('state epoch-1 1');
    controller.send({ type: 'delta', epoch: 'epoch-1', seq: 2, delta: { sections: { routes: [] } } });
    await ack(2);
    assert.deepEqual(acks(), [2]);
  });

  test('a state or a change beyond all bounds is refused by name; all of it is asked for anew, and a good one is taken', async () => {
    open();
    await seen('state epoch-1 1');
    const { peer, ...rest } = spokeState(KEY);
    const long = { ...peer, networkName: 'x'.repeat(254) };
    controller.send({ type: 'state', epoch: 'epoch-1', seq: 2, state: { ...rest, peer: long } });
    const lost = await seen('lost');
    assert.match(
      lost,
      /sent a state that can't be used: \/state\/peer\/networkName .*253.*Update the agent or the controller/,
    );
    await seen('state', 2);
    assert.equal(states[1]?.state.peer.networkName, peer.networkName);
    controller.send({ type: 'delta', epoch: 'epoch-1', seq: 2, delta: { sections: { peer: long } } });
    assert.match(await seen('lost', 2), /sent a delta that can't be used: \/delta\/sections\/peer\/networkName/);
    await seen('state', 3);
    assert.equal(states.length, 3);
    assert.deepEqual(
      hellos().map(({ resume }) => resume),
      [undefined, undefined, undefined],
    );
  });

  test('changes that add up to more peers than a state may have are refused', async () => {
    const [hub] = spokeState(KEY).peers;
    const key = (i: number) => `${String(i).padStart(42, 'B')}A=`;
    const many = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => ({ ...hub!, publicKey: key(from + i), allowedIps: [] }));
    const full = { ...spokeState(KEY), peers: many(0, MAX_PEERS) };
    await controller.close();
    controller = await startFakeController({ state: () => full });
    open();
    await seen('state epoch-1 1');
    controller.send({ type: 'delta', epoch: 'epoch-1', seq: 2, delta: { upsert: many(MAX_PEERS, MAX_PEERS + 1) } });
    assert.match(await seen('lost'), /more than 65536 peers/);
  });

  test('resumes where it was after the connection was cut', async () => {
    open();
    await ack(1);
    controller.onHello = (_hello, socket) => socket.send(JSON.stringify({ type: 'resumed', epoch: 'epoch-1', seq: 1 }));
    for (const socket of controller.sockets) socket.terminate();
    await seen('connected', 2);
    assert.deepEqual(hellos()[1]?.resume, { epoch: 'epoch-1', seq: 1 });
    controller.send({ type: 'delta', epoch: 'epoch-1', seq: 2, delta: { sections: { routes: [] } } });
    await ack(2);
    assert.equal(events.filter((event) => event.startsWith('lost')).length, 1);
  });

  test('resumes at what the disk knew; a controller with another epoch is asked for everything', async () => {
    const position = { epoch: 'old', seq: 7, state: spokeState(KEY) };
    controller.onHello = (hello, socket) => {
      const reply = hello.resume
        ? { type: 'resumed', epoch: 'new', seq: 7 }
        : { type: 'state', epoch: 'new', seq: 1, state: spokeState(KEY) };
      socket.send(JSON.stringify(reply));
    };
    open({ position });
    await seen('state new 1');
    assert.deepEqual(
      hellos().map(({ resume }) => resume),
      [{ epoch: 'old', seq: 7 }, undefined],
    );
  });

  test('a gap in the numbers asks for everything, once, and skips deltas until it comes', async () => {
    open();
    await ack(1);
    controller.onHello = () => undefined;
    for (const seq of [3, 4, 5]) controller.send({ type: 'delta', epoch: 'epoch-1', seq, delta: {} });
    await controller.hear((message) => message.type === 'hello', 2);
    controller.send({ type: 'delta', epoch: 'epoch-1', seq: 2, delta: {} });
    controller.send({ type: 'state', epoch: 'epoch-1', seq: 9, state: spokeState(KEY) });
    await ack(9);
    assert.equal(hellos().length, 2);
    assert.deepEqual(
      states.map(({ seq }) => seq),
      [1, 9],
    );
  });

  const bad: [string, object | string][] = [
    ['no JSON', '{'],
    ['an unknown type', { type: 'exec', command: 'reboot' }],
    ['a wrong shape', { type: 'delta', epoch: 'epoch-1', seq: '2', delta: {} }],
    [
      'an endpoint that is none',
      {
        type: 'delta',
        epoch: 'epoch-1',
        seq: 2,
        delta: { upsert: [{ ...spokeState(KEY).peers[0], endpoint: 'a\nPostUp=x:1' }] },
      },
    ],
    ['a route that is none', { type: 'delta', epoch: 'epoch-1', seq: 2, delta: { sections: { routes: ['default'] } } }],
  ];
  for (const [what, message] of bad) {
    test(`${what} is not applied: it reconnects and asks for everything`, async () => {
      open();
      await ack(1);
      for (const socket of controller.sockets)
        socket.send(typeof message === 'string' ? message : JSON.stringify(message));
      assert.match(await seen('lost'), /Update the agent or the controller/);
      await seen('connected', 2);
      assert.equal(hellos()[1]?.resume, undefined);
      assert.deepEqual(new Set(states.map(({ seq }) => seq)), new Set([1]));
    });
  }

  test('binary frames are not of the protocol', async () => {
    open();
    await ack(1);
    for (const socket of controller.sockets) socket.send(Buffer.from('{}'));
    await seen('lost');
  });

  const stopsRevoked = async () => {
    assert.match(await seen('revoked'), /Ask an administrator for a new token/);
    while (controller.sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const said = hellos().length;
    channel?.check();
    channel?.reconnect();
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(hellos().length, said);
    assert.equal(events.filter((event) => event.startsWith('revoked')).length, 1);
  };

  test('close 4401 means cut off: it stops', async () => {
    open();
    await ack(1);
    for (const socket of controller.sockets) socket.close(CLOSE.revoked);
    await stopsRevoked();
  });

  test('HTTP 401 means cut off: it stops', async () => {
    controller.refuse = 401;
    open();
    await stopsRevoked();
  });

  test('a state for another key means cut off, also when a delta brings it', async () => {
    controller.onHello = (_hello, socket) =>
      socket.send(JSON.stringify({ type: 'state', epoch: 'e', seq: 1, state: spokeState(OTHER) }));
    open();
    await stopsRevoked();
    assert.deepEqual(states, []);
    controller.onHello = null;
    events = [];
    open();
    await seen('connected');
    const sections: Partial<PeerState> = { interface: spokeState(OTHER).interface };
    controller.send({ type: 'delta', epoch: 'epoch-1', seq: 2, delta: { sections } });
    await seen('revoked');
  });

  test('other refusals are tried again', async () => {
    controller.refuse = 503;
    open();
    assert.match(await seen('lost'), /HTTP 503/);
    controller.refuse = 404;
    await seen('lost', 4);
    assert.ok(events.some((event) => /HTTP 404.*check the URL/.test(event)));
    controller.refuse = null;
    await seen('connected');
  });

  test('no ping for three intervals: it hangs up and reconnects; pings keep it', async () => {
    open({ pingSeconds: 0.3 });
    assert.match(await seen('lost'), /controller-unreachable/);
    await seen('connected', 2);
    const pinging = setInterval(() => {
      for (const socket of controller.sockets) socket.ping();
    }, 20);
    const before = events.length;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    clearInterval(pinging);
    assert.equal(events.slice(before).filter((event) => event.startsWith('lost')).length, 0);
  });

  test('an unreachable controller, and one with a wrong certificate', async () => {
    const tls = selfSigned('localhost');
    const secure = await startFakeController({ tls, state: () => spokeState(KEY) });
    open({ url: secure.url });
    assert.match(await seen('lost certificate'), /--ca <file>/);
    channel?.stop();
    open({ url: secure.url, ca: tls.cert });
    await seen('connected');
    await secure.close();
    assert.match(await seen('lost controller-unreachable'), /lost|reached/);
  });

  test('reconnect and check connect at once, also out of a long wait', async () => {
    controller.refuse = 503;
    open({ backoff: new Backoff(3_600_000, 3_600_000, () => 1) });
    await seen('lost');
    controller.refuse = null;
    channel?.check();
    await seen('connected');
    channel?.check();
    channel?.reconnect();
    await seen('connected', 2);
    assert.equal(controller.sockets.size, 1);
  });

  test('telemetry goes out when the controller has answered', async () => {
    const quiet = open();
    assert.equal(quiet.sendTelemetry(telemetry), false);
    await ack(1);
    assert.equal(quiet.sendTelemetry(telemetry), true);
    const heard = await controller.hear((message) => message.type === 'telemetry');
    assert.deepEqual(heard, { type: 'telemetry', telemetry });
  });

  test('after stop nothing is said', async () => {
    open();
    await ack(1);
    channel?.stop();
    const before = events.length;
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(events.length, before);
    while (controller.sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});

test('backoff grows to its limit with full jitter, and starts anew', () => {
  const most = new Backoff(1_000, 30_000, () => 1);
  assert.deepEqual(
    Array.from({ length: 7 }, () => most.next()),
    [1000, 2000, 4000, 8000, 16000, 30000, 30000],
  );
  most.reset();
  assert.equal(most.next(), 1000);
  assert.equal(new Backoff(1_000, 30_000, () => 0).next(), 0);
});
