import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { AgentMessage, type ControllerMessage, type PeerState, SUBPROTOCOL } from '@gatehouse/protocol';
import { Compile } from 'typebox/compile';
import { type WebSocket, WebSocketServer } from 'ws';

/**
 * A controller for tests, in the place of the appliance: the two enrollment calls, health, and `gatehouse.v1`, with
 * as much memory as the protocol asks for. Everything an agent says is checked against the protocol's schema.
 */
export interface FakeController {
  url: string;
  /** Tokens that are good, and what was registered with each. */
  tokens: Map<string, { public_key: string; credential_hash: string } | null>;
  /** Calls to the HTTP API, as `GET /path`. */
  calls: string[];
  /** What agents said over the WebSocket. */
  heard: AgentMessage[];
  /** Resolves when `match` holds for something heard after the call number `from`. */
  hear(match: (message: AgentMessage) => boolean, from?: number): Promise<AgentMessage>;
  sockets: Set<WebSocket>;
  /** Answers the next calls instead of the fake itself. */
  answer: ((request: http.IncomingMessage, response: http.ServerResponse) => boolean) | null;
  /** What the controller answers to a `hello`; null says nothing. */
  onHello: ((hello: AgentMessage & { type: 'hello' }, socket: WebSocket) => void) | null;
  /** Status with which WebSockets are refused, or null. */
  refuse: number | null;
  send(message: ControllerMessage | object): void;
  close(): Promise<void>;
}

const agentMessage = Compile(AgentMessage);

export async function startFakeController(options: {
  port?: number;
  tls?: { key: string; cert: string };
  /** Whom tokens are for, `peer-1` by default. */
  peerId?: string;
  /** Messages beyond the first version that it takes in. */
  accepts?: string[];
  /** The state for a device, by the public key that it registered. */
  state?: (publicKey: string) => PeerState;
}): Promise<FakeController> {
  const waiting = new Set<() => void>();
  let closing = false;
  const handle: http.RequestListener = (request, response) => {
    fake.calls.push(`${request.method} ${request.url}`);
    if (fake.answer?.(request, response)) return;
    const reply = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (request.url === '/api/v1/health') return reply(200, { status: 'ok' });
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
    const who = { network_id: 'net-1', peer_id: options.peerId ?? 'peer-1', peer_name: 'laptop' };
    const known = fake.tokens.get(token);
    if (request.url === '/api/v1/agent/resolve' && known === null) {
      return reply(200, { ...who, config: '[Interface]\n' });
    }
    if (request.url === '/api/v1/agent/register' && known !== undefined) {
      let text = '';
      request.on('data', (chunk) => {
        text += String(chunk);
      });
      request.on('end', () => {
        const given = JSON.parse(text) as { public_key: string; credential_hash: string };
        if (known !== null && known.public_key !== given.public_key) return reply(404, { error: 'not found' });
        fake.tokens.set(token, given);
        reply(200, who);
      });
      return;
    }
    reply(404, { error: 'not found' });
  };
  const server = options.tls ? https.createServer(options.tls, handle) : http.createServer(handle);
  const wss = new WebSocketServer({ noServer: true, handleProtocols: () => SUBPROTOCOL });
  const fake: FakeController = {
    url: '',
    tokens: new Map(),
    calls: [],
    heard: [],
    sockets: new Set(),
    answer: null,
    onHello: null,
    refuse: null,
    async hear(match, from = 0) {
      for (;;) {
        const found = fake.heard.slice(from).find(match);
        if (found) return found;
        await new Promise<void>((resolve) => waiting.add(resolve));
      }
    },
    send(message) {
      for (const socket of fake.sockets) socket.send(JSON.stringify(message));
    },
    close: async () => {
      if (!server.listening) return;
      closing = true;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      for (const socket of fake.sockets) socket.terminate();
      await closed;
    },
  };
  server.on('upgrade', (request, socket, head) => {
    if (closing) {
      socket.destroy();
      return;
    }
    if (fake.refuse !== null) {
      socket.end(`HTTP/1.1 ${fake.refuse} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    wss.handleUpgrade(request, socket, head, (client) => {
      fake.sockets.add(client);
      client.on('close', () => fake.sockets.delete(client));
      client.on('error', () => undefined);
      client.on('message', (data) => {
        const said: unknown = JSON.parse(String(data));
        if (!agentMessage.Check(said)) throw new Error(`not of the protocol: ${String(data)}`);
        fake.heard.push(said);
        if (said.type === 'hello') {
          if (fake.onHello) fake.onHello(said, client);
          else if (options.state) {
            const registered = [...fake.tokens.values()].find((value) => value !== null);
            const state = options.state(registered?.public_key ?? '');
            const { accepts } = options;
            client.send(JSON.stringify({ type: 'state', epoch: 'epoch-1', seq: 1, state, accepts }));
          }
        }
        for (const wake of waiting) wake();
        waiting.clear();
      });
    });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  fake.url = `${options.tls ? 'https' : 'http'}://${options.tls ? 'localhost' : '127.0.0.1'}:${port}`;
  return fake;
}

export const HUB_KEY = 'aHViIGtleSBmb3IgdGVzdHMgLi4uLi4uLi4uLi4uLi4=';

/** What a controller says to a laptop in a network with one hub. */
export function spokeState(publicKey: string, endpoint = '192.0.2.10:51820'): PeerState {
  return {
    peer: { id: 'peer-1', name: 'laptop', networkId: 'net-1', networkName: 'office', role: 'spoke' },
    interface: { publicKey, addresses: ['10.10.0.5/32'], mtu: 1420 },
    routes: ['10.10.0.0/24'],
    dns: { servers: ['10.10.0.1'], search: ['office.internal'] },
    peers: [{ publicKey: HUB_KEY, name: 'gate', hub: true, endpoint, allowedIps: ['10.10.0.0/24'], keepalive: 25 }],
  };
}
