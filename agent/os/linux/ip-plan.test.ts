import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laptop } from '../recorder.ts';
import {
  addressCommands,
  parseLink,
  parseRoutes,
  parseRules,
  planNet,
  policyNumbers,
  routeCommands,
  wantedRules,
} from './ip-plan.ts';

const routed = (...routes: string[]) => ({ state: { ...laptop().state, routes } });
const NOTHING = { main: [], table: [], rules: new Map<number, string>() };
// Recorded from iproute2 6.1.
const LINK =
  '[{"ifindex":2,"ifname":"gh0","flags":["POINTOPOINT","MULTICAST","NOARP","UP","LOWER_UP"],"mtu":1400,"linkinfo":{"info_kind":"tun"},"addr_info":[{"family":"inet","local":"10.9.0.1","prefixlen":32,"scope":"global"},{"family":"inet6","local":"fd00::1","prefixlen":128,"scope":"global"},{"family":"inet6","local":"fe80::4c54:cba7:5cbb:9d9f","prefixlen":64,"scope":"link"}]}]';
const RULES = (mark: number): string =>
  `[{"priority":0,"src":"all","table":"local"},{"priority":${policyNumbers('gh0').priority + 1},"src":"all","table":"main","suppress_prefixlen":0,"protocol":"71"},{"priority":${policyNumbers('gh0').priority + 2},"not":null,"src":"all","fwmark":"0x${mark.toString(16)}","table":"${mark}","protocol":"71"},{"priority":32766,"src":"all","table":"main"}]`;

test('what ip says of a link, its routes and rules', () => {
  assert.deepEqual(parseLink(LINK), { kind: 'tun', up: true, mtu: 1400, addresses: ['10.9.0.1/32', 'fd00::1/128'] });
  assert.equal(parseLink('[{}]'), null);
  assert.deepEqual(
    parseRoutes('[{"dst":"default","flags":[]},{"dst":"10.9.0.5","flags":[]},{"dst":"10.9.0.0/24","flags":[]}]', 4),
    ['0.0.0.0/0', '10.9.0.5/32', '10.9.0.0/24'],
  );
  assert.deepEqual(parseRoutes('[{"dst":"default","flags":[]},{"dst":"fd00::5","flags":[]}]', 6), [
    '::/0',
    'fd00::5/128',
  ]);
  assert.deepEqual(parseRoutes('', 4), []);
  const plan = planNet('gh0', routed('0.0.0.0/0'));
  assert.deepEqual(parseRules(RULES(plan.table), plan), wantedRules(plan, 4));
  assert.deepEqual(wantedRules(plan, 6), new Map());
});

test('routes go to the main table unless they are default or cover an endpoint', () => {
  const plan = planNet('gh0', routed('10.77.0.0/24', '192.0.2.0/24', '::/0'));
  assert.deepEqual([plan.mainRoutes, plan.tableRoutes], [['10.77.0.0/24'], ['192.0.2.0/24', '::/0']]);
});

test('the controller’s port goes past the routes that cover it, and only there', () => {
  const past = { address: '198.51.100.1', port: 8080 };
  const plan = planNet('gh0', { ...routed('198.51.100.0/24', '10.77.0.0/24', '::/0'), past });
  assert.deepEqual([plan.mainRoutes, plan.tableRoutes], [['10.77.0.0/24'], ['198.51.100.0/24', '::/0']]);
  assert.deepEqual(
    [...wantedRules(plan, 4)],
    [
      [plan.priority, 'to 198.51.100.1/32 ipproto tcp dport 8080 table main'],
      [plan.priority + 1, 'table main suppress_prefixlength 0'],
      [plan.priority + 2, `not fwmark ${plan.table} table ${plan.table}`],
    ],
  );
  assert.equal(wantedRules(plan, 6).size, 2);
  // Recorded from iproute2 6.1.
  const found = `[{"priority":0,"src":"all","table":"local"},{"priority":${plan.priority},"src":"all","dst":"198.51.100.1","ipproto":"tcp","dport":8080,"table":"main","protocol":"71"}]`;
  assert.deepEqual([...parseRules(found, plan)], [...wantedRules(plan, 4)].slice(0, 1));
  const elsewhere = planNet('gh0', { ...routed('10.77.0.0/24'), past });
  assert.deepEqual([elsewhere.past, wantedRules(elsewhere, 4).size], [null, 0]);
});

test('a route that moves between the tables is there all the time', () => {
  const past = { address: '198.51.100.1', port: 8080 };
  const plan = planNet('gh0', { ...routed('198.51.100.0/24'), past });
  const found = { ...NOTHING, main: ['198.51.100.0/24'] };
  assert.deepEqual(
    routeCommands('gh0', plan, found, 4).map((command) => command.split(' ').slice(0, 2).join(' ')),
    ['route add', 'rule add', 'rule add', 'rule add', 'route del'],
  );
});

test('only differences become commands', () => {
  const plan = planNet('gh0', routed('10.77.0.0/24', '0.0.0.0/0'));
  const first = routeCommands('gh0', plan, NOTHING, 4);
  assert.deepEqual(first, [
    'route add 10.77.0.0/24 dev gh0 metric 5200 proto 71',
    `route add 0.0.0.0/0 dev gh0 table ${plan.table} proto 71`,
    `rule add priority ${plan.priority + 1} table main suppress_prefixlength 0 protocol 71`,
    `rule add priority ${plan.priority + 2} not fwmark ${plan.table} table ${plan.table} protocol 71`,
  ]);
  const held = { main: ['10.77.0.0/24'], table: ['0.0.0.0/0'], rules: parseRules(RULES(plan.table), plan) };
  assert.deepEqual(routeCommands('gh0', plan, held, 4), []);
  assert.deepEqual(routeCommands('gh0', planNet('gh0', routed()), held, 4), [
    `rule del priority ${plan.priority + 1}`,
    `rule del priority ${plan.priority + 2}`,
    'route del 10.77.0.0/24 dev gh0 metric 5200 proto 71',
    `route del 0.0.0.0/0 dev gh0 table ${plan.table} proto 71`,
  ]);
  const other = { ...held, rules: parseRules(RULES(77), plan) };
  assert.deepEqual(routeCommands('gh0', plan, other, 4), [
    `rule del priority ${plan.priority + 2}`,
    `rule add priority ${plan.priority + 2} not fwmark ${plan.table} table ${plan.table} protocol 71`,
  ]);
});

test('new addresses come before old ones go; link-local ones and IPv6 that is off are left', () => {
  const plan = planNet('gh0', laptop());
  assert.deepEqual(addressCommands('gh0', plan, parseLink(LINK)!, false), [
    'link set dev gh0 mtu 1420',
    'address add 10.77.0.2/32 dev gh0',
    'address add fd77::2/128 dev gh0',
    'address del 10.9.0.1/32 dev gh0',
    'address del fd00::1/128 dev gh0',
  ]);
  const down = { kind: 'tun', up: false, mtu: 1420, addresses: [] };
  assert.deepEqual(addressCommands('gh0', plan, down, true), [
    'address add 10.77.0.2/32 dev gh0',
    'link set dev gh0 up',
  ]);
});

test('what a controller sends can’t carry a command', () => {
  for (const routes of [['10.0.0.0/8\nlink del eth0'], ['10.0.0.0/8 table 7'], ['default']])
    assert.throws(() => planNet('gh0', routed(...routes)), RangeError);
});
