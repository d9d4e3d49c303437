import { randomUUID } from 'node:crypto';
import type { Actor } from '../events/index.ts';
import { type CursorPage, conflict, notFound, unprocessable } from '../http/index.ts';
import { canonicalMac, isGroupMac } from './policy/mac.ts';
import type { PostureFacts } from './policy/subject.ts';
import { postureState, putPosture } from './posture.ts';
import { type Device, type DeviceChange, MAX_DEVICES, type NewDevice } from './schema.ts';
import { type Db, event, networkPasswordContext, type Service, timestamp, transact } from './service.ts';
import type { AccessTables, DeviceRow } from './tables.ts';

async function view(service: Service, row: DeviceRow): Promise<Device> {
  return {
    id: row.id,
    mac: row.mac,
    name: row.name,
    user_id: row.user_id,
    peer_id: row.peer_id,
    groups: JSON.parse(row.groups) as string[],
    mab: row.mab === 1,
    enabled: row.enabled === 1,
    network_password_set: row.network_password !== null,
    posture: {
      state: await postureState(service, row),
      facts: row.posture === null ? {} : (JSON.parse(row.posture) as PostureFacts),
      reported_at: row.posture_at,
    },
    created_at: row.created_at,
    updated_at: row.updated_at,
  };
}

async function rowOf(db: Pick<Db, 'selectFrom'>, id: string): Promise<DeviceRow> {
  const row = await db.selectFrom('access_devices').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw notFound('device');
  return row;
}

export async function listDevices(
  service: Service,
  query: { mac?: string; user_id?: string; peer_id?: string },
  page: CursorPage,
): Promise<Device[]> {
  let wanted = service.store.as<AccessTables>().selectFrom('access_devices').selectAll();
  if (query.mac !== undefined) wanted = wanted.where('mac', '=', macOf(query.mac));
  if (query.user_id !== undefined) wanted = wanted.where('user_id', '=', query.user_id);
  if (query.peer_id !== undefined) wanted = wanted.where('peer_id', '=', query.peer_id);
  if (page.after) wanted = wanted.where('mac', '>', page.after.key);
  const rows = await wanted
    .orderBy('mac')
    .limit(page.limit + 1)
    .execute();
  const devices: Device[] = [];
  for (const row of page.cut(rows, ({ mac, id }) => ({ key: mac, id }))) devices.push(await view(service, row));
  return devices;
}

/** 404 when there is no such device. */
export async function getDevice(service: Service, id: string): Promise<Device> {
  return view(service, await rowOf(service.store.as<AccessTables>(), id));
}

/** The columns that a body says. 422 for what can't be used. */
async function columnsOf(service: Service, body: DeviceChange): Promise<Partial<DeviceRow>> {
  const { mac, name, user_id, peer_id, groups, mab, enabled } = body;
  if (typeof user_id === 'string' && !(await service.userFacts(user_id))) {
    throw unprocessable(`user_id names a user that doesn't exist: ${user_id}`);
  }
  return {
    ...(mac !== undefined && { mac: macOf(mac) }),
    ...(name !== undefined && { name }),
    ...(user_id !== undefined && { user_id }),
    ...(peer_id !== undefined && { peer_id }),
    ...(groups !== undefined && { groups: JSON.stringify(groups) }),
    ...(mab !== undefined && { mab: mab ? 1 : 0 }),
    ...(enabled !== undefined && { enabled: enabled ? 1 : 0 }),
  };
}

function macOf(text: string): string {
  const mac = canonicalMac(text);
  if (mac === undefined) throw unprocessable('mac is not a MAC address: write it as 02:00:00:11:22:33');
  if (isGroupMac(mac)) throw unprocessable('mac is a group address, which no device has');
  return mac;
}

export async function createDevice(service: Service, body: NewDevice, actor: Actor): Promise<Device> {
  const columns = await columnsOf(service, body);
  const mac = columns.mac as string;
  const row = await transact(service, async (db, emit) => {
    await checkFree(db, mac);
    const { count } = await db
      .selectFrom('access_devices')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    if (Number(count) >= MAX_DEVICES) throw conflict(`there are ${MAX_DEVICES} devices already: delete some first`);
    const at = timestamp(service.now());
    const made: DeviceRow = {
      id: randomUUID(),
      name: mac,
      user_id: null,
      peer_id: null,
      groups: '[]',
      mab: 0,
      enabled: 1,
      network_password: null,
      posture: null,
      posture_at: null,
      by_agent: 0,
      created_at: at,
      updated_at: at,
      ...columns,
      mac,
    };
    await db.insertInto('access_devices').values(made).execute();
    emit(event('access.device.created', { deviceId: made.id, mac }, actor));
    return made;
  });
  return view(service, row);
}

