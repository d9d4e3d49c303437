import net from 'node:net';
import { AgentError } from '../errors.ts';
import type { DeviceStat, PeerStat } from '../os/platform.ts';
import { checkChange, type DeviceChange, MAX_ANSWER_BYTES, type WgBackend, ZERO_KEY } from './backend.ts';

/**
 * WireGuard's cross-platform configuration protocol (wireguard.com/xplatform): `key=value` lines over a local socket,
 * one operation a connection here.
 */

/** A device that says nothing for this long is given up. */
const IDLE_MS = 10_000;

const hex = (key: string): string => Buffer.from(key, 'base64').toString('hex');

/** The text of a `set` operation. Throws AgentError when a value isn't of its form. */
export function serialiseSet(change: DeviceChange): string {
  checkChange(change);
  const lines = ['set=1'];
  if (change.privateKey !== undefined) lines.push(`private_key=${hex(change.privateKey)}`);
  if (change.listenPort !== undefined) lines.push(`listen_port=${change.listenPort}`);
  if (change.fwmark !== undefined) lines.push(`fwmark=${change.fwmark}`);
  for (const peer of change.peers) {
    lines.push(`public_key=${hex(peer.publicKey)}`);
    if (peer.remove) {
      lines.push('remove=true');
      continue;
    }
    if (peer.presharedKey !== undefined) lines.push(`preshared_key=${hex(peer.presharedKey ?? ZERO_KEY)}`);
    if (peer.endpoint !== undefined) lines.push(`endpoint=${peer.endpoint}`);
    if (peer.keepalive !== undefined) lines.push(`persistent_keepalive_interval=${peer.keepalive}`);
    if (peer.replaceAllowedIps) lines.push('replace_allowed_ips=true');
    for (const block of peer.allowedIps ?? []) lines.push(`allowed_ip=${block}`);
  }
  return `${lines.join('\n')}\n\n`;
}

function base64(value: string, key: string): string {
  if (!/^[0-9a-f]{64}$/i.test(value)) throw new AgentError('apply-failed', `WireGuard answered a bad ${key}`);
  return Buffer.from(value, 'hex').toString('base64');
}

function number(value: string, key: string): number {
  if (!/^\d{1,20}$/.test(value)) throw new AgentError('apply-failed', `WireGuard answered a bad ${key}`);
  return Number(value);
}

/** The device in the answer to a `get` operation; keys that it doesn't know are passed over, as the protocol asks. */
export function parseGet(text: string): DeviceStat {
  const device: DeviceStat = { peers: [] };
  let peer: PeerStat | undefined;
  const inPeer = (key: string): PeerStat => {
    if (!peer) throw new AgentError('apply-failed', `WireGuard answered ${key} before any peer`);
    return peer;
  };
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start);
    const line = text.slice(start, end < 0 ? text.length : end);
    start = end < 0 ? text.length : end + 1;
    if (line === '') continue;
    const equals = line.indexOf('=');
    if (equals < 1) throw new AgentError('apply-failed', 'WireGuard answered a line without a key');
    const key = line.slice(0, equals);
    const value = line.slice(equals + 1);
    switch (key) {
      case 'private_key': {
        const secret = base64(value, key);
        if (secret !== ZERO_KEY) device.privateKey = secret;
        break;
      }
      case 'listen_port':
        device.listenPort = number(value, key);
        break;
      case 'fwmark':
        device.fwmark = number(value, key);
        break;
      case 'public_key':
        peer = { publicKey: base64(value, key), lastHandshake: 0, rx: 0, tx: 0, keepalive: 0, allowedIps: [] };
        device.peers.push(peer);
        break;
      case 'preshared_key': {
        const secret = base64(value, key);
        if (secret !== ZERO_KEY) inPeer(key).presharedKey = secret;
        break;
      }
      case 'endpoint':
        inPeer(key).endpoint = value;
        break;
      case 'last_handshake_time_sec':
        inPeer(key).lastHandshake = number(value, key);
        break;
      case 'rx_bytes':
        inPeer(key).rx = number(value, key);
        break;
      case 'tx_bytes':
        inPeer(key).tx = number(value, key);
        break;
      case 'persistent_keepalive_interval':
        inPeer(key).keepalive = number(value, key);
        break;
      case 'allowed_ip':
        inPeer(key).allowedIps.push(value);
        break;
    }
  }
  return device;
}

