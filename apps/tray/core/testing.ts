import { type AgentStatus, IPC_VERSION, POSTURE_FACTS, type Profile } from '@gatehouse/protocol';
import fc from 'fast-check';
import { ACTION_IDS, type Action, DEFAULT_SETTINGS, LOCALES, type Platform, type Snapshot } from './types.ts';

export const NOW = Date.parse('2026-01-02T12:00:00.000Z');
export const PLATFORMS: readonly Platform[] = ['linux', 'darwin', 'win32'];
/** The time of day that many seconds ago, RFC 3339. */
export const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

export const profile = (id: string, more: Partial<Profile> = {}): Profile => ({
  id,
  url: `https://${id}.example.org`,
  peerName: 'laptop',
  networkName: id,
  active: false,
  revoked: false,
  ...more,
});

/** An agent that is connected to `office`. */
export const status = (more: Partial<AgentStatus> = {}): AgentStatus => ({
  version: '0.1.0',
  ipc: IPC_VERSION,
  state: 'connected',
  cause: null,
  since: ago(3600),
  target: 'up',
  enrolled: {
    url: 'https://office.example.org',
    networkId: 'n',
    peerId: 'office',
    peerName: 'laptop',
    networkName: 'office',
    role: 'spoke',
  },
  controller: { connected: true, lastContact: ago(1) },
  interface: { name: 'gh0', driver: 'kernel', publicKey: '', addresses: ['10.10.0.5/32'], listenPort: null, mtu: 1420 },
  dns: { mode: null, servers: [], search: [] },
  hub: { name: 'gate', endpoint: '192.0.2.10:51820', lastHandshake: ago(20) },
  connectedSince: ago(3600),
  latency: 12,
  captive: null,
  standing: { admitted: true, reason: null, missing: [], reported: ago(60) },
  profiles: [profile('office', { active: true })],
  peers: 1,
  rx: 0,
  tx: 0,
  warnings: [],
  ...more,
});

export const down: Partial<AgentStatus> = { state: 'disconnected', target: 'down', connectedSince: null };
export const notEnrolled: Partial<AgentStatus> = {
  ...down,
  enrolled: null,
  profiles: [],
  interface: null,
  hub: null,
  standing: null,
  cause: { code: 'not-enrolled', message: '' },
};
export const because = (
  state: AgentStatus['state'],
  code: NonNullable<AgentStatus['cause']>['code'],
  more: Partial<AgentStatus> = {},
): Partial<AgentStatus> => ({ state, cause: { code, message: 'as the agent says' }, since: ago(60), ...more });

/** A snapshot on Linux in English; a status is given as its difference to a connected one. */
export const snapshot = (agent: Partial<AgentStatus> | null, more: Partial<Snapshot> = {}): Snapshot => ({
  platform: 'linux',
  appVersion: '0.1.0',
  systemLocale: 'en-GB',
  link: agent ? { kind: 'up', status: status(agent) } : { kind: 'starting' },
  prediction: null,
  enroll: null,
  failure: null,
  settings: DEFAULT_SETTINGS,
  update: { kind: 'none', checked: null },
  now: NOW,
  ...more,
});

const word = fc.oneof(fc.constantFrom('office', 'A & B', '\u202egnp.exe', ''), fc.string({ maxLength: 60 }));
const time = fc.oneof(fc.integer({ min: -30, max: 100_000 }).map(ago), fc.constant('never'));
const profiles = fc.array(
  fc.record({
    id: fc.constantFrom('office', 'home', 'lab'),
    url: fc.oneof(fc.webUrl(), fc.string()),
    peerName: word,
    networkName: fc.option(word),
    active: fc.boolean(),
    revoked: fc.boolean(),
  }),
  { maxLength: 4 },
);
const code = fc.constantFrom(
  ...(['not-enrolled', 'no-privileges', 'no-wireguard', 'controller-unreachable', 'certificate', 'revoked'] as const),
  ...(['no-handshake', 'no-traffic', 'apply-failed', 'no-network', 'endpoint-unresolved'] as const),
);

