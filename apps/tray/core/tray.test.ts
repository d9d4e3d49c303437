import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AgentStatus } from '@gatehouse/protocol';
import fc from 'fast-check';
import { allowed, trayOf } from './index.ts';
import { ago, anySnapshot, because, down, NOW, notEnrolled, PLATFORMS, profile, snapshot } from './testing.ts';
import type { MenuItem, Platform, Snapshot, TrayIcon } from './types.ts';

const miss = { fact: 'firewall', wanted: 'true', policy: 'laptops' };
const held = { standing: { admitted: false, reason: 'x', missing: [miss], reported: null } };
const two = { profiles: [profile('office', { active: true }), profile('home'), profile('old', { revoked: true })] };
const silent = because('degraded', 'no-handshake', { controller: { connected: false, lastContact: null } });
const COPY = 'Copy own address (10.10.0.5)';
const click = (of: 'connect' | 'disconnect' | 'enroll'): Partial<Snapshot> => ({ prediction: { of, at: NOW } });
const enroll = {
  id: 1,
  url: 'https://a.example',
  host: 'a.example',
  plain: false,
  from: 'link',
  adds: false,
  behind: 0,
} as const;

interface Situation {
  name: string;
  agent: Partial<AgentStatus> | null;
  more?: Partial<Snapshot>;
  shape: TrayIcon['shape'];
  title: string;
  /** Labels under the title: what helps now. */
  state: string[];
  /** The group after that. */
  network?: string[];
  update?: string[];
}

const situations: Situation[] = [
  { name: 'starting', agent: null, shape: 'connecting', title: 'Starting', state: [] },
  {
    name: 'daemon down',
    agent: null,
    more: { link: { kind: 'down', starting: false } },
    shape: 'problem',
    title: 'The service is not running',
    state: ['Start the service'],
  },
  {
    name: 'daemon starting',
    agent: null,
    more: { link: { kind: 'down', starting: true } },
    shape: 'connecting',
    title: 'Starting the service',
    state: [],
  },
  {
    name: 'denied',
    agent: null,
    more: { link: { kind: 'denied' } },
    shape: 'problem',
    title: 'Not allowed to use the service',
    state: [],
  },
  {
    name: 'untrusted',
    agent: null,
    more: { link: { kind: 'untrusted', owner: 'x' } },
    shape: 'problem',
    title: 'The service can’t be trusted',
    state: [],
  },
  {
    name: 'another version',
    agent: { ipc: 1 },
    shape: 'problem',
    title: 'App and service don’t match',
    state: ['Look for updates'],
  },
  {
    name: 'another version, the update is here',
    agent: { ipc: 99 },
    more: { update: { kind: 'ready', version: '0.2.0' } },
    shape: 'problem',
    title: 'App and service don’t match',
    state: ['Install version 0.2.0'],
  },
  { name: 'not enrolled', agent: notEnrolled, shape: 'off', title: 'No network yet', state: ['Join a network…'] },
  {
    name: 'invited',
    agent: notEnrolled,
    more: { enroll },
    shape: 'off',
    title: 'No network yet',
    state: ['Look at the invitation…'],
  },
  {
    name: 'enrolling',
    agent: notEnrolled,
    more: click('enroll'),
    shape: 'connecting',
    title: 'Joining the network',
    state: [],
  },
  { name: 'off', agent: { ...down, interface: null }, shape: 'off', title: 'Disconnected', state: ['Connect'] },
  {
    name: 'clicked on',
    agent: { ...down, interface: null },
    more: click('connect'),
    shape: 'connecting',
    title: 'Connecting to office',
    state: ['Disconnect'],
  },
  {
    name: 'connecting',
    agent: because('connecting', 'no-handshake', { since: ago(1) }),
    shape: 'connecting',
    title: 'Connecting to office',
    state: ['Disconnect'],
    network: [COPY],
  },
  {
    name: 'connecting for long',
    agent: because('connecting', 'no-handshake'),
    shape: 'connecting',
    title: 'Connecting to office',
    state: ['Run a check-up', 'Disconnect'],
    network: [COPY],
  },
  {
    name: 'connected',
    agent: {},
    shape: 'connected',
    title: 'Connected to office',
    state: ['Disconnect'],
    network: [COPY],
  },
  {
    name: 'connected, one of three networks',
    agent: two,
    shape: 'connected',
    title: 'Connected to office',
    state: ['Disconnect'],
    network: ['Networks >', 'office', 'home', 'old (signed out)', '-', 'Join a network…', '<', COPY],
  },
  {
    name: 'connected, an update is here',
    agent: {},
    more: { update: { kind: 'ready', version: '0.2.0' } },
    shape: 'connected',
    title: 'Connected to office',
    state: ['Disconnect'],
    network: [COPY],
    update: ['Install version 0.2.0'],
  },
  {
    name: 'connected, a fact is missed',
    agent: { standing: { ...held.standing, admitted: true } },
    shape: 'connected',
    title: 'Connected to office',
    state: ['Show what to fix', 'Disconnect'],
    network: [COPY],
  },
  {
    name: 'clicked off',
    agent: {},
    more: click('disconnect'),
    shape: 'connecting',
    title: 'Disconnecting',
    state: [],
    network: [COPY],
  },
  {
    name: 'degraded',
    agent: because('degraded', 'controller-unreachable'),
    shape: 'warning',
    title: 'The controller is out of reach',
    state: ['Run a check-up', 'Disconnect'],
    network: [COPY],
  },
  {
    name: 'no internet',
    agent: silent,
    shape: 'warning',
    title: 'No internet',
    state: ['Run a check-up', 'Disconnect'],
    network: [COPY],
  },
  {
    name: 'captive',
    agent: { captive: { url: 'http://login.example' } },
    shape: 'warning',
    title: 'Sign in to the Wi-Fi',
    state: ['Open the sign-in page', 'Disconnect'],
    network: [COPY],
  },
  {
    name: 'quarantined',
    agent: held,
    shape: 'warning',
    title: 'Access on hold',
    state: ['Show what to fix', 'Check again', 'Disconnect'],
    network: [COPY],
  },
  {
    name: 'signed out',
    agent: { ...because('error', 'revoked'), interface: null },
    shape: 'problem',
    title: 'Signed out by the administrator',
    state: ['Join a network…'],
  },
  {
    name: 'error',
    agent: { ...because('error', 'no-wireguard'), interface: null },
    shape: 'problem',
    title: 'WireGuard is missing',
    state: ['Run a check-up', 'Disconnect'],
  },
];

