/** One rule of a policy. `output` rules speak of what a group's peers send, `input` rules of what they receive. */
export interface PolicyRule {
  id: string;
  direction: 'input' | 'output';
  action: 'allow' | 'deny';
  /** A CIDR, a peer id or a group id, as `targetType` says. */
  target: string;
  targetType: 'cidr' | 'peer' | 'group';
  description: string;
}

export interface Policy {
  id: string;
  name: string;
  /** In the order in which they are tried. */
  rules: readonly PolicyRule[];
}

/** A group without its members: each peer of the snapshot knows its groups. */
export interface Group {
  id: string;
  name: string;
  /** Lower goes first. */
  priority: number;
  createdAt: string;
  /** In the order in which they are tried. */
  policyIds: readonly string[];
  routeIds: readonly string[];
}

/** A network behind a hub. */
export interface Route {
  id: string;
  name: string;
  destinationCidr: string;
  jumpPeerId: string;
  /** Empty: the network's. */
  domainSuffix: string;
}

/** A name for an address within a route. */
export interface DnsMapping {
  routeId: string;
  /** One DNS label, lower case. */
  name: string;
  address: string;
}

export interface AclRule {
  id: string;
  /** A peer id, or `*` for every peer. */
  source_peer: string;
  target_peer: string;
  action: 'allow' | 'deny';
  description: string;
}

export interface Acl {
  enabled: boolean;
  blocked: ReadonlySet<string>;
  rules: readonly AclRule[];
}

/** All that says who may talk to whom in a network. */
export interface NetworkPolicy {
  groups: ReadonlyMap<string, Group>;
  policies: ReadonlyMap<string, Policy>;
  routes: ReadonlyMap<string, Route>;
  mappings: readonly DnsMapping[];
  acl: Acl;
}

export const OPEN_POLICY: NetworkPolicy = {
  groups: new Map(),
  policies: new Map(),
  routes: new Map(),
  mappings: [],
  acl: { enabled: false, blocked: new Set(), rules: [] },
};
