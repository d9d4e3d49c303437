import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Decision } from '../../access/index.ts';
import { Packet, parsePacket, Secret } from '../codec/index.ts';
import { loadDictionary } from '../dictionary/index.ts';
import { NAS_TYPES, type NasType } from '../types.ts';
import { MAX_DECISION_BYTES, Renderer } from './render.ts';

const dictionary = loadDictionary();
const renderer = new Renderer(dictionary);
const decision = (more: Partial<Decision>): Decision => ({
  action: 'allow',
  policy: { id: 'p', name: 'p', version: 1 },
  attributes: [],
  overlayGroups: [],
  ...more,
});

/** What a NAS reads in it. */
function told(more: Partial<Decision>, type: NasType): string[] {
  const rendered = renderer.render(decision(more), type);
  assert.equal(rendered.problem, undefined);
  const bytes = Buffer.concat([Uint8Array.of(2, 7, 0, 0), new Uint8Array(16), rendered.attributes]);
  bytes.writeUInt16BE(bytes.length, 2);
  const packet = parsePacket(bytes);
  assert.ok(packet instanceof Packet);
  return dictionary.decode(packet).map(({ name, value }) => `${name}=${value}`);
}

const FILTER = ['Filter-Id=guests'];
const WISPR = ['WISPr-Bandwidth-Max-Up=2000000', 'WISPr-Bandwidth-Max-Down=10000500'];
const VLAN = ['Tunnel-Type=VLAN', 'Tunnel-Medium-Type=IEEE-802', 'Tunnel-Private-Group-Id=30'];
const RULES = ['NAS-Filter-Rule=permit in ip from any to any\0', 'NAS-Filter-Rule=deny in ip from any to any'];
const LINES = ['permit in ip from any to any', 'deny in ip from any to any'];
const lines = (name: string) => LINES.map((line) => `${name}=${line}`);
const url = 'https://portal.example/login';
const REDIRECT = [`WISPr-Redirection-URL=${url}`];

const EXPECTED: Record<
  NasType,
  { role: string[]; bandwidth: string[]; lines: string[]; portal: string[]; vlan: string[] }
> = {
  generic: { role: FILTER, bandwidth: WISPR, lines: RULES, portal: REDIRECT, vlan: VLAN },
  aruba: {
    role: ['Aruba-User-Role=guests'],
    bandwidth: WISPR,
    lines: RULES,
    portal: [`Aruba-Captive-Portal-URL=${url}`],
    vlan: VLAN,
  },
  cisco: {
    role: ['Cisco-AVPair=role=guests'],
    bandwidth: [
      'Airespace-Data-Bandwidth-Average-Contract-Upstream=2000',
      'Airespace-Data-Bandwidth-Average-Contract=10001',
    ],
    lines: LINES.map((line, index) => `Cisco-AVPair=ip:inacl#${index + 1}=${line}`),
    portal: [`Cisco-AVPair=url-redirect=${url}`],
    vlan: VLAN,
  },
  fortinet: { role: ['Fortinet-Group-Name=guests'], bandwidth: WISPR, lines: RULES, portal: REDIRECT, vlan: VLAN },
  juniper: {
    role: FILTER,
    bandwidth: WISPR,
    lines: lines('Juniper-Switching-Filter'),
    portal: [`Juniper-CWA-Redirect=${url}`],
    vlan: VLAN,
  },
  meraki: { role: FILTER, bandwidth: WISPR, lines: RULES, portal: [`Cisco-AVPair=url-redirect=${url}`], vlan: VLAN },
  mikrotik: {
    role: ['Mikrotik-Group=guests'],
    bandwidth: ['Mikrotik-Rate-Limit=2000k/10000500'],
    lines: lines('Mikrotik-Switching-Filter'),
    portal: REDIRECT,
    vlan: [...VLAN, 'Mikrotik-Wireless-VLANID=30'],
  },
  ruckus: { role: ['Ruckus-User-Groups=guests'], bandwidth: WISPR, lines: RULES, portal: REDIRECT, vlan: VLAN },
  ubiquiti: { role: FILTER, bandwidth: WISPR, lines: RULES, portal: REDIRECT, vlan: VLAN },
};

