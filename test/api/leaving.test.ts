import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLOSE, SUBPROTOCOL } from '@gatehouse/protocol';
import {
  assertError,
  Device,
  enroll,
  makeNetwork,
  makePeer,
  makeUser,
  refusal,
  until,
  useAppliance,
} from './support.ts';

const a = useAppliance();

/** A user with an enrolled, connected laptop. */
async function scene() {
  const { admin } = a.the;
  const network = await makeNetwork(admin);
  const user = await makeUser(a.the, [network.id]);
  const peer = await makePeer(user.client, network.id);
  const enrolled = await enroll(a.the, peer);
  const route = `/api/v1/networks/${network.id}/peers/${peer.id}`;
  return { admin, network, user, peer, route, enrolled, device: await Device.start(a.the, enrolled) };
}

test('who loses a network loses its devices there: cut off, not deleted', async () => {
  const { admin, network, user, route, enrolled, device } = await scene();
  const other = await makeNetwork(admin);
  const phone = await makePeer(user.client, network.id, { use_agent: false });
  const kept = await admin.put(`/api/v1/users/${user.id}`, {
    name: 'Renamed',
    authorized_networks: [network.id, other.id],
  });
  assert.equal(kept.status, 200);
  assert.equal((await refusal(a.the.url, 'ghd_0', SUBPROTOCOL)).status, 401);
  assert.equal(device.line.code, undefined, 'more networks, or another name, cut off nobody');

  await admin.put(`/api/v1/users/${user.id}`, { authorized_networks: [other.id] });
  assert.equal(await device.line.closed(), CLOSE.revoked);
  assert.equal((await refusal(a.the.url, enrolled.credential, SUBPROTOCOL)).status, 401);
  const after = (await admin.get(route)).body;
  assert.deepEqual([after.owner_id, after.token, after.enrolled_at], [user.id, '', null]);
  assert.notEqual(after.public_key, enrolled.publicKey, 'its key is off the hubs');
  const phoneRoute = `/api/v1/networks/${network.id}/peers/${phone.id}`;
  assert.notEqual((await admin.get(phoneRoute)).body.public_key, phone.public_key, 'what it was given is void');
  const again = await admin.post(`${route}/token`);
  assert.equal(again.status, 201, 'an administrator can let it in again');
});

test('a user who is deleted takes the peers along', async () => {
  const { admin, user, route, device } = await scene();
  assert.equal((await admin.delete(`/api/v1/users/${user.id}`)).status, 204);
  assert.equal(await device.line.closed(), CLOSE.revoked);
  await until('the peer is gone', async () => (await admin.get(route)).status === 404);
});

test('a user has at most 50 peers in a network, an administrator has no such limit', async () => {
  const { admin, network, user } = await scene();
  for (let i = 1; i < 50; i++) await makePeer(user.client, network.id);
  assertError(await user.client.post(`/api/v1/networks/${network.id}/peers`, { name: 'more' }), 409, /50 peers/);
  await makePeer(admin, network.id);
});

test('the peers of a network route at most 2,000 networks in all', async () => {
  const { admin } = a.the;
  const network = await makeNetwork(admin, { cidr: '10.250.0.0/24' });
  const routes = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => `172.${16 + ((from + i) >> 8)}.${(from + i) & 255}.0/24`);
  for (let i = 0; i < 7; i++) await makePeer(admin, network.id, { additional_allowed_ips: routes(i * 256, 256) });
  const last = await makePeer(admin, network.id, { additional_allowed_ips: routes(7 * 256, 208) });
  const one = await admin.post(`/api/v1/networks/${network.id}/peers`, {
    name: 'x',
    additional_allowed_ips: ['192.168.1.0/24'],
  });
  assertError(one, 409, /additional_allowed_ips/);
  const route = `/api/v1/networks/${network.id}/peers/${last.id}`;
  assert.equal((await admin.put(route, { additional_allowed_ips: routes(7 * 256, 100) })).status, 200);
});
