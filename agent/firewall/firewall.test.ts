import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import type { PeerState, Firewall as Section, WgPeer } from '@gatehouse/protocol';
import fc from 'fast-check';
import { requires } from '../../test/requires.ts';
import { recorder } from '../os/recorder.ts';
import { RunError, systemCommands } from '../os/run.ts';
import { contains, network, parseCidr } from '../wireguard/cidr.ts';
import { Firewall } from './nftables.ts';
import { flatten, planFirewall } from './plan.ts';
import { renderChanges, renderTable, sameFrame, tableName } from './render.ts';

const key = (n: number): string => {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt32BE(n);
  return bytes.toString('base64');
};
const host = (n: number): string => `10.77.${n >> 8}.${n & 255}`;

function peer(n: number, change: Partial<WgPeer> = {}): WgPeer {
  const allowedIps = [`${host(n)}/32`, `fd77::${n.toString(16)}/128`];
  return { publicKey: key(n), name: `p${n}`, hub: false, allowedIps, keepalive: 25, class: 2, ...change };
}

function state(peers: WgPeer[], section: Partial<Section> = {}, change: Partial<PeerState> = {}): PeerState {
  return {
    peer: { id: 'hub', name: 'hub', networkId: 'n', networkName: 'net', role: 'hub' },
    interface: { publicKey: key(1), addresses: ['10.77.0.1/16', 'fd77::1/64'], mtu: 1420 },
    routes: [],
    dns: { servers: [], search: [] },
    firewall: { own: 1, classes: [{ id: 2, allow: [1, 2], cidrs: [] }], masquerade: [], ...section },
    names: { domain: 'internal', label: 'hub', records: [], upstream: [] },
    peers,
    ...change,
  };
}
const plan = (...args: Parameters<typeof state>) => planFirewall('gh0', state(...args))!;
const many = Array.from({ length: 10_000 }, (_, i) => peer(i + 2));

describe('the plan', () => {
  test('only whole addresses within the overlay are a peer’s own; the hub’s are the hub’s', () => {
    const router = peer(3, {
      class: 5,
      allowedIps: ['10.77.0.3/32', '192.168.9.0/24', '192.168.8.8/32', '10.77.9.0/24'],
    });
    const thief = peer(4, { class: 6, allowedIps: ['10.77.0.1/32', 'FD77:0::4/128'] });
    const { class: _, ...nobody } = peer(5);
    const made = plan([router, thief, nobody]);
    assert.deepEqual(
      [...made.peers4],
      [
        ['10.77.0.3', 5],
        ['10.77.0.1', 1],
      ],
    );
    assert.deepEqual(
      [...made.peers6],
      [
        ['fd77::4', 6],
        ['fd77::1', 1],
      ],
    );
  });

  test('a class that reaches nothing and is reached by nobody may not even ask for names', () => {
    const classes = [
      { id: 1, allow: [2], cidrs: [] },
      { id: 2, allow: [], cidrs: [] },
      { id: 3, allow: [], cidrs: ['192.168.0.0/16'] },
      { id: 4, allow: [], cidrs: [] },
    ];
    assert.deepEqual([...plan([], { classes }).askers].sort(), [1, 2, 3]);
    const held = plan([], { classes: [...classes, { id: 5, allow: [], cidrs: [], captive: true }] });
    assert.deepEqual([[...held.askers].sort(), [...held.captives]], [[1, 2, 3, 5], [5]]);
  });

  test('a state without a firewall asks for none; one that isn’t made of addresses is refused', () => {
    const { firewall: _, ...old } = state([]);
    assert.equal(planFirewall('gh0', old), null);
    for (const bad of ['10.0.0.0/8 } ; flush ruleset', 'x', '10.0.0.0/33', '::/0%eth0'])
      assert.throws(() => plan([], { masquerade: [bad] }), RangeError, bad);
    assert.throws(() => plan([peer(2, { allowedIps: ['10.77.0.2/32\nflush ruleset'] })]), RangeError);
  });

  test('flattened networks hold the same addresses, each once', () => {
    const cidr = fc.tuple(fc.nat(0xff), fc.integer({ min: 24, max: 32 })).map(([n, prefix]) => `10.0.0.${n}/${prefix}`);
    fc.assert(
      fc.property(fc.array(cidr, { maxLength: 12 }), (texts) => {
        const flat = flatten(texts).v4.map(parseCidr);
        for (let n = 0; n < 256; n++) {
          const address = parseCidr(`10.0.0.${n}`);
          const within = texts.some((text) => contains(network(parseCidr(text)), address));
          assert.equal(flat.filter((block) => contains(block, address)).length, within ? 1 : 0);
        }
      }),
    );
    assert.deepEqual(flatten(['fd00:1::/32', '::/0', '10.1.2.3/8', '10.0.0.0/9']), {
      v4: ['10.0.0.0/8'],
      v6: ['::/0'],
    });
  });
});

