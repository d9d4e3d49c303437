import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import type { Facts, Method } from '../types.ts';
import { parsePolicy } from './document.ts';
import { PolicySet, treatment } from './engine.ts';
import type { StoredPolicy } from './model.ts';
import { CHECKS, facts, NAS, policySet, VENDORS } from './testing.ts';

test('without a policy everybody is allowed, with no restriction', () => {
  const set = policySet([]);
  for (const door of ['radius', 'overlay'] as const) {
    assert.deepEqual(set.decide(facts({ door })), { action: 'allow', policy: null, attributes: [], overlayGroups: [] });
  }
  const off = policySet(['{name: p, enabled: false, decide: {action: deny}}']);
  assert.equal(off.decide(facts()).action, 'allow');
});

test('where none matches, RADIUS refuses and the overlay stays as it is', () => {
  const set = policySet(['{name: p, match: {users: [bob]}, decide: {action: deny}}']);
  assert.deepEqual(set.decide(facts()), {
    action: 'deny',
    policy: null,
    attributes: [],
    overlayGroups: [],
    reason: 'no policy matches',
  });
  assert.equal(set.decide(facts({ door: 'overlay' })).action, 'allow');
});

test('the first that matches decides: by priority, then by name', () => {
  const set = policySet([
    '{name: z, priority: 10, decide: {action: allow, vlan: 1}}',
    '{name: B, priority: 5, match: {users: [bob]}, decide: {action: allow, vlan: 2}}',
    '{name: a, priority: 10, decide: {action: allow, vlan: 3}}',
  ]);
  assert.deepEqual(
    set.policies.map(({ name }) => name),
    ['B', 'a', 'z'],
  );
  assert.equal(set.decide(facts()).vlan, 3);
  assert.equal(set.decide(facts({ username: 'bob' })).vlan, 2);
});

test('a decision is one object until its document changes', () => {
  const texts = ['{name: a, match: {users: [a]}, decide: {action: allow}}', '{name: b, decide: {action: deny}}'];
  const first = policySet(texts);
  assert.equal(first.decide(facts()), first.decide(facts({ username: 'carol' })));
  const stored = texts.map((text, index): StoredPolicy => {
    const result = parsePolicy(text, CHECKS);
    assert.ok('policy' in result);
    return { id: String(index), version: index === 0 ? 2 : 1, document: result.policy };
  });
  const surroundings = { zoneOf: () => 'UTC', postureOf: () => undefined };
  const second = new PolicySet(stored, surroundings, () => VENDORS, first.policies);
  assert.equal(second.decide(facts()), first.decide(facts()));
  assert.notEqual(second.decide(facts({ username: 'a' })), first.decide(facts({ username: 'a' })));
});

test('two policies that say the same treat people alike', () => {
  const set = policySet([
    '{name: a, match: {users: [a]}, decide: {action: allow, vlan: 1, bandwidth: {up: 1mbps, down: 2mbps}}}',
    '{name: b, match: {users: [b]}, decide: {bandwidth: {down: 2mbps, up: 1mbps}, vlan: 1, action: allow}}',
    '{name: c, match: {users: [c]}, decide: {action: allow, vlan: 1, bandwidth: {up: 1mbps, down: 3mbps}}}',
  ]);
  const of = (username: string) => treatment(set.decide(facts({ username })));
  assert.equal(of('a'), of('b'));
  assert.notEqual(of('a'), of('c'));
});

test('explain says of each policy which conditions failed, and what there was', () => {
  const set = policySet([
    '{name: staff, priority: 1, match: {groups: [staff], ssids: [Corp], posture: {firewall: true}}, decide: {action: allow}}',
    '{name: rest, decide: {action: quarantine, vlan: 99}}',
  ]);
  const { decision, policies } = set.explain(facts({ groups: ['guests'], ssid: 'Corp' }));
  assert.equal(decision.vlan, 99);
  assert.deepEqual(policies, [
    {
      id: '0',
      name: 'staff',
      priority: 1,
      matched: false,
      failed: [
        { condition: 'groups', expected: 'staff', actual: 'guests' },
        { condition: 'posture.firewall', expected: 'true', actual: null },
      ],
    },
    { id: '1', name: 'rest', priority: 100, matched: true, failed: [] },
  ]);
});

test('a miss is a better policy that only the posture keeps somebody from', () => {
  const set = policySet([
    '{name: a, priority: 1, match: {groups: [staff], posture: {firewall: true, disk: true}}, decide: {action: allow}}',
    '{name: b, priority: 2, match: {groups: [staff]}, decide: {action: quarantine}}',
  ]);
  const staff = facts({ groups: ['staff'] });
  const miss = { policyId: '0', policyName: 'a', failed: ['firewall'], wanted: ['true'] };
  assert.deepEqual(set.postureMiss(staff, { firewall: false, disk: true }), miss);
  assert.equal(set.postureMiss(staff, { firewall: true, disk: true }), undefined);
  assert.equal(set.postureMiss(facts(), { firewall: false }), undefined);
  const worse = policySet([
    '{name: a, priority: 1, match: {posture: {rooted: true}}, decide: {action: deny}}',
    '{name: b, priority: 2, decide: {action: allow}}',
  ]);
  assert.equal(worse.postureMiss(staff, { rooted: false }), undefined);
});

