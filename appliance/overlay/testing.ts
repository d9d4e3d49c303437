import { randomBytes } from 'node:crypto';
import { hostAddress, parseCidr } from './addresses.ts';
import { generateKeyPair } from './keys.ts';
import { OPEN_POLICY } from './policy/model.ts';
import { createSnapshot, type NetworkFields, type NetworkSnapshot, type SnapshotPeer } from './snapshot.ts';

/** A network for tests: peers get addresses in order, and are as old as they are far up the list. */
export function network(
  peers: (Partial<SnapshotPeer> & { id: string })[],
  options: Partial<NetworkFields> = {},
): NetworkSnapshot {
  const cidrs = options.cidrs ?? ['10.77.0.0/16'];
  const made = peers.map(
    (peer, i): SnapshotPeer => ({
      name: peer.id,
      publicKey: generateKeyPair().publicKey,
      addresses: cidrs.map((cidr) => hostAddress(parseCidr(cidr)!, i + 1)),
      endpoint: '',
      listenPort: peer.isHub ? 51820 : null,
      additionalAllowedIps: [],
      isHub: false,
      useAgent: true,
      groupIds: [],
      quarantined: false,
      captive: false,
      createdAt: new Date(1_700_000_000_000 + i * 1000).toISOString(),
      ...peer,
    }),
  );
  const fields: NetworkFields = {
    id: 'net',
    name: 'office',
    cidrs,
    dns: [],
    domainSuffix: 'internal',
    mtu: null,
    captivePortal: false,
    pskSecret: randomBytes(32),
    downHubs: new Set(),
    policy: OPEN_POLICY,
    ...options,
  };
  return createSnapshot(fields, made);
}
