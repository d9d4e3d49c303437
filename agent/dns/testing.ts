/** For tests: a hub's state on loopback addresses, questions, and a server to ask. */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { NameService, PeerState, WgPeer } from '@gatehouse/protocol';
import { encode } from 'dns-packet';

const key = (n: number): string => Buffer.alloc(32, n).toString('base64');

export const peer = (n: number, change: Partial<WgPeer> = {}): WgPeer => ({
  publicKey: key(n),
  name: `p${n}`,
  hub: false,
  allowedIps: [`127.77.0.${n}/32`, `fd77::${n}/128`],
  keepalive: 25,
  class: 1,
  label: `p${n}`,
  ...change,
});

export function hubState(names: Partial<NameService> = {}, change: Partial<PeerState> = {}): PeerState {
  return {
    peer: { id: 'hub', name: 'Hub', networkId: 'n', networkName: 'net', role: 'hub' },
    interface: { publicKey: key(1), addresses: ['127.77.0.1/16'], mtu: 1420 },
    routes: [],
    dns: { servers: [], search: [] },
    names: { domain: 'internal', label: 'hub', records: [], upstream: [], ...names },
    peers: [peer(2), peer(3, { allowedIps: ['127.77.0.3/32', '192.168.9.0/24', '192.168.8.8/32'] })],
    ...change,
  };
}

export const question = (name: string, type: string, id = 7): Buffer =>
  encode({ type: 'query', id, flags: 0x100, questions: [{ name, type: type as 'A' }] });

/** What an upstream makes of a message: an answer, or nothing. */
export type Script = (message: Buffer, transport: 'udp' | 'tcp', from?: RemoteInfo) => Buffer | Buffer[] | null;

/** A server of 127.0.0.1 (or `address`) by UDP and TCP; `asked` counts. */
export async function upstream(script: Script, address = '127.0.0.1', port = 0) {
  const asked: string[] = [];
  const udp = createSocket('udp4');
  udp.on('message', (message, from) => {
    asked.push('udp');
    for (const reply of [script(message, 'udp', from) ?? []].flat()) udp.send(reply, from.port, from.address);
  });
  udp.bind(port, address);
  await once(udp, 'listening');
  const tcp = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data: Buffer) => {
      asked.push('tcp');
      const [reply] = [script(data.subarray(2), 'tcp') ?? []].flat();
      if (!reply) return void socket.destroy();
      const length = Buffer.alloc(2);
      length.writeUInt16BE(reply.length);
      // In two parts, as a network may deliver it.
      socket.write(length);
      setImmediate(() => socket.end(reply));
    });
  });
  tcp.listen(udp.address().port, address);
  await once(tcp, 'listening');
  return {
    asked,
    port: udp.address().port,
    close: () => {
      udp.close();
      tcp.close();
    },
  };
}

/** The question sent back as an answer with these records behind it. */
export function answered(message: Buffer, addresses: string[], flags = 0x8180): Buffer {
  const end = message.indexOf(0, 12) + 5;
  const reply = Buffer.from(message.subarray(0, end));
  reply.writeUInt16BE(flags, 2);
  for (const at of [8, 10]) reply.writeUInt16BE(0, at);
  reply.writeUInt16BE(addresses.length, 6);
  const records = addresses.map((address) =>
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]),
  );
  return Buffer.concat([reply, ...records]);
}
