import type { OverlayTx } from '../context.ts';
import type { AclRow } from '../tables.ts';
import type { Acl, AclRule, DnsMapping, Group, NetworkPolicy, Policy, PolicyRule, Route } from './model.ts';

type Reader = Pick<OverlayTx['db'], 'selectFrom'>;

export const aclOf = (row: AclRow | undefined): Acl => ({
  enabled: row?.enabled === 1,
  blocked: new Set(row ? Object.keys(JSON.parse(row.blocked_peers)) : []),
  rules: row ? (JSON.parse(row.rules) as AclRule[]) : [],
});

function collect<T>(rows: readonly { group_id: string; item: T }[]): Map<string, T[]> {
  const byGroup = new Map<string, T[]>();
  for (const { group_id, item } of rows) byGroup.set(group_id, [...(byGroup.get(group_id) ?? []), item]);
  return byGroup;
}

/** Everything that says who may talk to whom in a network, in a fixed number of queries. */
export async function loadPolicy(db: Reader, networkId: string): Promise<NetworkPolicy> {
  const groupRows = await db.selectFrom('groups').selectAll().where('network_id', '=', networkId).execute();
  const policyRows = await db.selectFrom('policies').selectAll().where('network_id', '=', networkId).execute();
  const routeRows = await db.selectFrom('routes').selectAll().where('network_id', '=', networkId).execute();
  const ruleRows = await db
    .selectFrom('policy_rules')
    .innerJoin('policies', 'policies.id', 'policy_rules.policy_id')
    .selectAll('policy_rules')
    .where('policies.network_id', '=', networkId)
    .orderBy('policy_rules.position')
    .execute();
  const attachedPolicies = await db
    .selectFrom('group_policies')
    .innerJoin('groups', 'groups.id', 'group_policies.group_id')
    .select(['group_id', 'policy_id as item'])
    .where('groups.network_id', '=', networkId)
    .orderBy('position')
    .orderBy('policy_id')
    .execute();
  const attachedRoutes = await db
    .selectFrom('group_routes')
    .innerJoin('groups', 'groups.id', 'group_routes.group_id')
    .select(['group_id', 'route_id as item'])
    .where('groups.network_id', '=', networkId)
    .orderBy('route_id')
    .execute();
  const mappingRows = await db
    .selectFrom('dns_mappings')
    .innerJoin('routes', 'routes.id', 'dns_mappings.route_id')
    .select(['dns_mappings.route_id', 'dns_mappings.name_key', 'dns_mappings.ip_address'])
    .where('routes.network_id', '=', networkId)
    .orderBy('dns_mappings.id')
    .execute();
  const aclRow = await db.selectFrom('acls').selectAll().where('network_id', '=', networkId).executeTakeFirst();

  const rules = new Map<string, PolicyRule[]>();
  for (const row of ruleRows) {
    const rule: PolicyRule = {
      id: row.id,
      direction: row.direction,
      action: row.action,
      target: row.target,
      targetType: row.target_type,
      description: row.description,
    };
    rules.set(row.policy_id, [...(rules.get(row.policy_id) ?? []), rule]);
  }
  const policyIds = collect(attachedPolicies);
  const routeIds = collect(attachedRoutes);
  const group = (row: (typeof groupRows)[number]): Group => ({
    id: row.id,
    name: row.name,
    priority: row.priority,
    createdAt: row.created_at,
    policyIds: policyIds.get(row.id) ?? [],
    routeIds: routeIds.get(row.id) ?? [],
  });
  const policy = ({ id, name }: { id: string; name: string }): Policy => ({ id, name, rules: rules.get(id) ?? [] });
  const route = (row: (typeof routeRows)[number]): Route => ({
    id: row.id,
    name: row.name,
    destinationCidr: row.destination_cidr,
    jumpPeerId: row.jump_peer_id,
    domainSuffix: row.domain_suffix,
  });
  return {
    groups: new Map(groupRows.map((row) => [row.id, group(row)])),
    policies: new Map(policyRows.map((row) => [row.id, policy(row)])),
    routes: new Map(routeRows.map((row) => [row.id, route(row)])),
    mappings: mappingRows.map(
      (row): DnsMapping => ({ routeId: row.route_id, name: row.name_key, address: row.ip_address }),
    ),
    acl: aclOf(aclRow),
  };
}

/** The groups of every peer of a network, or of one peer; each list sorted. */
export async function loadMemberships(db: Reader, networkId: string, peerId?: string): Promise<Map<string, string[]>> {
  let query = db
    .selectFrom('group_peers')
    .innerJoin('groups', 'groups.id', 'group_peers.group_id')
    .select(['group_peers.peer_id', 'group_peers.group_id'])
    .where('groups.network_id', '=', networkId)
    .orderBy('group_peers.group_id');
  if (peerId !== undefined) query = query.where('group_peers.peer_id', '=', peerId);
  const byPeer = new Map<string, string[]>();
  for (const { peer_id, group_id } of await query.execute()) {
    const list = byPeer.get(peer_id);
    if (list) list.push(group_id);
    else byPeer.set(peer_id, [group_id]);
  }
  return byPeer;
}

/** The peers of a network (or the one peer) that have an open incident, or that an access policy keeps out. */
export async function loadQuarantined(db: Reader, networkId: string, peerId?: string): Promise<Set<string>> {
  let incidents = db
    .selectFrom('incidents')
    .select('peer_id')
    .where('network_id', '=', networkId)
    .where('resolved', '=', 0);
  let blocks = db.selectFrom('access_blocks').select('peer_id').where('network_id', '=', networkId);
  if (peerId !== undefined) {
    incidents = incidents.where('peer_id', '=', peerId);
    blocks = blocks.where('peer_id', '=', peerId);
  }
  const rows = await incidents.unionAll(blocks).execute();
  return new Set(rows.map((row) => row.peer_id));
}
