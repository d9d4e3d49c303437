import fc from 'fast-check';
import type { NetworkSnapshot } from '../snapshot.ts';
import { network } from '../testing.ts';
import type { AclRule, Group, Policy, PolicyRule, Route } from './model.ts';

const PEERS = ['hub', 'p1', 'p2', 'p3', 'p4', 'p5'];
const GROUPS = ['g1', 'g2', 'g3'];
const POLICIES = ['pol1', 'pol2', 'pol3'];
const ROUTES: Route[] = [
  { id: 'r1', name: 'lan', destinationCidr: '192.168.0.0/16', jumpPeerId: 'hub', domainSuffix: '' },
  { id: 'r2', name: 'servers', destinationCidr: '192.168.1.0/24', jumpPeerId: 'hub', domainSuffix: 'corp' },
  { id: 'r3', name: 'all', destinationCidr: '0.0.0.0/0', jumpPeerId: 'hub', domainSuffix: '' },
];
const CIDRS = [
  '192.168.1.0/25',
  '192.168.0.0/16',
  '10.77.0.0/16',
  '10.77.0.2/31',
  '10.77.0.4/32',
  '0.0.0.0/0',
  '172.16.0.0/12',
];

const rule: fc.Arbitrary<PolicyRule> = fc
  .oneof(
    fc.record({ targetType: fc.constant('peer' as const), target: fc.constantFrom(...PEERS) }),
    fc.record({ targetType: fc.constant('group' as const), target: fc.constantFrom(...GROUPS) }),
    fc.record({ targetType: fc.constant('cidr' as const), target: fc.constantFrom(...CIDRS) }),
  )
  .chain((target) =>
    fc.record({
      id: fc.uuid(),
      description: fc.constant(''),
      direction: fc.constantFrom('input' as const, 'output' as const),
      action: fc.constantFrom('allow' as const, 'deny' as const),
      targetType: fc.constant(target.targetType),
      target: fc.constant(target.target),
    }),
  );

const aclRule: fc.Arbitrary<AclRule> = fc.record({
  id: fc.uuid(),
  source_peer: fc.constantFrom('*', ...PEERS),
  target_peer: fc.constantFrom('*', ...PEERS),
  action: fc.constantFrom('allow' as const, 'deny' as const),
  description: fc.constant(''),
});

/** Networks of one hub and five spokes with every kind of rule, small enough to try all pairs. */
export const policedNetworks: fc.Arbitrary<NetworkSnapshot> = fc
  .record({
    memberships: fc.array(fc.subarray(GROUPS), { minLength: PEERS.length, maxLength: PEERS.length }),
    quarantined: fc.subarray(PEERS, { maxLength: 1 }),
    policies: fc.array(fc.array(rule, { maxLength: 4 }), { minLength: 3, maxLength: 3 }),
    attached: fc.array(fc.shuffledSubarray(POLICIES), { minLength: 3, maxLength: 3 }),
    routes: fc.array(fc.subarray(ROUTES.map(({ id }) => id)), { minLength: 3, maxLength: 3 }),
    priorities: fc.array(fc.constantFrom(10, 100), { minLength: 3, maxLength: 3 }),
    acl: fc.record({
      enabled: fc.boolean(),
      blocked: fc.subarray(PEERS, { maxLength: 1 }).map((ids) => new Set(ids)),
      rules: fc.array(aclRule, { maxLength: 3 }),
    }),
    shared: fc.subarray(['172.16.5.0/24', '10.9.0.0/16'], { maxLength: 2 }),
  })
  .map((spec) =>
    network(
      PEERS.map((id, i) => ({
        id,
        isHub: id === 'hub',
        groupIds: spec.memberships[i] as string[],
        quarantined: spec.quarantined.includes(id),
        additionalAllowedIps: id === 'hub' ? spec.shared : [],
      })),
      {
        policy: {
          groups: new Map(
            GROUPS.map((id, i): [string, Group] => [
              id,
              {
                id,
                name: id,
                priority: spec.priorities[i] as number,
                createdAt: `2026-01-0${i + 1}`,
                policyIds: spec.attached[i] as string[],
                routeIds: spec.routes[i] as string[],
              },
            ]),
          ),
          policies: new Map(
            POLICIES.map((id, i): [string, Policy] => [id, { id, name: id, rules: spec.policies[i] as PolicyRule[] }]),
          ),
          routes: new Map(ROUTES.map((route) => [route.id, route])),
          mappings: [],
          acl: spec.acl,
        },
      },
    ),
  );
