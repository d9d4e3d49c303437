import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type AgentStatus, IPC_VERSION } from '@gatehouse/protocol';
import fc from 'fast-check';
import { allowed, viewOf, windowModel } from './index.ts';
import { ago, anyAction, anySnapshot, because, down, NOW, notEnrolled, profile, snapshot } from './testing.ts';
import { LOCALES, type Prediction, type Snapshot, type StateKind } from './types.ts';

const miss = (fact: string, wanted = 'true') => ({ fact, wanted, policy: 'laptops' });
const held: Partial<AgentStatus> = {
  standing: { admitted: false, reason: 'Disk not encrypted', missing: [miss('disk_encryption')], reported: ago(9) },
};
const captive: Partial<AgentStatus> = { captive: { url: 'http://login.example/' } };
const silent = because('degraded', 'no-handshake', { controller: { connected: false, lastContact: null } });
const click = (of: Prediction['of'], more: Partial<Prediction> = {}): Partial<Snapshot> => ({
  prediction: { of, at: NOW - 500, ...more },
});
const two = { profiles: [profile('office', { active: true }), profile('home')] };

describe('which state wins', () => {
  const table: [string, Partial<AgentStatus>, StateKind, Partial<Snapshot>?][] = [
    ['connected', {}, 'connected'],
    ['not enrolled', notEnrolled, 'not-enrolled'],
    ['enrolling', notEnrolled, 'enrolling', click('enroll', { before: [] })],
    ['enrolling a second network', {}, 'enrolling', click('enroll', { before: ['office'] })],
    ['another IPC', { ipc: 1, ...notEnrolled }, 'version-mismatch'],
    ['signed out', because('error', 'revoked'), 'signed-out'],
    [
      'signed out, switched off',
      { ...down, profiles: [profile('office', { active: true, revoked: true })] },
      'signed-out',
    ],
    ['signed out beats captive and quarantine', { ...because('error', 'revoked'), ...captive, ...held }, 'signed-out'],
    ['off', down, 'disconnected'],
    ['off beats captive and quarantine', { ...down, ...captive, ...held }, 'disconnected'],
    ['off, the tunnel still there', { target: 'down' }, 'disconnecting'],
    ['clicked on', down, 'connecting', click('connect')],
    ['clicked on, connected at once', {}, 'connected', click('connect')],
    ['clicked on too long ago', down, 'disconnected', { prediction: { of: 'connect', at: NOW - 16_000 } }],
    ['clicked off', {}, 'disconnecting', click('disconnect')],
    ['clicked off while captive', captive, 'disconnecting', click('disconnect')],
    ['clicked on another network', two, 'connecting', click('use', { profile: 'home' })],
    ['clicked on another network while off', { ...down, ...two }, 'disconnected', click('use', { profile: 'home' })],
    ['leaving this network', two, 'disconnecting', click('leave', { profile: 'office' })],
    ['leaving another network', two, 'connected', click('leave', { profile: 'home' })],
    ['captive', { ...because('connecting', 'controller-unreachable'), ...captive }, 'captive'],
    ['captive beats no internet', { ...silent, ...captive }, 'captive'],
    ['no network', because('degraded', 'no-network'), 'no-internet'],
    ['no network beats quarantine', { ...because('degraded', 'no-network'), ...held }, 'no-internet'],
    ['neither hub nor controller', silent, 'no-internet'],
    ['neither of both, for a moment', { ...silent, state: 'connecting', since: ago(2) }, 'connecting'],
    ['neither of both, longer', { ...silent, state: 'connecting' }, 'no-internet'],
    ['error', because('error', 'no-wireguard'), 'error'],
    ['error beats quarantine', { ...because('error', 'no-wireguard'), ...held }, 'error'],
    ['error without a cause', { state: 'error' }, 'error'],
    ['quarantined', held, 'quarantined'],
    ['quarantined, so the hub is silent', { ...because('connecting', 'no-handshake'), ...held }, 'quarantined'],
    ['connecting', because('connecting', 'no-handshake', { since: ago(1) }), 'connecting'],
    ['the controller is away', because('degraded', 'controller-unreachable'), 'degraded'],
    ['nothing comes through', because('degraded', 'no-traffic'), 'degraded'],
  ];
  for (const [name, agent, kind, more] of table) {
    test(name, () => assert.equal(viewOf(snapshot(agent, more)).kind, kind));
  }

  const links: [Snapshot['link'], StateKind, string[]][] = [
    [{ kind: 'starting' }, 'starting', []],
    [{ kind: 'down', starting: false }, 'daemon-down', ['start-daemon', 'report-problem']],
    [{ kind: 'down', starting: true }, 'daemon-starting', []],
    [{ kind: 'denied' }, 'daemon-denied', ['report-problem']],
    [{ kind: 'untrusted', owner: 'mallory' }, 'daemon-untrusted', ['report-problem']],
    [
      { kind: 'version', daemonVersion: '0.0.9', daemonIsOlder: true },
      'version-mismatch',
      ['check-update', 'report-problem'],
    ],
  ];
  for (const [link, kind, ids] of links) {
    test(`${kind}, whatever was clicked`, () => {
      const view = viewOf(snapshot(null, { link, ...click('connect') }));
      assert.equal(view.kind, kind);
      assert.deepEqual(
        view.actions.map(({ action }) => action.id),
        ids,
      );
    });
  }
});

