import {
  type Decision,
  type Facts,
  overlayFacts,
  type PeerDevice,
  type PostureMiss,
  type UserFacts,
} from '../../access/index.ts';
import type { Heard } from '../../events/index.ts';
import type { Logger } from '../../store/index.ts';
import type { OverlayContext } from '../context.ts';
import type { OverlayTables } from '../tables.ts';
import { type Block, type Candidate, type Change, groupsByName, heldNow, writeChanges } from './changes.ts';

/** What the overlay asks of access; functions that `appliance.ts` passes in. */
export interface AccessAnswers {
  decide(facts: Facts): Decision;
  /** Whether any policy is in force. */
  hasPolicies(): boolean;
  /** Which time windows of the policies hold, as a text that changes when one begins or ends; empty without any. */
  windowsAt(at: number): string;
  peerDevices(only?: { peerIds?: readonly string[]; id?: string }): Promise<PeerDevice[]>;
  /** The policy that only the device's posture keeps it from; undefined where there is none. */
  postureMiss(facts: Facts): PostureMiss | undefined;
  /** What a policy is called, and what it says to whom it refuses. */
  policyWords(id: string): { name: string; message: string | undefined } | undefined;
  /** Name and groups of these users; who doesn't exist is left out. */
  usersFacts(ids: readonly string[]): Promise<ReadonlyMap<string, UserFacts>>;
}

/** The events that can change what is decided for somebody's peers. */
export const DOOR_EVENTS = [
  'access.policy.created',
  'access.policy.updated',
  'access.policy.deleted',
  'access.posture.changed',
  'access.device.created',
  'access.device.updated',
  'access.device.deleted',
  'identity.user.updated',
  'identity.user.deleted',
  'overlay.peer.created',
  'overlay.peer.updated',
  'overlay.peer.enrolled',
  'overlay.group.created',
  'overlay.group.updated',
  'overlay.group.member_removed',
] as const;

/** Peers decided for before other work gets its turn, and changed in one transaction. */
const BATCH = 100;
/** Users read at once. */
const USERS_AT_ONCE = 500;

type Only = { peerId: string } | { ownerId: string } | { networkId: string } | 'all';

/**
 * The overlay's door: keeps out the peers that a policy quarantines or denies, and puts those that one allows into the
 * groups it names. It asks for people's devices only: jump peers, and peers that nobody owns and no device is linked to,
 * are part of the building.
 */
