import Type from 'typebox';

const Id = Type.String({ maxLength: 64 });
const Timestamp = Type.String({ description: 'RFC 3339, UTC' });
const Name = Type.String({ minLength: 1, maxLength: 100 });
const Description = Type.String({ maxLength: 1000 });
const Ids = Type.Array(Type.String());
const oneOf = <const T extends string>(...values: T[]) => Type.Enum(values, { type: 'string' });

/** What a network holds at most, so that lists and the state of a hub stay within their bounds; 409 beyond. */
export const MAX_GROUPS = 1_000;
export const MAX_POLICIES = 1_000;
export const MAX_ROUTES = 1_000;
export const MAX_MAPPINGS = 10_000;
/** Of one policy, and of one ACL. */
export const MAX_RULES = 256;
export const MAX_ACL_RULES = 1_000;

const network = { networkId: Id };
const inGroup = { ...network, groupId: Id };
const inPolicy = { ...network, policyId: Id };
const inRoute = { ...network, routeId: Id };
export const GroupParams = Type.Object(inGroup);
export const MemberParams = Type.Object({ ...inGroup, peerId: Id });
export const GroupPolicyParams = Type.Object({ ...inGroup, policyId: Id });
export const GroupRouteParams = Type.Object({ ...inGroup, routeId: Id });
export const PolicyParams = Type.Object(inPolicy);
export const RuleParams = Type.Object({ ...inPolicy, ruleId: Id });
export const RouteParams = Type.Object(inRoute);
export const DnsParams = Type.Object({ ...inRoute, dnsId: Id });