describe('what is said', () => {
  test('connected: where, since when, through which hub, how far', () => {
    const view = viewOf(snapshot({}));
    assert.equal(view.title, 'Connected to office');
    assert.match(view.detail, /^Since .*, through gate, 12\sms\.$/);
    assert.equal(view.since, ago(3600));
    assert.equal(view.tone, 'good');
  });
  test('a cause that passes in seconds is not told in them', () => {
    const waiting = (since: string) => viewOf(snapshot(because('connecting', 'no-handshake', { since })));
    assert.equal(waiting(ago(2)).detail, 'This takes a few seconds.');
    assert.match(waiting(ago(20)).detail, /^The hub doesn’t answer\. /);
    assert.equal(waiting(ago(20)).title, 'Connecting to office');
  });
  test('quarantine says what to do on this system, and how much more there is', () => {
    const missing = [miss('os_version', '>=14.2'), miss('firewall'), miss('firewall'), miss('disk_encryption')];
    const standing = { admitted: false, reason: 'No.', missing, reported: null };
    const say = (platform: Snapshot['platform']) => viewOf(snapshot({ standing }, { platform })).detail;
    assert.match(say('darwin'), /Disk encryption\. Turn on FileVault .*And 2 more things\.$/);
    assert.match(say('win32'), /BitLocker/);
    assert.match(say('linux'), /LUKS/);
  });
  test('quarantine without facts gives the reason', () => {
    const standing = { admitted: false, reason: 'Kept out by\nan incident', missing: [], reported: null };
    const view = viewOf(snapshot({ standing }));
    assert.equal(view.detail, 'office isn’t letting this computer in yet: Kept out by an incident.');
    assert.deepEqual(
      view.actions.map(({ action }) => action.id),
      ['disconnect'],
    );
  });
  test('another minor version is a note, a patch is nothing', () => {
    assert.match(viewOf(snapshot({ version: '0.2.0' })).detail, /The app is version 0\.1\.0, the service 0\.2\.0/);
    assert.doesNotMatch(viewOf(snapshot({ version: '0.1.9' })).detail, /version/);
  });
  test('older and newer daemons need different things', () => {
    assert.match(viewOf(snapshot({ ipc: 1 })).detail, /is older than this app/);
    assert.match(viewOf(snapshot({ ipc: 99 })).detail, /is newer than this app/);
  });
  test('signed out: another network is offered', () => {
    const agent = { ...because('error', 'revoked'), ...two };
    assert.deepEqual(
      viewOf(snapshot(agent)).actions.map(({ action }) => action),
      [{ id: 'enroll' }, { id: 'use-profile', profile: 'home' }],
    );
  });
  test('names from outside are shown without what could deceive', () => {
    const enrolled = {
      ...(snapshot({}).link as { status: AgentStatus }).status.enrolled!,
      networkName: 'of\u202efi\nce\u0007',
    };
    assert.equal(viewOf(snapshot({ enrolled, profiles: [] })).title, 'Connected to offi ce');
  });
});

