import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before } from 'node:test';
import { applyDelta, type ControllerMessage, type PeerState, SUBPROTOCOL } from '@gatehouse/protocol';
import { WebSocket } from 'ws';
import { type Client, startTestAppliance } from '../harness.ts';

export type TestAppliance = Awaited<ReturnType<typeof startTestAppliance>>;
/** More settings for an appliance, asked for when a suite starts; or the one that is there already. */
export type Settings = (() => Promise<Record<string, string>>) | { the: TestAppliance };

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
export type Json = any;

/** One appliance for all tests of the surrounding `describe`. */
export function useAppliance(settings: Settings = async () => ({})): { the: TestAppliance } {
  if (typeof settings !== 'function') return settings;
  const enders: (() => unknown)[] = [];
  const holder: { the?: TestAppliance } = {};
  before(async () => {
    holder.the = await startTestAppliance({ after: (fn: () => unknown) => void enders.push(fn) }, await settings());
  });
  after(async () => {
    for (const end of enders) await end();
  });
  return holder as { the: TestAppliance };
}

/** Waits until `check` gives something truthy; fails with `what` after two minutes: a machine may have much to do. */
export async function until<T>(what: string, check: () => T | Promise<T>): Promise<NonNullable<T>> {
  const end = performance.now() + 120_000;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

type Kind = 'string' | 'number' | 'boolean' | 'strings' | 'object' | 'objects' | 'string?' | 'number?' | 'object?';

function isKind(value: unknown, kind: Kind): boolean {
  if (kind.endsWith('?')) return value === null || isKind(value, kind.slice(0, -1) as Kind);
  if (kind === 'strings') return Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (kind === 'objects') return Array.isArray(value) && value.every((item) => isKind(item, 'object'));
  if (kind === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === kind;
}

/** The value has exactly these fields, of these types. */
export function assertShape(value: Json, shape: Record<string, Kind>): void {
  assert.deepEqual(Object.keys(value).sort(), Object.keys(shape).sort());
  for (const [key, kind] of Object.entries(shape)) {
    assert.ok(isKind(value[key], kind), `${key} must be ${kind}, not ${JSON.stringify(value[key])}`);
  }
}

export const NETWORK_SHAPE = {
  id: 'string',
  name: 'string',
  cidr: 'string',
  cidr_v6: 'string?',
  peer_count: 'number',
  dns: 'strings',
  domain_suffix: 'string',
  mtu: 'number?',
  default_group_ids: 'strings',
  captive_portal: 'boolean',
  created_at: 'string',
  updated_at: 'string',
} as const;

export const PEER_SHAPE = {
  id: 'string',
  name: 'string',
  public_key: 'string',
  address: 'string',
  address_v6: 'string?',
  endpoint: 'string',
  listen_port: 'number?',
  additional_allowed_ips: 'strings',
  token: 'string',
  token_expires_at: 'string?',
  is_jump: 'boolean',
  use_agent: 'boolean',
  owner_id: 'string',
  group_ids: 'strings',
  enrolled_at: 'string?',
  created_at: 'string',
  updated_at: 'string',
} as const;

export const SESSION_SHAPE = {
  peer_id: 'string',
  hostname: 'string',
  system_uptime: 'number',
  wireguard_uptime: 'number',
  reported_endpoint: 'string',
  last_seen: 'string',
  first_seen: 'string',
  session_id: 'string',
} as const;

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
export const assertTimes = (value: Json, ...fields: string[]): void => {
  for (const field of fields) assert.match(value[field], RFC3339, field);
};

/** An answer in the overlay API's error format, with this status and a message that says `about`. */
export function assertError(answer: { status: number; body: Json }, status: number, about?: RegExp): void {
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  assert.deepEqual(Object.keys(answer.body), ['error']);
  assert.equal(typeof answer.body.error, 'string');
  if (about) assert.match(answer.body.error, about);
}

let subnet = 0;
/** A CIDR that no other test of this process has. */
export const freshCidr = (prefix = 24): string => `10.${100 + (++subnet >> 8)}.${subnet & 255}.0/${prefix}`;

let counter = 0;
export const freshName = (what: string): string => `${what}-${++counter}`;

export async function makeNetwork(admin: Client, body: Record<string, unknown> = {}): Promise<Json> {
  const answer = await admin.post('/api/v1/networks', { name: freshName('net'), cidr: freshCidr(), ...body });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return answer.body;
}

export async function makePeer(client: Client, networkId: string, body: Record<string, unknown> = {}): Promise<Json> {
  const answer = await client.post(`/api/v1/networks/${networkId}/peers`, { name: freshName('peer'), ...body });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return answer.body;
}

/** A signed-in user who may see these networks. */
export async function makeUser(a: TestAppliance, networks: string[] = []): Promise<{ client: Client; id: string }> {
  const username = freshName('user');
  const made = await a.admin.post('/api/v1/users', {
    username,
    password: 'a-password-for-tests',
    role: 'user',
    authorized_networks: networks,
  });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return { client: await a.login(username, 'a-password-for-tests'), id: made.body.id };
}

/** A key as WireGuard accepts it: any 32 bytes. */
export const anyKey = (): string => randomBytes(32).toString('base64');

export interface Enrolled {
  peer: Json;
  credential: string;
  publicKey: string;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Trades a peer's token for a device credential, as our agent does. */
export async function enroll(a: TestAppliance, peer: Json): Promise<Enrolled> {
  const credential = `ghd_${randomBytes(32).toString('hex')}`;
  const publicKey = anyKey();
  const body = { public_key: publicKey, credential_hash: sha256(credential) };
  const answer = await a.anonymous.post('/api/v1/agent/register', body, { authorization: `Bearer ${peer.token}` });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return { peer, credential, publicKey };
}

type Secret = string | Record<string, string>;

/** A WebSocket to the appliance that keeps what it hears. */
export class Line {
  readonly socket: WebSocket;
  /** Every message so far, as JSON. */
  readonly heard: Json[] = [];
  /** The close code, once closed. */
  code: number | undefined;
  opened = false;
  #read = 0;

  /** `url` is the appliance, for `/ws`, or a whole address; `secret` goes as Bearer where it isn't headers itself. */
  constructor(url: string, secret: Secret, protocol?: string) {
    const options = { headers: typeof secret === 'string' ? { authorization: `Bearer ${secret}` } : secret };
    const address = `${url.replace('http', 'ws')}${new URL(url).pathname === '/' ? '/api/v1/ws' : ''}`;
    this.socket = protocol ? new WebSocket(address, protocol, options) : new WebSocket(address, options);
    this.socket.on('message', (data) => this.heard.push(JSON.parse(String(data))));
    this.socket.on('open', () => {
      this.opened = true;
    });
    this.socket.on('close', (code) => {
      this.code = code;
    });
    this.socket.on('error', () => undefined);
  }
  send(message: unknown): void {
    if (this.socket.readyState === WebSocket.OPEN)
      this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }
  /** The next message that nobody has read yet. */
  async next(): Promise<Json> {
    await until('a message arrives', () => {
      if (this.heard.length <= this.#read && this.code !== undefined) throw new Error(`closed with ${this.code}`);
      return this.heard.length > this.#read;
    });
    return this.heard[this.#read++];
  }
  /** The messages that came and nobody has read. */
  get unread(): number {
    return this.heard.length - this.#read;
  }
  closed = (): Promise<number> => until('the connection is closed', () => this.code);
  close(): void {
    this.socket.terminate();
  }
}

/** Opens a WebSocket that must be accepted. */
export async function connect(url: string, secret: Secret, protocol?: string): Promise<Line> {
  const line = new Line(url, secret, protocol);
  await until('the connection is open', () => {
    if (line.code !== undefined && !line.opened) throw new Error('the connection was refused');
    return line.opened;
  });
  return line;
}

/** The HTTP status of a WebSocket handshake that must be refused. */
export const refusal = (url: string, secret: Secret, protocol?: string): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const { socket } = new Line(url, secret, protocol);
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    socket.on('open', () => reject(new Error('the handshake was accepted')));
  });

type Position = { epoch: string; seq: number };

/** A device that speaks gatehouse.v1 as protocol/channel.ts says, and checks that the controller does. */
export class Device {
  readonly line: Line;
  state: PeerState | undefined;
  position: Position | undefined;
  /** How the controller answered the last hello. */
  answer: 'state' | 'resumed' | undefined;

  private constructor(line: Line) {
    this.line = line;
  }
  static async connect(url: string, credential: string): Promise<Device> {
    return new Device(await connect(url, credential, SUBPROTOCOL));
  }
  /** Says hello and takes in the answer: the whole state, or `resumed`. */
  async hello(resume?: Position, from?: PeerState): Promise<this> {
    if (from) this.state = from;
    if (resume) this.position = resume;
    this.line.send({ type: 'hello', agentVersion: 'test', ...(resume && { resume }) });
    await this.take();
    return this;
  }
  /** Takes in one message: numbers must have no gap. */
  async take(): Promise<ControllerMessage> {
    const message = (await this.line.next()) as ControllerMessage;
    if (message.type === 'delta') {
      assert.ok(this.state && this.position, 'a delta came before a state');
      assert.deepEqual({ epoch: message.epoch, seq: message.seq }, { ...this.position, seq: this.position.seq + 1 });
      this.state = applyDelta(this.state, message.delta);
    } else {
      this.answer = message.type;
      if (message.type === 'state') this.state = message.state;
      else assert.deepEqual({ epoch: message.epoch, seq: message.seq }, this.position);
    }
    this.position = { epoch: message.epoch, seq: message.seq };
    if (message.type !== 'resumed') this.line.send({ type: 'ack', ...this.position });
    return message;
  }
  /** Takes messages in until the state is as wanted. */
  async takeUntil(what: string, done: (state: PeerState) => boolean): Promise<void> {
    for (let taken = 0; !this.state || !done(this.state); taken++) {
      assert.ok(taken < 100, `100 messages, and still not: ${what}`);
      await this.take();
    }
  }
  static async start(a: TestAppliance, enrolled: Enrolled): Promise<Device> {
    return (await Device.connect(a.url, enrolled.credential)).hello();
  }
}

/** A report as our agent sends it. */
export const telemetry = (peers: Json[] = [], more: Record<string, unknown> = {}) => ({
  type: 'telemetry',
  telemetry: {
    hostname: 'laptop',
    agentVersion: 'test',
    os: { platform: 'linux', distro: 'debian', release: '13', arch: 'x64' },
    systemUptime: 100,
    wireguardUptime: 50,
    cpu: 0.5,
    memory: { total: 2, used: 1 },
    battery: null,
    peers,
    ...more,
  },
});
