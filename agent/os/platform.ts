import type { Finding, PeerState } from '@gatehouse/protocol';

/** What the WireGuard device says of one peer. */
export interface PeerStat {
  publicKey: string;
  /** `ip:port`, IPv6 in brackets. */
  endpoint?: string;
  /** Unix seconds; 0 before the first handshake. */
  lastHandshake: number;
  rx: number;
  tx: number;
  keepalive: number;
  presharedKey?: string;
  allowedIps: string[];
}

export interface DeviceStat {
  privateKey?: string;
  listenPort?: number;
  fwmark?: number;
  peers: PeerStat[];
}

/** What a tunnel is to be: a PeerState whose endpoints are addresses (`ip:port`), and the device's own key. */
export interface TunnelConfig {
  privateKey: string;
  state: PeerState;
  /** The UDP port that this device had before, where the state names none: see `DeviceConfig`. */
  formerPort?: number | undefined;
  /** A TCP port that is to be reached past the tunnel, where one of its routes covers it: the controller's. */
  past?: { address: string; port: number } | undefined;
}

/**
 * One WireGuard interface with its addresses, routes, DNS and forwarding. `apply` makes only the differences to what
 * it applied last (the first time: to what it finds), so a daemon that was killed adopts a tunnel that still runs.
 */
export interface Tunnel {
  readonly name: string;
  /** `kernel`, `wireguard-go`, `wireguard-nt`. */
  readonly driver: string;
  /** `resolvectl`, `resolvconf`, `resolv.conf`, …; null while no DNS is set. */
  readonly dnsMode: string | null;
  apply(config: TunnelConfig): Promise<void>;
  /** Compares with what the system really holds and puts right what an outsider changed. Returns what it repaired. */
  repair(config: TunnelConfig): Promise<string[]>;
  /** Throws when the device is gone (wireguard-go killed, interface deleted): open it anew then. */
  read(): Promise<DeviceStat>;
  /** Takes down interface, routes, DNS, forwarding, and puts back what was there before. */
  close(): Promise<void>;
}

/** The operating system, as the daemon needs it: one adapter each for Linux, macOS and Windows. */
export interface Platform {
  /** Makes the interface, or adopts it. Throws AgentError `no-privileges` or `no-wireguard`. */
  openTunnel(name: string): Promise<Tunnel>;
  /** Puts back what a killed daemon left behind (resolv.conf, an orphaned interface) when the target is `down`. */
  recover(name: string): Promise<void>;
  /** Checks for `gatehouse doctor`: privileges, WireGuard, tools, DNS, forwarding. */
  diagnose(name: string): Promise<Finding[]>;
}
