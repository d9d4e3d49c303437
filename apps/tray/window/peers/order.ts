import type { CallResult } from '../../core/ipc/table.ts';

export type Peer = CallResult<'peers'>[number];

/** One address, not a network. */
export const isHost = (cidr: string): boolean => /\/(32|128)$/.test(cidr);
export const hubsFirst = (peers: readonly Peer[]): Peer[] =>
  [...peers].sort((a, b) => Number(b.hub) - Number(a.hub) || a.name.localeCompare(b.name));
