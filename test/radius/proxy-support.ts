import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import {
  AttributeWriter,
  CODE,
  encodeReply,
  encodeRequest,
  Packet,
  parsePacket,
  Secret,
} from '../../appliance/radius/codec/index.ts';
import { loadDictionary } from '../../appliance/radius/dictionary/index.ts';
import { createProxy, type ProxyOptions } from '../../appliance/radius/proxy/index.ts';
import type { Upstream } from '../../appliance/radius/routing/index.ts';
import type { AccessRequest, Answer, Nas } from '../../appliance/radius/types.ts';

export const NAS_SECRET = new Secret('secret of the NAS');
export const UPSTREAM_SECRET = new Secret('secret of the upstream');
export const dictionary = loadDictionary();

export const nasOf = (more: Partial<Nas> = {}): Nas => ({
  id: 'nas-1',
  siteId: 'default',
  name: 'ap-1',
  address: '127.0.0.1',
  type: 'generic',
  groups: [],
  protocol: 'udp',
  secret: NAS_SECRET,
  requireMessageAuthenticator: true,
  coa: { port: 3799, secret: NAS_SECRET },
  source: undefined,
  ...more,
});

/** What a stand-in does with a request: bytes to send back, or silence. */
export type Behaviour = (request: Packet, count: number) => Uint8Array | undefined | Promise<Uint8Array>;

export const accept =
  (attributes: Uint8Array = new Uint8Array(0)): Behaviour =>
  (request) =>
    encodeReply(
      request.code === CODE.accountingRequest ? CODE.accountingResponse : CODE.accessAccept,
      request,
      UPSTREAM_SECRET,
      attributes,
    );

/** A RADIUS server that does what it is told, and keeps what it was asked. */
export async function startStandIn(behaviour: Behaviour) {
  const socket = createSocket('udp4');
  const it = { behaviour, requests: [] as Packet[], port: 0, ports: new Set<number>(), close: () => socket.close() };
  socket.on('message', async (bytes, peer) => {
    const packet = parsePacket(bytes);
    if (!(packet instanceof Packet)) return;
    it.requests.push(packet);
    it.ports.add(peer.port);
    const reply = await it.behaviour(packet, it.requests.length);
    if (reply) socket.send(reply, peer.port, peer.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  it.port = socket.address().port;
  return it;
}
export type StandIn = Awaited<ReturnType<typeof startStandIn>>;

/** For servers that are to be silent: nobody waits long for them. Those that answer have time, however slow it is here. */
export const QUICK = { timeoutMs: 60 } as const;

export const upstreamOf = (id: string, port: number, more: Partial<Upstream> = {}): Upstream => ({
  id,
  name: id,
  address: '127.0.0.1',
  authPort: port,
  acctPort: port,
  protocol: 'udp',
  secret: UPSTREAM_SECRET,
  timeoutMs: 5000,
  retries: 1,
  deadSeconds: 60,
  statusServer: false,
  requireMessageAuthenticator: true,
  tls: {},
  ...more,
});

/** A proxy over these upstreams; `set` changes one as an administrator would. */
export function startProxy(upstreams: readonly Upstream[], more: Partial<ProxyOptions> = {}) {
  const known = new Map(upstreams.map((one) => [one.id, one]));
  const listeners: (() => void)[] = [];
  const registry = new Registry();
  const proxy = createProxy({
    upstream: (id) => known.get(id),
    onChange: (listener) => void listeners.push(listener),
    dictionary,
    log: pino({ level: 'silent' }),
    registry,
    monotonic: () => performance.now(),
    ...more,
  });
  return {
    ...proxy,
    registry,
    set(one: Upstream | undefined, id = one?.id as string) {
      if (one) known.set(id, one);
      else known.delete(id);
      for (const listener of listeners) listener();
    },
    stat: (id: string) => proxy.stats().upstreams.find((one) => one.id === id),
  };
}

let identifier = 0;
export const accessRequest = (
  attributes: (writer: AttributeWriter) => AttributeWriter = (writer) => writer.add(1, 'alice'),
  nas: Nas = nasOf(),
): AccessRequest => {
  const bytes = encodeRequest(
    CODE.accessRequest,
    identifier++ & 255,
    nas.secret,
    attributes(new AttributeWriter()).done(),
    {
      authenticator: randomBytes(16),
    },
  );
  return { packet: parsePacket(bytes) as Packet, nas, address: '127.0.0.1', authPort: 1812, at: Date.now() };
};

/** The reply as the NAS gets it: made as the server makes it. */
export const replyTo = (request: AccessRequest, answer: Answer): Packet =>
  parsePacket(encodeReply(answer.code, request.packet, request.nas.secret, answer.attributes)) as Packet;
