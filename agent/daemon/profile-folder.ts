import { createHash } from 'node:crypto';

/**
 * The name of a profile's folder: the peer id where that is a plain name on every file system (lower case, no dots, longer
 * than Windows' `nul` and `com1`), else a hash of it, for ids come from controllers.
 */
export function profileFolder(peerId: string): string {
  if (/^[a-z0-9][a-z0-9_-]{4,63}$/.test(peerId)) return peerId;
  return `_${createHash('sha256').update(peerId).digest('hex')}`;
}
