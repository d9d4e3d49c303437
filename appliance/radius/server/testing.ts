import { createSocket } from 'node:dgram';
import { Registry } from 'prom-client';
import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  checkReply,
  encodeRequest,
  type Packet,
  parsePacket,
  Secret,
} from '../codec/index.ts';
import type { Answer, Nas } from '../types.ts';
import { createServer, type ServerOptions } from './index.ts';

export const SECRET = new Secret('a-secret-of-tests');

export const testNas = (more: Partial<Nas> = {}): Nas => ({
  id: 'nas-1',
  siteId: 'default',
  name: 'ap-1',
  address: '127.0.0.0/8',
  type: 'generic',
  groups: [],
  protocol: 'udp',
  secret: SECRET,
  requireMessageAuthenticator: true,
  coa: { port: 3799, secret: SECRET },
  source: undefined,
  ...more,
});

export const answer = (code: number, text = ''): Answer => ({
  code,
  attributes: text === '' ? new Uint8Array(0) : new AttributeWriter().add(ATTRIBUTE.replyMessage, text).done(),
});

interface Line {
  level: 'info' | 'warn' | 'error';
  details: Record<string, unknown>;
  message: string;
}

/** A server on loopback with a clock of its own, whose handlers accept at once where nothing else is said. */
export async function startServer(options: Partial<Omit<ServerOptions, 'monotonic'>> & { host?: string } = {}) {
  const lines: Line[] = [];
  const say = (level: Line['level']) => (details: object, message: string) =>
    void lines.push({ level, details: details as Line['details'], message });
  const registry = new Registry();
  const clock = { skipped: 0 };
  const nas = { current: testNas() as Nas | undefined };
  const server = createServer({
    log: { info: say('info'), warn: say('warn'), error: say('error') },
    registry,
    clients: () => nas.current,
    onAccess: () => answer(CODE.accessAccept),
    onAccounting: () => answer(CODE.accountingResponse),
    now: Date.now,
    monotonic: () => performance.now() + clock.skipped,
    ...options,
    limits: { rejectDelayMs: 0, ...options.limits },
  });
  const host = options.host ?? '127.0.0.1';
  const authPort = await server.listenAuth(host, 0);
  const acctPort = await server.listenAcct(host, 0);
  return { server, lines, registry, clock, nas, authPort, acctPort };
}

/** A socket of a NAS. */
export async function openClient(host = '127.0.0.1') {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const received: Uint8Array[] = [];
  const readers: ((bytes: Uint8Array) => void)[] = [];
  socket.on('message', (message) => {
    const bytes = new Uint8Array(message);
    const reader = readers.shift();
    if (reader) reader(bytes);
    else received.push(bytes);
  });
  await new Promise<void>((resolve) => socket.bind(0, host, resolve));
  return {
    port: socket.address().port,
    send: (bytes: Uint8Array, port: number, to = host) => socket.send(bytes, port, to),
    /** The next datagram; rejects after 5 s. */
    next(): Promise<Uint8Array> {
      const first = received.shift();
      if (first) return Promise.resolve(first);
      return new Promise((resolve, reject) => {
        const reader = (bytes: Uint8Array) => {
          clearTimeout(timer);
          resolve(bytes);
        };
        const timer = setTimeout(() => {
          readers.splice(readers.indexOf(reader), 1);
          reject(new Error('no reply'));
        }, 5_000);
        readers.push(reader);
      });
    },
    /** How many datagrams wait to be read. */
    waiting: () => received.length,
    close: () => new Promise<void>((resolve) => socket.close(resolve)),
  };
}
export type Client = Awaited<ReturnType<typeof openClient>>;

interface RequestOptions {
  id?: number;
  secret?: Secret;
  signed?: boolean;
  authenticator?: Uint8Array;
  attributes?: (writer: AttributeWriter) => AttributeWriter;
}

export function request(code: number, options: RequestOptions = {}): Uint8Array {
  const writer = new AttributeWriter().add(ATTRIBUTE.userName, 'alice');
  const attributes = (options.attributes?.(writer) ?? writer).done();
  const bytes = encodeRequest(code, options.id ?? 1, options.secret ?? SECRET, attributes, {
    messageAuthenticator: options.signed ?? code !== CODE.accountingRequest,
    ...(options.authenticator && { authenticator: options.authenticator }),
  });
  return new Uint8Array(bytes);
}

/** The reply as a packet, after everything about it was checked. */
export function checked(reply: Uint8Array, to: Uint8Array, secret = SECRET): Packet {
  const packet = parsePacket(reply);
  if (typeof packet === 'string') throw new Error(packet);
  if (packet.id !== to[1]) throw new Error('another identifier');
  if (!checkReply(packet, to.subarray(4, 20), secret)) throw new Error('the reply is not signed right');
  return packet;
}