// The naive interpreter: what the documents say, read again for each request.
const USERS = ['alice', 'bob', 'carol'];
const GROUPS = ['staff', 'guests', 'it'];
const METHODS: Method[] = ['pap', 'mab', 'eap-tls', 'peap-gtc', 'ttls-pap'];
interface Naive {
  users?: string[];
  groups?: string[];
  methods?: string[];
  nas_groups?: string[];
  ssids?: string[];
  called_stations?: string[];
  devices?: string[];
  device_groups?: string[];
  voucher?: boolean;
  door?: string;
  realms?: string[];
  time?: { days: string[]; from: string; to: string };
  posture?: Record<string, boolean | number>;
}
const some = (values: readonly string[]) => fc.subarray([...values], { minLength: 1 });
const match: fc.Arbitrary<Naive> = fc.record(
  {
    users: some(USERS),
    groups: some(GROUPS),
    methods: some(['pap', 'mab', 'eap-tls', 'peap', 'ttls']),
    nas_groups: some(['floor-1', 'floor-2']),
    ssids: some(['Corp', 'Guest']),
    called_stations: fc.constantFrom(['*:Corp'], ['*']),
    devices: some(['till', 'camera']),
    device_groups: some(['tills']),
    voucher: fc.boolean(),
    door: fc.constantFrom('radius', 'overlay'),
    realms: some(['example.com']),
    time: fc.record({
      days: some(['mon', 'sat', 'sun']),
      from: fc.constantFrom('08:00', '22:00'),
      to: fc.constantFrom('06:00', '18:30'),
    }),
    posture: fc.record({ firewall: fc.boolean(), patch: fc.nat(2) }, { requiredKeys: ['firewall'] }),
  },
  { requiredKeys: [] },
);
const policies = fc.array(
  fc.record({
    priority: fc.nat(3),
    enabled: fc.boolean(),
    match,
    decide: fc.record({
      action: fc.constantFrom('allow', 'deny', 'quarantine', 'portal'),
      vlan: fc.integer({ min: 1, max: 9 }),
    }),
  }),
  { maxLength: 8 },
);
const request: fc.Arbitrary<Facts> = fc
  .record({
    door: fc.constantFrom('radius' as const, 'overlay' as const),
    username: fc.constantFrom(...USERS),
    realm: fc.option(fc.constant('example.com'), { nil: undefined }),
    groups: fc.subarray(GROUPS),
    method: fc.constantFrom(...METHODS),
    nas: fc.option(fc.constant(NAS), { nil: undefined }),
    ssid: fc.option(fc.constantFrom('Corp', 'Guest'), { nil: undefined }),
    device: fc.option(
      fc.constantFrom({ id: 'd', name: 'till', groups: ['tills'] }, { id: 'e', name: 'x', groups: [] }),
      { nil: undefined },
    ),
    voucher: fc.option(fc.constant({ id: 'v', batchId: 'b' }), { nil: undefined }),
    at: fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2026, 0, 15) }),
  })
  .map((some) => ({ ...some, calledStation: some.ssid && `00-11-22-33-44-55:${some.ssid}` }));

function naive(match: Naive, facts: Facts, posture: Record<string, boolean | number> | undefined): boolean {
  const any = (wanted: string[] | undefined, values: readonly (string | undefined)[]) =>
    wanted === undefined || wanted.some((one) => values.includes(one));
  const date = new Date(facts.at);
  const minutes = date.getUTCHours() * 60 + date.getUTCMinutes();
  const day = (back: number) =>
    ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][(date.getUTCDay() + 7 - back) % 7] as string;
  const inTime = ({ days, from, to }: NonNullable<Naive['time']>): boolean => {
    const [begin, end] = [from, to].map((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3))) as [
      number,
      number,
    ];
    if (begin < end) return days.includes(day(0)) && minutes >= begin && minutes < end;
    return (days.includes(day(0)) && minutes >= begin) || (days.includes(day(1)) && minutes < end);
  };
  return (
    any(match.users, [facts.username]) &&
    any(match.groups, facts.groups) &&
    any(match.methods, [facts.method, facts.method.split('-')[0] === 'eap' ? '' : facts.method.split('-')[0]]) &&
    any(match.nas_groups, facts.nas?.groups ?? []) &&
    any(match.ssids, [facts.ssid]) &&
    (match.called_stations === undefined ||
      (facts.calledStation !== undefined &&
        (match.called_stations[0] === '*' || facts.calledStation.endsWith(':Corp')))) &&
    any(match.devices, [facts.device?.name]) &&
    any(match.device_groups, facts.device?.groups ?? []) &&
    (match.voucher === undefined || match.voucher === (facts.voucher !== undefined)) &&
    any(match.door === undefined ? undefined : [match.door], [facts.door]) &&
    any(match.realms, [facts.realm]) &&
    (match.time === undefined || inTime(match.time)) &&
    Object.entries(match.posture ?? {}).every(([name, value]) => posture?.[name] === value)
  );
}

test('decide is the first policy that matches, as a naive interpreter says', () => {
  const posture = fc.option(fc.record({ firewall: fc.boolean(), patch: fc.nat(2) }), { nil: undefined });
  fc.assert(
    fc.property(policies, fc.array(request, { minLength: 1, maxLength: 8 }), posture, (documents, requests, known) => {
      const named = documents.map((document, index) => ({ ...document, name: `p${index}` }));
      const set = policySet(
        named.map((document) => stringify(document)),
        { posture: known },
      );
      const asked = named
        .filter(({ enabled }) => enabled)
        .sort((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1));
      for (const one of requests) {
        const decision = set.decide(one);
        const first = asked.find((document) => naive(document.match, one, known));
        assert.equal(decision.policy?.name ?? null, first?.name ?? null);
        assert.equal(decision.vlan, first?.decide.vlan);
        const unmatched = asked.length > 0 && one.door === 'radius' ? 'deny' : 'allow';
        assert.equal(decision.action, first?.decide.action ?? unmatched);
        assert.equal(set.explain(one).decision, decision);
      }
    }),
    { numRuns: 500 },
  );
});
