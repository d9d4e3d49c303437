import { AgentError } from '../errors.ts';
import type { DeviceStat, PeerStat } from '../os/platform.ts';
import type { Commands } from '../os/run.ts';
import { withTempFiles } from '../os/temp.ts';
import {
  checkChange,
  type DeviceChange,
  type DeviceConfig,
  type PeerChange,
  type WgBackend,
  ZERO_KEY,
} from './backend.ts';

/** Bytes of arguments in one `wg set`; a process may have 128 KiB in one argument and about 2 MiB in all. */
const MAX_ARG_BYTES = 64 * 1024;
/** A peer with more blocks than this goes by a file (`wg addconf`), where length doesn't matter. */
const MAX_ARG_BLOCKS = 1000;

const given = (field: string): string | undefined => (field === '(none)' ? undefined : field);

function number(field: string | undefined): number {
  if (field === undefined || !/^\d{1,20}$/.test(field))
    throw new AgentError('apply-failed', 'wg answered a bad number');
  return Number(field);
}

/** `wg show <if> dump`: tab-separated, the device's line first, then one line a peer (wg(8)). */
export function parseDump(text: string): DeviceStat {
  const [first, ...rest] = text.split('\n').filter((line) => line !== '');
  const [privateKey, , listenPort, fwmark] = (first ?? '').split('\t');
  if (fwmark === undefined) throw new AgentError('apply-failed', 'wg answered no device');
  const secret = given(privateKey!);
  const device: DeviceStat = {
    ...(secret !== undefined && { privateKey: secret }),
    listenPort: number(listenPort),
    fwmark: fwmark === 'off' ? 0 : Number.parseInt(fwmark, 16),
    peers: [],
  };
  for (const line of rest) {
    const [publicKey, psk, endpoint, allowed, handshake, rx, tx, keepalive] = line.split('\t');
    if (keepalive === undefined) throw new AgentError('apply-failed', 'wg answered a peer line that is too short');
    const presharedKey = given(psk!);
    const address = given(endpoint!);
    const blocks = given(allowed!);
    const peer: PeerStat = {
      publicKey: publicKey!,
      ...(presharedKey !== undefined && { presharedKey }),
      ...(address !== undefined && { endpoint: address }),
      allowedIps: blocks === undefined ? [] : blocks.split(','),
      lastHandshake: number(handshake),
      rx: number(rx),
      tx: number(tx),
      keepalive: keepalive === 'off' ? 0 : number(keepalive),
    };
    device.peers.push(peer);
  }
  return device;
}

/** A `[Peer]` section of wg(8)'s file format. Fields that are absent stay as they are with `addconf`. */
function peerSection(peer: PeerChange): string {
  const lines = ['[Peer]', `PublicKey = ${peer.publicKey}`];
  if (peer.presharedKey !== undefined) lines.push(`PresharedKey = ${peer.presharedKey ?? ZERO_KEY}`);
  if (peer.endpoint !== undefined) lines.push(`Endpoint = ${peer.endpoint}`);
  if (peer.keepalive !== undefined) lines.push(`PersistentKeepalive = ${peer.keepalive}`);
  if (peer.allowedIps !== undefined && peer.allowedIps.length > 0)
    lines.push(`AllowedIPs = ${peer.allowedIps.join(', ')}`);
  return lines.join('\n');
}

/** The text for `wg syncconf`. */
export function renderConfig(config: DeviceConfig): string {
  checkChange({ ...config, peers: [...config.peers] });
  const lines = ['[Interface]', `PrivateKey = ${config.privateKey}`, `FwMark = ${config.fwmark}`];
  if (config.listenPort !== undefined) lines.push(`ListenPort = ${config.listenPort}`);
  // A section without PresharedKey would leave an old one in place, so "none" is said.
  const sections = config.peers.map((peer) => peerSection({ ...peer, presharedKey: peer.presharedKey ?? null }));
  return `${[lines.join('\n'), ...sections].join('\n\n')}\n`;
}

