import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkSnapshot } from '../snapshot.ts';
import { network } from '../testing.ts';
import { evaluate, evaluateExternal, type Reason } from './evaluate.ts';
import { type Acl, type Group, type NetworkPolicy, OPEN_POLICY, type PolicyRule } from './model.ts';

type Spec = {
  groups?: Partial<Group>[];
  policies?: Record<string, Partial<PolicyRule>[]>;
  acl?: Partial<Acl>;
  in?: Record<string, string[]>;
};

/** Peers a, b, c and a hub with a LAN route; `in` says who is in which group. */
function build(spec: Spec, extra: { quarantined?: string; shared?: string[] } = {}): NetworkSnapshot {
  const policy: NetworkPolicy = {
    ...OPEN_POLICY,
    groups: new Map(
      (spec.groups ?? []).map((group, i) => [
        group.id as string,
        {
          name: group.id as string,
          priority: 100,
          createdAt: `2026-01-0${i + 1}`,
          policyIds: [],
          routeIds: [],
          ...group,
        } as Group,
      ]),
    ),
    policies: new Map(
      Object.entries(spec.policies ?? {}).map(([id, rules]) => [
        id,
        {
          id,
          name: id,
          rules: rules.map((rule, i) => ({
            id: `${id}-${i}`,
            direction: 'output',
            action: 'deny',
            targetType: 'peer',
            target: 'b',
            description: '',
            ...rule,
          })),
        },
      ]),
    ),
    routes: new Map([
      ['lan', { id: 'lan', name: 'lan', destinationCidr: '192.168.1.0/24', jumpPeerId: 'hub', domainSuffix: '' }],
    ]),
    acl: { ...OPEN_POLICY.acl, ...spec.acl },
  };
  const peer = (id: string) => ({ id, groupIds: spec.in?.[id] ?? [], quarantined: extra.quarantined === id });
  return network(
    [{ ...peer('hub'), isHub: true, additionalAllowedIps: extra.shared ?? [] }, peer('a'), peer('b'), peer('c')],
    { policy },
  );
}

const verdict = (net: NetworkSnapshot, from: string, to: string): string => {
  const { allowed, reason } = evaluate(net, net.peers.get(from)!, net.peers.get(to)!);
  return `${allowed ? 'yes' : 'no'} ${reason satisfies Reason}`;
};
const external = (net: NetworkSnapshot, from: string, address: string): boolean =>
  evaluateExternal(net, net.peers.get(from)!, address).allowed;

const acl = (source_peer: string, target_peer: string, action: 'allow' | 'deny') => ({
  id: `${source_peer}-${target_peer}`,
  source_peer,
  target_peer,
  action,
  description: '',
});

test('without rules peers of one network may talk', () => {
  assert.equal(verdict(build({}), 'a', 'b'), 'yes acl_disabled');
  assert.equal(verdict(build({ acl: { enabled: true } }), 'a', 'b'), 'yes default_allow');
});

test('a blocked peer reaches nobody and is reached by nobody, with the ACL off as well', () => {
  const net = build({ acl: { enabled: false, blocked: new Set(['a']) } });
  assert.equal(verdict(net, 'a', 'b'), 'no blocked');
  assert.equal(verdict(net, 'b', 'a'), 'no blocked');
  assert.equal(verdict(net, 'b', 'c'), 'yes acl_disabled');
  assert.equal(verdict(build({}, { quarantined: 'a' }), 'b', 'a'), 'no blocked');
});

test('the first ACL rule that matches decides, in its direction only', () => {
  const net = build({ acl: { enabled: true, rules: [acl('a', 'b', 'allow'), acl('*', 'b', 'deny')] } });
  assert.equal(verdict(net, 'a', 'b'), 'yes allow_rule');
  assert.equal(verdict(net, 'c', 'b'), 'no deny_rule');
  assert.equal(verdict(net, 'b', 'c'), 'yes default_allow');
  assert.equal(
    verdict(build({ acl: { enabled: false, rules: [acl('*', 'b', 'deny')] } }), 'c', 'b'),
    'yes acl_disabled',
  );
});

