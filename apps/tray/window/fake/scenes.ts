import type { AgentStatus } from '@gatehouse/protocol';
import { DEFAULT_SETTINGS, type EnrollRequest, type Link, type Snapshot, type StateKind } from '../../core/types.ts';
import { ago, NOW, profiles, status } from './data.ts';

const up = (changes: Partial<AgentStatus> = {}): Link => ({ kind: 'up', status: { ...status, ...changes } });
const off: Partial<AgentStatus> = { interface: null, hub: null, connectedSince: null, latency: null };
const cause = (code: NonNullable<AgentStatus['cause']>['code'], message: string) => ({ cause: { code, message } });

/** What the agent says, or fails to say, in each state that people see. */
const LINKS: Record<StateKind, Link> = {
  starting: { kind: 'starting' },
  'daemon-starting': { kind: 'down', starting: true },
  'daemon-down': { kind: 'down', starting: false },
  'daemon-denied': { kind: 'denied' },
  'daemon-untrusted': { kind: 'untrusted', owner: 'mallory (1002)' },
  'version-mismatch': { kind: 'version', daemonVersion: '0.0.9', daemonIsOlder: true },
  'not-enrolled': up({ ...off, state: 'disconnected', target: 'down', enrolled: null, profiles: [], standing: null }),
  enrolling: up({ ...off, state: 'disconnected', target: 'down', enrolled: null, profiles: [], standing: null }),
  disconnected: up({ ...off, state: 'disconnected', target: 'down', since: ago(640) }),
  connecting: up({ ...off, state: 'connecting', since: ago(2) }),
  disconnecting: up({ target: 'down' }),
  connected: up(),
  degraded: up({
    state: 'degraded',
    since: ago(130),
    ...cause('controller-unreachable', 'gate.example.org doesn’t answer'),
    controller: { connected: false, lastContact: ago(140) },
  }),
  'no-internet': up({
    ...off,
    state: 'degraded',
    since: ago(75),
    ...cause('no-network', 'no route to the internet'),
    controller: { connected: false, lastContact: ago(80) },
  }),
  captive: up({
    ...off,
    state: 'connecting',
    since: ago(25),
    ...cause('controller-unreachable', 'a captive portal answers'),
    captive: { url: 'http://portal.hotel.example/login' },
    controller: { connected: false, lastContact: ago(3_000) },
  }),
  quarantined: up({
    standing: {
      admitted: false,
      reason: null,
      missing: [
        { fact: 'disk_encryption', wanted: 'true', policy: 'Laptops' },
        { fact: 'screen_lock', wanted: 'true', policy: 'Laptops' },
      ],
      reported: ago(60),
    },
  }),
  'signed-out': up({
    ...off,
    state: 'error',
    since: ago(300),
    ...cause('revoked', 'the controller cut this device off'),
    profiles: profiles.map((profile) => ({ ...profile, revoked: profile.active })),
    standing: null,
  }),
  error: up({
    ...off,
    state: 'error',
    since: ago(20),
    ...cause('no-wireguard', 'neither kernel module nor wireguard-go'),
  }),
};

export const REQUEST: EnrollRequest = {
  id: 1,
  url: 'https://gate.example.org',
  host: 'gate.example.org',
  plain: false,
  from: 'link',
  adds: false,
  behind: 0,
};

const base = (kind: StateKind): Snapshot => ({
  platform: 'linux',
  appVersion: '0.1.0',
  systemLocale: 'en-GB',
  link: LINKS[kind],
  prediction:
    kind === 'enrolling'
      ? { of: 'enroll', at: NOW - 500 }
      : kind === 'disconnecting'
        ? { of: 'disconnect', at: NOW - 500 }
        : null,
  enroll: null,
  failure: null,
  settings: DEFAULT_SETTINGS,
  update: { kind: 'none', checked: ago(5_400) },
  now: NOW,
});

/** Scenes beyond the states: what else can be on the home page. */
const MORE = {
  'enroll-request': () => ({ ...base('not-enrolled'), enroll: REQUEST }),
  'enroll-plain': () => ({
    ...base('connected'),
    enroll: {
      ...REQUEST,
      url: 'http://192.168.178.2:8080',
      host: '192.168.178.2:8080',
      plain: true,
      from: 'paste',
      adds: true,
    },
  }),
  'enroll-second': () => ({
    ...base('connected'),
    enroll: { ...REQUEST, url: 'https://gate.example.org/sites/grenoble-2/controller', adds: true, behind: 2 },
  }),
  failure: () => ({
    ...base('disconnected'),
    failure: { action: 'connect', message: 'The service may not make a network interface. Ask the administrator.' },
  }),
  update: () => ({ ...base('connected'), update: { kind: 'ready', version: '0.2.0' } }),
} satisfies Record<string, () => Snapshot>;
export type Scene = StateKind | keyof typeof MORE;

export const isScene = (name: string): name is Scene => name in LINKS || name in MORE;
export const snapshotOf = (scene: Scene): Snapshot =>
  scene in MORE ? MORE[scene as keyof typeof MORE]() : base(scene as StateKind);
