import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { defaultAgentSocket } from '@gatehouse/protocol';
import type { Platform } from '../core/types.ts';

/** Whether the daemon's socket may be spoken to. */
export type Trust =
  | { kind: 'trusted' }
  | { kind: 'absent' }
  | { kind: 'denied' }
  | { kind: 'untrusted'; owner: string };

/** Where the daemon's socket is expected, and who may own it. */
export interface Place {
  platform: Platform;
  socketPath: string;
  /** Development only: this user id's own daemon is trusted beside root's. Null in real life. */
  ownUid: number | null;
}

const PROTECTED = '\\\\.\\pipe\\ProtectedPrefix\\Administrators\\';

/**
 * Reads `GATEHOUSE_AGENT_SOCKET` and, for development, `GATEHOUSE_TRAY_TRUST_OWN=1`: a daemon of one's own user is then
 * trusted too. Throws an Error that names the setting.
 */
export function readPlace(env: NodeJS.ProcessEnv, platform: Platform, uid: number | null): Place {
  const socketPath = env.GATEHOUSE_AGENT_SOCKET ?? defaultAgentSocket(platform);
  const flavour = platform === 'win32' ? path.win32 : path.posix;
  if (socketPath.includes('\0') || !flavour.isAbsolute(socketPath)) {
    throw new Error(`GATEHOUSE_AGENT_SOCKET must be an absolute path, not '${socketPath}'`);
  }
  return { platform, socketPath, ownUid: env.GATEHOUSE_TRAY_TRUST_OWN === '1' ? (uid ?? -1) : null };
}

/**
 * Looks at the socket before anything is said to it: socket and folder belong to root (or, in development, to the
 * user), nobody else can put another in their place, and neither is a link. On Windows the name itself says it: only
 * administrators can create a pipe under `ProtectedPrefix\Administrators`.
 */
export async function inspectSocket(place: Place, look: (file: string) => Promise<Stats> = lstat): Promise<Trust> {
  if (place.platform === 'win32') {
    const ours = place.socketPath.toLowerCase().startsWith(PROTECTED.toLowerCase());
    return ours || place.ownUid !== null ? { kind: 'trusted' } : { kind: 'untrusted', owner: place.socketPath };
  }
  try {
    const folder = await look(path.posix.dirname(place.socketPath));
    const stranger = strangerOf(place, folder, folder.isDirectory());
    if (stranger) return stranger;
    const socket = await look(place.socketPath);
    return strangerOf(place, socket, socket.isSocket()) ?? { kind: 'trusted' };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { kind: code === 'EACCES' || code === 'EPERM' ? 'denied' : 'absent' };
  }
}

function strangerOf(place: Place, found: Stats, rightKind: boolean): Trust | null {
  const untrusted = (owner: string): Trust => ({ kind: 'untrusted', owner });
  if (found.uid !== 0 && found.uid !== place.ownUid) return untrusted(`user ${found.uid}`);
  // A symbolic link is neither folder nor socket to lstat.
  if (!rightKind) return untrusted('an unknown file');
  // Whoever may write the folder can put a socket of their own there; a socket's own mode says who may connect.
  if (found.isDirectory()) {
    if ((found.mode & 0o002) !== 0) return untrusted('everybody');
    if ((found.mode & 0o020) !== 0 && found.gid !== 0) return untrusted(`group ${found.gid}`);
  }
  return null;
}