/** Statuses of every combination, those that no agent would say included. */
export const anyStatus: fc.Arbitrary<AgentStatus> = fc
  .record({
    ipc: fc.constantFrom(IPC_VERSION, IPC_VERSION, IPC_VERSION, IPC_VERSION, 1, 99),
    version: fc.constantFrom('0.1.0', '0.1.7', '0.2.0', ''),
    state: fc.constantFrom('disconnected', 'connecting', 'connected', 'degraded', 'error'),
    cause: fc.option(fc.record({ code, message: word })),
    since: time,
    target: fc.constantFrom('up', 'up', 'down'),
    controller: fc.record({ connected: fc.boolean(), lastContact: fc.option(time) }),
    connectedSince: fc.option(time),
    latency: fc.option(fc.double()),
    captive: fc.option(fc.record({ url: fc.oneof(fc.webUrl(), fc.string(), fc.constant('javascript:alert(1)')) }), {
      freq: 2,
    }),
    standing: fc.option(
      fc.record({
        admitted: fc.boolean(),
        reason: fc.option(word),
        reported: fc.option(time),
        missing: fc.array(
          fc.record({ fact: fc.oneof(fc.constantFrom(...POSTURE_FACTS), word), wanted: word, policy: word }),
          { maxLength: 3 },
        ),
      }),
    ),
    hub: fc.option(fc.record({ name: word, endpoint: fc.option(word), lastHandshake: fc.option(time) })),
    profiles,
    warnings: fc.array(word, { maxLength: 3 }),
  } as const)
  .chain((more) =>
    fc
      .record({
        enrolled: fc.boolean(),
        role: fc.constantFrom('hub', 'spoke', null),
        name: fc.option(word),
        open: fc.boolean(),
      } as const)
      .map(({ enrolled, role, name, open }) => {
        const base = status(more as Partial<AgentStatus>);
        return {
          ...base,
          enrolled: enrolled && base.enrolled ? { ...base.enrolled, role, networkName: name } : null,
          interface: open ? base.interface : null,
        };
      }),
  );

/** Snapshots of every combination. */
export const anySnapshot: fc.Arbitrary<Snapshot> = fc.record({
  platform: fc.constantFrom(...PLATFORMS),
  appVersion: fc.constantFrom('0.1.0', '0.1.3', '1.0.0'),
  systemLocale: fc.constantFrom('de-AT', 'fr', 'tr_TR.UTF-8', 'es-MX', 'en', 'ja', ''),
  link: fc.oneof(
    { weight: 8, arbitrary: anyStatus.map((one) => ({ kind: 'up' as const, status: one })) },
    fc.constantFrom(
      { kind: 'starting' as const },
      { kind: 'down' as const, starting: false },
      { kind: 'down' as const, starting: true },
      { kind: 'denied' as const },
      { kind: 'untrusted' as const, owner: '' },
      { kind: 'version' as const, daemonVersion: '0.0.1', daemonIsOlder: true },
    ),
  ),
  prediction: fc.option(
    fc.record({
      of: fc.constantFrom('connect', 'disconnect', 'enroll', 'use', 'leave'),
      at: fc.integer({ min: NOW - 20_000, max: NOW }),
      profile: fc.constantFrom('office', 'home', 'lab', 'none'),
    } as const),
  ),
  enroll: fc.option(
    fc.constant({
      id: 1,
      url: 'https://a.example',
      host: 'a.example',
      plain: false,
      from: 'link' as const,
      adds: false,
      behind: 0,
    }),
  ),
  failure: fc.constant(null),
  settings: fc.constantFrom('system' as const, ...LOCALES).map((language) => ({ ...DEFAULT_SETTINGS, language })),
  update: fc.constantFrom<Snapshot['update'][]>(
    { kind: 'none', checked: null },
    { kind: 'ready', version: '0.2.0' },
    { kind: 'off', reason: 'no-key' },
    { kind: 'failed', message: 'x' },
    { kind: 'none', checked: new Date(NOW).toISOString(), stale: '2026-01-02T03:04:05.000Z' },
  ),
  now: fc.constant(NOW),
});

export const anyAction: fc.Arbitrary<Action> = fc.record(
  { id: fc.constantFrom(...ACTION_IDS), profile: fc.constantFrom('office', 'home', 'lab', 'none') },
  { requiredKeys: ['id'] },
);
