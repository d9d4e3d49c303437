import type { IncidentType } from './detect.ts';

/** What was reported, `s` seconds after the recording began. Uptimes are of the system and of the tunnel. */
export type Recorded =
  | { s: number; agent: string; host: string; up: number; tunnel: number }
  | { s: number; hub: string; at: string };

export interface Recording {
  name: string;
  events: Recorded[];
  raises: IncidentType[];
  /** Minutes and counts of the security config, where they aren't the defaults (5, 5, 10, 5, 5). */
  config?: { conflict?: number; endpoint?: number; perDay?: number; port?: number; perWindow?: number };
}

/** An agent that reports each 30 s: on one connection, from one machine. */
function agent(
  connection: string,
  host: string,
  from: number,
  reports: number,
  started: { system: number; tunnel: number } = { system: -86_400, tunnel: -3600 },
): Recorded[] {
  return Array.from({ length: reports }, (_, i) => {
    const s = from + i * 30;
    return { s, agent: connection, host, up: s - started.system, tunnel: s - started.tunnel };
  });
}

/** A hub that sees the peer at these endpoints, one each `every` seconds. */
const hub = (name: string, every: number, endpoints: string[], from = 0): Recorded[] =>
  endpoints.map((at, i) => ({ s: from + i * every, hub: name, at }));

const repeat = <T>(times: number, items: (i: number) => T | T[]): T[] =>
  Array.from({ length: times }, (_, i) => items(i)).flat() as T[];

const HOME = '203.0.113.5:51820';
const MOBILE = '198.51.100.7:40000';
const CAFE = '192.0.2.9:1025';
const HOUR = 3600;

