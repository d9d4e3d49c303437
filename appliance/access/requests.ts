import type { CursorPage } from '../http/index.ts';
import { unprocessable } from '../http/index.ts';
import { canonicalMac } from './policy/mac.ts';
import type { Service } from './service.ts';
import type { AccessTables, RequestRow } from './tables.ts';
import type { Facts } from './types.ts';

/** The journal, the last request first. */
export async function listRequests(
  { store, journal }: Service,
  query: { user?: string; mac?: string; outcome?: 'accept' | 'reject' },
  page: CursorPage,
) {
  await journal.flush();
  let wanted = store.as<AccessTables>().selectFrom('access_requests').selectAll();
  if (query.user !== undefined) wanted = wanted.where('username', '=', query.user.toLowerCase());
  if (query.mac !== undefined) {
    const mac = canonicalMac(query.mac);
    if (mac === undefined) throw unprocessable('mac is not a MAC address: write it as 02:00:00:11:22:33');
    wanted = wanted.where('mac', '=', mac);
  }
  if (query.outcome !== undefined) wanted = wanted.where('outcome', '=', query.outcome);
  const { after } = page;
  if (after) {
    wanted = wanted.where((eb) =>
      eb.or([eb('last_at', '<', after.key), eb.and([eb('last_at', '=', after.key), eb('id', '<', after.id)])]),
    );
  }
  const rows = await wanted
    .orderBy('last_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute();
  return page.cut(rows, (row) => ({ key: row.last_at, id: row.id })).map(view);
}

function view(row: RequestRow) {
  const { username, realm, userId, mac, method, nas, ssid, device, voucher } = JSON.parse(row.facts) as Facts;
  return {
    id: row.id,
    username,
    realm: realm ?? null,
    user_id: userId ?? null,
    mac: mac ?? null,
    method,
    nas: nas ? { id: nas.id, name: nas.name, site_id: nas.siteId } : null,
    ssid: ssid ?? null,
    device_id: device?.id ?? null,
    voucher_id: voucher?.id ?? null,
    outcome: row.outcome,
    reason: row.reason,
    policy_id: row.policy_id,
    first_at: row.first_at,
    last_at: row.last_at,
    count: Number(row.count),
  };
}
