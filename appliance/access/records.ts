import { networkPasswordContext, type Service, voucherContext } from './service.ts';
import type { AccessTables, DeviceRow, VoucherRow } from './tables.ts';
import type { DeviceRecord, VoucherRecord } from './types.ts';

/** Ids asked for in one statement. */
const IDS_AT_ONCE = 500;

/** Devices as a directory keeps them, all or those with these ids; one that is gone is left out. */
export async function devices(service: Service, ids?: readonly string[]): Promise<DeviceRecord[]> {
  const query = service.store.as<AccessTables>().selectFrom('access_devices').selectAll();
  const rows = await byIds(ids, (some) => (some ? query.where('id', 'in', some) : query).execute());
  return rows.map((row) => toDevice(service, row));
}

/** Vouchers, likewise. */
export async function vouchers(service: Service, ids?: readonly string[]): Promise<VoucherRecord[]> {
  const query = service.store.as<AccessTables>().selectFrom('access_vouchers').selectAll();
  const rows = await byIds(ids, (some) => (some ? query.where('id', 'in', some) : query).execute());
  return rows.map((row) => toVoucher(service, row));
}

async function byIds<T>(
  ids: readonly string[] | undefined,
  read: (ids: readonly string[] | undefined) => Promise<T[]>,
): Promise<T[]> {
  if (!ids) return read(undefined);
  const rows: T[] = [];
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) rows.push(...(await read(ids.slice(at, at + IDS_AT_ONCE))));
  return rows;
}

const toDevice = ({ secrets }: Service, row: DeviceRow): DeviceRecord => ({
  id: row.id,
  mac: row.mac,
  name: row.name,
  userId: row.user_id,
  peerId: row.peer_id,
  groups: JSON.parse(row.groups) as string[],
  mab: row.mab === 1,
  enabled: row.enabled === 1,
  networkPassword:
    row.network_password === null ? null : secrets.open(row.network_password, networkPasswordContext(row.id)),
});

const toVoucher = ({ secrets }: Service, row: VoucherRow): VoucherRecord => ({
  id: row.id,
  batchId: row.batch_id,
  code: secrets.open(row.code, voucherContext(row.id)),
  groups: JSON.parse(row.groups) as string[],
  enabled: row.enabled === 1,
  validUntil: row.valid_until === null ? null : Date.parse(row.valid_until),
  duration: row.duration,
  firstUsedAt: row.first_used_at === null ? null : Date.parse(row.first_used_at),
  bandwidth: bandwidthOf(row),
  quotaBytes: row.quota_bytes,
});

export const bandwidthOf = (row: VoucherRow): VoucherRecord['bandwidth'] =>
  row.bandwidth_up === null && row.bandwidth_down === null
    ? null
    : { up: row.bandwidth_up ?? undefined, down: row.bandwidth_down ?? undefined };

/** A device as the overlay's door sees it. */
export interface PeerDevice {
  id: string;
  peerId: string;
  mac: string;
  name: string;
  groups: readonly string[];
  /** When its posture was told last, RFC 3339; null: never. */
  postureAt: string | null;
}

/** The devices that are linked to peers, all or those of these peers or with this id; those with a posture first. */
export async function peerDevices(
  service: Pick<Service, 'store'>,
  only?: { peerIds?: readonly string[]; id?: string },
): Promise<PeerDevice[]> {
  let query = service.store
    .as<AccessTables>()
    .selectFrom('access_devices')
    .select(['id', 'peer_id', 'mac', 'name', 'groups', 'posture_at'])
    .where('peer_id', 'is not', null);
  if (only?.id !== undefined) query = query.where('id', '=', only.id);
  const rows = await byIds(only?.peerIds, (some) => (some ? query.where('peer_id', 'in', some) : query).execute());
  const rank = (at: string | null): string => at ?? '';
  return rows
    .sort((a, b) =>
      rank(a.posture_at) === rank(b.posture_at)
        ? a.mac < b.mac
          ? -1
          : 1
        : rank(a.posture_at) > rank(b.posture_at)
          ? -1
          : 1,
    )
    .map((row) => ({
      id: row.id,
      peerId: row.peer_id as string,
      mac: row.mac,
      name: row.name,
      groups: JSON.parse(row.groups) as string[],
      postureAt: row.posture_at,
    }));
}
