// What is allowed end to end, with real packets and two hubs: docs/lab.md says what is proven here.
import { test } from 'node:test';
import { requires } from '../requires.ts';
import { SITES } from './plan.ts';
import { secondHubTakesOver } from './scenarios/failover.ts';
import { liveFlowDies } from './scenarios/flows.ts';
import { lanCannotCall, mappingsAreSeen, oneHostIsDenied, othersStayOut, routesLeadToLans } from './scenarios/lan.ts';
import { peersHaveNames } from './scenarios/names.ts';
import {
  aclDenies,
  blockedPeer,
  denyByCidr,
  denyByGroup,
  denyByPeer,
  flushedRulesAreBack,
  inputRule,
} from './scenarios/rules.ts';
import { everybodyIsIn, makeGroups } from './scenarios/world.ts';
import { type Scenario, tell } from './story.ts';

const SCENARIOS: Scenario[] = [
  ['two hubs and two laptops: by default they reach each other', everybodyIsIn],
  ["peers have names: the hub's DNS, seen by other resolvers", peersHaveNames],
  ['two groups change nothing by themselves', (lab) => makeGroups(lab).then(() => lab.tunnelWorks())],
  ['deny by peer', denyByPeer],
  ['deny by group', denyByGroup],
  ['deny by CIDR, and the order of policies', denyByCidr],
  ['an input rule at the destination', inputRule],
  ['the ACL denies', aclDenies],
  ['a blocked peer', blockedPeer],
  ['a live TCP flow dies with its permission', liveFlowDies],
  ['routes lead to the networks behind both hubs', routesLeadToLans],
  ['names in a route', mappingsAreSeen],
  ["who hasn't got the route stays out", othersStayOut],
  ['a host of the LAN answers, and cannot call', lanCannotCall],
  ['one host of the route is denied', oneHostIsDenied],
  ['nft flush ruleset by another program', flushedRulesAreBack],
  ['the first hub dies: the second takes over', secondHubTakesOver],
];

test('policies in the lab', requires('root', 'ip', 'wg', 'wireguard-go', 'ping', 'nft', 'getent'), (t) =>
  tell(t, SITES, SCENARIOS),
);
