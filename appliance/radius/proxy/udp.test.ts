import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { CODE, encodeRequest, Secret } from '../codec/index.ts';
import type { Waiter } from './channel.ts';
import { createUdpLink, MAX_SOCKETS } from './udp.ts';

const log = { info() {}, warn() {}, error() {} };
const secret = new Secret('secret');
const encode = (id: number) => encodeRequest(CODE.statusServer, id, secret, new Uint8Array(0));

test('as many requests under way as all ports have identifiers; one that ends makes room', async () => {
  const server = createSocket('udp4');
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const link = createUdpLink({
    host: '127.0.0.1',
    port: server.address().port,
    log,
    lookup: async () => ({ address: '127.0.0.1' }),
    monotonic: () => performance.now(),
  });
  let lost = 0;
  const waiter: Waiter = { received: () => false, lost: () => void lost++ };
  const sents = Array.from({ length: MAX_SOCKETS * 256 }, () => link.send(encode, waiter));
  assert.ok(sents.every((sent) => typeof sent !== 'string'));
  assert.equal(link.sockets(), MAX_SOCKETS);
  assert.equal(link.send(encode, waiter), 'full');
  const [first] = sents;
  assert.ok(typeof first === 'object');
  first.end();
  first.end();
  assert.equal(typeof link.send(encode, waiter), 'object');
  assert.equal(link.send(encode, waiter), 'full', 'ended twice is ended once');
  link.close();
  assert.equal(lost, MAX_SOCKETS * 256, 'nobody is left waiting');
  assert.equal(link.send(encode, waiter), 'down');
  server.close();
});
