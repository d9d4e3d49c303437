import assert from 'node:assert/strict';
import test from 'node:test';
import { longName, singular, toolName } from './names.ts';

/** Every route of the API's document: method, path, whether it answers a list or 201, and the name. */
const NAMES: [method: string, path: string, kind: 'list' | 'creates' | '', name: string][] = [
  ['GET', '/users/me', '', 'get_me'],
  ['GET', '/users', 'list', 'list_users'],
  ['GET', '/users/:userId', '', 'get_user'],
  ['PUT', '/users/:userId', '', 'update_user'],
  ['DELETE', '/users/:userId', '', 'delete_user'],
  ['GET', '/users/defaults', '', 'get_user_defaults'],
  ['PUT', '/users/defaults', '', 'update_user_defaults'],
  ['GET', '/users/me/tokens', 'list', 'list_my_tokens'],
  ['POST', '/users/me/tokens', 'creates', 'create_my_token'],
  ['DELETE', '/users/me/tokens/:tokenId', '', 'delete_my_token'],
  ['POST', '/users/me/password', '', 'change_my_password'],
  ['GET', '/networks', 'list', 'list_networks'],
  ['POST', '/networks', 'creates', 'create_network'],
  ['GET', '/networks/:networkId', '', 'get_network'],
  ['PUT', '/networks/:networkId', '', 'update_network'],
  ['DELETE', '/networks/:networkId', '', 'delete_network'],
  ['GET', '/networks/:networkId/peers', 'list', 'list_peers'],
  ['POST', '/networks/:networkId/peers', 'creates', 'create_peer'],
  ['GET', '/networks/:networkId/peers/:peerId', '', 'get_peer'],
  ['PUT', '/networks/:networkId/peers/:peerId', '', 'update_peer'],
  ['DELETE', '/networks/:networkId/peers/:peerId', '', 'delete_peer'],
  ['GET', '/networks/:networkId/peers/:peerId/config', '', 'get_peer_config'],
  ['GET', '/networks/:networkId/peers/:peerId/session', '', 'get_peer_session'],
  ['GET', '/networks/:networkId/peers/:peerId/reachability', '', 'get_peer_reachability'],
  ['GET', '/networks/:networkId/groups', 'list', 'list_groups'],
  ['POST', '/networks/:networkId/groups', 'creates', 'create_group'],
  ['GET', '/networks/:networkId/groups/:groupId', '', 'get_group'],
  ['PUT', '/networks/:networkId/groups/:groupId', '', 'update_group'],
  ['DELETE', '/networks/:networkId/groups/:groupId', '', 'delete_group'],
  ['POST', '/networks/:networkId/groups/:groupId/peers/:peerId', '', 'add_peer_to_group'],
  ['DELETE', '/networks/:networkId/groups/:groupId/peers/:peerId', '', 'remove_peer_from_group'],
  ['GET', '/networks/:networkId/groups/:groupId/routes', 'list', 'list_group_routes'],
  ['GET', '/networks/:networkId/policies', 'list', 'list_policies'],
  ['POST', '/networks/:networkId/policies', 'creates', 'create_policy'],
  ['GET', '/networks/:networkId/policies/:policyId', '', 'get_policy'],
  ['PUT', '/networks/:networkId/policies/:policyId', '', 'update_policy'],
  ['DELETE', '/networks/:networkId/policies/:policyId', '', 'delete_policy'],
  ['POST', '/networks/:networkId/policies/:policyId/rules', 'creates', 'create_policy_rule'],
  ['DELETE', '/networks/:networkId/policies/:policyId/rules/:ruleId', '', 'delete_policy_rule'],
  ['POST', '/networks/:networkId/groups/:groupId/policies/:policyId', '', 'add_policy_to_group'],
  ['DELETE', '/networks/:networkId/groups/:groupId/policies/:policyId', '', 'remove_policy_from_group'],
  ['GET', '/networks/:networkId/groups/:groupId/policies', 'list', 'list_group_policies'],
  ['PUT', '/networks/:networkId/groups/:groupId/policies/order', '', 'update_group_policy_order'],
  ['GET', '/networks/:networkId/routes', 'list', 'list_routes'],
  ['POST', '/networks/:networkId/routes', 'creates', 'create_route'],
  ['GET', '/networks/:networkId/routes/:routeId', '', 'get_route'],
  ['PUT', '/networks/:networkId/routes/:routeId', '', 'update_route'],
  ['DELETE', '/networks/:networkId/routes/:routeId', '', 'delete_route'],
  ['POST', '/networks/:networkId/groups/:groupId/routes/:routeId', '', 'add_route_to_group'],
  ['DELETE', '/networks/:networkId/groups/:groupId/routes/:routeId', '', 'remove_route_from_group'],
  ['GET', '/networks/:networkId/routes/:routeId/dns', 'list', 'list_route_dns'],
  ['POST', '/networks/:networkId/routes/:routeId/dns', 'creates', 'create_route_dns'],
  ['PUT', '/networks/:networkId/routes/:routeId/dns/:dnsId', '', 'update_route_dns'],
  ['DELETE', '/networks/:networkId/routes/:routeId/dns/:dnsId', '', 'delete_route_dns'],
  ['GET', '/networks/:networkId/dns', 'list', 'list_network_dns'],
  ['GET', '/networks/:networkId/acl', '', 'get_network_acl'],
  ['PUT', '/networks/:networkId/acl', '', 'update_network_acl'],
  ['GET', '/security/incidents', 'list', 'list_security_incidents'],
  ['GET', '/networks/:networkId/security/incidents', 'list', 'list_network_security_incidents'],
  ['GET', '/security/incidents/:incidentId', '', 'get_security_incident'],
  ['POST', '/security/incidents/:incidentId/resolve', '', 'resolve_security_incident'],
  ['GET', '/networks/:networkId/security/config', '', 'get_network_security_config'],
  ['PUT', '/networks/:networkId/security/config', '', 'update_network_security_config'],
  ['GET', '/ipam/available-cidrs', '', 'get_ipam_available_cidrs'],
  ['GET', '/ipam', 'list', 'list_ipam'],
  ['GET', '/ipam/networks/:networkId', 'list', 'list_ipam_network'],
  ['GET', '/networks/:networkId/sessions', 'list', 'list_sessions'],
  ['POST', '/captive-portal/token', 'creates', 'create_captive_portal_token'],
  ['POST', '/captive-portal/authenticate', '', 'authenticate_captive_portal'],
];

test('every route of the document has the name that one would look for', () => {
  const posts = new Set(NAMES.filter(([method]) => method === 'POST').map(([, path]) => path));
  for (const [method, path, kind, name] of NAMES) {
    const named = { method, path, list: kind === 'list', creates: kind === 'creates' };
    assert.equal(toolName(named, posts.has(path)), name, `${method} ${path}`);
  }
});

test('no two routes of the document share a name', () => {
  assert.equal(new Set(NAMES.map(([, , , name]) => name)).size, NAMES.length);
});

test('a word in the singular', () => {
  const words = {
    policies: 'policy',
    addresses: 'address',
    dns: 'dns',
    peers: 'peer',
    access: 'access',
    status: 'status',
  };
  for (const [plural, one] of Object.entries(words)) assert.equal(singular(plural), one);
});

test('names are made of letters that every client takes, and not longer than 64', () => {
  const path = `/${'very-long.thing/'.repeat(10)}:id`;
  const named = { method: 'GET', path, list: false, creates: false };
  for (const name of [toolName(named), longName(named)]) assert.match(name, /^[A-Za-z0-9_]{1,64}$/);
  assert.equal(longName({ method: 'GET', path: '/networks/:networkId/peers' }), 'get_networks_networkId_peers');
});
