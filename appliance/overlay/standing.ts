import type { PostureMiss, Standing } from '@gatehouse/protocol';
import { overlayFacts } from '../access/index.ts';
import type { AccessAnswers } from './access/index.ts';
import type { OverlayContext } from './context.ts';
import { isShutOut } from './policy/evaluate.ts';
import type { Snapshots } from './snapshots.ts';
import type { IncidentRow, OverlayTables, PeerRow } from './tables.ts';

/** As much as people are told. */
const MAX_REASON = 1024;
const MAX_MISSING = 64;
const MAX_WANTED = 256;

const INCIDENTS: Readonly<Record<IncidentRow['incident_type'], string>> = {
  shared_config: 'its keys seem to be in use on two machines',
  session_conflict: 'two machines seem to use its identity',
  suspicious_activity:
    'its address or port changed too often in a short time: it moves a lot, was restarted again and again, or is two devices',
};

/** How the controller treats a device, in words for its owner. A fixed number of queries, whatever the network's size. */
export async function standingOf(
  context: OverlayContext,
  snapshots: Pick<Snapshots, 'fresh'>,
  access: AccessAnswers | undefined,
  row: Pick<PeerRow, 'id' | 'network_id' | 'owner_id' | 'is_jump'>,
): Promise<Standing> {
  const network = await snapshots.fresh(row.network_id);
  const peer = network?.peers.get(row.id);
  const out = network !== undefined && peer !== undefined && row.is_jump === 0 && isShutOut(network, peer);
  const blocked = network?.policy.acl.blocked.has(row.id) === true;
  const reason = out ? await reasonOf(context, access, row.id, blocked) : null;
  return { admitted: !out, reason, ...(await postureOf(context, access, row)) };
}

/** Everything that keeps a peer out: each has to end. */
async function reasonOf(
  context: OverlayContext,
  access: AccessAnswers | undefined,
  peerId: string,
  blocked: boolean,
): Promise<string> {
  const db = context.store.as<OverlayTables>();
  const reasons = blocked ? ['An administrator has blocked this device.'] : [];
  const incidents = await db
    .selectFrom('incidents')
    .select('incident_type')
    .distinct()
    .where('peer_id', '=', peerId)
    .where('resolved', '=', 0)
    .orderBy('incident_type')
    .execute();
  for (const { incident_type } of incidents) {
    reasons.push(`This device is in quarantine, as ${INCIDENTS[incident_type]}: ask an administrator to look at it.`);
  }
  const block = await db
    .selectFrom('access_blocks')
    .select('policy_id')
    .where('peer_id', '=', peerId)
    .executeTakeFirst();
  if (block) {
    const words = access?.policyWords(block.policy_id);
    const by = words ? `The policy “${words.name}” keeps this device out.` : 'A policy keeps this device out.';
    reasons.push(words?.message ?? by);
  }
  // It has just ended, and the hubs are being told.
  if (reasons.length === 0) reasons.push('This device was kept out, and is about to be let in.');
  return reasons.join(' ').slice(0, MAX_REASON);
}

/** What the access policies wish of the device, asked as at the door. */
async function postureOf(
  context: OverlayContext,
  access: AccessAnswers | undefined,
  row: Pick<PeerRow, 'id' | 'owner_id' | 'is_jump'>,
): Promise<Pick<Standing, 'missing' | 'reported'>> {
  if (!access || row.is_jump === 1) return { missing: [], reported: null };
  const [device] = await access.peerDevices({ peerIds: [row.id] });
  const reported = device?.postureAt ?? null;
  // Peers of nobody are part of the building: no policy is asked for them.
  if (!access.hasPolicies() || (row.owner_id === '' && !device)) return { missing: [], reported };
  const users = row.owner_id === '' ? undefined : await access.usersFacts([row.owner_id]);
  const miss = access.postureMiss(
    overlayFacts({
      userId: row.owner_id || undefined,
      user: users?.get(row.owner_id),
      device: device && { id: device.id, name: device.name, groups: device.groups },
      mac: device?.mac,
      at: context.now().getTime(),
    }),
  );
  const missing = (miss?.failed ?? []).slice(0, MAX_MISSING).map(
    (fact, at): PostureMiss => ({
      fact,
      wanted: (miss?.wanted[at] ?? '').slice(0, MAX_WANTED),
      policy: miss?.policyName ?? '',
    }),
  );
  return { missing, reported };
}
