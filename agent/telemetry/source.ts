import { readdir, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { osRelease } from './os-release.ts';

/** What is asked of the system, in the words of systeminformation. */
export interface Source {
  /** Percent since the last question. */
  currentLoad(): Promise<{ currentLoad: number }>;
  /** Bytes; what caches hold is not active. */
  mem(): Promise<{ total: number; active: number }>;
  battery(): Promise<{ hasBattery: boolean; percent: number; isCharging: boolean }>;
  osInfo(): Promise<{ distro: string; release: string }>;
}

const SUPPLIES = '/sys/class/power_supply';

/** The first battery that Linux has for the machine itself (not a mouse's): sysfs-class-power. */
export async function linuxBattery(folder: string = SUPPLIES): ReturnType<Source['battery']> {
  for (const name of await readdir(folder).catch(() => [])) {
    const read = (file: string): Promise<string> =>
      readFile(path.join(folder, name, file), 'utf8').then(
        (text) => text.trim(),
        () => '',
      );
    if ((await read('type')) !== 'Battery' || (await read('scope')) === 'Device') continue;
    const [capacity, status] = [await read('capacity'), await read('status')];
    if (!/^\d{1,3}$/.test(capacity)) continue;
    return { hasBattery: true, percent: Number(capacity), isCharging: status === 'Charging' };
  }
  return { hasBattery: false, percent: 0, isCharging: false };
}

/** The share of time that all processors worked since the call before, or since boot. */
function loadMeter(): Source['currentLoad'] {
  let last = { busy: 0, all: 0 };
  return async () => {
    const now = { busy: 0, all: 0 };
    for (const { times } of os.cpus()) {
      const all = Object.values(times).reduce((a, b) => a + b, 0);
      now.all += all;
      now.busy += all - times.idle;
    }
    const passed = now.all - last.all;
    const currentLoad = passed > 0 ? (100 * (now.busy - last.busy)) / passed : 0;
    last = now;
    return { currentLoad };
  };
}

/** Loaded where it is needed alone: it takes 5 MB, and Linux says all of it in files. */
const si = async () => (await import('systeminformation')).default;

/** Its osInfo would wait for `hostname -f` on Linux, and the whole daemon with it: for as long as the DNS doesn't answer. */
export function systemSource(platform: NodeJS.Platform = os.platform()): Source {
  const linux = platform === 'linux';
  return {
    currentLoad: loadMeter(),
    // Node's free memory is MemAvailable on Linux.
    mem: async () => ({ total: os.totalmem(), active: os.totalmem() - os.freemem() }),
    battery: linux ? () => linuxBattery() : async () => (await si()).battery(),
    osInfo: linux ? () => osRelease() : async () => (await si()).osInfo(),
  };
}