/** Changes what is given; what is equal already counts as no change. */
export async function updateDevice(service: Service, id: string, body: DeviceChange, actor: Actor): Promise<Device> {
  const columns = await columnsOf(service, body);
  const row = await transact(service, async (db, emit, orElse) => {
    const before = await rowOf(db, id);
    const after: DeviceRow = { ...before, ...columns };
    const changed = (Object.keys(columns) as (keyof DeviceRow)[]).filter((key) => after[key] !== before[key]);
    if (changed.length === 0) return before;
    if (changed.includes('mac')) {
      await checkFree(db, after.mac);
      if (before.posture !== null) {
        orElse(service.decider.setPosture(id, after.mac, JSON.parse(before.posture) as PostureFacts));
      }
    }
    after.updated_at = timestamp(service.now());
    // A person has taken it over.
    after.by_agent = 0;
    const { id: _, ...values } = after;
    await db.updateTable('access_devices').set(values).where('id', '=', id).execute();
    emit(event('access.device.updated', { deviceId: id, mac: after.mac, changed }, actor));
    return after;
  });
  return view(service, row);
}

async function checkFree(db: Pick<Db, 'selectFrom'>, mac: string): Promise<void> {
  const taken = await db.selectFrom('access_devices').select('id').where('mac', '=', mac).executeTakeFirst();
  if (taken) throw conflict(`there is a device with the MAC address ${mac} already: ${taken.id}`);
}

export async function deleteDevice(service: Service, id: string, actor: Actor): Promise<void> {
  await transact(service, async (db, emit, orElse) => {
    const { mac } = await rowOf(db, id);
    await db.deleteFrom('access_devices').where('id', '=', id).execute();
    orElse(service.decider.setPosture(id, mac, null));
    emit(event('access.device.deleted', { deviceId: id, mac }, actor));
  });
}

/** Gives a device a password for the network: this one, or one that is made up, which is answered this once. */
export async function setNetworkPassword(
  service: Service,
  id: string,
  given: string | undefined,
  actor: Actor,
): Promise<string | undefined> {
  const fault = given === undefined ? undefined : service.passwordFault(given);
  if (fault !== undefined) throw unprocessable(`password ${fault}`);
  // As keyboards type it; identity keeps the users' so too.
  const password = given?.normalize('NFC') ?? service.generatePassword();
  await writePassword(service, id, service.secrets.seal(password, networkPasswordContext(id)), actor);
  return given === undefined ? password : undefined;
}

export const clearNetworkPassword = (service: Service, id: string, actor: Actor): Promise<void> =>
  writePassword(service, id, null, actor);

async function writePassword(service: Service, id: string, sealed: string | null, actor: Actor): Promise<void> {
  await transact(service, async (db, emit) => {
    const { mac } = await rowOf(db, id);
    await db
      .updateTable('access_devices')
      .set({ network_password: sealed, by_agent: 0, updated_at: timestamp(service.now()) })
      .where('id', '=', id)
      .execute();
    emit(event('access.device.updated', { deviceId: id, mac, changed: ['network_password'] }, actor));
  });
}

export async function setPosture(service: Service, id: string, facts: PostureFacts, actor: Actor): Promise<Device> {
  await putPosture(service, await rowOf(service.store.as<AccessTables>(), id), facts, actor);
  return getDevice(service, id);
}

/** The devices of a user who is gone must not stay in. */
export async function deleteDevicesOf(service: Service, userId: string, actor: Actor): Promise<void> {
  await dropDevices(service, (row) => row.user_id === userId, 'user_id', userId, actor);
}

/** A peer is gone: devices that its reports made go with it, others lose the link. */
export async function forgetPeer(service: Service, peerId: string, actor: Actor): Promise<void> {
  await dropDevices(service, (row) => row.by_agent === 1, 'peer_id', peerId, actor);
}

async function dropDevices(
  service: Service,
  goes: (row: DeviceRow) => boolean,
  column: 'user_id' | 'peer_id',
  value: string,
  actor: Actor,
): Promise<void> {
  const db = service.store.as<AccessTables>();
  const any = await db.selectFrom('access_devices').select('id').where(column, '=', value).executeTakeFirst();
  if (!any) return;
  await transact(service, async (tx, emit, orElse) => {
    const rows = await tx.selectFrom('access_devices').selectAll().where(column, '=', value).execute();
    for (const row of rows) {
      if (goes(row)) {
        await tx.deleteFrom('access_devices').where('id', '=', row.id).execute();
        orElse(service.decider.setPosture(row.id, row.mac, null));
        emit(event('access.device.deleted', { deviceId: row.id, mac: row.mac }, actor));
      } else {
        await tx
          .updateTable('access_devices')
          .set({ [column]: null })
          .where('id', '=', row.id)
          .execute();
        emit(event('access.device.updated', { deviceId: row.id, mac: row.mac, changed: [column] }, actor));
      }
    }
  });
}
