import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { PeerState } from '@gatehouse/protocol';
import { Firewall } from '../../agent/firewall/index.ts';
import { requires } from '../requires.ts';
import { type Bed, makeBed, until, WG } from './bed.ts';
import type { Probe } from './probe.ts';

const PORT = 5000;
const [SERVER, SERVER6, BARE] = ['192.168.1.5', '2001:db8:1::5', '10.9.1.1'];
/** The hub's own class, staff, servers, roamers, and a blocked one. */
const [OWN, STAFF, SERVERS, ROAMERS, BLOCKED] = [1, 10, 20, 30, 40];
const MEMBERS: Record<number, number> = { 2: STAFF, 3: SERVERS, 4: ROAMERS, 5: BLOCKED };
const ALLOW: Record<number, number[]> = { [OWN]: [STAFF], [STAFF]: [OWN, SERVERS], [SERVERS]: [], [ROAMERS]: [STAFF] };
const CIDRS: Record<number, string[]> = {
  [SERVERS]: ['192.168.1.0/24', '10.9.0.0/16', '2001:db8:1::/48'],
  [ROAMERS]: ['192.0.2.0/24'],
};

interface Rules {
  members?: Record<number, number>;
  allow?: Record<number, number[]>;
}

describe('the hub’s rules, by packets', requires('root', 'ip', 'nft'), () => {
  let bed: Bed;
  let firewall: Firewall;
  const log: string[] = [];
  const peer = (n: number): Probe => bed.peers.get(n)!;
  const key = (n: number): string => Buffer.alloc(32, n).toString('base64');

  function state({ members = MEMBERS, allow = ALLOW }: Rules = {}): PeerState {
    return {
      peer: { id: 'hub', name: 'hub', networkId: 'n', networkName: 'net', role: 'hub' },
      interface: { publicKey: key(1), addresses: [`${bed.v4(1)}/16`, `${bed.v6(1)}/64`], mtu: 1420 },
      routes: [],
      dns: { servers: [], search: [] },
      names: { domain: 'internal', label: 'hub', records: [], upstream: [] },
      firewall: {
        own: OWN,
        classes: [OWN, STAFF, SERVERS, ROAMERS, BLOCKED].map((id) => ({
          id,
          allow: allow[id] ?? [],
          cidrs: CIDRS[id] ?? [],
        })),
        masquerade: ['192.168.0.0/16', '192.168.1.0/24', '2001:db8:1::/48'],
      },
      peers: Object.entries(members).map(([n, id]) => ({
        publicKey: key(Number(n)),
        name: `p${n}`,
        hub: false,
        allowedIps: [`${bed.v4(Number(n))}/32`, `${bed.v6(Number(n))}/128`],
        keepalive: 0,
        class: id,
      })),
    };
  }

  before(async () => {
    bed = makeBed(4, [SERVER, SERVER6, BARE]);
    firewall = new Firewall({ name: WG, commands: bed.commands, log: (line) => log.push(line), look: 50 });
    for (const [n, probe] of [[1, bed.hub] as const, ...bed.peers]) {
      await probe.listen([bed.v4(n), bed.v6(n)], PORT);
      await probe.echo(bed.v4(n), PORT);
    }
    await bed.hub.listen([bed.v4(1), bed.v6(1)], 53);
    await bed.hub.listen(['192.0.2.1'], PORT);
    await bed.lan.listen([SERVER, SERVER6, BARE, '192.0.2.2'], PORT);
    await firewall.apply(state());
  });
  afterEach(() => firewall.apply(state()));
  after(async () => {
    await firewall?.remove();
    await bed?.remove();
  });

  let count = 0;
  /** Sends from one to the other; true when it arrives. What is allowed by a table of its own tells when to give up. */
  async function reaches(from: Probe, source: string, to: Probe, address: string, port = PORT): Promise<boolean> {
    const text = `message ${count++}`;
    await from.send(source, [address], port, text);
    const arrived = async (wanted: string) =>
      (await to.heard()).some((one) => one.text === wanted && one.at === address);
    // Afterwards staff ask a server, which they always may: the packet before has had its turn by then.
    await peer(2).send(bed.v4(2), [bed.v4(3)], PORT, `after ${text}`);
    await until(async () => (await peer(3).heard()).some((one) => one.text === `after ${text}`));
    return arrived(text);
  }
  const between = (from: number, to: number): Promise<boolean> =>
    reaches(from === 1 ? bed.hub : peer(from), bed.v4(from), to === 1 ? bed.hub : peer(to), bed.v4(to));

  test('between peers and to the hub: what the classes say, in both families', async () => {
    const allowed: string[] = [];
    for (const from of [1, 2, 3, 4, 5])
      for (const to of [1, 2, 3, 4, 5]) if (from !== to && (await between(from, to))) allowed.push(`${from} ${to}`);
    assert.deepEqual(allowed, ['1 2', '2 1', '2 3', '4 2']);
    assert.equal(await reaches(peer(2), bed.v6(2), peer(3), bed.v6(3)), true);
    assert.equal(await reaches(peer(3), bed.v6(3), peer(2), bed.v6(2)), false);
    assert.equal(await reaches(peer(2), bed.v6(2), bed.hub, bed.v6(1)), true);
    assert.equal(await reaches(peer(4), bed.v6(4), bed.hub, bed.v6(1)), false);
  });

  test('everybody who isn’t blocked may ask for names', async () => {
    for (const [n, may] of [
      [2, true],
      [3, true],
      [4, true],
      [5, false],
    ] as const) {
      assert.equal(await reaches(peer(n), bed.v4(n), bed.hub, bed.v4(1), 53), may, `p${n}`);
      assert.equal(await reaches(peer(n), bed.v6(n), bed.hub, bed.v6(1), 53), may, `p${n}, IPv6`);
    }
  });

  test('a peer that changes its class has other rights at once', async () => {
    await firewall.apply(state({ members: { ...MEMBERS, 4: STAFF } }));
    assert.equal(await between(4, 1), true);
    assert.equal(await between(4, 2), false);
    const { 4: _, ...without } = MEMBERS;
    await firewall.apply(state({ members: without }));
    assert.equal(await between(4, 1), false, 'unknown');
    assert.equal(await between(4, 2), false, 'unknown');
  });

  test('a new class, and one that is gone', async () => {
    const members = { ...MEMBERS, 4: 50 };
    const changed = state({ members });
    changed.firewall!.classes = changed.firewall!.classes.filter(({ id }) => id !== ROAMERS);
    changed.firewall!.classes.push({ id: 50, allow: [BLOCKED], cidrs: ['10.9.1.0/24'] });
    await firewall.apply(changed);
    assert.equal(await between(4, 5), true);
    assert.equal(await between(4, 2), false);
    assert.equal(await reaches(peer(4), bed.v4(4), bed.lan, BARE), true);
  });

  test('an open TCP connection that is revoked is dead at once, and lives again when it is allowed', async () => {
    const allow = { ...ALLOW, [ROAMERS]: [STAFF, SERVERS] };
    await firewall.apply(state({ allow }));
    await peer(4).open(bed.v4(4), bed.v4(3), PORT, 10_000);
    await peer(4).write('a');
    await until(async () => (await peer(4).read()) === 'a');
    await firewall.apply(state());
    await peer(4).write('b');
    for (let i = 0; i < 20; i++) assert.equal(await between(4, 3), false);
    assert.equal(await peer(4).read(), 'a');
    await firewall.apply(state({ allow }));
    await until(async () => (await peer(4).read()) === 'ab');
  });

  test('answers of the other side are dead likewise', async () => {
    const text = 'a question';
    await peer(2).send(bed.v4(2), [bed.v4(3)], PORT, text);
    await until(async () => (await peer(3).heard()).some((one) => one.text === text));
    const answered = async (what: string) => (await peer(2).answers()).some((one) => one.text === what);
    await peer(3).answer('first');
    await until(() => answered('first'));
    await firewall.apply(state({ allow: { ...ALLOW, [STAFF]: [OWN] } }));
    await peer(3).answer('second');
    await firewall.apply(state());
    await peer(3).answer('third');
    await until(() => answered('third'));
    assert.equal(await answered('second'), false);
  });

  test('a network behind the hub: by the class, under the hub’s address where it routes, and back', async () => {
    const seen = async (text: string) => (await bed.lan.heard()).find((one) => one.text === text);
    for (const [source, address, from] of [
      [bed.v4(3), SERVER, '192.0.2.1'],
      [bed.v4(3), BARE, bed.v4(3)],
      [bed.v6(3), SERVER6, '2001:db8::1'],
    ] as const) {
      const text = `to ${address}`;
      await peer(3).send(source, [address], PORT, text);
      await until(async () => (await seen(text)) !== undefined);
      assert.equal((await seen(text))?.from, from);
    }
    await bed.lan.answer('from outside');
    await until(async () => (await peer(3).answers()).filter((one) => one.text === 'from outside').length >= 3);
    for (const n of [2, 4, 5]) assert.equal(await reaches(peer(n), bed.v4(n), bed.lan, SERVER), false, `p${n}`);
    assert.equal(await reaches(peer(4), bed.v4(4), bed.lan, '192.0.2.2'), true);
  });

  test('ICMP errors come back: an unreachable network is said to be', async () => {
    bed.inHub('ip', 'route', 'add', 'unreachable', '192.168.1.64/26');
    await assert.rejects(peer(3).open(bed.v4(3), '192.168.1.70', PORT, 10_000), /EHOSTUNREACH/);
  });

  test('the hub’s other addresses are networks behind it', async () => {
    assert.equal(await reaches(peer(2), bed.v4(2), bed.hub, '192.0.2.1'), false);
    assert.equal(await reaches(peer(4), bed.v4(4), bed.hub, '192.0.2.1'), true);
  });

  test('from outside nothing can be opened; what isn’t ours is left alone', async () => {
    for (const n of [2, 3, 4]) assert.equal(await reaches(bed.lan, '192.0.2.2', peer(n), bed.v4(n)), false);
    assert.equal(await reaches(bed.lan, '2001:db8::2', peer(3), bed.v6(3)), false);
    assert.equal(await reaches(bed.lan, '192.0.2.2', bed.hub, '192.0.2.1'), true);
  });

  test('others’ rules: their accept doesn’t open, their drop holds, their marks stay', async () => {
    const other = (rules: string): void => {
      bed.inHub('nft', `table inet other { ${rules} }`);
    };
    const chain = (name: string, priority: number, rule: string) =>
      `chain ${name} { type filter hook forward priority ${priority}; policy accept; ${rule}; };`;
    other(chain('early', -300, 'accept') + chain('late', 100, 'accept'));
    assert.equal(await between(3, 2), false);
    bed.inHub('nft', 'delete', 'table', 'inet', 'other');
    other(chain('late', 100, `ip daddr ${bed.v4(2)} drop`));
    assert.equal(await between(4, 2), false);
    bed.inHub('nft', 'delete', 'table', 'inet', 'other');
    // A mark that looks like a class opens nothing.
    other(chain('early', -300, `meta mark set ${SERVERS}`));
    assert.equal(await between(3, 2), false);
    assert.equal(await between(5, 2), false);
    bed.inHub('nft', 'delete', 'table', 'inet', 'other');
    // None of ours is left behind for them.
    other(chain('late', 100, `ip daddr ${bed.v4(2)} meta mark != 0 drop`));
    assert.equal(await between(4, 2), true);
    bed.inHub('nft', 'delete', 'table', 'inet', 'other');
  });

  test('another program’s flush is noticed and put right', async () => {
    bed.inHub('nft', 'flush', 'ruleset');
    await until(async () => log.some((line) => line.includes('it is restored')));
    assert.equal(await between(3, 2), false);
    assert.equal(await between(2, 3), true);
    log.length = 0;
    // Inside the table, too.
    bed.inHub('nft', 'flush', 'chain', 'inet', `gatehouse_${WG}`, 'forward');
    await until(async () => log.some((line) => line.includes('it is restored')));
    assert.equal(await between(3, 2), false);
  });
});
