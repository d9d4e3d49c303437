import os from 'node:os';
import { MAX_POSTURE_MACS } from '@gatehouse/protocol';
import type { Probe } from './probe.ts';

const SYS = '/sys/class/net';
/** Interfaces that macOS and Windows make up: bridges, AirDrop, virtual switches. */
const MADE_UP: Partial<Record<NodeJS.Platform, RegExp>> = {
  darwin: /^(?:bridge|awdl|llw|ap|anpi|utun|gif|stf|vmnet|vmenet|feth)\d*$/,
  win32: /^(?:vEthernet|VirtualBox|VMware|Hyper-V|Loopback)/i,
};

type Interfaces = NodeJS.Dict<Pick<os.NetworkInterfaceInfo, 'mac' | 'internal'>[]>;

/** A unicast address that is one: WireGuard and tun interfaces have none. */
const isOwn = (mac: string): boolean =>
  /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) &&
  mac !== '00:00:00:00:00:00' &&
  (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0;

/**
 * The MAC addresses of this device's own interfaces, by the interfaces' names, at most 16. On Linux those with hardware
 * behind them; where there is none, as in a container, those with an address that are neither bridge nor tap.
 */
export async function ownMacs(probe: Probe, interfaces: Interfaces = os.networkInterfaces()): Promise<string[]> {
  const found = new Map<string, string>();
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    const [one] = addresses;
    if (one && !one.internal && !MADE_UP[probe.platform]?.test(name)) found.set(name, one.mac.toLowerCase());
  }
  const hardware = new Map<string, string>();
  if (probe.platform === 'linux') {
    for (const name of (await probe.list(SYS)) ?? []) {
      const parts = (await probe.list(`${SYS}/${name}`)) ?? [];
      if (parts.includes('bridge') || parts.includes('tun_flags')) found.delete(name);
      const mac = parts.includes('device') ? await probe.read(`${SYS}/${name}/address`) : null;
      if (mac !== null) hardware.set(name, mac.trim().toLowerCase());
    }
  }
  const chosen = [...hardware.values()].some(isOwn) ? hardware : found;
  const macs = [...chosen].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, mac]) => mac);
  return [...new Set(macs.filter(isOwn))].slice(0, MAX_POSTURE_MACS);
}
