import { randomUUID } from 'node:crypto';
import { type Actor, SYSTEM } from '../events/index.ts';
import { canonicalMac, isGroupMac } from './policy/mac.ts';
import { FACT_NAME, MAX_FACT_TEXT } from './policy/match.ts';
import { MAX_FACTS } from './policy/model.ts';
import type { PostureFacts } from './policy/subject.ts';
import { type Db, type Emit, event, type Service, timestamp, transact, type Undo, type UserFacts } from './service.ts';
import type { AccessTables, DeviceRow } from './tables.ts';
import type { Facts, PostureReport } from './types.ts';

/** Devices that one agent's reports may make: a laptop has a few interfaces, and some change their address. */
export const MAX_DEVICES_OF_PEER = 16;
/** MAC addresses read of one report. */
export const MAX_MACS = 16;
/** Requests of a device that are looked at to see what its posture changes. */
const REQUESTS_OF_DEVICE = 4;
/** That a report has come again with the same facts is written this seldom. */
const REPORTED_MS = 10 * 60_000;

/** Facts as they are kept: names in order, so that equal facts are equal text. */
export function cleanFacts(facts: Readonly<Record<string, unknown>>): PostureFacts {
  const clean: Record<string, boolean | number | string> = {};
  for (const name of Object.keys(facts).sort()) {
    const value = facts[name];
    const kept =
      typeof value === 'boolean' ||
      (typeof value === 'number' && Number.isFinite(value)) ||
      (typeof value === 'string' && value.length <= MAX_FACT_TEXT && !value.includes('\0'));
    if (kept && FACT_NAME.test(name) && Object.keys(clean).length < MAX_FACTS) clean[name] = value;
  }
  return clean;
}

/** Facts of a person's device at the overlay's door. */
export const overlayFacts = (options: {
  userId: string | undefined;
  user: UserFacts | undefined;
  device: Facts['device'];
  mac: string | undefined;
  at: number;
}): Facts => ({
  door: 'overlay',
  username: options.user?.username ?? '',
  userId: options.userId,
  groups: [...new Set([...(options.user?.groups ?? []), ...(options.device?.groups ?? [])])],
  method: 'overlay',
  mac: options.mac,
  device: options.device,
  at: options.at,
});

type DeviceFields = Pick<DeviceRow, 'id' | 'mac' | 'name' | 'groups' | 'user_id' | 'peer_id'>;

/** How this device comes to the doors: its last requests, and the overlay where it is somebody's peer. */
export async function encounters(service: Service, row: DeviceFields): Promise<Facts[]> {
  const at = service.now();
  const device = { id: row.id, name: row.name, groups: JSON.parse(row.groups) as string[] };
  const seen = service.journal
    .byMac(row.mac)
    .filter(({ decided }) => decided)
    .sort((a, b) => b.last - a.last)
    .slice(0, REQUESTS_OF_DEVICE)
    .map(({ facts }) => ({ ...facts, device, at }));
  if (row.peer_id === null) return seen;
  const user = row.user_id === null ? undefined : await service.userFacts(row.user_id);
  return [...seen, overlayFacts({ userId: row.user_id ?? undefined, user, device, mac: row.mac, at })];
}

/** The policies that only the device's posture keeps it from: id → names of the facts. */
function missesOf(service: Service, met: readonly Facts[], posture: PostureFacts | null): Map<string, string[]> {
  const misses = new Map<string, string[]>();
  // Of a device that nobody has told anything of there is nothing that could have failed.
  if (posture === null) return misses;
  for (const facts of met) {
    const miss = service.decider.postureMiss(facts, posture);
    if (miss) misses.set(miss.policyId, miss.failed);
  }
  return misses;
}

export async function postureState(service: Service, row: DeviceRow): Promise<'unknown' | 'ok' | 'failed'> {
  if (row.posture === null) return 'unknown';
  const posture = JSON.parse(row.posture) as PostureFacts;
  return missesOf(service, await encounters(service, row), posture).size > 0 ? 'failed' : 'ok';
}

interface Writing {
  db: Db;
  emit: Emit;
  orElse: (undo: Undo) => void;
}

/** Keeps new facts of a device, and tells of them where they are others than before. */
async function keepFacts(
  service: Service,
  { db, emit, orElse }: Writing,
  row: DeviceRow,
  facts: PostureFacts,
  met: readonly Facts[],
  actor: Actor,
): Promise<void> {
  const text = JSON.stringify(facts);
  const now = service.now();
  const same = row.posture === text;
  if (same && now - Date.parse(row.posture_at ?? '') < REPORTED_MS) return;
  await db
    .updateTable('access_devices')
    .set({ posture: text, posture_at: timestamp(now) })
    .where('id', '=', row.id)
    .execute();
  if (same) return;
  const before = missesOf(service, met, row.posture === null ? null : (JSON.parse(row.posture) as PostureFacts));
  const after = missesOf(service, met, facts);
  orElse(service.decider.setPosture(row.id, row.mac, facts));
  const { id: deviceId, mac, user_id: userId, peer_id: peerId } = row;
  emit(event('access.posture.changed', { deviceId, mac, userId, peerId }, actor));
  for (const [policyId, failed] of after) {
    const known = before.get(policyId);
    if (known && failed.every((name) => known.includes(name))) continue;
    emit(event('posture.failed', { deviceId, mac, userId, policyId, failed }, actor));
  }
}

