import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parsePolicy } from './document.ts';
import { MAX_DOCUMENT_BYTES, MAX_FAULTS } from './model.ts';
import { CHECKS, faultsOf } from './testing.ts';

const WHOLE = `
name: staff
description: People who work here
priority: 10
enabled: true
match:
  users: [alice, 1234]
  groups: staff
  realms: [example.com]
  methods: [eap-tls, peap]
  certificate: { issuer: "CN=Corp CA*", alternative_name: ["*@example.com"] }
  nas: [ap-1]
  nas_groups: [floor-2]
  ssids: [Corp]
  called_stations: ["*:Corp"]
  calling_stations: ["02-00-*"]
  mac_vendors: [Apple, "02:00:00", random]
  devices: [02-00-00-11-22-33]
  device_groups: [laptops]
  voucher: false
  time: { days: mon-fri, from: "07:00", to: "20:00" }
  posture: { disk_encryption: true, os_version: ">=14.2", known: true }
  door: radius
decide:
  action: allow
  vlan: 20
  role: staff
  acl: [permit ip any any]
  bandwidth: {up: 10mbps, down: 50mbps}
  session_timeout: 8h
  idle_timeout: 15m
  simultaneous_use: 3
  daily_quota: {data: 10GB, time: 4h}
  portal_url: https://portal.example/login
  message: Welcome
  attributes: [{name: Reply-Message, value: hello, op: "+="}]
  overlay_groups: [staff]
`;

test('a whole document is read as it says', () => {
  const result = parsePolicy(WHOLE, CHECKS);
  assert.ok('policy' in result, JSON.stringify(result));
  assert.deepEqual(result.policy, {
    name: 'staff',
    description: 'People who work here',
    priority: 10,
    enabled: true,
    match: {
      users: ['alice', '1234'],
      groups: ['staff'],
      realms: ['example.com'],
      methods: ['eap-tls', 'peap-mschapv2', 'peap-gtc'],
      certificate: { issuer: ['CN=Corp CA*'], alternative_name: ['*@example.com'] },
      nas: ['ap-1'],
      nas_groups: ['floor-2'],
      ssids: ['Corp'],
      called_stations: ['*:Corp'],
      calling_stations: ['02-00-*'],
      mac_vendors: ['Apple', '02:00:00', 'random'],
      devices: ['02:00:00:11:22:33'],
      device_groups: ['laptops'],
      voucher: false,
      time: [{ days: [true, true, true, true, true, false, false], from: 420, to: 1200 }],
      posture: {
        known: true,
        wishes: [
          { fact: 'disk_encryption', op: '=', value: true },
          { fact: 'os_version', op: '>=', value: '14.2' },
        ],
      },
      door: 'radius',
    },
    decide: {
      action: 'allow',
      vlan: 20,
      role: 'staff',
      acl: ['permit ip any any'],
      bandwidth: { up: 10_000_000, down: 50_000_000 },
      session_timeout: 28_800,
      idle_timeout: 900,
      simultaneous_use: 3,
      daily_quota: { bytes: 10_000_000_000, seconds: 14_400 },
      portal_url: 'https://portal.example/login',
      message: 'Welcome',
      attributes: [{ name: 'Reply-Message', value: 'hello', op: '+=' }],
      overlay_groups: ['staff'],
    },
  });
});

test('a VLAN is a number, in quotes or not, or a name', () => {
  const vlans = ['1', '4094', '"20"', '0x14', 'guests', '20-west', '"20 west"'].map((vlan) => {
    const result = parsePolicy(`name: a\ndecide: {action: allow, vlan: ${vlan}}`, CHECKS);
    return 'policy' in result ? result.policy.decide.vlan : result.faults;
  });
  assert.deepEqual(vlans, [1, 4094, 20, 20, 'guests', '20-west', '20 west']);
});

test('a short document has defaults', () => {
  const result = parsePolicy('name: guests\ndecide: { action: portal }\n', CHECKS);
  assert.deepEqual(result, {
    policy: {
      name: 'guests',
      description: '',
      priority: 100,
      enabled: true,
      match: {},
      decide: { action: 'portal', attributes: [], overlay_groups: [] },
    },
  });
});

