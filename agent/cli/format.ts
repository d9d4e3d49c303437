import type { AgentPeer, AgentStatus, Directory, Finding, Profile } from '@gatehouse/protocol';
import { AGENT_VERSION } from '../config.ts';
import { table } from './table.ts';

/** Bytes with a binary unit, three digits or so. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A duration of `seconds` in its largest unit. */
export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

const secondsSince = (timestamp: string, now: number): number => Math.max(0, (now - Date.parse(timestamp)) / 1000);

/** How long ago a time was, in its largest unit. */
export function ago(timestamp: string | null, now: number): string {
  return timestamp === null ? 'never' : `${duration(secondsSince(timestamp, now))} ago`;
}

/** `gatehouse status` for people. `now` in milliseconds. */
export function formatStatus(status: AgentStatus, now: number, width?: number): string {
  const rows: string[][] = [['state', `${status.state}, since ${duration(secondsSince(status.since, now))}`]];
  if (status.cause) rows.push(['cause', `${status.cause.message} (${status.cause.code})`]);
  rows.push(['target', status.target]);
  const { enrolled, interface: device, hub } = status;
  if (enrolled) {
    const network = enrolled.networkName ?? enrolled.networkId;
    rows.push(['device', `${enrolled.peerName}${enrolled.role ? ` (${enrolled.role})` : ''} in ${network}`]);
    const contact = status.controller.connected
      ? 'connected'
      : `not connected, last ${ago(status.controller.lastContact, now)}`;
    rows.push(['controller', `${enrolled.url}, ${contact}`]);
  }
  if (device) {
    const port = device.listenPort === null ? '' : `, port ${device.listenPort}`;
    rows.push([
      'interface',
      `${device.name}, ${device.driver}, ${device.addresses.join(' ')}, MTU ${device.mtu}${port}`,
    ]);
    rows.push(['public key', device.publicKey]);
  }
  if (status.dns.servers.length > 0) {
    const search = status.dns.search.length > 0 ? ` for ${status.dns.search.join(' ')}` : '';
    rows.push(['DNS', `${status.dns.servers.join(' ')}${search}, by ${status.dns.mode ?? 'nothing yet'}`]);
  }
  if (hub) {
    const latency = status.latency === null ? '' : `, ${status.latency} ms`;
    const handshake = `handshake ${ago(hub.lastHandshake, now)}`;
    rows.push(['hub', `${hub.name}, ${hub.endpoint ?? 'no endpoint'}, ${handshake}${latency}`]);
  }
  if (device)
    rows.push([
      'traffic',
      `${status.peers} ${status.peers === 1 ? 'peer' : 'peers'}, ${bytes(status.rx)} received, ${bytes(status.tx)} sent`,
    ]);
  if (status.captive) rows.push(['sign in', `this network wants you to sign in first: ${status.captive.url}`]);
  if (status.standing?.admitted === false) {
    rows.push(['kept out', status.standing.reason ?? 'the controller keeps this device from everybody']);
  }
  for (const { fact, wanted, policy } of status.standing?.missing ?? []) {
    rows.push(['posture', `policy ${policy} wants ${fact} ${wanted}: see gatehouse posture`]);
  }
  for (const warning of status.warnings) rows.push(['warning', warning]);
  if (status.version !== AGENT_VERSION) {
    rows.push([
      'version',
      `the agent that runs is ${status.version}, this program ${AGENT_VERSION}: restart the agent`,
    ]);
  }
  return table(rows, { width });
}

/** `gatehouse peers` for people. */
export function formatPeers(peers: AgentPeer[], now: number, width?: number): string {
  const head = ['NAME', 'ROLE', 'HANDSHAKE', 'LATENCY', 'RECEIVED', 'SENT', 'ENDPOINT, ROUTES'];
  const rows = peers.map((peer) => [
    peer.name,
    peer.hub ? 'hub' : 'spoke',
    ago(peer.lastHandshake, now),
    peer.latency === null ? '-' : `${peer.latency} ms`,
    bytes(peer.rx),
    bytes(peer.tx),
    `${peer.endpoint ?? '-'}, ${peer.allowedIps.join(' ') || '-'}`,
  ]);
  return table([head, ...rows], { width, names: [0] });
}

/** `gatehouse directory` for people. */
export function formatDirectory({ names, more }: Directory, search: string | undefined, width?: number): string {
  if (names.length === 0) {
    return search === undefined
      ? 'The controller lists nothing that this device may reach.\n'
      : `${table([[`The controller lists nothing that this device may reach with '${search}' in its name or address.`]], { width })}`;
  }
  const rows = names.flatMap(({ name, dns, addresses: [first = '-', ...others], online }) => [
    [name, online === null ? '-' : online ? 'yes' : 'no', first, dns ?? '-'],
    ...others.map((address) => ['', '', address, '']),
  ]);
  const note = more ? 'There are more: gatehouse directory <part of a name or an address>.\n' : '';
  return table([['NAME', 'ONLINE', 'ADDRESS', 'NAME IN DNS'], ...rows], { width, names: [0] }) + note;
}

/** `gatehouse profiles` for people. */
export function formatProfiles(profiles: Profile[], width?: number): string {
  if (profiles.length === 0) return 'This device is enrolled nowhere: gatehouse enroll <url> --token <token>.\n';
  const rows = profiles.map(({ id, url, peerName, networkName, active, revoked }) => [
    active ? '*' : '',
    `${networkName ?? '-'}${revoked ? ' (cut off)' : ''}`,
    peerName,
    url,
    id,
  ]);
  return table([['', 'NETWORK', 'DEVICE', 'CONTROLLER', 'ID'], ...rows], { width, names: [1, 2] });
}

/** `gatehouse doctor` for people. */
export function formatFindings(findings: Finding[], width?: number): string {
  return table(
    findings.flatMap(({ result, check, detail, advice }) => [
      [result, check, detail],
      ...(advice === null ? [] : [['', '', `→ ${advice}`]]),
    ]),
    { width },
  );
}