const flat = (items: readonly MenuItem[]): string[] =>
  items.flatMap((item) =>
    item.type === 'separator'
      ? ['-']
      : item.type === 'submenu'
        ? [`${item.label} >`, ...flat(item.items), '<']
        : [item.label],
  );

/** The groups of a menu with separators between them, as each system has them. */
function expected(
  platform: Platform,
  { title, state, network = [], update = [] }: Situation,
  detail: string[],
): string[] {
  const groups = {
    linux: [
      ['Open Gatehouse'],
      [title, ...detail, ...state],
      network,
      update,
      ['Settings…', 'Report a problem…'],
      ['Quit'],
    ],
    win32: [
      ['Open Gatehouse'],
      [title, ...detail, ...state],
      network,
      update,
      ['Settings…', 'Report a problem…'],
      ['Exit'],
    ],
    darwin: [
      [title, ...detail, ...state],
      network,
      update,
      ['Open Gatehouse', 'Settings…', 'Report a problem…'],
      ['Quit Gatehouse'],
    ],
  }[platform];
  return groups.filter((group) => group.length > 0).flatMap((group, i) => (i === 0 ? group : ['-', ...group]));
}

for (const platform of PLATFORMS) {
  describe(`the tray on ${platform}`, () => {
    for (const situation of situations) {
      test(situation.name, () => {
        const tray = trayOf(snapshot(situation.agent, { ...situation.more, platform }));
        assert.deepEqual(tray.icon, { shape: situation.shape, template: platform === 'darwin' });
        assert.ok(tray.tooltip.startsWith(`Gatehouse: ${situation.title}`), tray.tooltip);
        assert.equal(tray.tooltip.includes('\n'), platform !== 'linux');
        const labels = flat(tray.menu);
        const detail = situation.title.startsWith('Connected')
          ? labels.filter((label) => label.startsWith('Since '))
          : [];
        assert.equal(detail.length, situation.title.startsWith('Connected') ? 1 : 0);
        assert.deepEqual(labels, expected(platform, situation, detail));
      });
    }
  });
}