export const Group = Type.Object({
  id: Type.String(),
  network_id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  priority: Type.Integer({ description: 'Lower goes first' }),
  peer_ids: Ids,
  policy_ids: Type.Array(Type.String(), { description: 'In the order in which they are tried' }),
  route_ids: Ids,
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type Group = Type.Static<typeof Group>;
const groupFields = { name: Name, description: Description, priority: Type.Integer({ minimum: 1, maximum: 999 }) };
export const GroupUpdate = Type.Partial(Type.Object(groupFields));
export type GroupUpdate = Type.Static<typeof GroupUpdate>;
export const GroupCreate = Type.Object({
  name: Name,
  description: Type.Optional(Description),
  priority: Type.Optional(groupFields.priority),
});
export type GroupCreate = Type.Static<typeof GroupCreate>;
export const PolicyOrder = Type.Object({ policy_ids: Type.Array(Id, { maxItems: MAX_POLICIES }) });
export const Message = Type.Object({ message: Type.String() });

const ruleFields = {
  direction: oneOf('input', 'output'),
  action: oneOf('allow', 'deny'),
  target: Type.String({ minLength: 1, maxLength: 64, description: 'A CIDR, a peer id or a group id' }),
  target_type: oneOf('cidr', 'peer', 'group'),
};
export const PolicyRule = Type.Object({ id: Type.String(), ...ruleFields, description: Type.String() });
export type PolicyRule = Type.Static<typeof PolicyRule>;
export const PolicyRuleCreate = Type.Object({ ...ruleFields, description: Type.Optional(Description) });
export type PolicyRuleCreate = Type.Static<typeof PolicyRuleCreate>;

export const Policy = Type.Object({
  id: Type.String(),
  network_id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  rules: Type.Array(PolicyRule, { description: 'The first that matches decides' }),
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type Policy = Type.Static<typeof Policy>;
export const PolicyCreate = Type.Object({
  name: Name,
  description: Type.Optional(Description),
  rules: Type.Optional(Type.Array(PolicyRuleCreate, { maxItems: MAX_RULES })),
});
export type PolicyCreate = Type.Static<typeof PolicyCreate>;
export const PolicyUpdate = Type.Partial(Type.Object({ name: Name, description: Description }));
export type PolicyUpdate = Type.Static<typeof PolicyUpdate>;

export const Route = Type.Object({
  id: Type.String(),
  network_id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  destination_cidr: Type.String(),
  jump_peer_id: Type.String(),
  domain_suffix: Type.String({ description: "Empty: the network's" }),
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type Route = Type.Static<typeof Route>;
const routeFields = {
  name: Name,
  description: Description,
  destination_cidr: Type.String({ minLength: 1, maxLength: 64 }),
  jump_peer_id: Type.String({ minLength: 1, maxLength: 64 }),
  domain_suffix: Type.String({ maxLength: 253 }),
};
export const RouteUpdate = Type.Partial(Type.Object(routeFields));
export type RouteUpdate = Type.Static<typeof RouteUpdate>;
export const RouteCreate = Type.Object({
  ...routeFields,
  description: Type.Optional(Description),
  domain_suffix: Type.Optional(routeFields.domain_suffix),
});
export type RouteCreate = Type.Static<typeof RouteCreate>;

export const DnsMapping = Type.Object({
  id: Type.String(),
  route_id: Type.String(),
  name: Type.String(),
  ip_address: Type.String(),
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type DnsMapping = Type.Static<typeof DnsMapping>;
export const DnsMappingCreate = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 63, description: 'A DNS label, or `*` for every name below the route' }),
  ip_address: Type.String({ minLength: 1, maxLength: 45 }),
});
export type DnsMappingCreate = Type.Static<typeof DnsMappingCreate>;
export const DnsMappingUpdate = Type.Partial(DnsMappingCreate);
export type DnsMappingUpdate = Type.Static<typeof DnsMappingUpdate>;
export const DnsRecord = Type.Object({
  name: Type.String(),
  ip_address: Type.String(),
  fqdn: Type.String(),
  type: oneOf('peer', 'route'),
});
export type DnsRecord = Type.Static<typeof DnsRecord>;

const AclPeer = Type.String({ minLength: 1, maxLength: 64, description: 'A peer id, or `*` for every peer' });
const aclRuleFields = { source_peer: AclPeer, target_peer: AclPeer, action: oneOf('allow', 'deny') };
export const Acl = Type.Object({
  id: Type.String(),
  name: Type.String(),
  enabled: Type.Boolean(),
  blocked_peers: Type.Record(Type.String(), Type.Boolean()),
  rules: Type.Array(Type.Object({ id: Type.String(), ...aclRuleFields, description: Type.String() })),
});
export type Acl = Type.Static<typeof Acl>;
const orNull = <T extends Type.TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));
/** Lists may be `null`, as other clients of this API write an empty one. */
export const AclUpdate = Type.Object({
  name: Type.Optional(Name),
  enabled: Type.Boolean(),
  blocked_peers: orNull(Type.Record(Type.String(), Type.Boolean())),
  rules: orNull(
    Type.Array(
      Type.Object({
        id: Type.Optional(Type.String({ maxLength: 64 })),
        ...aclRuleFields,
        description: Type.Optional(Description),
      }),
      { maxItems: MAX_ACL_RULES },
    ),
  ),
});
export type AclUpdate = Type.Static<typeof AclUpdate>;

export const Reachability = Type.Object({
  peer_id: Type.String(),
  peer_name: Type.String(),
  peer_address: Type.String(),
  is_jump: Type.Boolean(),
  peer_access: Type.Array(
    Type.Object({
      peer_id: Type.String(),
      peer_name: Type.String(),
      address: Type.String(),
      is_jump: Type.Boolean(),
      allowed: Type.Boolean(),
      reason: oneOf('acl_disabled', 'allow_rule', 'deny_rule', 'blocked', 'default_allow'),
    }),
  ),
  rules: Type.Array(
    Type.Object({
      direction: ruleFields.direction,
      action: ruleFields.action,
      target_type: ruleFields.target_type,
      target: Type.String(),
      addresses: Type.Array(Type.String()),
      policy_name: Type.String(),
      group_name: Type.String(),
      description: Type.String(),
    }),
  ),
  routes: Type.Array(
    Type.Object({
      route_id: Type.String(),
      route_name: Type.String(),
      destination_cidr: Type.String(),
      jump_peer_id: Type.String(),
      jump_peer_name: Type.String(),
      group_name: Type.String(),
    }),
  ),
});
export type Reachability = Type.Static<typeof Reachability>;
