/** For tests: a stand-in for the system's programs, and a device in memory. */
import type { PeerState } from '@gatehouse/protocol';
import type { WgBackend } from '../wireguard/backend.ts';
import { diffDevice } from '../wireguard/diff.ts';
import type { DeviceStat, PeerStat, TunnelConfig } from './platform.ts';
import { type Commands, RunError } from './run.ts';

export interface Recorder extends Commands {
  /** `program arguments`, and ` < input` behind it. */
  lines: string[];
  /** The lines since the last call. */
  take(): string[];
}

/** Answers each command with what `answer` returns; an Error is thrown. Programs in `missing` aren't installed. */
export function recorder(answer: (line: string) => string | Error = () => '', missing: string[] = []): Recorder {
  const lines: string[] = [];
  return {
    lines,
    take: () => lines.splice(0),
    find: (program) => (missing.includes(program) ? null : program),
    launch: async (program, args) => {
      lines.push(['launch', program, ...args].join(' '));
      return 4711;
    },
    run: async (program, args, input) => {
      const line = [program, ...args].join(' ');
      lines.push(input === undefined ? line : `${line} < ${JSON.stringify(input)}`);
      const said = answer(line);
      if (said instanceof Error) throw new RunError(program, 1, said.message);
      return said;
    },
  };
}

/** A device that holds what it is told; `gone` makes it fail. */
export function memoryDevice(): WgBackend & { stat: DeviceStat; gone: boolean } {
  return {
    stat: { peers: [] },
    gone: false,
    async read() {
      if (this.gone) throw new Error('gone');
      return this.stat;
    },
    async set(change) {
      const peers = new Map<string, PeerStat>(this.stat.peers.map((peer) => [peer.publicKey, peer]));
      for (const { publicKey, remove, presharedKey, replaceAllowedIps, allowedIps = [], ...fields } of change.peers) {
        const before = peers.get(publicKey) ?? {
          publicKey,
          lastHandshake: 0,
          rx: 0,
          tx: 0,
          keepalive: 0,
          allowedIps: [],
        };
        const blocks = replaceAllowedIps ? allowedIps : [...before.allowedIps, ...allowedIps];
        if (remove) peers.delete(publicKey);
        else peers.set(publicKey, { ...before, ...fields, ...(presharedKey && { presharedKey }), allowedIps: blocks });
      }
      const { peers: _, ...device } = change;
      this.stat = { ...this.stat, ...device, peers: [...peers.values()] };
    },
  };
}

const key = (n: number): string => Buffer.alloc(32, n).toString('base64');

/** A laptop's state with one hub. */
export function laptop(change: Partial<PeerState> = {}): TunnelConfig {
  return {
    privateKey: key(1),
    state: {
      peer: { id: 'p', name: 'laptop', networkId: 'n', networkName: 'net', role: 'spoke' },
      interface: { publicKey: key(2), addresses: ['10.77.0.2/32', 'fd77::2/128'], mtu: 1420 },
      routes: ['10.77.0.0/24', 'fd77::/64'],
      dns: { servers: ['10.77.0.1'], search: ['corp.internal'] },
      peers: [
        {
          publicKey: key(3),
          name: 'hub',
          hub: true,
          endpoint: '192.0.2.1:51820',
          allowedIps: ['10.77.0.0/24', 'fd77::/64'],
          keepalive: 25,
        },
      ],
      ...change,
    },
  };
}

/** True when the device holds what the state says. */
export function holds(device: { stat: DeviceStat }, { privateKey, state }: TunnelConfig): boolean {
  return diffDevice(device.stat, { privateKey, fwmark: 0, peers: state.peers }) === undefined;
}
