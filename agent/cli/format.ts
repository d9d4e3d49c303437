import type { AgentPeer, AgentStatus, Finding, Profile } from '@gatehouse/protocol';
import { clean } from '../text.ts';

/** Columns as wide as their widest cell; two spaces between. */
export function table(rows: string[][]): string {
  const cells = rows.map((row) => row.map((cell) => clean(cell)));
  const widths: number[] = [];
  for (const row of cells) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return cells
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

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

/** How long ago a time was, in its largest unit. */
export function ago(timestamp: string | null, now: number): string {
  if (timestamp === null) return 'never';
  const seconds = Math.max(0, Math.round((now - Date.parse(timestamp)) / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86_400)} d ago`;
}

/** `gatehouse status` for people. `now` in milliseconds. */
export function formatStatus(status: AgentStatus, now: number): string {
  const rows: string[][] = [['state', `${status.state}, since ${ago(status.since, now).replace(/ ago$/, '')}`]];
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
    rows.push(['posture', `policy ${policy} wants ${fact} ${wanted}`]);
  }
  for (const warning of status.warnings) rows.push(['warning', warning]);
  return table(rows);
}

/** `gatehouse peers` for people. */
export function formatPeers(peers: AgentPeer[], now: number): string {
  const head = ['NAME', 'ROLE', 'ENDPOINT', 'HANDSHAKE', 'RECEIVED', 'SENT', 'ALLOWED IPS'];
  const rows = peers.map((peer) => [
    peer.name,
    peer.hub ? 'hub' : 'spoke',
    peer.endpoint ?? '-',
    ago(peer.lastHandshake, now),
    bytes(peer.rx),
    bytes(peer.tx),
    peer.allowedIps.join(' '),
  ]);
  return table([head, ...rows]);
}

/** `gatehouse profiles` for people. */
export function formatProfiles(profiles: Profile[]): string {
  if (profiles.length === 0) return 'This device is enrolled nowhere: gatehouse enroll <url> --token <token>.\n';
  const rows = profiles.map(({ id, url, peerName, networkName, active, revoked }) => [
    active ? '*' : '',
    networkName ?? '-',
    peerName,
    url,
    id,
    revoked ? 'cut off' : '',
  ]);
  return table([['', 'NETWORK', 'DEVICE', 'CONTROLLER', 'ID', ''], ...rows]);
}

/** `gatehouse doctor` for people. */
export function formatFindings(findings: Finding[]): string {
  return table(
    findings.flatMap(({ result, check, detail, advice }) => [
      [result, check, detail],
      ...(advice === null ? [] : [['', '', `→ ${advice}`]]),
    ]),
  );
}