/** Steps of `wg` that make a change: argument lists, with `key` standing for a file that holds that secret. */
export type WgStep = { set: (string | { key: string })[] } | { addconf: string };

/**
 * `wg set` replaces a peer's whole allowed-IPs list, so a change that only adds blocks needs the ones the peer has:
 * `held` gives them.
 */
export function planSet(change: DeviceChange, held: (publicKey: string) => readonly string[]): WgStep[] {
  checkChange(change);
  const steps: WgStep[] = [];
  let words: (string | { key: string })[] = [];
  let bytes = 0;
  const flush = (): void => {
    if (words.length > 0) steps.push({ set: words });
    words = [];
    bytes = 0;
  };
  if (change.privateKey !== undefined) words.push('private-key', { key: change.privateKey });
  if (change.listenPort !== undefined) words.push('listen-port', String(change.listenPort));
  if (change.fwmark !== undefined) words.push('fwmark', String(change.fwmark));
  for (const peer of change.peers) {
    const blocks =
      peer.allowedIps && !peer.replaceAllowedIps ? [...held(peer.publicKey), ...peer.allowedIps] : peer.allowedIps;
    if (blocks && blocks.length > MAX_ARG_BLOCKS) {
      flush();
      steps.push({ addconf: `${peerSection({ ...peer, allowedIps: blocks })}\n` });
      continue;
    }
    const own: (string | { key: string })[] = ['peer', peer.publicKey];
    if (peer.remove) own.push('remove');
    // An empty file takes the key away (wg(8)).
    if (peer.presharedKey !== undefined) own.push('preshared-key', { key: peer.presharedKey ?? '' });
    if (peer.endpoint !== undefined) own.push('endpoint', peer.endpoint);
    if (peer.keepalive !== undefined) own.push('persistent-keepalive', String(peer.keepalive));
    if (blocks) own.push('allowed-ips', blocks.join(','));
    // A key's file name is at most 128 bytes.
    const length = own.reduce((sum, word) => sum + (typeof word === 'string' ? word.length : 128) + 9, 0);
    if (bytes + length > MAX_ARG_BYTES) flush();
    words.push(...own);
    bytes += length;
  }
  flush();
  return steps;
}

/** The device `name` by the program `wg`; it serves kernel devices, and any other that has a UAPI socket. */
export function wgToolBackend(name: string, commands: Commands): WgBackend {
  const wg = (args: string[]): Promise<string> =>
    commands.run('wg', args).catch((error: Error) => {
      if (/not permitted|denied/i.test(error.message))
        throw new AgentError('no-privileges', `no access to the WireGuard device ${name}: run as root`, {
          cause: error,
        });
      throw new AgentError('apply-failed', `WireGuard device ${name}: ${error.message}`, { cause: error });
    });
  const read = async (): Promise<DeviceStat> => parseDump(await wg(['show', name, 'dump']));

  const apply = async (step: WgStep): Promise<void> => {
    if ('addconf' in step) {
      await withTempFiles([step.addconf], ([file]) => wg(['addconf', name, file!]));
      return;
    }
    const secrets = step.set
      .filter((word) => typeof word !== 'string')
      .map((word) => (word.key === '' ? '' : `${word.key}\n`));
    await withTempFiles(secrets, (files) => {
      let next = 0;
      const args = step.set.map((word) => (typeof word === 'string' ? word : files[next++]!));
      return wg(['set', name, ...args]);
    });
  };

  return {
    read,
    set: async (change) => {
      const adds = change.peers.some((peer) => peer.allowedIps && !peer.replaceAllowedIps);
      const held = adds ? new Map((await read()).peers.map((peer) => [peer.publicKey, peer.allowedIps])) : new Map();
      for (const step of planSet(change, (publicKey) => held.get(publicKey) ?? [])) await apply(step);
    },
    sync: async (config) => {
      await withTempFiles([renderConfig(config)], ([file]) => wg(['syncconf', name, file!]));
    },
  };
}