/** Recorded by hand from what devices do; each says what it must raise. */
export const RECORDINGS: Recording[] = [
  // What isn't an incident.
  {
    name: 'a desktop that stays where it is',
    raises: [],
    events: [
      ...agent('c1', 'desk', 0, 50),
      ...hub(
        'h1',
        30,
        repeat(50, () => HOME),
      ),
    ],
  },
  {
    name: 'a laptop that goes from home to the train, to the café and home again',
    raises: [],
    events: [
      ...agent('c1', 'laptop', 0, 10),
      ...agent('c2', 'laptop', 310, 10),
      ...agent('c3', 'laptop', 620, 10),
      ...hub('h1', 30, [...repeat(10, () => HOME), ...repeat(10, () => MOBILE), ...repeat(10, () => CAFE), HOME, HOME]),
    ],
  },
  {
    name: 'a minute on the phone network and back',
    raises: [],
    events: hub('h1', 30, [HOME, HOME, MOBILE, MOBILE, HOME, HOME]),
  },
  {
    name: 'back and forth in half an hour each',
    raises: [],
    events: hub('h1', HOUR / 2, [HOME, MOBILE, HOME, MOBILE, HOME, MOBILE, HOME, MOBILE]),
  },
  {
    name: 'three places, none of them left twice',
    raises: [],
    events: hub('h1', 30, [HOME, MOBILE, HOME, CAFE, HOME]),
  },
  {
    name: 'ten moves on a day',
    raises: [],
    events: hub(
      'h1',
      2 * HOUR,
      repeat(11, (i) => `198.51.100.${i + 1}:51820`),
    ),
  },
  {
    name: 'a NAT that forgets before each keepalive',
    raises: [],
    events: hub(
      'h1',
      25,
      repeat(60, (i) => `203.0.113.5:${20_000 + 17 * i}`),
    ),
  },
  {
    name: 'a NAT that was restarted',
    raises: [],
    events: hub('h1', 5, ['203.0.113.5:1000', '203.0.113.5:2000', '203.0.113.5:3000']),
  },
  {
    name: 'two fast reconnects',
    raises: [],
    events: [...agent('c1', 'laptop', 0, 3), ...agent('c2', 'laptop', 62, 1), ...agent('c3', 'laptop', 64, 20)],
  },
  {
    name: 'a reconnect, and the last words of the old connection arrive late',
    raises: [],
    events: [
      ...agent('c1', 'laptop', 0, 4),
      ...agent('c2', 'laptop', 95, 1),
      { s: 96, agent: 'c1', host: 'laptop', up: 86_400 + 60, tunnel: 3660 },
      { s: 97, agent: 'c1', host: 'laptop', up: 86_400 + 90, tunnel: 3690 },
      ...agent('c2', 'laptop', 125, 20),
    ],
  },
  {
    name: 'a reboot: the uptime falls',
    raises: [],
    events: [...agent('c1', 'laptop', 0, 5), ...agent('c2', 'laptop', 180, 20, { system: 160, tunnel: 175 })],
  },
  {
    name: 'a tunnel that is switched off and on, time after time',
    raises: [],
    events: repeat(8, (i) => agent(`c${i}`, 'laptop', i * 40, 1, { system: -86_400, tunnel: i * 40 - 5 })),
  },
  {
    name: 'a new host name on the same connection, and back',
    raises: [],
    events: [...agent('c1', 'laptop', 0, 5), ...agent('c1', 'lapdog', 150, 2), ...agent('c1', 'laptop', 210, 5)],
  },
  {
    name: 'a new host name with a new connection',
    raises: [],
    events: [...agent('c1', 'laptop', 0, 5), ...agent('c2', 'lapdog', 150, 20)],
  },
  {
    name: 'a machine that sleeps, its clock of uptime with it',
    raises: [],
    events: repeat(6, (i) => agent(`c${i}`, 'laptop', i * 60, 1, { system: -86_400 + i * 30, tunnel: i * 30 })),
  },
  {
    name: 'a device replaced by another within minutes',
    raises: [],
    events: [...agent('c1', 'old', 0, 8), ...agent('c2', 'new', 240, 20, { system: 200, tunnel: 230 })],
  },
  {
    name: 'failover: another hub sees the peer, from the same place',
    raises: [],
    events: [
      ...hub(
        'h1',
        30,
        repeat(10, () => HOME),
      ),
      ...hub(
        'h2',
        30,
        repeat(10, () => HOME),
        310,
      ),
      ...hub(
        'h1',
        30,
        repeat(10, () => HOME),
        620,
      ),
    ],
  },
  {
    name: 'a hub that keeps reporting where it saw the peer last, while another sees it elsewhere',
    raises: [],
    events: repeat(20, (i): Recorded[] => [
      { s: i * 30, hub: 'h1', at: HOME },
      { s: i * 30 + 1, hub: 'h2', at: MOBILE },
    ]),
  },
  {
    name: 'a host with IPv4 and IPv6 that goes from one to the other',
    raises: [],
    events: hub(
      'h1',
      30,
      repeat(30, (i) => (i % 2 ? '[2001:db8:1::5]:51820' : HOME)),
    ),
  },
  {
    name: 'IPv6 privacy addresses in one network',
    raises: [],
    events: hub(
      'h1',
      10,
      repeat(30, (i) => `[2001:db8:1:2::${i % 2 ? 'a' : 'b'}]:51820`),
    ),
  },
  {
    name: 'the same address written in two ways',
    raises: [],
    events: hub(
      'h1',
      30,
      repeat(30, (i) => (i % 2 ? '[::ffff:203.0.113.5]:51820' : HOME)),
    ),
  },
  {
    name: 'nonsense for an endpoint',
    raises: [],
    events: hub('h1', 1, ['', 'x', ':', '1.2.3.4', '[::1', 'host.example:5', '999.1.1.1:1']),
  },

  // What is one.
  {
    name: 'two agents with two host names',
    raises: ['session_conflict'],
    events: [...agent('c1', 'alpha', 0, 3), ...agent('c2', 'beta', 12, 3, { system: -500, tunnel: -300 })],
  },
  {
    name: 'a copy of a machine, both connected',
    raises: ['session_conflict'],
    events: [...agent('c1', 'laptop', 0, 4), ...agent('c2', 'laptop', 12, 4)],
  },
  {
    name: 'a copied state folder: each pushes the other off',
    raises: ['session_conflict'],
    events: repeat(4, (i) => [
      ...agent(`a${i}`, 'laptop', i * 20, 1),
      ...agent(`b${i}`, 'laptop', i * 20 + 10, 1, { system: -500, tunnel: -300 }),
    ]),
  },
  {
    name: 'two agents that report just within the threshold',
    raises: ['session_conflict'],
    config: { conflict: 1 },
    events: [...agent('c1', 'alpha', 0, 4), ...agent('c2', 'beta', 29, 4)],
  },
  {
    name: 'two agents further apart than the threshold',
    raises: [],
    config: { conflict: 1 },
    events: repeat(6, (i) => [...agent('c1', 'alpha', i * 240, 1), ...agent('c2', 'beta', i * 240 + 120, 1)]),
  },
  { name: 'one key in two places', raises: ['shared_config'], events: hub('h1', 30, [HOME, MOBILE, HOME, MOBILE]) },
  {
    name: 'one key in three places',
    raises: ['shared_config'],
    events: hub('h1', 30, [HOME, MOBILE, CAFE, HOME, MOBILE]),
  },
  {
    name: 'one key in two places, with ports that change too',
    raises: ['shared_config'],
    events: hub(
      'h1',
      1,
      repeat(8, (i) => `203.0.113.${i % 2}:${3000 + i}`),
    ),
  },
  {
    name: 'one key in two IPv6 networks',
    raises: ['shared_config'],
    events: hub(
      'h1',
      30,
      repeat(6, (i) => `[2001:db8:${i % 2}::5]:51820`),
    ),
  },
  {
    name: 'flips that are slower than the threshold',
    raises: [],
    config: { endpoint: 1 },
    events: hub('h1', 40, [HOME, MOBILE, HOME, MOBILE, HOME]),
  },
  {
    name: 'eleven moves on a day',
    raises: ['suspicious_activity'],
    events: hub(
      'h1',
      2 * HOUR,
      repeat(12, (i) => `198.51.100.${i + 1}:51820`),
    ),
  },
  {
    name: 'eleven moves on two days',
    raises: [],
    events: hub(
      'h1',
      4 * HOUR,
      repeat(12, (i) => `198.51.100.${i + 1}:51820`),
    ),
  },
  {
    name: 'eleven moves where twenty are allowed',
    raises: [],
    config: { perDay: 20 },
    events: hub(
      'h1',
      2 * HOUR,
      repeat(12, (i) => `198.51.100.${i + 1}:51820`),
    ),
  },
  {
    name: 'two devices behind one NAT',
    raises: ['suspicious_activity'],
    events: hub(
      'h1',
      30,
      repeat(9, (i) => (i % 2 ? '203.0.113.5:1111' : '203.0.113.5:2222')),
    ),
  },
  {
    name: 'ports that change faster than any NAT forgets',
    raises: ['suspicious_activity'],
    events: hub(
      'h1',
      2,
      repeat(7, (i) => `203.0.113.5:${3000 + i}`),
    ),
  },
  {
    name: 'six port changes where six are allowed',
    raises: [],
    config: { perWindow: 6 },
    events: hub(
      'h1',
      2,
      repeat(7, (i) => `203.0.113.5:${3000 + i}`),
    ),
  },
  {
    name: 'six port changes in more than the window',
    raises: [],
    config: { port: 1 },
    events: hub(
      'h1',
      14,
      repeat(7, (i) => `203.0.113.5:${3000 + i}`),
    ),
  },
];