describe('changes', () => {
  const before = plan(many);
  const changes = (peers: WgPeer[], section: Partial<Section> = {}): string[] =>
    renderChanges(before, plan(peers, section))
      .split('\n')
      .filter((line) => line !== '');
  const but = (n: number, change: Partial<WgPeer>): WgPeer[] => many.with(n - 2, peer(n, change));

  test('nothing is nothing', () => assert.deepEqual(changes([...many]), []));

  test('one of 10,000 peers is a handful of elements', () => {
    assert.deepEqual(changes(but(5000, { class: 1 })), [
      'delete element inet gatehouse_gh0 peers4 { 10.77.19.136 }',
      'add element inet gatehouse_gh0 peers4 { 10.77.19.136 : 1 }',
      'delete element inet gatehouse_gh0 peers6 { fd77::1388 }',
      'add element inet gatehouse_gh0 peers6 { fd77::1388 : 1 }',
    ]);
    assert.equal(changes(many.slice(1)).length, 2);
    assert.equal(changes([...many, peer(20_000)]).length, 2);
    assert.deepEqual(changes(but(5000, { name: 'renamed', keepalive: 0, endpoint: '192.0.2.1:1' })), []);
  });

  test('a class that changed is changed alone', () => {
    assert.deepEqual(changes(many, { classes: [{ id: 2, allow: [2], cidrs: ['10.1.0.0/16'] }] }), [
      'delete element inet gatehouse_gh0 allow_2 { 1 }',
      'flush set inet gatehouse_gh0 cidrs4_2',
      'add element inet gatehouse_gh0 cidrs4_2 { 10.1.0.0/16 }',
      'delete element inet gatehouse_gh0 askers { 1 }',
    ]);
  });

  test('other addresses of the hub itself ask for the whole table', () => {
    const moved = state(many, {}, { interface: { publicKey: key(1), addresses: ['10.77.0.9/16'], mtu: 1420 } });
    assert.equal(sameFrame(before, planFirewall('gh0', moved)!), false);
    const { names: _, ...silent } = state(many);
    assert.equal(sameFrame(before, planFirewall('gh0', silent)!), false);
    assert.equal(sameFrame(before, plan([])), true);
  });

  test('each name of an interface has a table of its own', () => {
    const names = ['gh0', 'gh-0', 'gh+0', 'gh=0', 'gh_0', 'gh.0'];
    assert.equal(new Set(names.map(tableName)).size, names.length);
  });
});

describe('nft', () => {
  const listed = 'table inet gatehouse_gh0 { # handle 1\n}\n';
  const firewall = (answer: (line: string) => string | Error, missing: string[] = []) => {
    const commands = recorder(answer, missing);
    return { commands, firewall: new Firewall({ name: 'gh0', commands, log: () => undefined, look: 3_600_000 }) };
  };
  const masked = (lines: string[]): string[] =>
    lines.map((line) => line.replaceAll(/\/\S*gatehouse-\w+\/\d+/g, 'FILE'));

  test('loads once, says nothing where nothing changed, and loads whole where a change is refused', async () => {
    let fail = false;
    const one = firewall((line) => {
      if (!line.includes('-f') || !fail) return listed;
      fail = false;
      return new Error('No such file or directory');
    });
    await one.firewall.apply(state([peer(2)]));
    assert.deepEqual(masked(one.commands.take()), ['nft -f FILE', 'nft -a -t list ruleset inet']);
    await one.firewall.apply(state([peer(2)]));
    assert.deepEqual(one.commands.take(), []);
    fail = true;
    await one.firewall.apply(state([peer(3)]));
    assert.deepEqual(masked(one.commands.take()), ['nft -f FILE', 'nft -f FILE', 'nft -a -t list ruleset inet']);
    await one.firewall.remove();
  });

  test('without nft the message says what to install', async () => {
    const { firewall: one, commands } = firewall(() => '');
    commands.run = async () => {
      throw new RunError('nft', 'ENOENT', '');
    };
    await assert.rejects(one.apply(state([])), { code: 'apply-failed', message: /apt install nftables/ });
  });
});