test('groups by priority, policies in attached order, rules in their order: the first match wins', () => {
  const policies = {
    yes: [{ action: 'allow' as const }],
    no: [{ action: 'deny' as const }],
    both: [{ action: 'allow' as const }, {}],
  };
  const groups = (first: number, second: number) => [
    { id: 'g1', priority: first, policyIds: ['yes'] },
    { id: 'g2', priority: second, policyIds: ['no'] },
  ];
  const members = { a: ['g1', 'g2'] };
  assert.equal(verdict(build({ groups: groups(10, 20), policies, in: members }), 'a', 'b'), 'yes allow_rule');
  assert.equal(verdict(build({ groups: groups(20, 10), policies, in: members }), 'a', 'b'), 'no deny_rule');
  const one = (policyIds: string[]) => build({ groups: [{ id: 'g', policyIds }], policies, in: { a: ['g'] } });
  assert.equal(verdict(one(['yes', 'no']), 'a', 'b'), 'yes allow_rule');
  assert.equal(verdict(one(['no', 'yes']), 'a', 'b'), 'no deny_rule');
  assert.equal(verdict(one(['both']), 'a', 'b'), 'yes allow_rule');
});

test('both sides must agree: the source by its output rules, the destination by its input rules', () => {
  const policies = {
    out: [{ action: 'allow' as const }],
    in: [{ direction: 'input' as const, targetType: 'group' as const, target: 'g1' }],
  };
  const groups = [
    { id: 'g1', policyIds: ['out'] },
    { id: 'g2', policyIds: ['in'] },
  ];
  assert.equal(verdict(build({ groups, policies, in: { a: ['g1'], b: ['g2'] } }), 'a', 'b'), 'no deny_rule');
  assert.equal(verdict(build({ groups, policies, in: { a: ['g1'] } }), 'a', 'b'), 'yes allow_rule');
  assert.equal(verdict(build({ groups, policies, in: { b: ['g2'] } }), 'a', 'b'), 'yes acl_disabled', 'a is not in g1');
});

test('targets by peer, by group and by CIDR', () => {
  const by = (rule: Partial<PolicyRule>) =>
    verdict(
      build({
        groups: [{ id: 'g', policyIds: ['p'] }, { id: 'h' }],
        policies: { p: [rule] },
        in: { a: ['g'], b: ['h'] },
      }),
      'a',
      'b',
    );
  assert.equal(by({ targetType: 'peer', target: 'b' }), 'no deny_rule');
  assert.equal(by({ targetType: 'peer', target: 'c' }), 'yes acl_disabled');
  assert.equal(by({ targetType: 'group', target: 'h' }), 'no deny_rule');
  assert.equal(by({ targetType: 'group', target: 'g' }), 'yes acl_disabled');
  assert.equal(by({ targetType: 'cidr', target: '10.77.0.0/24' }), 'no deny_rule');
  assert.equal(by({ targetType: 'cidr', target: '10.77.0.3/32' }), 'no deny_rule');
  assert.equal(by({ targetType: 'cidr', target: '10.77.0.4/32' }), 'yes acl_disabled');
});

test('outside the network: only by a route of a group, and where no rule denies it', () => {
  const groups = [{ id: 'g', routeIds: ['lan'], policyIds: ['p'] }];
  const policies = { p: [{ targetType: 'cidr' as const, target: '192.168.1.128/25' }] };
  const net = build({ groups, policies, in: { a: ['g'] } });
  assert.equal(external(net, 'a', '192.168.1.10'), true);
  assert.equal(external(net, 'a', '192.168.1.200'), false, 'denied');
  assert.equal(external(net, 'a', '192.168.2.10'), false, 'no route');
  assert.equal(external(net, 'b', '192.168.1.10'), false, 'not in the group');
  assert.equal(
    external(build({ groups, policies, in: { a: ['g'] }, acl: { blocked: new Set(['a']) } }), 'a', '192.168.1.10'),
    false,
  );
});

test('what an administrator routes for everybody needs no group, and can be denied', () => {
  const net = build({}, { shared: ['172.16.0.0/24'] });
  assert.equal(external(net, 'b', '172.16.0.9'), true);
  assert.equal(external(net, 'b', '172.16.1.9'), false);
  const policies = { p: [{ targetType: 'cidr' as const, target: '172.16.0.0/12' }] };
  const denied = build(
    { groups: [{ id: 'g', policyIds: ['p'] }], policies, in: { b: ['g'] } },
    { shared: ['172.16.0.0/24'] },
  );
  assert.equal(external(denied, 'b', '172.16.0.9'), false);
});
