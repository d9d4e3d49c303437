import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { decode, encode, type Question } from 'dns-packet';
import { HUB_KEY, spokeState } from '../controller/testing/fake-controller.ts';
import { NameServer } from '../dns/index.ts';
import { primaryHub } from '../tunnel/index.ts';
import { parseCidr } from '../wireguard/cidr.ts';
import { LatencyMeter } from './meter.ts';
import { askHub, reverseName } from './probe.ts';
import { latencyTarget } from './target.ts';

describe('asking the hub', () => {
  test("the agent's own DNS answers of itself", async () => {
    const names = new NameServer({ log: () => undefined, port: 0, upstreamPort: 1, resolvConf: '/dev/null' });
    const state = spokeState(HUB_KEY);
    const service = { domain: 'office.internal', label: 'gate', records: [], upstream: [] };
    const own = { ...state.interface, addresses: ['127.0.0.1/8'] };
    await names.update({ ...state, peer: { ...state.peer, role: 'hub' }, interface: own, names: service, peers: [] });
    try {
      const passed = await askHub('127.0.0.1', names.portOf('127.0.0.1')!);
      assert.ok(passed !== null && passed >= 0);
    } finally {
      await names.close();
    }
  });

  test('another server, silence, nonsense and nobody are no answer', async () => {
    const server = createSocket('udp4');
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    let answer: (query: Buffer) => Buffer | null = () => null;
    const asked: string[] = [];
    let lastFrom: RemoteInfo | undefined;
    server.on('message', (query, from) => {
      lastFrom = from;
      asked.push(decode(query).questions![0]!.name);
      const said = answer(query);
      if (said) server.send(said, from.port, from.address);
    });
    const reply = (query: Buffer, flags: number, id = decode(query).id!) =>
      encode({ type: 'response', id, flags, questions: decode(query).questions!, answers: [] });
    assert.equal(await askHub('127.0.0.1', port, 50), null);
    // Not authoritative: it asked somebody else, so the time says nothing of the hub.
    answer = (query) => reply(query, 0x0080);
    assert.equal(await askHub('127.0.0.1', port, 1_000), null);
    answer = () => Buffer.from('nonsense');
    assert.equal(await askHub('127.0.0.1', port, 50), null);
    answer = (query) => reply(query, 0x0400, (decode(query).id! + 1) & 0xffff);
    assert.equal(await askHub('127.0.0.1', port, 50), null);
    const other = (...questions: Question[]) => {
      answer = (query) => encode({ type: 'response', id: decode(query).id!, flags: 0x0400, questions, answers: [] });
    };
    const name = '1.0.0.127.in-addr.arpa';
    for (const questions of [
      [],
      [{ type: 'PTR', name: '2.0.0.127.in-addr.arpa' }],
      [{ type: 'A', name }],
      [{ type: 'PTR', class: 'CH', name }],
      [
        { type: 'PTR', name },
        { type: 'PTR', name },
      ],
    ] as Question[][]) {
      other(...questions);
      assert.equal(await askHub('127.0.0.1', port, 50), null, JSON.stringify(questions));
    }
    // A wrong answer isn't the end of it: the right one may still come.
    answer = (query) => {
      server.send(reply(query, 0x0400, (decode(query).id! + 1) & 0xffff), lastFrom!.port, lastFrom!.address);
      return reply(query, 0x0400);
    };
    assert.notEqual(await askHub('127.0.0.1', port, 60_000), null);
    answer = (query) => reply(query, 0x0400);
    assert.notEqual(await askHub('127.0.0.1', port, 60_000), null);
    assert.deepEqual(new Set(asked), new Set(['1.0.0.127.in-addr.arpa']));
    server.close();
    assert.equal(await askHub('127.0.0.1', port, 1_000), null);
  });

  test('the right words of somebody else are no answer', async () => {
    const [hub, stranger] = [createSocket('udp4'), createSocket('udp4')];
    for (const socket of [hub, stranger]) socket.bind(0, '127.0.0.1');
    await Promise.all([once(hub, 'listening'), once(stranger, 'listening')]);
    hub.on('message', (query, from) => {
      const { id, questions } = decode(query);
      const said = encode({ type: 'response', id: id!, flags: 0x0400, questions: questions!, answers: [] });
      stranger.send(said, from.port, from.address);
    });
    assert.equal(await askHub('127.0.0.1', hub.address().port, 200), null);
    hub.close();
    stranger.close();
  });

  test('names of addresses', () => {
    assert.equal(reverseName(parseCidr('10.77.0.1')), '1.0.77.10.in-addr.arpa');
    assert.equal(
      reverseName(parseCidr('fd77::1')),
      '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.7.7.d.f.ip6.arpa',
    );
  });
});

test('whom to ask: the DNS server that is behind the hub', () => {
  const state = spokeState(HUB_KEY);
  const target = (change: Partial<typeof state>) => {
    const changed = { ...state, ...change };
    return latencyTarget(changed, primaryHub(changed));
  };
  const [hub] = state.peers;
  assert.equal(target({}), '10.10.0.1');
  assert.equal(target({ dns: { servers: ['9.9.9.9'], search: [] } }), null);
  assert.equal(target({ dns: { servers: [], search: [] } }), null);
  assert.equal(target({ dns: { servers: ['nonsense'], search: [] } }), null);
  assert.equal(target({ peers: [] }), null);
  const other = { ...hub!, publicKey: `b${HUB_KEY.slice(1)}`, allowedIps: ['10.10.0.1/32'] };
  assert.equal(target({ peers: [hub!, other] }), null, "it is another hub's address");
});

describe('the meter', () => {
  const run = async (answers: (number | null)[], every = 15_000) => {
    const asked: string[] = [];
    const meter = new LatencyMeter(async (address) => {
      asked.push(address);
      return answers.shift() ?? null;
    });
    let mono = 0;
    const step = async (target: string | null, wait = every) => {
      meter.tick(target, mono);
      mono += wait;
      await new Promise((resolve) => setImmediate(resolve));
      return meter.value;
    };
    return { asked, step };
  };

  test('at once, then every 15 s; the median of three; unknown after three losses', async () => {
    const { asked, step } = await run([10, 90, 12, 14, null, null, null, 20]);
    assert.equal(await step('10.0.0.1', 5_000), 10);
    assert.equal(await step('10.0.0.1', 10_000), 10);
    assert.equal(asked.length, 1);
    const seen: (number | null)[] = [];
    for (let i = 0; i < 7; i += 1) seen.push(await step('10.0.0.1'));
    assert.deepEqual(seen, [10, 12, 14, 14, 14, null, 20]);
  });

  test('another hub, or none: nothing is known; a late answer of the old one counts for nobody', async () => {
    const { asked, step } = await run([10, 11]);
    assert.equal(await step('10.0.0.1'), 10);
    assert.equal(await step(null), null);
    assert.deepEqual(asked, ['10.0.0.1']);
    let answer: (ms: number) => void = () => undefined;
    const meter = new LatencyMeter(() => new Promise((resolve) => (answer = resolve)));
    meter.tick('10.0.0.1', 0);
    meter.tick('10.0.0.2', 1);
    answer(5);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(meter.value, null);
  });
});
