import { badRequest } from '../../http/index.ts';
import type { Reader } from './fields.ts';

/**
 * A hub must not be told to reach a network through itself. So a group that has a route never has the route's jump peer as
 * a member. Two hubs that are each in a group with a route through the other are not looked for: `compile` gives the routes
 * of groups to spokes only, so nothing goes round between the two.
 */
const refuse = (peer: string, route: string, group: string, cidr: string) =>
  badRequest(
    `circular routing: the jump peer ${peer} is the gateway of the route ${route} (${cidr}), which the group ${group} ` +
      'has; as its member it would route through itself',
  );

const crossings = (db: Reader) =>
  db
    .selectFrom('group_routes')
    .innerJoin('routes', 'routes.id', 'group_routes.route_id')
    .innerJoin('groups', 'groups.id', 'group_routes.group_id')
    .select(['routes.name as route', 'routes.destination_cidr as cidr', 'groups.name as group']);

/** Before a peer becomes a member of a group. */
export async function checkMember(db: Reader, groupId: string, peer: { id: string; name: string }): Promise<void> {
  const found = await crossings(db)
    .where('group_routes.group_id', '=', groupId)
    .where('routes.jump_peer_id', '=', peer.id)
    .orderBy('routes.name')
    .executeTakeFirst();
  if (found) throw refuse(peer.name, found.route, found.group, found.cidr);
}

/** Before a route is attached to a group. */
export async function checkAttached(
  db: Reader,
  group: { id: string; name: string },
  route: { name: string; jump_peer_id: string; destination_cidr: string },
): Promise<void> {
  const found = await db
    .selectFrom('group_peers')
    .innerJoin('peers', 'peers.id', 'group_peers.peer_id')
    .select('peers.name')
    .where('group_peers.group_id', '=', group.id)
    .where('group_peers.peer_id', '=', route.jump_peer_id)
    .executeTakeFirst();
  if (found) throw refuse(found.name, route.name, group.name, route.destination_cidr);
}

/** Before a route gets another jump peer: that may be a member of a group that has the route. */
export async function checkGateway(db: Reader, routeId: string, peer: { id: string; name: string }): Promise<void> {
  const found = await crossings(db)
    .innerJoin('group_peers', 'group_peers.group_id', 'group_routes.group_id')
    .where('group_routes.route_id', '=', routeId)
    .where('group_peers.peer_id', '=', peer.id)
    .orderBy('groups.name')
    .executeTakeFirst();
  if (found) throw refuse(peer.name, found.route, found.group, found.cidr);
}
