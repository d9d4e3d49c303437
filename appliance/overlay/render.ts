import type { PeerState } from '@gatehouse/protocol';

/**
 * The state as a wg-quick file (wg-quick(8), wg(8)). Without a private key there is no `PrivateKey` line: the device
 * made its key itself and only it has it.
 */
export function render(state: PeerState, privateKey: string | null): string {
  const { peer, dns, peers } = state;
  const lines = ['[Interface]', `# Name: ${peer.name}`];
  lines.push(privateKey === null ? '# PrivateKey is on the device only' : `PrivateKey = ${privateKey}`);
  lines.push(`Address = ${state.interface.addresses.join(', ')}`);
  if (state.interface.listenPort !== undefined) lines.push(`ListenPort = ${state.interface.listenPort}`);
  lines.push(`MTU = ${state.interface.mtu}`);
  const names = [...dns.servers, ...dns.search];
  if (names.length > 0) lines.push(`DNS = ${names.join(', ')}`);
  for (const other of peers) {
    lines.push('', '[Peer]', `# Name: ${other.name}`, `PublicKey = ${other.publicKey}`);
    if (other.presharedKey !== undefined) lines.push(`PresharedKey = ${other.presharedKey}`);
    if (other.allowedIps.length > 0) lines.push(`AllowedIPs = ${other.allowedIps.join(', ')}`);
    if (other.endpoint !== undefined) lines.push(`Endpoint = ${other.endpoint}`);
    if (other.keepalive > 0) lines.push(`PersistentKeepalive = ${other.keepalive}`);
  }
  return `${lines.join('\n')}\n`;
}