describe('menus', () => {
  test('macOS has the keys that people know, others have none', () => {
    const keys = (platform: Platform) =>
      trayOf(snapshot({}, { platform })).menu.flatMap((item) => (item.type === 'action' && item.accelerator) || []);
    assert.deepEqual(keys('darwin'), ['Command+,', 'Command+Q']);
    assert.deepEqual([...keys('linux'), ...keys('win32')], []);
  });
  test('an ampersand in a name is shown, not taken for a mnemonic', () => {
    const profiles = [profile('a', { active: true, networkName: 'R&D' }), profile('b', { networkName: 'a_b & c' })];
    for (const platform of PLATFORMS) {
      const labels = flat(trayOf(snapshot({ profiles }, { platform })).menu);
      assert.ok(labels.includes('R&&D') && labels.includes('a_b && c'), labels.join());
      assert.ok(labels.includes('Connected to R&&D'));
    }
    assert.match(trayOf(snapshot({ profiles })).tooltip, /R&D/);
  });
  test('the active network is marked; it and one that was signed out cannot be chosen', () => {
    const submenu = trayOf(snapshot(two)).menu.find((item) => item.type === 'submenu');
    const rows = submenu?.type === 'submenu' ? submenu.items : [];
    assert.deepEqual(
      rows.slice(0, 3).map((row) => row.type === 'action' && [row.label, row.checked, row.enabled]),
      [
        ['office', true, false],
        ['home', false, true],
        ['old (signed out)', false, false],
      ],
    );
  });
  test('networks of one name have their hosts beside them, and only those', () => {
    const twin = { networkName: 'A && B' };
    const profiles = [profile('a', { ...twin, active: true }), profile('b', { ...twin, revoked: true }), profile('c')];
    const labels = flat(trayOf(snapshot({ profiles })).menu);
    const expected = ['A &&&& B (laptop · a.example.org)', 'A &&&& B (laptop · b.example.org) (signed out)', 'c'];
    for (const label of expected) assert.ok(labels.includes(label), `${label} is not in ${labels.join()}`);
  });

  test('at most 20 networks', () => {
    const profiles = Array.from({ length: 200 }, (_, i) => profile(`n${i}`, { active: i === 0 }));
    assert.ok(flat(trayOf(snapshot({ profiles })).menu).length < 40);
  });
});

describe('whatever comes', () => {
  const actions = (items: readonly MenuItem[]): MenuItem[] =>
    items.flatMap((item) => (item.type === 'submenu' ? actions(item.items) : [item]));
  test('an action can be clicked exactly when it is allowed; no group is empty; tooltips fit', () => {
    fc.assert(
      fc.property(anySnapshot, (s) => {
        const { tooltip, menu } = trayOf(s);
        assert.ok(tooltip.length <= (s.platform === 'win32' ? 127 : 400) && tooltip !== '');
        if (s.platform === 'linux') assert.doesNotMatch(tooltip, /[\r\n]/);
        assert.ok(tooltip.isWellFormed());
        for (const item of actions(menu)) {
          if (item.type !== 'action') continue;
          assert.equal(item.enabled, allowed(s, item.action), item.label);
          assert.doesNotMatch(item.label.replaceAll('&&', ''), /&|[\p{Cc}\u202e]/u);
          assert.ok(item.label.trim() !== '' && item.label.length <= 200, item.label);
        }
        menu.forEach((item, i) => {
          if (item.type === 'separator') assert.ok(i > 0 && i < menu.length - 1 && menu[i - 1]?.type !== 'separator');
        });
        assert.equal(menu.filter((item) => item.type === 'action' && item.action.id === 'quit').length, 1);
        assert.equal(menu.filter((item) => item.type === 'action' && item.action.id === 'show-window').length, 1);
      }),
      { numRuns: 1000 },
    );
  });
});
