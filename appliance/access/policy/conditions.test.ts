import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CertificateFacts, Facts } from '../types.ts';
import { compareVersions } from './conditions.ts';
import type { PostureFacts } from './subject.ts';
import { facts, NAS, policySet } from './testing.ts';

const certificate: CertificateFacts = {
  subject: 'CN=Alice,O=Corp',
  issuer: 'CN=Corp CA 2,O=Corp',
  commonName: 'Alice',
  alternativeNames: ['email:alice@example.com', 'DNS:laptop.example.com'],
  serial: '01',
  notAfter: '2030-01-01T00:00:00Z',
};
const device = { id: 'dev-1', name: 'Till-3', groups: ['Tills'] };
const voucher = { id: 'v-1', batchId: 'b-1' };

type Case = { match: string; holds: Partial<Facts>[]; fails: Partial<Facts>[] };
const CASES: Case[] = [
  {
    match: 'users: [Alice, bob@example.com]',
    holds: [{ username: 'ALICE' }, { username: 'alice', realm: 'x.org' }, { username: 'Bob', realm: 'example.com' }],
    fails: [{ username: 'bob' }, { username: 'alice2' }, { username: '' }],
  },
  {
    match: 'groups: [staff, IT]',
    holds: [{ groups: ['x', 'Staff'] }, { groups: ['it'] }],
    fails: [{}, { groups: ['st'] }],
  },
  { match: 'realms: [Example.com]', holds: [{ realm: 'example.COM' }], fails: [{}, { realm: 'sub.example.com' }] },
  {
    match: 'methods: [peap, eap-tls]',
    holds: [{ method: 'peap-gtc' }, { method: 'peap-mschapv2' }, { method: 'eap-tls' }],
    fails: [{ method: 'pap' }, { method: 'ttls-pap' }],
  },
  {
    match: 'methods: ttls',
    holds: [{ method: 'ttls-pap' }, { method: 'ttls-chap' }, { method: 'ttls-mschap' }, { method: 'ttls-mschapv2' }],
    fails: [{ method: 'pap' }],
  },
  {
    match: 'certificate: {issuer: "cn=corp ca*"}',
    holds: [{ certificate }],
    fails: [{}, { certificate: { ...certificate, issuer: 'CN=Other' } }],
  },
  {
    match: 'certificate: {alternative_name: "*@example.com"}',
    holds: [{ certificate }],
    fails: [{}, { certificate: { ...certificate, alternativeNames: ['DNS:x@example.com.evil'] } }],
  },
  {
    match: 'certificate: {alternative_name: "DNS:laptop.*"}',
    holds: [{ certificate }],
    fails: [{ certificate: { ...certificate, alternativeNames: ['email:laptop.x'] } }],
  },
  {
    match: 'certificate: {common_name: alice, subject: "*O=Corp"}',
    holds: [{ certificate }],
    fails: [
      { certificate: { ...certificate, subject: 'CN=Alice,O=Else' } },
      { certificate: { ...certificate, commonName: 'Alicia' } },
    ],
  },
  { match: 'nas: [ap-1]', holds: [{ nas: NAS }], fails: [{}, { nas: { ...NAS, name: 'ap-10' } }] },
  { match: 'nas: [nas-1]', holds: [{ nas: NAS }], fails: [{ nas: { ...NAS, id: 'nas-2' } }] },
  { match: 'nas_groups: [Floor-2]', holds: [{ nas: NAS }], fails: [{}, { nas: { ...NAS, groups: [] } }] },
  { match: 'ssids: [Corp]', holds: [{ ssid: 'Corp' }], fails: [{}, { ssid: 'corp' }, { ssid: 'Corp-Guest' }] },
  {
    match: 'called_stations: ["*:Corp", "aa-bb-cc-*"]',
    holds: [{ calledStation: '00-11-22-33-44-55:Corp' }, { calledStation: 'AA:BB:CC:00:00:00' }],
    fails: [{}, { calledStation: '00-11-22-33-44-55:Corp2' }],
  },
  {
    match: 'calling_stations: ["02-00-00-*"]',
    holds: [{ callingStation: '02:00:00:11:22:33' }, { callingStation: '0200.0011.2233', mac: '02:00:00:11:22:33' }],
    fails: [{}, { callingStation: '12-00-00-11-22-33' }],
  },
  {
    match: 'mac_vendors: [Apple, "0a-00-00", "0b:00:00:00"]',
    holds: [
      { mac: '00:17:f2:00:00:01' },
      { mac: '3c:07:54:00:00:01' },
      { mac: '0a:00:00:ff:ff:ff' },
      { mac: '0b:00:00:00:00:01' },
    ],
    fails: [{}, { mac: '00:00:0c:00:00:01' }, { mac: 'a1:b2:c3:00:00:01' }, { mac: '0b:00:00:01:00:01' }],
  },
  {
    match: 'mac_vendors: random',
    holds: [{ mac: '02:00:00:00:00:01' }, { mac: 'da:a1:19:00:00:01' }],
    fails: [{ mac: '00:17:f2:00:00:01' }],
  },
  {
    match: 'devices: [till-3, dev-9, 02-00-00-00-00-09]',
    holds: [{ device }, { device: { ...device, id: 'dev-9', name: 'x' } }, { mac: '02:00:00:00:00:09' }],
    fails: [{}, { device: { ...device, name: 'Till-4' } }, { mac: '02:00:00:00:00:08' }],
  },
  { match: 'device_groups: tills', holds: [{ device }], fails: [{}, { groups: ['tills'] }] },
  {
    match: 'mac_vendors: [Flex, tiny]',
    holds: [{ mac: '10:06:48:0f:00:01' }, { mac: '70:b3:d5:a0:1f:01' }],
    fails: [{ mac: '10:06:48:1f:00:01' }, { mac: '70:b3:d5:a0:2f:01' }],
  },
  { match: 'voucher: true', holds: [{ voucher }], fails: [{}] },
  { match: 'voucher: false', holds: [{}], fails: [{ voucher }] },
  { match: 'voucher: [b-1]', holds: [{ voucher }], fails: [{}, { voucher: { id: 'v', batchId: 'b-2' } }] },
  { match: 'voucher: [v-1]', holds: [{ voucher }], fails: [{ voucher: { id: 'v-2', batchId: 'b-1' } }] },
  { match: 'door: overlay', holds: [{ door: 'overlay' }], fails: [{ door: 'radius' }] },
  { match: 'time: {days: sun}', holds: [{}], fails: [{ at: Date.UTC(2026, 2, 2, 12) }] },
  {
    match: 'groups: [staff], ssids: [Corp]',
    holds: [{ groups: ['staff'], ssid: 'Corp' }],
    fails: [{ groups: ['staff'] }, { ssid: 'Corp' }],
  },
];
for (const { match, holds, fails } of CASES) {
  test(`match {${match}}`, () => {
    const set = policySet([`{name: p, match: {${match}}, decide: {action: allow}}`]);
    for (const some of holds) assert.ok(set.decide(facts(some)).policy, `should hold: ${JSON.stringify(some)}`);
    for (const some of fails) assert.ok(!set.decide(facts(some)).policy, `should fail: ${JSON.stringify(some)}`);
    // What explain says and what decides are the same.
    for (const some of [...holds, ...fails]) {
      const { decision, policies } = set.explain(facts(some));
      assert.equal(policies[0]?.matched, decision.policy !== null);
      assert.equal(policies[0]?.failed.length === 0, policies[0]?.matched);
    }
  });
}

