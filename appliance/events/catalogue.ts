/** Who did something: a person (by session or API token), a device, or the appliance itself. */
export interface Actor {
  kind: 'user' | 'device' | 'system';
  /** User id or peer id; `system` for the appliance. */
  id: string;
  /** Address the request came from, where one did. */
  address?: string;
}

export const SYSTEM: Actor = { kind: 'system', id: 'system' };

/** Every domain event and what it carries beside its actor. Ids only: a listener reads the rows it needs. */
export interface EventData {
  'identity.user.created': { userId: string; username: string; role: string };
  'identity.user.updated': { userId: string; changed: string[] };
  'identity.user.deleted': { userId: string; username: string };
  'identity.defaults.updated': { changed: string[] };
  'identity.login': { userId: string };
  'identity.login.failed': { username: string };
  'identity.logout': { userId: string };
  'identity.password.reset': { userId: string };
  'identity.token.created': { userId: string; tokenId: string; name: string };
  'identity.token.deleted': { userId: string; tokenId: string; name: string };
  'overlay.network.created': { networkId: string; name: string };
  'overlay.network.updated': { networkId: string; changed: string[] };
  'overlay.network.deleted': { networkId: string; name: string };
  'overlay.peer.created': { networkId: string; peerId: string; name: string };
  'overlay.peer.updated': { networkId: string; peerId: string; changed: string[] };
  'overlay.peer.deleted': { networkId: string; peerId: string; name: string };
  /** A device traded its enrollment token for a credential and brought its own key. */
  'overlay.peer.enrolled': { networkId: string; peerId: string };
  /** A new enrollment token was issued: whatever device held the peer before is cut off. */
  'overlay.peer.token_issued': { networkId: string; peerId: string };
  /** Also when policies or routes are attached, detached or reordered. */
  'overlay.group.created': { networkId: string; groupId: string; name: string };
  'overlay.group.updated': { networkId: string; groupId: string; changed: string[] };
  'overlay.group.deleted': { networkId: string; groupId: string; name: string };
  'overlay.group.member_added': { networkId: string; groupId: string; peerId: string };
  'overlay.group.member_removed': { networkId: string; groupId: string; peerId: string };
  'overlay.policy.created': { networkId: string; policyId: string; name: string };
  'overlay.policy.updated': { networkId: string; policyId: string; changed: string[] };
  'overlay.policy.deleted': { networkId: string; policyId: string; name: string };
  'overlay.route.created': { networkId: string; routeId: string; name: string };
  'overlay.route.updated': { networkId: string; routeId: string; changed: string[] };
  'overlay.route.deleted': { networkId: string; routeId: string; name: string };
  'overlay.dns.created': { networkId: string; routeId: string; mappingId: string; name: string };
  'overlay.dns.updated': { networkId: string; routeId: string; mappingId: string; changed: string[] };
  'overlay.dns.deleted': { networkId: string; routeId: string; mappingId: string; name: string };
  'overlay.acl.updated': { networkId: string };
  'overlay.security.updated': { networkId: string; changed: string[] };
  /** The peer is in quarantine from `opened` to `resolved`. */
  'overlay.incident.opened': { networkId: string; peerId: string; incidentId: string; incidentType: string };
  'overlay.incident.resolved': { networkId: string; peerId: string; incidentId: string; incidentType: string };
  /** Somebody has signed in for a peer at the captive portal; until its day is over, it moves or the right is gone. */
  'overlay.portal.admitted': { networkId: string; peerId: string; userId: string };
  'overlay.portal.ended': { networkId: string; peerId: string; userId: string };
  /** A hub has said nothing for 30 s, or is back. */
  'overlay.hub.down': { networkId: string; peerId: string };
  'overlay.hub.up': { networkId: string; peerId: string };
  'sites.site.updated': { siteId: string; changed: string[] };
  'pki.authority.created': { authorityId: string; subject: string };
  /** The server certificate or the trusted authorities have changed. */
  'pki.settings.updated': { changed: string[] };
  'pki.certificate.issued': { certificateId: string; serial: string; username: string };
  'pki.certificate.revoked': { certificateId: string; serial: string; username: string };
  'access.device.created': { deviceId: string; mac: string };
  'access.device.updated': { deviceId: string; mac: string; changed: string[] };
  'access.device.deleted': { deviceId: string; mac: string };
  'access.vouchers.created': { batchId: string; count: number };
  'access.voucher.updated': { voucherId: string; changed: string[] };
  'access.voucher.deleted': { voucherId: string };
  'access.policy.created': { policyId: string; name: string; version: number };
  'access.policy.updated': { policyId: string; name: string; version: number };
  'access.policy.deleted': { policyId: string; name: string };
  /** What is known of a device's posture has changed: both doors ask anew. */
  'access.posture.changed': { deviceId: string; mac: string; userId: string | null; peerId: string | null };
  /** A device meets a policy in everything but posture: it was let in, or would be, and isn't any more. */
  'posture.failed': { deviceId: string; mac: string; userId: string | null; policyId: string; failed: string[] };
  /** Somebody ran into a limit of a policy, or was refused by one. */
  'policy.violation': { policyId: string | null; username: string; mac: string; nasId: string | null; reason: string };
  'radius.nas.created': { nasId: string; siteId: string; name: string };
  'radius.nas.updated': { nasId: string; siteId: string; changed: string[] };
  'radius.nas.deleted': { nasId: string; siteId: string; name: string };
  /** Realms, upstream servers and REST connectors. */
  'radius.realm.created': { realmId: string; name: string };
  'radius.realm.updated': { realmId: string; changed: string[] };
  'radius.realm.deleted': { realmId: string; name: string };
  'radius.upstream.created': { upstreamId: string; name: string };
  'radius.upstream.updated': { upstreamId: string; changed: string[] };
  'radius.upstream.deleted': { upstreamId: string; name: string };
  'radius.connector.created': { connectorId: string; name: string };
  'radius.connector.updated': { connectorId: string; changed: string[] };
  'radius.connector.deleted': { connectorId: string; name: string };
  /** Other RADIUS servers that may ask us. */
  'radius.connector_client.created': { clientId: string; name: string };
  'radius.connector_client.deleted': { clientId: string; name: string };
  /** Told at most once a minute for the same person, device and NAS; `policy` is the name of the one that decided. */
  'session.authenticated': {
    username: string;
    userId: string | null;
    mac: string;
    nasId: string;
    siteId: string;
    method: string;
    policy: string | null;
  };
  /** A RADIUS session has ended; `cause` is Acct-Terminate-Cause by name, or why we ended it. */
  'session.disconnected': {
    sessionId: string;
    username: string;
    mac: string;
    nasId: string;
    siteId: string;
    cause: string;
  };
  /** Leaves up to `size` are under a new root. Told once a minute; `genTime` with an RFC 3161 timestamp. */
  'log.sealed': {
    range: { from: number; to: number };
    root: string;
    size: number;
    cosignatures: number;
    genTime: string | null;
  };
  /**
   * Whether what comes is sealed: `full`, `damaged` and `refused` are alarms, `sealing` is their end. Told once for each
   * change, `at` which it was (RFC 3339); later, where the database's disk is full as well.
   */
  'log.state': { state: 'sealing' | 'full' | 'damaged' | 'refused'; reason: string | null; at: string };
  /** On the box, by its command line: exports over the API are recorded before they begin. */
  'logs.exported': { by: string; case: string | null; from: string; to: string; source: string[]; file: string };
  /** Registered before it has sent anything, or again after it was removed. */
  'logs.source.created': { sourceId: number; address: string; name: string };
  /** Its place is free for another one; its records stay. */
  'logs.source.deleted': { sourceId: number; address: string; name: string };
  'logs.source.updated': { sourceId: number; address: string; name: string; changed: string[] };
  'logs.search.created': { searchId: string; name: string };
  'logs.search.updated': { searchId: string; changed: string[] };
  'logs.search.deleted': { searchId: string; name: string };
  /** `changed` names classes. */
  'logs.retention.updated': { changed: string[] };
  'logs.hold.created': { holdId: string; name: string };
  'logs.hold.released': { holdId: string; name: string };
  'logs.export.created': { exportId: string; case: string | null };
  'logs.export.finished': { exportId: string; status: 'done' | 'failed' };
  'logs.export.deleted': { exportId: string };
}
export type EventType = keyof EventData;

/** A domain event as capabilities emit it. */
export type DomainEvent = { [T in EventType]: { type: T; data: EventData[T] & { actor: Actor } } }[EventType];

/** A domain event as listeners hear it: numbered, and with the time of its commit (RFC 3339, UTC). */
export type Heard<T extends EventType = EventType> = Extract<DomainEvent, { type: T }> & { id: number; at: string };
