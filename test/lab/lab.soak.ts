// What only time shows: outages that the agents wait out by minutes. docs/lab.md says what is proven here.
import { test } from 'node:test';
import { requires } from '../requires.ts';
import { HOME, SITES } from './plan.ts';
import { firstHubIsBack, secondHubTakesOver } from './scenarios/failover.ts';
import { routesLeadToLans } from './scenarios/lan.ts';
import { peersHaveNames } from './scenarios/names.ts';
import { carriesWithoutController, linksAreCut } from './scenarios/outages.ts';
import { everybodyIsIn, makeGroups } from './scenarios/world.ts';
import { type Scenario, tell } from './story.ts';

const OUTAGES: Scenario[] = [
  ['a hub and two laptops reach each other', everybodyIsIn],
  ['a minute without the controller: the tunnel carries on', (lab) => carriesWithoutController(lab, 12)],
  ['links are cut and mended: degraded, then connected', linksAreCut],
];

const FAILOVER: Scenario[] = [
  ['two hubs and two laptops: by default they reach each other', everybodyIsIn],
  ["peers have names: the hub's DNS, seen by other resolvers", peersHaveNames],
  ['two groups change nothing by themselves', (lab) => makeGroups(lab).then(() => lab.tunnelWorks())],
  ['routes lead to the networks behind both hubs', routesLeadToLans],
  ['the first hub dies: the second takes over', secondHubTakesOver],
  ['the first hub is back', firstHubIsBack],
];

const needs = requires('root', 'ip', 'wg', 'wireguard-go', 'ping', 'nft', 'getent');
test('outages in the lab', needs, (t) => tell(t, HOME, OUTAGES));
test('two hubs in the lab', needs, (t) => tell(t, SITES, FAILOVER));