/** Text of a document, then line, column and path of its one fault and what the message says. */
const FAULTS: [string, string, number, number, string, RegExp][] = [
  ['empty', '', 1, 1, '', /is empty.*write `name/],
  ['a list', '- a', 1, 1, '', /is a list/],
  ['no name', 'decide: {action: allow}', 1, 1, '', /^name is missing/],
  ['no action', 'name: a\ndecide:\n  vlan: 1', 2, 1, 'decide', /^action is missing/],
  [
    'unknown key',
    'name: a\nmatch:\n  group: [x]\ndecide: {action: deny}',
    3,
    3,
    'match.group',
    /did you mean 'groups'/,
  ],
  [
    'unknown key, no guess',
    'name: a\nzzzzzz: 1\ndecide: {action: deny}',
    2,
    1,
    'zzzzzz',
    /known here: name, description/,
  ],
  ['unknown action', 'name: a\ndecide:\n  action: alow', 3, 11, 'decide.action', /did you mean 'allow'/],
  [
    'unknown method',
    'name: a\nmatch: {methods: [pap, eap-tsl]}\ndecide: {action: deny}',
    2,
    24,
    'match.methods.1',
    /did you mean 'eap-tls'/,
  ],
  ['vlan', 'name: a\ndecide: {action: allow, vlan: 4095}', 2, 31, 'decide.vlan', /1 to 4094/],
  ['vlan in quotes', 'name: a\ndecide: {action: allow, vlan: "9999"}', 2, 31, 'decide.vlan', /1 to 4094/],
  ['vlan of nothing', 'name: a\ndecide: {action: allow, vlan: "0"}', 2, 31, 'decide.vlan', /1 to 4094/],
  [
    'rate without unit',
    'name: a\ndecide: {action: allow, bandwidth: {up: "10"}}',
    2,
    41,
    'decide.bandwidth.up',
    /10mbps/,
  ],
  [
    'duration',
    'name: a\ndecide:\n  action: allow\n  session_timeout: 8 hours',
    4,
    20,
    'decide.session_timeout',
    /for example 30s, 15m, 8h/,
  ],
  ['size', 'name: a\ndecide: {action: allow, daily_quota: {data: much}}', 2, 45, 'decide.daily_quota.data', /10GB/],
  [
    'rate as a bare number',
    'name: a\ndecide: {action: allow, bandwidth: {up: 10}}',
    2,
    41,
    'decide.bandwidth.up',
    /"10": write a rate with its unit/,
  ],
  [
    'a day of 25 hours',
    'name: a\ndecide: {action: allow, daily_quota: {time: 25h}}',
    2,
    45,
    'decide.daily_quota.time',
    /24h/,
  ],
  [
    'boolean as text',
    'name: a\nmatch: {users: [true]}\ndecide: {action: deny}',
    2,
    17,
    'match.users.0',
    /in quotes: "true"/,
  ],
  ['text as boolean', 'name: a\nenabled: "no"\ndecide: {action: deny}', 2, 10, 'enabled', /true or false/],
  ['empty value', 'name: a\nmatch:\n  groups:\ndecide: {action: deny}', 3, 3, 'match.groups', /is empty/],
  ['empty list', 'name: a\nmatch: {groups: []}\ndecide: {action: deny}', 2, 9, 'match.groups', /which nothing matches/],
  [
    'time of day',
    'name: a\nmatch: {time: {from: "25:00"}}\ndecide: {action: deny}',
    2,
    22,
    'match.time.from',
    /not a time of day/,
  ],
  [
    'time as a number',
    'name: a\nmatch: {time: {from: 7}}\ndecide: {action: deny}',
    2,
    22,
    'match.time.from',
    /in quotes/,
  ],
  [
    'same times',
    'name: a\nmatch: {time: {from: "07:00", to: "07:00"}}\ndecide: {action: deny}',
    2,
    15,
    'match.time',
    /same time/,
  ],
  [
    'day',
    'name: a\nmatch: {time: {days: [mon, tuesay]}}\ndecide: {action: deny}',
    2,
    28,
    'match.time.days.1',
    /not a day/,
  ],
  [
    'vendor',
    'name: a\nmatch: {mac_vendors: [Nobody]}\ndecide: {action: deny}',
    2,
    23,
    'match.mac_vendors.0',
    /no vendor/,
  ],
  [
    'fact name',
    'name: a\nmatch: {posture: {Firewall: true}}\ndecide: {action: deny}',
    2,
    19,
    'match.posture.Firewall',
    /lower-case/,
  ],
  ['no facts', 'name: a\nmatch: {posture: {}}\ndecide: {action: deny}', 2, 9, 'match.posture', /names no fact/],
  [
    'attribute',
    'name: a\ndecide:\n  action: allow\n  attributes:\n    - {name: Bad-One, value: x}',
    5,
    7,
    'decide.attributes.0',
    /no attribute Bad-One/,
  ],
  [
    'operator',
    'name: a\ndecide: {action: allow, attributes: [{name: X, value: y, op: "=="}]}',
    2,
    62,
    'decide.attributes.0.op',
    /=, :=, \+=|did you mean/,
  ],
  ['more than fits', 'name: a\ndecide: {action: allow, role: huge}', 2, 1, 'decide', /too many bytes/],
  ['URL', 'name: a\ndecide: {action: portal, portal_url: "javascript:alert(1)"}', 2, 38, 'decide.portal_url', /https:/],
  ['priority', 'name: a\npriority: -1\ndecide: {action: deny}', 2, 11, 'priority', /whole number from 0/],
  ['control character', 'name: "a\\u0007"\ndecide: {action: deny}', 1, 7, 'name', /control character/],
  ['twice', 'name: a\nname: b\ndecide: {action: deny}', 2, 1, '', /there twice/],
  ['two documents', 'name: a\ndecide: {action: deny}\n---\nname: b', 3, 1, '', /second document/],
  ['merge key', 'name: a\ndecide:\n  <<: {action: allow}\n  action: deny', 3, 3, 'decide.<<', /not known here/],
  [
    'a map for a list item',
    'name: a\nmatch: {users: [{a: b}]}\ndecide: {action: deny}',
    2,
    17,
    'match.users.0',
    /a mapping/,
  ],
];
for (const [what, text, line, column, path, message] of FAULTS) {
  test(`fault: ${what}`, () => {
    const faults = faultsOf(text);
    assert.equal(faults.length, 1, JSON.stringify(faults));
    assert.match(faults[0]!.message, message);
    assert.deepEqual({ ...faults[0], message: '' }, { line, column, path, message: '' });
  });
}

test('all faults are told at once, up to a bound', () => {
  const faults = faultsOf('name: 7\npriority: x\nenabled: 3\nmatch: {door: left}\ndecide: {action: no, vlan: 0}');
  assert.deepEqual(
    faults.map(({ path }) => path),
    ['priority', 'enabled', 'match.door', 'decide.action', 'decide.vlan'],
  );
  const many = `name: a\nmatch: {methods: [${Array(200).fill('x').join(', ')}]}\ndecide: {action: deny}`;
  assert.equal(faultsOf(many).length, MAX_FAULTS);
});

test('of a refusal nothing but the message has to fit', () => {
  assert.deepEqual(faultsOf('name: a\ndecide: {action: deny, role: huge}'), []);
});

test('what YAML cannot read is told with its place', () => {
  const [fault] = faultsOf('name: a\ndecide: {action: [allow\n');
  assert.ok(fault && fault.line >= 2, JSON.stringify(fault));
  const [tab] = faultsOf('name: a\ndecide:\n\taction: allow\n');
  assert.equal(tab?.line, 3);
});

test('a null character is refused wherever it is: no database keeps it', () => {
  assert.match(faultsOf('name: a # \0\ndecide: {action: deny}')[0]!.message, /null character/);
});

test('bounds: size, depth, values behind aliases', () => {
  assert.match(faultsOf(`name: ${'a'.repeat(MAX_DOCUMENT_BYTES)}`)[0]!.message, /64 KiB/);
  for (const text of ['['.repeat(30_000), '- '.repeat(30_000), '{a: '.repeat(10_000), '? '.repeat(30_000)]) {
    assert.ok(faultsOf(text).length > 0);
  }
  const bomb = `a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [${Array(50).fill('*a').join(', ')}]
name: a
match: {users: *b}
decide: {action: deny}`;
  assert.ok(faultsOf(bomb).length > 0 && faultsOf(bomb).length <= MAX_FAULTS);
  assert.ok(faultsOf('name: &a [*a]\ndecide: {action: deny}').length > 0);
});

test('an alias stands for what it names', () => {
  const text = 'name: a\nmatch: {users: &who [bob], groups: *who}\ndecide: {action: deny}';
  const result = parsePolicy(text, CHECKS);
  assert.ok('policy' in result);
  assert.deepEqual(result.policy.match, { users: ['bob'], groups: ['bob'] });
});

test('whatever the text, the answer is a policy or faults with a place', () => {
  const piece = fc.constantFrom(
    'name',
    'match',
    'decide',
    'action',
    ': ',
    '- ',
    '\n',
    '  ',
    '{',
    '}',
    '[',
    ']',
    '&a ',
    '*a',
    'allow',
    '"',
    "'",
    '#',
    '|',
    '>',
    '\t',
    '!',
    '%',
    ',',
    'time',
    'posture',
    '1',
    'é',
    '🙂',
    '\0',
    '---\n',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const result = parsePolicy(pieces.join(''), CHECKS);
      if ('policy' in result) return;
      assert.ok(result.faults.length > 0);
      for (const { line, column, message } of result.faults) assert.ok(line >= 1 && column >= 1 && message !== '');
    }),
    { numRuns: 3000 },
  );
});
