import type { WgPeer } from '@gatehouse/protocol';
import { AgentError } from '../errors.ts';
import type { DeviceStat } from '../os/platform.ts';
import { parseEndpoint } from './cidr.ts';

/** One peer as a device is to hold it. Endpoints are addresses (`ip:port`, IPv6 in brackets), not host names. */
export type PeerConfig = Pick<WgPeer, 'publicKey' | 'presharedKey' | 'endpoint' | 'allowedIps' | 'keepalive'>;

/** What a device is to hold. Without `listenPort` the device keeps the port it has. */
export interface DeviceConfig {
  privateKey: string;
  listenPort?: number;
  /**
   * The port that a device made anew gets when nobody else has it; one that runs already keeps its own. A controller that
   * sees a port change again and again takes one device for two.
   */
  formerPort?: number | undefined;
  /** Mark on the device's own UDP packets; 0 is off. */
  fwmark: number;
  peers: readonly PeerConfig[];
}

/** What to change in one peer; absent fields stay as they are. A peer that isn't there is made. */
export interface PeerChange {
  publicKey: string;
  remove?: true;
  /** null takes the preshared key away. */
  presharedKey?: string | null;
  endpoint?: string;
  keepalive?: number;
  /** True: `allowedIps` is the whole list. False or absent: they are added. */
  replaceAllowedIps?: boolean;
  allowedIps?: string[];
}

export interface DeviceChange {
  privateKey?: string;
  listenPort?: number;
  fwmark?: number;
  /** Applied in this order. */
  peers: PeerChange[];
}

/** A way to configure one existing WireGuard device. Every method throws AgentError `apply-failed` or `no-privileges`. */
export interface WgBackend {
  /** Throws when the device is gone. */
  read(): Promise<DeviceStat>;
  /** Not atomic: after an error the device may hold a part of the change. */
  set(change: DeviceChange): Promise<void>;
  /** Makes the device hold exactly this, where the driver can do so at once; peers without `endpoint` keep theirs. */
  sync?(config: DeviceConfig): Promise<void>;
}

/** Largest answer accepted from a device or from `wg`, in bytes: 65,536 peers with ten blocks each. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** A key of 32 zero bytes stands for "no preshared key" on every WireGuard interface. */
export const ZERO_KEY = `${'A'.repeat(43)}=`;

const KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

/** Throws unless each value of a change is of its form, so that none can carry a line break or an option along. */
export function checkChange(change: DeviceChange): void {
  const fail = (what: string): never => {
    throw new AgentError('apply-failed', `WireGuard: ${what}`);
  };
  const key = (value: string, what: string): void => {
    if (!KEY.test(value)) fail(`${what} is not a key (32 bytes in base64)`);
  };
  const integer = (value: number | undefined, max: number, what: string): void => {
    if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= max))
      fail(`${what} is not 0 to ${max}`);
  };
  if (change.privateKey !== undefined) key(change.privateKey, 'the private key');
  integer(change.listenPort, 65535, 'the listen port');
  integer(change.fwmark, 0xffffffff, 'the firewall mark');
  for (const peer of change.peers) {
    key(peer.publicKey, 'a peer’s public key');
    if (typeof peer.presharedKey === 'string') key(peer.presharedKey, `the preshared key of ${peer.publicKey}`);
    integer(peer.keepalive, 65535, `the keepalive of ${peer.publicKey}`);
    if (peer.endpoint !== undefined && !parseEndpoint(peer.endpoint))
      fail(`the endpoint of ${peer.publicKey} is not an address and port: ${JSON.stringify(peer.endpoint)}`);
    for (const block of peer.allowedIps ?? [])
      if (!/^[0-9a-fA-F.:]{2,45}\/\d{1,3}$/.test(block)) fail(`not an allowed IP: ${JSON.stringify(block)}`);
  }
}