describe('a decision as attributes', () => {
  for (const type of NAS_TYPES) {
    it(`for ${type}`, () => {
      const want = EXPECTED[type];
      assert.deepEqual(told({}, type), []);
      assert.deepEqual(told({ vlan: 30 }, type), want.vlan);
      assert.deepEqual(told({ role: 'guests' }, type), want.role);
      assert.deepEqual(told({ acl: LINES }, type), want.lines);
      assert.deepEqual(told({ bandwidth: { up: 2_000_000, down: 10_000_500 } }, type), want.bandwidth);
      assert.deepEqual(told({ action: 'portal', portalUrl: url }, type), want.portal);
      assert.deepEqual(told({ portalUrl: url }, type), [], 'who is allowed goes to no portal');
      assert.deepEqual(told({ sessionTimeout: 3600, idleTimeout: 60 }, type), [
        'Session-Timeout=3600',
        'Termination-Action=RADIUS-Request',
        'Idle-Timeout=60',
      ]);
    });
  }

  it('has an ACL by name, and each attribute once', () => {
    assert.deepEqual(told({ acl: 'guests' }, 'generic'), FILTER);
    assert.deepEqual(told({ acl: 'guests', role: 'guests' }, 'generic'), FILTER);
    assert.deepEqual(told({ acl: 'guests.in' }, 'cisco'), ['Filter-Id=guests.in', 'Airespace-ACL-Name=guests']);
    assert.deepEqual(told({ action: 'portal', portalUrl: url, acl: 'redirect' }, 'cisco'), [
      `Cisco-AVPair=url-redirect=${url}`,
      'Cisco-AVPair=url-redirect-acl=redirect',
    ]);
  });

  it('has bandwidth in one direction, and no more than an attribute holds', () => {
    assert.deepEqual(told({ bandwidth: { up: 5e6 } }, 'mikrotik'), ['Mikrotik-Rate-Limit=5000k/0']);
    assert.deepEqual(told({ bandwidth: { down: 1e11 } }, 'generic'), ['WISPr-Bandwidth-Max-Down=4294967295']);
    assert.deepEqual(told({ bandwidth: {} }, 'cisco'), []);
  });

  it('is merged with attributes by name: = where there is none, := instead, += behind', () => {
    const attributes = [
      { name: 'Filter-Id', value: 'a', op: '=' as const },
      { name: 'Filter-Id', value: 'b', op: '=' as const },
      { name: 'filter-id', value: 'c', op: '+=' as const },
      { name: 'Session-Timeout', value: '60', op: ':=' as const },
      { name: 'Tunnel-Private-Group-Id:1', value: '7', op: ':=' as const },
    ];
    assert.deepEqual(told({ vlan: 30, sessionTimeout: 3600, attributes }, 'generic'), [
      ...VLAN,
      'Termination-Action=RADIUS-Request',
      'Filter-Id=a',
      'Filter-Id=c',
      'Session-Timeout=60',
      'Tunnel-Private-Group-Id=7',
    ]);
  });

  it('says what it cannot tell', () => {
    const problem = (more: Partial<Decision>) => renderer.render(decision(more), 'generic').problem ?? '';
    assert.match(problem({ vlan: 'x'.repeat(254) }), /Tunnel-Private-Group-Id/);
    assert.match(problem({ attributes: [{ name: 'Nothing', value: '', op: '=' }] }), /Nothing is not an attribute/);
    assert.match(problem({ attributes: [{ name: 'State', value: 'x', op: ':=' }] }), /server's own/);
  });

  it("says beforehand what no request could be told: what is the server's own, and what is too long", () => {
    const attributeFault = (name: string, value: string) => renderer.attributeFault(name, value) ?? '';
    const decisionFault = (more: Partial<Decision>) => renderer.decisionFault(decision(more)) ?? '';
    for (const name of ['State', 'proxy-state', 'EAP-Message', 'Message-Authenticator']) {
      assert.match(attributeFault(name, '0x00'), /server's own/, name);
    }
    assert.match(attributeFault('Tunnel-Password', 'x'.repeat(300)), /Tunnel-Password/);
    assert.match(attributeFault('Session-Timeout', 'soon'), /Session-Timeout/);
    assert.equal(attributeFault('Tunnel-Password', 'psk'), '');
    assert.equal(attributeFault('Session-Timeout', '60'), '');

    // 250 bytes each.
    const filters = (count: number) =>
      Array.from({ length: count }, () => ({ name: 'Filter-Id', value: 'x'.repeat(248), op: '+=' as const }));
    assert.equal(decisionFault({ attributes: filters(MAX_DECISION_BYTES / 250) }), '');
    assert.match(decisionFault({ attributes: filters(MAX_DECISION_BYTES / 250), idleTimeout: 1 }), /3506 bytes/);
    const hidden = { name: 'Tunnel-Password', value: 'psk', op: '=' as const };
    assert.match(decisionFault({ attributes: [...filters(MAX_DECISION_BYTES / 250), hidden] }), /bytes/);
    assert.match(decisionFault({ role: 'x'.repeat(247) }), /type cisco can't be told.*Cisco-AVPair/);
    assert.equal(decisionFault({ role: 'x'.repeat(200), vlan: 5, acl: ['a', 'b'] }), '');
  });

  it('is kept: the same bytes, and the same object, for the same decision and type', () => {
    const one = decision({ vlan: 5 });
    assert.equal(renderer.render(one, 'cisco'), renderer.render(one, 'cisco'));
    assert.equal(renderer.renderChange(one, 'cisco'), renderer.render(one, 'cisco').attributes);
    assert.notEqual(renderer.render(one, 'cisco'), renderer.render(one, 'aruba'));
  });

  it('keeps what is encrypted for the request, and leaves it out of a CoA', () => {
    const one = decision({ vlan: 5, attributes: [{ name: 'Tunnel-Password', value: 'psk', op: '=' }] });
    const rendered = renderer.render(one, 'generic');
    assert.ok(rendered.encrypted);
    const cipher = { authenticator: new Uint8Array(16), secret: new Secret('s') };
    assert.ok(renderer.encode(rendered.items, cipher).length > rendered.attributes.length);
    assert.equal(renderer.renderChange(one, 'generic'), rendered.attributes);
  });

  it('never throws, whatever a document holds', () => {
    const arbitrary = fc.record(
      {
        vlan: fc.oneof(fc.integer(), fc.string()),
        role: fc.string(),
        acl: fc.oneof(fc.string(), fc.array(fc.string())),
        bandwidth: fc.record({ up: fc.double(), down: fc.double() }, { requiredKeys: [] }),
        sessionTimeout: fc.double(),
        portalUrl: fc.string(),
        attributes: fc.array(
          fc.record({
            name: fc.constantFrom('Filter-Id', 'Session-Timeout', 'Cisco-AVPair', 'Tunnel-Type:1', 'x', ''),
            value: fc.string(),
            op: fc.constantFrom('=' as const, ':=' as const, '+=' as const),
          }),
        ),
      },
      { requiredKeys: ['attributes'] },
    );
    fc.assert(
      fc.property(arbitrary, fc.constantFrom(...NAS_TYPES), (more, type) => {
        const rendered = renderer.render(decision({ ...(more as Partial<Decision>), action: 'portal' }), type);
        renderer.bound(rendered.items, 10);
      }),
    );
  });
});
