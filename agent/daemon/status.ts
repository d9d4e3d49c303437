import { type AgentPeer, type AgentStatus, IPC_VERSION } from '@gatehouse/protocol';
import { AGENT_VERSION } from '../config.ts';
import { type Identity, publicKeyOf } from '../controller/index.ts';
import type { DeviceStat, PeerStat } from '../os/platform.ts';
import { cleanName } from '../text.ts';
import { primaryHub, type TunnelState } from '../tunnel/index.ts';
import type { Network } from './store.ts';

/** What the daemon knows at one moment. */
export interface Snapshot {
  tunnel: TunnelState;
  identity: Identity | null;
  network: Pick<Network, 'state'> | null;
  device: DeviceStat | null;
  opened: { name: string; driver: string; dnsMode: string | null } | null;
  /** Wall clock, ms. */
  lastContact: number | null;
  warnings: string[];
  /** Milliseconds to the primary hub. */
  latency: number | null;
  connectedSince: AgentStatus['connectedSince'];
  captive: AgentStatus['captive'];
  standing: AgentStatus['standing'];
  profiles: AgentStatus['profiles'];
}

/** Of a daemon that knows of nothing but its state machine. */
export const bareSnapshot = (tunnel: TunnelState): Snapshot => ({
  tunnel,
  identity: null,
  network: null,
  device: null,
  opened: null,
  lastContact: null,
  warnings: [],
  latency: null,
  connectedSince: null,
  captive: null,
  standing: null,
  profiles: [],
});

const time = (ms: number): string => new Date(ms).toISOString();
const handshakeTime = (stat: PeerStat | undefined): string | null =>
  stat && stat.lastHandshake > 0 ? time(stat.lastHandshake * 1000) : null;

/** `gatehouse status --json`. */
export function agentStatus(snapshot: Snapshot): AgentStatus {
  const { tunnel, identity, device, opened } = snapshot;
  const state = identity ? snapshot.network?.state : undefined;
  const hub = state ? primaryHub(state) : null;
  const hubStat = device?.peers.find((peer) => peer.publicKey === hub?.publicKey);
  const dns = opened && state ? state.dns : { servers: [], search: [] };
  return {
    version: AGENT_VERSION,
    ipc: IPC_VERSION,
    state: tunnel.name,
    cause: tunnel.cause,
    since: time(tunnel.since),
    target: tunnel.target,
    enrolled: identity && {
      url: identity.url,
      networkId: identity.networkId,
      peerId: identity.peerId,
      peerName: cleanName(state?.peer.name ?? identity.peerName),
      networkName: state ? cleanName(state.peer.networkName) : null,
      role: state?.peer.role ?? null,
    },
    controller: {
      connected: tunnel.controller.connected,
      lastContact: snapshot.lastContact === null ? null : time(snapshot.lastContact),
    },
    interface:
      opened && identity && state
        ? {
            name: opened.name,
            driver: opened.driver,
            publicKey: publicKeyOf(identity.privateKey),
            addresses: state.interface.addresses,
            listenPort: device?.listenPort ?? state.interface.listenPort ?? null,
            mtu: state.interface.mtu,
          }
        : null,
    dns: { mode: opened?.dnsMode ?? null, servers: dns.servers, search: dns.search },
    hub: hub && {
      name: cleanName(hub.name),
      endpoint: hubStat?.endpoint ?? hub.endpoint ?? null,
      lastHandshake: handshakeTime(hubStat),
    },
    connectedSince: snapshot.connectedSince,
    latency: snapshot.latency,
    captive: snapshot.captive,
    standing: snapshot.standing,
    profiles: snapshot.profiles,
    peers: state?.peers.length ?? 0,
    rx: sum(device, 'rx'),
    tx: sum(device, 'tx'),
    warnings: snapshot.warnings,
  };
}

const sum = (device: DeviceStat | null, key: 'rx' | 'tx'): number =>
  (device?.peers ?? []).reduce((total, peer) => total + peer[key], 0);

/** `gatehouse peers --json`, hubs first, then by name. */
export function agentPeers({ identity, network, device, latency }: Snapshot): AgentPeer[] {
  if (!identity || !network) return [];
  const primary = primaryHub(network.state);
  const stats = new Map((device?.peers ?? []).map((peer) => [peer.publicKey, peer]));
  return network.state.peers
    .map((peer) => {
      const stat = stats.get(peer.publicKey);
      return {
        name: cleanName(peer.name),
        publicKey: peer.publicKey,
        hub: peer.hub,
        endpoint: stat?.endpoint ?? peer.endpoint ?? null,
        allowedIps: peer.allowedIps,
        lastHandshake: handshakeTime(stat),
        latency: peer === primary ? latency : null,
        rx: stat?.rx ?? 0,
        tx: stat?.tx ?? 0,
      };
    })
    .sort((a, b) => Number(b.hub) - Number(a.hub) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