describe('the kernel', requires('root', 'nft', 'ip'), () => {
  const ns = `gffw${process.pid.toString(36)}`;
  const system = systemCommands('linux');
  const commands: typeof system = {
    ...system,
    run: (program, args, input) => system.run('ip', ['netns', 'exec', ns, program, ...args], input),
  };
  before(() => execFileSync('ip', ['netns', 'add', ns]));
  after(() => execFileSync('ip', ['netns', 'delete', ns]));

  const listing = async (name: string): Promise<unknown[]> => {
    const said = JSON.parse(await commands.run('nft', ['-j', 'list', 'table', 'inet', tableName(name)]));
    // Handles and the order of things are the way by which it came about.
    const bare = (value: unknown): unknown =>
      JSON.parse(
        JSON.stringify(value, (name, inner) => {
          if (name === 'handle' || name === 'metainfo') return undefined;
          return name === 'elem' ? inner.map((one: unknown) => JSON.stringify(one)).sort() : inner;
        }).replaceAll(tableName(name), 'TABLE'),
      );
    return (said.nftables as unknown[]).map((one) => JSON.stringify(bare(one))).sort();
  };

  const cidrs = ['192.168.0.0/16', '192.168.1.0/24', '0.0.0.0/0', '10.0.0.0/9', 'fd00::/8', '::/0', '192.168.1.0/25'];
  const states = fc
    .record({
      classes: fc.uniqueArray(
        fc.record({
          id: fc.integer({ min: 1, max: 6 }),
          allow: fc.subarray([1, 2, 3, 4, 5, 6]),
          cidrs: fc.subarray(cidrs, { maxLength: 4 }),
        }),
        { selector: ({ id }) => id, maxLength: 6 },
      ),
      masquerade: fc.subarray(cidrs, { maxLength: 3 }),
      members: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 8 }),
    })
    .map(({ classes, masquerade, members }) =>
      state(
        members.map((id, n) => peer(n + 2, { class: id })),
        { classes, masquerade },
      ),
    );

  test('any change leads to the same table as loading it whole', async () => {
    const [name, other] = ['gh0', 'gh+1'];
    const changed = new Firewall({ name, commands, log: assert.fail, look: 3_600_000 });
    await fc.assert(
      fc.asyncProperty(states, async (next) => {
        await changed.apply(next);
        await commands.run('nft', ['-f', '/dev/stdin'], renderTable(planFirewall(other, next)!));
        const whole = (await listing(other)).map((line) => (line as string).replaceAll(other, name));
        assert.deepEqual(await listing(name), whole);
      }),
      { numRuns: 20 },
    );
    assert.equal(await changed.check(), false);
    await changed.remove();
    assert.equal(await changed.present(), false);
    await changed.remove();
  });

  test('10,000 peers load at once, and one of them changes', async () => {
    const firewall = new Firewall({ name: 'gh2', commands, log: assert.fail, look: 3_600_000 });
    await firewall.apply(state(many));
    await firewall.apply(state(many.with(7, peer(9, { class: 1 }))));
    const said = await commands.run('nft', ['get', 'element', 'inet', 'gatehouse_gh2', 'peers4', '{ 10.77.0.9 }']);
    assert.match(said, /10\.77\.0\.9 : 0x00000001/);
    await firewall.remove();
  });
});