const POSTURE: [string, PostureFacts[], (PostureFacts | undefined)[]][] = [
  ['firewall: true', [{ firewall: true }], [undefined, {}, { firewall: false }, { other: true }]],
  ['firewall: false', [{ firewall: false }], [undefined, {}, { firewall: true }]],
  ['known: true', [{}, { a: 1 }], [undefined]],
  ['known: false', [], [{}]],
  [
    'os_version: ">=14.2"',
    [{ os_version: '14.2' }, { os_version: '14.10.1' }, { os_version: 15 }],
    [undefined, { os_version: '14.1.9' }, { os_version: '9' }, { os_version: true }],
  ],
  ['os_version: "<14.2"', [{ os_version: '14.1' }], [{ os_version: '14.2' }, { os_version: '14.10' }]],
  ['os: macOS', [{ os: 'macos' }], [{ os: 'windows' }]],
  ['os: "!=windows"', [{ os: 'linux' }], [{ os: 'Windows' }, {}, undefined]],
  ['os_version: 14', [{ os_version: '14.0' }, { os_version: 14 }], [{ os_version: '14.1' }]],
  ['constructor: true', [{ constructor: true } as unknown as PostureFacts], [{}]],
];
for (const [match, holds, fails] of POSTURE) {
  test(`posture {${match}}`, () => {
    const decided = (posture: PostureFacts | undefined) =>
      policySet([`{name: p, match: {posture: {${match}}}, decide: {action: allow}}`], { posture }).decide(facts())
        .policy;
    for (const posture of holds) assert.ok(decided(posture), JSON.stringify(posture));
    for (const posture of fails) assert.ok(!decided(posture), JSON.stringify(posture));
  });
}

test('versions are compared by their parts', () => {
  const order = ['1', '1.0.1', '1.2', '1.10', '2.0-1', '2.0-2', '10.0.19045', '10.0.22631'];
  for (const [index, version] of order.entries()) {
    for (const [other, against] of order.entries()) {
      assert.equal(Math.sign(compareVersions(version, against)), Math.sign(index - other), `${version} ${against}`);
    }
  }
  assert.equal(compareVersions('1.0', '1'), 0);
});

test('versions: the order is one', () => {
  const version = fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'));
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      assert.equal(Math.sign(compareVersions(a, b)), -Math.sign(compareVersions(b, a)) + 0);
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) assert.ok(compareVersions(a, c) <= 0);
    }),
  );
});
