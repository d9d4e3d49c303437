import type { AgentStatus } from '../../protocol/index.ts';
import type { Session } from './api.ts';
import { AGENTS, CONTROLLER, CONTROLLER_URL, HUB_ENDPOINT, type Lab } from './lab.ts';
import type { AgentName } from './plan.ts';

interface Row {
  peer: AgentName;
  /** Null while the daemon doesn't answer. */
  state: AgentStatus['state'] | null;
  cause: string | null;
  address: string;
  /** A spoke's as the hub sees it, the hub's as the network has it. */
  endpoint: string | null;
  /** Seconds since the handshake with the hub; of the hub the newest with a spoke. Null before the first. */
  handshakeAge: number | null;
  /** Bytes. */
  rx: number;
  tx: number;
  /** Round trip to the hub through the tunnel, in milliseconds; null for the hub itself and without an answer. */
  latency: number | null;
}

export interface Snapshot {
  lab: string;
  takenAt: string;
  controller: { url: string; answers: boolean };
  peers: Row[];
  /** Round trip from laptop to laptop through the hub, in milliseconds. */
  aliceToBob: number | null;
  sessions: Session[];
  /** What to type to stand on a machine. */
  enter: Record<string, string>;
}

export async function takeSnapshot(lab: Lab): Promise<Snapshot> {
  const sessions = lab.sessions().catch((): undefined => undefined);
  const [peers, aliceToBob, known] = await Promise.all([
    Promise.all(AGENTS.map((name) => takeRow(lab, name))),
    lab.ping('alice', 'bob'),
    sessions,
  ]);
  return {
    lab: lab.topology.id,
    takenAt: new Date().toISOString(),
    controller: { url: CONTROLLER_URL, answers: known !== undefined },
    peers,
    aliceToBob: aliceToBob ?? null,
    sessions: known ?? [],
    enter: Object.fromEntries([...AGENTS, 'router' as const].map((name) => [name, lab.topology.enter(name)])),
  };
}

async function takeRow(lab: Lab, name: AgentName): Promise<Row> {
  const [status, tunnel, atHub, latency] = await Promise.all([
    lab.status(name),
    lab.wg(name).catch(() => []),
    lab.wg('hub').catch(() => []),
    name === 'hub' ? undefined : lab.ping(name, 'hub'),
  ]);
  const address = lab.overlayAddress(name);
  const newest = Math.max(0, ...tunnel.map((peer) => peer.handshake));
  const seen = atHub.find((peer) => peer.allowedIps.includes(`${address}/32`));
  return {
    peer: name,
    state: status?.state ?? null,
    cause: status?.cause?.code ?? null,
    address,
    endpoint: name === 'hub' ? HUB_ENDPOINT : seen && seen.endpoint !== '(none)' ? seen.endpoint : null,
    handshakeAge: newest === 0 ? null : Math.max(0, Math.round(Date.now() / 1000) - newest),
    rx: tunnel.reduce((sum, peer) => sum + peer.rx, 0),
    tx: tunnel.reduce((sum, peer) => sum + peer.tx, 0),
    latency: latency ?? null,
  };
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes for people: three digits or so, binary units. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

const orDash = <T>(value: T | null, show: (value: T) => string): string => (value === null ? '–' : show(value));
const milliseconds = (value: number): string => `${value.toFixed(2)} ms`;

/** Rows of text in columns; numbers at the right edge where `right` names the column. */
export function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, [...cell].length);
    });
  }
  const pad = (cell: string, i: number): string => {
    const space = ' '.repeat((widths[i] ?? 0) - [...cell].length);
    return right.includes(i) ? space + cell : cell + space;
  };
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n');
}

/** The live table as text. */
export function render(snapshot: Snapshot): string {
  const peers = snapshot.peers.map((row) => [
    row.peer,
    row.state ?? 'no daemon',
    row.cause ?? '',
    row.address,
    row.endpoint ?? '–',
    orDash(row.handshakeAge, (age) => `${age} s ago`),
    bytes(row.rx),
    bytes(row.tx),
    orDash(row.latency, milliseconds),
  ]);
  const titles = ['PEER', 'STATE', 'CAUSE', 'ADDRESS', 'ENDPOINT', 'HANDSHAKE', 'RX', 'TX', 'PING HUB'];
  const sessions = snapshot.sessions.map((session) => [
    session.hostname,
    session.reported_endpoint || '–',
    `${session.system_uptime} s`,
    `${session.wireguard_uptime} s`,
    session.last_seen,
  ]);
  const sessionTitles = ['HOSTNAME', 'REPORTED ENDPOINT', 'SYSTEM UP', 'WIREGUARD UP', 'LAST SEEN'];
  const answers = snapshot.controller.answers ? `${snapshot.sessions.length} agent sessions` : 'does not answer';
  return [
    `Gatehouse lab ${snapshot.lab}   ${snapshot.takenAt}`,
    '',
    columns([titles, ...peers], [5, 6, 7, 8]),
    '',
    `alice → bob through the hub: ${orDash(snapshot.aliceToBob, milliseconds)}`,
    '',
    `${CONTROLLER} ${snapshot.controller.url}: ${answers}`,
    ...(sessions.length > 0 ? [columns([sessionTitles, ...sessions], [2, 3])] : []),
    '',
    columns(Object.entries(snapshot.enter).map(([name, command]) => [`stand on ${name}:`, command])),
  ].join('\n');
}
