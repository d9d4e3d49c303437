import type { AgentStatus } from '@gatehouse/protocol';
import type { CallResult } from '../../core/ipc/table.ts';

/** The moment in which all scenes play, so that two pictures of one scene are alike. */
export const NOW = Date.parse('2026-05-12T09:41:00Z');
export const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

const key = (letter: string): string => `${letter.repeat(42)}A=`;

export const profiles: AgentStatus['profiles'] = [
  {
    id: 'p-office',
    url: 'https://gate.example.org',
    peerName: 'ada-laptop',
    networkName: 'Office',
    active: true,
    revoked: false,
  },
  {
    id: 'p-lab',
    url: 'https://lab.example.net:8443',
    peerName: 'ada',
    networkName: 'Lab Grenoble',
    active: false,
    revoked: false,
  },
];

/** Enrolled, up, and well. */
export const status: AgentStatus = {
  version: '0.1.0',
  ipc: 2,
  state: 'connected',
  cause: null,
  since: ago(7_860),
  target: 'up',
  enrolled: {
    url: 'https://gate.example.org',
    networkId: 'n-office',
    peerId: 'p-office',
    peerName: 'ada-laptop',
    networkName: 'Office',
    role: 'spoke',
  },
  controller: { connected: true, lastContact: ago(4) },
  interface: {
    name: 'gh0',
    driver: 'kernel',
    publicKey: key('Q'),
    addresses: ['100.64.0.17/32', 'fd7a:115c:a1e0::11/128'],
    listenPort: 51820,
    mtu: 1420,
  },
  dns: { mode: 'systemd-resolved', servers: ['100.64.0.1'], search: ['office.gate.example.org'] },
  hub: { name: 'gate-1', endpoint: '203.0.113.7:51820', lastHandshake: ago(38) },
  connectedSince: ago(7_860),
  latency: 11.6,
  captive: null,
  standing: { admitted: true, reason: null, missing: [], reported: ago(300) },
  profiles,
  peers: 3,
  rx: 812_400_311,
  tx: 64_220_119,
  warnings: [],
};

export const peers: CallResult<'peers'> = [
  {
    name: 'build-server',
    publicKey: key('B'),
    hub: false,
    endpoint: null,
    allowedIps: ['100.64.0.23/32'],
    lastHandshake: ago(95),
    latency: null,
    rx: 120_044_901,
    tx: 5_201_988,
  },
  {
    name: 'gate-1',
    publicKey: key('G'),
    hub: true,
    endpoint: '203.0.113.7:51820',
    allowedIps: ['100.64.0.1/32', '100.64.0.0/16', '192.168.178.0/24', 'fd7a:115c:a1e0::/64'],
    lastHandshake: ago(38),
    latency: 11.6,
    rx: 690_001_233,
    tx: 58_111_020,
  },
  {
    name: 'printer-2nd-floor',
    publicKey: key('P'),
    hub: false,
    endpoint: null,
    allowedIps: ['100.64.0.40/32'],
    lastHandshake: null,
    latency: null,
    rx: 0,
    tx: 0,
  },
];

export const directory: CallResult<'directory'> = {
  names: [
    { name: 'build-server', dns: 'build-server.office.gate.example.org', addresses: ['100.64.0.23'], online: true },
    { name: 'files', dns: 'files.office.gate.example.org', addresses: ['192.168.178.10'], online: null },
    {
      name: 'printer-2nd-floor',
      dns: 'printer-2nd-floor.office.gate.example.org',
      addresses: ['100.64.0.40'],
      online: false,
    },
    {
      name: 'wiki',
      dns: 'wiki.office.gate.example.org',
      addresses: ['192.168.178.12', 'fd7a:115c:a1e0::c'],
      online: null,
    },
  ],
  more: false,
};

export const sessions: CallResult<'sessions'> = [
  {
    since: ago(7_860),
    until: null,
    networkName: 'Office',
    hub: 'gate-1',
    rx: 812_400_311,
    tx: 64_220_119,
    ended: null,
  },
  {
    since: ago(96_000),
    until: ago(62_400),
    networkName: 'Office',
    hub: 'gate-1',
    rx: 2_140_991_200,
    tx: 302_118_400,
    ended: 'stopped',
  },
  {
    since: ago(190_300),
    until: ago(189_100),
    networkName: 'Lab Grenoble',
    hub: 'alpes',
    rx: 9_120_400,
    tx: 800_311,
    ended: 'user',
  },
  {
    since: ago(260_300),
    until: ago(241_000),
    networkName: 'Office',
    hub: 'gate-1',
    rx: 440_100_400,
    tx: 40_100_311,
    ended: 'no-network',
  },
];