/** The errno values that wireguard-go answers (`ipc/ipc_*.go`, `device/uapi.go`), the same on every system. */
const ERRNO: Record<number, string> = {
  5: 'input or output failed (EIO)',
  22: 'it refused a value (EINVAL)',
  48: 'the UDP port is in use (EADDRINUSE): choose another listen port, or stop the program that holds it',
  71: 'it did not understand the request (EPROTO)',
  98: 'the UDP port is in use (EADDRINUSE): choose another listen port, or stop the program that holds it',
};

/** Splits the trailing `errno=` off an answer. Throws AgentError `apply-failed` unless it is 0. */
export function checkErrno(answer: string, name: string): string {
  const match = /(?:^|\n)errno=(-?\d{1,10})\n\n$/.exec(answer.slice(-32));
  if (!match) throw new AgentError('apply-failed', `WireGuard device ${name}: the answer was cut off`);
  const errno = Math.abs(Number(match[1]));
  if (errno !== 0)
    throw new AgentError('apply-failed', `WireGuard device ${name}: ${ERRNO[errno] ?? `it answered errno ${errno}`}`);
  return answer.slice(0, answer.lastIndexOf('errno='));
}

function connectError(error: NodeJS.ErrnoException, name: string): AgentError {
  const options = { cause: error };
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new AgentError('apply-failed', `WireGuard device ${name} is gone: nothing listens on its socket`, options);
    case 'EACCES':
    case 'EPERM':
      return new AgentError('no-privileges', `no access to the WireGuard device ${name}: run as root`, options);
    default:
      return new AgentError('apply-failed', `WireGuard device ${name}: ${error.message}`, options);
  }
}

/** Sends one operation and returns the answer without its `errno=0`. */
function exchange(path: string, name: string, request: string, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path);
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (error: AgentError | null, answer = ''): void => {
      socket.destroy();
      if (error) reject(error);
      else resolve(answer);
    };
    socket.setTimeout(IDLE_MS, () =>
      finish(new AgentError('apply-failed', `WireGuard device ${name} does not answer`)),
    );
    socket.on('error', (error) => finish(connectError(error, name)));
    socket.on('connect', () => socket.write(request, 'latin1'));
    socket.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes)
        return finish(new AgentError('apply-failed', `WireGuard device ${name} answered more than ${maxBytes} bytes`));
      chunks.push(chunk);
      // The answer ends with an empty line; the end may be split over chunks.
      const last = chunk.length > 1 ? chunk : Buffer.concat(chunks.slice(-2));
      if (last.at(-1) !== 10 || last.at(-2) !== 10) return;
      try {
        finish(null, checkErrno(Buffer.concat(chunks).toString('latin1'), name));
      } catch (error) {
        finish(error as AgentError);
      }
    });
    socket.on('close', () => finish(new AgentError('apply-failed', `WireGuard device ${name} closed the connection`)));
  });
}

/** wireguard-go and WireGuardNT's service listen here. */
export function uapiPath(name: string, platform: NodeJS.Platform): string {
  return platform === 'win32'
    ? `\\\\.\\pipe\\ProtectedPrefix\\Administrators\\WireGuard\\${name}`
    : `/var/run/wireguard/${name}.sock`;
}

/** The device `name` behind the socket or named pipe at `path`. */
export function uapiBackend(name: string, path: string, maxBytes = MAX_ANSWER_BYTES): WgBackend {
  return {
    read: async () => parseGet(await exchange(path, name, 'get=1\n\n', maxBytes)),
    set: async (change) => {
      await exchange(path, name, serialiseSet(change), maxBytes);
    },
  };
}