export function createDoor(context: OverlayContext, access: AccessAnswers, log: Logger) {
  const db = context.store.as<OverlayTables>();
  /** Whose peer a device was last: an event tells of the device as it is now only. */
  const peerOfDevice = new Map<string, string>();
  /** Something is held that some earlier decision wrote. */
  let holding = false;
  let lastWindows = '';
  let running: Promise<unknown> = Promise.resolve();
  /** Work done, for tests that bound it: peers decided for, and peers that were changed. */
  const stats = { decided: 0, changed: 0 };

  const idle = () => !holding && !access.hasPolicies();

  /** One after another: each compares with what the one before has written. */
  function settle(only: Only): Promise<void> {
    const next = running.then(() => decideFor(only));
    running = next.catch(() => undefined);
    return next;
  }

  async function candidates(only: Only): Promise<Candidate[]> {
    let query = db.selectFrom('peers').select(['id', 'network_id', 'owner_id']).where('is_jump', '=', 0);
    if (only !== 'all') {
      if ('peerId' in only) query = query.where('id', '=', only.peerId);
      else if ('ownerId' in only) query = query.where('owner_id', '=', only.ownerId);
      else query = query.where('network_id', '=', only.networkId);
    }
    return query.orderBy('id').execute();
  }

  async function decideFor(only: Only): Promise<void> {
    const peers = await candidates(only);
    const wide = only === 'all' || 'networkId' in only;
    const devices = await access.peerDevices(wide ? undefined : { peerIds: peers.map(({ id }) => id) });
    const deviceOf = new Map<string, PeerDevice>();
    for (const device of devices) {
      peerOfDevice.set(device.id, device.peerId);
      if (!deviceOf.has(device.peerId)) deviceOf.set(device.peerId, device);
    }
    const held = await heldNow(db, wide ? undefined : peers.map(({ id }) => id));
    const groups = await groupsByName(db, wide ? undefined : peers.map(({ network_id }) => network_id));
    const users = new Map<string, UserFacts>();
    const owners = [...new Set(peers.map(({ owner_id }) => owner_id).filter((id) => id !== ''))];
    for (let at = 0; at < owners.length; at += USERS_AT_ONCE) {
      for (const [id, user] of await access.usersFacts(owners.slice(at, at + USERS_AT_ONCE))) users.set(id, user);
    }
    for (let at = 0; at < peers.length; at += BATCH) {
      if (at > 0) await new Promise(setImmediate);
      const changes: Change[] = [];
      for (const peer of peers.slice(at, at + BATCH)) {
        const wanted = wantedFor(peer, users.get(peer.owner_id), deviceOf.get(peer.id));
        const names = groups.get(peer.network_id);
        const groupIds = new Set(wanted.groups.flatMap((name) => names?.get(name.toLowerCase()) ?? []));
        const now = held.get(peer.id);
        const change: Change = {
          peer,
          block: (wanted.block?.policyId ?? null) === (now?.blockedBy ?? null) ? undefined : wanted.block,
          join: [...groupIds].filter((id) => !now?.groupIds.has(id) || now.lost.has(id)),
          leave: [...(now?.groupIds ?? [])].filter((id) => !groupIds.has(id)),
        };
        if (change.block) log.info({ peerId: peer.id, ...change.block }, 'an access policy keeps a peer out');
        if (change.block !== undefined || change.join.length + change.leave.length > 0) changes.push(change);
      }
      if (changes.length === 0) continue;
      stats.changed += await writeChanges(context, changes);
      holding = true;
    }
    if (wide && only === 'all' && !access.hasPolicies()) holding = (await heldNow(db)).size > 0;
  }

  function wantedFor(
    peer: Candidate,
    user: UserFacts | undefined,
    device: PeerDevice | undefined,
  ): { block: Block | null; groups: readonly string[] } {
    if ((peer.owner_id === '' && !device) || !access.hasPolicies()) return { block: null, groups: [] };
    stats.decided++;
    const decision = access.decide(
      overlayFacts({
        userId: peer.owner_id || undefined,
        user,
        device: device && { id: device.id, name: device.name, groups: device.groups },
        mac: device?.mac,
        at: context.now().getTime(),
      }),
    );
    // A guest portal has no meaning at this door: who would be sent there is let in as without a policy.
    if (decision.action === 'quarantine' || decision.action === 'deny') {
      const { id = '', name = '' } = decision.policy ?? {};
      const reason = `kept out of the overlay by the policy ${name}`;
      const block = { policyId: id, username: user?.username ?? '', mac: device?.mac ?? '', reason };
      return { block, groups: [] };
    }
    return { block: null, groups: decision.action === 'allow' ? decision.overlayGroups : [] };
  }

  async function deviceChanged(deviceId: string): Promise<void> {
    const before = peerOfDevice.get(deviceId);
    const [now] = await access.peerDevices({ id: deviceId });
    if (now) peerOfDevice.set(deviceId, now.peerId);
    else peerOfDevice.delete(deviceId);
    for (const peerId of new Set([before, now?.peerId])) if (peerId !== undefined) await settle({ peerId });
  }

  return {
    stats,
    /** Decides anew for everybody where anything is in force, or was when the appliance stopped. */
    async start(): Promise<void> {
      holding = (await heldNow(db)).size > 0;
      lastWindows = access.windowsAt(context.now().getTime());
      if (!idle()) await settle('all');
    },
    /** To be called at least every minute: time windows begin and end without an event. */
    async tick(): Promise<void> {
      const windows = access.windowsAt(context.now().getTime());
      if (windows === lastWindows) return;
      await settle('all');
      lastWindows = windows;
    },
    /** The bus's listener for DOOR_EVENTS. */
    async onEvent(event: Heard<(typeof DOOR_EVENTS)[number]>): Promise<void> {
      if (idle()) return;
      switch (event.type) {
        case 'access.policy.created':
        case 'access.policy.updated':
        case 'access.policy.deleted':
          return settle('all');
        case 'access.posture.changed':
          return event.data.peerId === null ? undefined : settle({ peerId: event.data.peerId });
        case 'access.device.created':
        case 'access.device.updated':
        case 'access.device.deleted':
          return deviceChanged(event.data.deviceId);
        case 'identity.user.updated':
          return event.data.changed.includes('groups') ? settle({ ownerId: event.data.userId }) : undefined;
        case 'identity.user.deleted':
          return settle({ ownerId: event.data.userId });
        case 'overlay.peer.updated':
          return event.data.changed.some((field) => field === 'owner_id' || field === 'is_jump')
            ? settle({ peerId: event.data.peerId })
            : undefined;
        case 'overlay.group.created':
          return settle({ networkId: event.data.networkId });
        case 'overlay.group.updated':
          return event.data.changed.includes('name') ? settle({ networkId: event.data.networkId }) : undefined;
        case 'overlay.group.member_removed':
          // What somebody took out by hand while the policy still holds comes back.
          return event.data.actor.kind === 'system' ? undefined : settle({ peerId: event.data.peerId });
        default:
          return settle({ peerId: event.data.peerId });
      }
    },
  };
}
export type Door = ReturnType<typeof createDoor>;