type Check = CallResult<'posture'>['checks'][number];
const check = (fact: string, value: Check['value'], source: string | null, wanted: string | null = null): Check => ({
  fact,
  value,
  source,
  wanted,
  result: value === null ? 'unknown' : wanted === null ? 'ok' : 'failed',
});

export const postureOf = (missing: readonly { fact: string; wanted: string }[]): CallResult<'posture'> => ({
  collected: ago(42),
  checks: [
    check('disk_encryption', true, 'lsblk'),
    check('firewall', true, 'nftables'),
    check('screen_lock', true, 'gsettings'),
    check('os_name', 'debian', 'os-release'),
    check('os_version', '12.11', 'os-release'),
    check('os_supported', true, 'os-release'),
    check('updates_pending', 3, 'apt'),
    check('updates_automatic', true, 'apt'),
    check('antivirus', null, null),
    check('secure_boot', true, 'efivarfs'),
    check('mandatory_access_control', true, 'AppArmor'),
    check('debug_mode', false, 'kernel command line'),
  ].map((known) => {
    const miss = missing.find(({ fact }) => fact === known.fact);
    return miss
      ? {
          ...known,
          value: typeof known.value === 'boolean' ? !known.value : known.value,
          result: 'failed',
          wanted: miss.wanted,
        }
      : known;
  }),
});

export const doctorOf = (well: boolean): CallResult<'doctor'> => [
  { check: 'daemon', result: 'ok', detail: 'runs as process 812', advice: null },
  { check: 'enrollment', result: 'ok', detail: 'ada-laptop at https://gate.example.org', advice: null },
  { check: 'controller DNS', result: 'ok', detail: 'gate.example.org is 203.0.113.7', advice: null },
  { check: 'controller TCP', result: 'ok', detail: 'port 443 answers', advice: null },
  { check: 'controller TLS', result: 'ok', detail: 'the certificate is good until Aug  2 2026', advice: null },
  {
    check: 'clock',
    result: 'warning',
    detail: '74 s behind the controller',
    advice: 'Set the clock: turn on network time.',
  },
  well
    ? { check: 'handshake', result: 'ok', detail: '38 s ago with gate-1', advice: null }
    : {
        check: 'handshake',
        result: 'failed',
        detail: 'no handshake with gate-1 for 4 minutes',
        advice: 'Check that UDP to the hub passes the firewalls in between.',
      },
];

export const logs: CallResult<'logs'> = Array.from({ length: 60 }, (_, line) => {
  const at = ago((60 - line) * 17);
  if (line % 20 === 3) return `${at} warn  channel: the controller closed it (1012); again in 2 s`;
  if (line % 7 === 0) return `${at} info  tunnel: handshake with gate-1 203.0.113.7:51820`;
  return `${at} debug telemetry: sent, rx ${812_400_311 + line * 9_120} tx ${64_220_119 + line * 311}`;
});

export const report: CallResult<'report'> = {
  text: [
    'Gatehouse problem report',
    'app 0.1.0, service 0.1.0, linux',
    '',
    'state: connected since 2026-05-12T07:30:00Z',
    'hub: <host> at <address-1>',
    'addresses: <address-2>, <address-3>',
    '',
    '2026-05-12T09:40:12Z info tunnel: handshake with <host> <address-1>',
    '2026-05-12T09:40:29Z debug settings read from <home>/.config/gatehouse/settings.json',
  ].join('\n'),
  redacted: { address: 4, 'host name': 2, 'home folder': 1, token: 0 },
};

/** A quiet line with a few downloads, the same each time. */
export function traffic(busy: boolean): CallResult<'traffic'> {
  const wave = (steps: number, scale: number, phase: number): number[] =>
    Array.from({ length: steps }, (_, at) => {
      if (!busy) return 0;
      const burst = Math.max(0, Math.sin((at / steps) * 21 + phase)) ** 6;
      const noise = ((at * 7919 + phase * 104_729) % 97) / 97;
      return Math.round(scale * (0.04 + burst * (0.6 + 0.4 * noise) + 0.03 * noise));
    });
  return {
    seconds: { start: ago(600), step: 1, rx: wave(600, 3_400_000, 1), tx: wave(600, 420_000, 2) },
    minutes: { start: ago(86_400), step: 60, rx: wave(1440, 90_000_000, 3), tx: wave(1440, 14_000_000, 4) },
  };
}