/** Facts that a tool of the site tells of a device. */
export async function putPosture(service: Service, row: DeviceRow, given: PostureFacts, actor: Actor): Promise<void> {
  const met = await encounters(service, row);
  await transact(service, async (db, emit, orElse) => {
    const now = await db.selectFrom('access_devices').selectAll().where('id', '=', row.id).executeTakeFirst();
    if (now) await keepFacts(service, { db, emit, orElse }, now, cleanFacts(given), met, actor);
  });
}

/**
 * Facts that a device's agent tells of itself, for each MAC address that is its own: of a device that its owner or its
 * peer has, or of none yet, which is made. What is somebody else's is left alone: a report proves nothing.
 */
export async function reportPosture(service: Service, report: PostureReport): Promise<void> {
  const { peerId, userId } = report;
  const macs = [...new Set(report.macs.slice(0, MAX_MACS).map((mac) => canonicalMac(mac)))].filter(
    (mac) => mac !== undefined && !isGroupMac(mac) && mac !== '00:00:00:00:00:00',
  ) as string[];
  const facts = cleanFacts(report.facts);
  const actor: Actor = { kind: 'device', id: peerId };
  const read = (db: Pick<Db, 'selectFrom'>) =>
    db
      .selectFrom('access_devices')
      .selectAll()
      .where((eb) => eb.or([eb('peer_id', '=', peerId), ...(macs.length > 0 ? [eb('mac', 'in', macs)] : [])]))
      .execute();
  // Who met the device may take a look at identity's rows: not inside the transaction.
  const met = new Map<string, Facts[]>();
  for (const row of await read(service.store.as<AccessTables>())) {
    met.set(row.mac, await encounters(service, { ...row, peer_id: peerId, user_id: userId || null }));
  }
  await transact(service, async (db, emit, orElse) => {
    const rows = await read(db);
    const taken = new Set(rows.map(({ mac }) => mac));
    const mine: DeviceRow[] = [];
    for (const row of rows) {
      if (row.peer_id !== peerId && !(row.peer_id === null && userId !== '' && row.user_id === userId)) continue;
      mine.push(await link(service, { db, emit, orElse }, row, peerId, userId, actor));
    }
    for (const mac of macs.filter((one) => !taken.has(one))) {
      await makeRoom(service, { db, emit, orElse }, mine, new Set(macs));
      if (mine.length >= MAX_DEVICES_OF_PEER) break;
      mine.push(await make(service, { db, emit, orElse }, mac, peerId, userId, actor));
    }
    for (const row of mine) {
      await keepFacts(service, { db, emit, orElse }, row, facts, met.get(row.mac) ?? [], actor);
    }
  });
}

/** The device is this peer's; one that a report made follows the peer to its owner. */
async function link(
  service: Service,
  { db, emit }: Writing,
  row: DeviceRow,
  peerId: string,
  userId: string,
  actor: Actor,
): Promise<DeviceRow> {
  const after = { ...row, peer_id: peerId, user_id: row.by_agent === 1 ? userId || null : row.user_id };
  const changed = (['peer_id', 'user_id'] as const).filter((key) => after[key] !== row[key]);
  if (changed.length === 0) return row;
  await db
    .updateTable('access_devices')
    .set({ peer_id: after.peer_id, user_id: after.user_id, updated_at: timestamp(service.now()) })
    .where('id', '=', row.id)
    .execute();
  emit(event('access.device.updated', { deviceId: row.id, mac: row.mac, changed }, actor));
  return after;
}

async function make(
  service: Service,
  { db, emit }: Writing,
  mac: string,
  peerId: string,
  userId: string,
  actor: Actor,
): Promise<DeviceRow> {
  const at = timestamp(service.now());
  const row: DeviceRow = {
    id: randomUUID(),
    mac,
    name: mac,
    user_id: userId || null,
    peer_id: peerId,
    groups: '[]',
    mab: 0,
    enabled: 1,
    network_password: null,
    posture: null,
    posture_at: null,
    by_agent: 1,
    created_at: at,
    updated_at: at,
  };
  await db.insertInto('access_devices').values(row).execute();
  emit(event('access.device.created', { deviceId: row.id, mac }, actor));
  return row;
}

/** Where a peer has too many devices, the oldest that a report made and this one doesn't name goes. */
async function makeRoom(
  service: Service,
  { db, emit, orElse }: Writing,
  mine: DeviceRow[],
  named: ReadonlySet<string>,
): Promise<void> {
  if (mine.length < MAX_DEVICES_OF_PEER) return;
  const [oldest] = mine
    .filter((row) => row.by_agent === 1 && !named.has(row.mac))
    .sort((a, b) => ((a.posture_at ?? '') < (b.posture_at ?? '') ? -1 : 1));
  if (!oldest) return;
  mine.splice(mine.indexOf(oldest), 1);
  await db.deleteFrom('access_devices').where('id', '=', oldest.id).execute();
  orElse(service.decider.setPosture(oldest.id, oldest.mac, null));
  emit(event('access.device.deleted', { deviceId: oldest.id, mac: oldest.mac }, SYSTEM));
}

/** Reads what is known of all devices into memory. */
export async function loadPostures({ store, decider }: Service): Promise<void> {
  const rows = await store
    .as<AccessTables>()
    .selectFrom('access_devices')
    .select(['id', 'mac', 'posture'])
    .where('posture', 'is not', null)
    .execute();
  for (const { id, mac, posture } of rows) decider.setPosture(id, mac, JSON.parse(posture as string) as PostureFacts);
}