describe('whatever comes', () => {
  test('a view has texts, at most one main action, and only actions that are allowed', () => {
    fc.assert(
      fc.property(anySnapshot, (s) => {
        const view = viewOf(s);
        assert.ok(view.title.trim() !== '' && view.detail.trim() !== '', view.kind);
        // A network may be called `{a}`: only what no name brought is a place that was left unfilled.
        const given = JSON.stringify(s);
        for (const text of [view.title, view.detail]) {
          assert.doesNotMatch(text, /[\p{Cc}\u202e]/u);
          for (const [unfilled] of text.matchAll(/\{[a-z]+\}|undefined|NaN/gu))
            assert.ok(given.includes(unfilled), `'${unfilled}' in '${text}'`);
        }
        assert.ok(view.title.length <= 120 && view.detail.length <= 700);
        assert.ok(view.actions.filter(({ primary }) => primary).length <= 1);
        for (const { action, label } of view.actions) {
          assert.ok(allowed(s, action), action.id);
          assert.notEqual(label.trim(), '');
        }
      }),
      { numRuns: 2000 },
    );
  });
  test('connected is shown only when the daemon says so, and a click never makes it', () => {
    fc.assert(
      fc.property(anySnapshot, (s) => {
        const { kind } = viewOf(s);
        if (kind !== 'connected') return;
        assert.ok(s.link.kind === 'up' && s.link.status.state === 'connected' && s.link.status.target === 'up');
      }),
      { numRuns: 2000 },
    );
  });
  test('connect and disconnect are never both allowed, and the switch offers the one that is', () => {
    fc.assert(
      fc.property(anySnapshot, (s) => {
        const [on, off] = [allowed(s, { id: 'connect' }), allowed(s, { id: 'disconnect' })];
        assert.ok(!(on && off));
        const { toggle } = windowModel(s);
        assert.equal(toggle.enabled, on || off);
        if (toggle.enabled) assert.equal(toggle.on, off);
      }),
      { numRuns: 1000 },
    );
  });
  test('without a daemon that is understood, nothing is allowed that needs one', () => {
    const harmless = [
      'show-window',
      'show-settings',
      'show-logs',
      'report-problem',
      'quit',
      'install-update',
      'check-update',
      'start-daemon',
    ];
    fc.assert(
      fc.property(anySnapshot, anyAction, (s, action) => {
        if (s.link.kind === 'up' && s.link.status.ipc === IPC_VERSION) return;
        if (allowed(s, action)) assert.ok(harmless.includes(action.id), action.id);
      }),
    );
  });
  test('every language has every state', () => {
    for (const language of LOCALES) {
      const base = snapshot({});
      const view = viewOf({ ...base, settings: { ...base.settings, language } });
      assert.match(view.title, /office/);
    }
  });
});

describe('the captive portal', () => {
  const table: [string, boolean][] = [
    ['http://login.example/', true],
    ['https://login.example/?a=b', true],
    ['javascript:alert(1)', false],
    ['file:///etc/passwd', false],
    ['http://', false],
    [`http://${'a'.repeat(3000)}/`, false],
    ['', false],
  ];
  for (const [url, good] of table) {
    test(url.slice(0, 40) || 'nothing', () => {
      assert.equal(allowed(snapshot({ captive: { url } }), { id: 'open-portal' }), good);
    });
  }
});

test('a network without a hub: nobody is told to look for another network', () => {
  const s = snapshot(because('connecting', 'no-handshake', { hub: null }));
  const { detail } = viewOf(s);
  assert.match(detail, /no hub yet/);
  assert.doesNotMatch(detail, /phone/);
});
