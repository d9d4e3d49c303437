import {
  type AgentMessage,
  applyDelta,
  CLOSE,
  ControllerMessage,
  MAX_FRAME_BYTES,
  MAX_PEERS,
  type PeerState,
  PING_SECONDS,
  type PostureFacts,
  SUBPROTOCOL,
  type Telemetry,
} from '@gatehouse/protocol';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { WebSocket } from 'ws';
import { AGENT_VERSION } from '../config.ts';
import { AgentError } from '../errors.ts';
import { stateProblem } from '../tunnel/index.ts';
import { Backoff } from './backoff.ts';
import type { Controller } from './client.ts';
import { explain } from './failure.ts';
import { rememberingLookup } from './lookup.ts';
import { trusting } from './trust.ts';

/** A state and the number under which the controller sent it. */
export interface Position {
  epoch: string;
  seq: number;
  state: PeerState;
}

export interface ChannelEvents {
  /** The controller, at `address`, has answered our `hello`. */
  connected(address: string): void;
  /** The connection is gone, or couldn't be made; it is tried again. `reached`: the controller did say something. */
  lost(code: 'certificate' | 'controller-unreachable', message: string, reached: boolean): void;
  /** This device was cut off; the channel has stopped. */
  revoked(message: string): void;
  /** A new state. Acknowledged when the promise resolves; never when it rejects. */
  state(position: Position): Promise<void>;
}

export interface ChannelOptions extends Controller {
  credential: string;
  /** Own WireGuard public key: a state for another key means that this device was cut off. */
  publicKey: string;
  /** What is known from before, to resume at. */
  position: Position | null;
  /** Where the controller was reached last, for when its name can't be resolved. */
  remembered?(): string | undefined;
  events: ChannelEvents;
  log(message: string): void;
  /** For tests. */
  pingSeconds?: number;
  backoff?: Backoff;
}

const HANDSHAKE_TIMEOUT = 15_000;
/** How long the controller may take to answer a ping of ours, after the network changed. */
const CHECK_TIMEOUT = 5_000;
/** How long the controller may take to answer `hello`. */
const HELLO_TIMEOUT = 30_000;
/** A connection that lasted this long was a good one: the next backoff starts anew. */
const GOOD_AFTER = 60_000;
/** Telemetry is dropped, not queued, while more than this waits to be sent. */
const MAX_BUFFERED = 8 * 1024 * 1024;

const REVOKED =
  'The controller has cut this device off (its peer was deleted, or a new token was issued). ' +
  'Ask an administrator for a new token, then: gatehouse enroll <url> --token <token>.';

const message = Compile(ControllerMessage);

/** The WebSocket to the controller (`gatehouse.v1`): connects, keeps itself alive, reconnects until stopped. */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #backoff: Backoff;
  #position: Position | null;
  #socket: WebSocket | null = null;
  #running = false;
  /** The controller has answered `hello` on this socket. */
  #ready = false;
  /** A gap was seen: deltas mean nothing until the whole state has come. */
  #wantsAll = false;
  /** Messages beyond the first version that the controller takes in. */
  #accepts: ReadonlySet<string> = new Set();
  #openedAt = 0;
  #address = '';
  #retryTimer: NodeJS.Timeout | undefined;
  #silenceTimer: NodeJS.Timeout | undefined;
  #checkTimer: NodeJS.Timeout | undefined;
  #helloTimer: NodeJS.Timeout | undefined;

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#backoff = options.backoff ?? new Backoff();
    this.#position = options.position;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#connect();
  }

  /** Hangs up for good. No event comes after this. */
  stop(): void {
    this.#running = false;
    clearTimeout(this.#retryTimer);
    this.#drop(1000);
  }

  /** Hangs up and connects at once: after sleep nobody knows what the old connection is worth. */
  reconnect(): void {
    if (!this.#running) return;
    this.#backoff.reset();
    if (this.#socket && this.#ready) this.#options.events.lost('controller-unreachable', 'Reconnecting.', true);
    this.#drop();
    this.#connect();
  }

  /** The network changed: connects at once when it was waiting to, else asks for a sign of life. */
  check(): void {
    if (!this.#running) return;
    const socket = this.#socket;
    if (!socket) {
      this.#backoff.reset();
      this.#connect();
      return;
    }
    if (socket.readyState !== WebSocket.OPEN || this.#checkTimer) return;
    this.#checkTimer = setTimeout(() => socket.terminate(), CHECK_TIMEOUT);
    socket.ping();
  }

  /** Sends telemetry; false when it can't now. */
  sendTelemetry(telemetry: Telemetry): boolean {
    if (!this.#ready || (this.#socket?.bufferedAmount ?? 0) > MAX_BUFFERED) return false;
    this.#send({ type: 'telemetry', telemetry });
    return true;
  }

  /** Sends what this device tells of itself; false when it can't now, or the controller is too old to hear it. */
  sendPosture(macs: string[], facts: PostureFacts): boolean {
    if (!this.#ready || !this.#accepts.has('posture')) return false;
    this.#send({ type: 'posture', macs, facts });
    return true;
  }

  #connect(): void {
    clearTimeout(this.#retryTimer);
    const { url, ca, credential, remembered } = this.#options;
    const secure = url.startsWith('https:');
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/api/v1/ws`, SUBPROTOCOL, {
      headers: { authorization: `Bearer ${credential}`, 'user-agent': `gatehouse/${AGENT_VERSION}` },
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
      handshakeTimeout: HANDSHAKE_TIMEOUT,
      followRedirects: false,
      lookup: rememberingLookup(() => remembered?.()),
      ...(secure && trusting(ca)),
    });
    this.#socket = socket;
    let problem: AgentError | undefined;
    socket.on('upgrade', (response) => {
      this.#address = response.socket.remoteAddress ?? '';
    });
    socket.on('open', () => {
      this.#openedAt = performance.now();
      this.#heard();
      this.#helloTimer = setTimeout(() => socket.terminate(), HELLO_TIMEOUT);
      this.#hello(this.#position);
    });
    socket.on('ping', () => this.#heard());
    socket.on('pong', () => this.#clearCheck());
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('unexpected-response', (request, response) => {
      problem = refused(response.statusCode ?? 0, new URL(url).origin);
      response.destroy();
      request.destroy();
      if (response.statusCode === 401) this.#revoke();
      else this.#lost(socket, problem);
    });
    socket.on('error', (error) => {
      problem ??= explain(error, new URL(url).origin);
    });
    socket.on('close', (code) => {
      if (code === CLOSE.revoked) this.#revoke();
      else this.#lost(socket, problem ?? closed(code));
    });
  }

  #hello(position: Position | null): void {
    this.#wantsAll = position === null;
    const resume = position ? { resume: { epoch: position.epoch, seq: position.seq } } : {};
    this.#send({ type: 'hello', agentVersion: AGENT_VERSION, ...resume });
  }

  #send(what: AgentMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(what));
  }

  #receive(data: WebSocket.RawData, isBinary: boolean): void {
    let parsed: unknown;
    try {
      parsed = isBinary ? undefined : JSON.parse(data.toString());
    } catch {
      parsed = undefined;
    }
    if (message.Check(parsed)) this.#take(parsed);
    else this.#bad(misfit(parsed));
  }

  #take(said: ControllerMessage): void {
    switch (said.type) {
      case 'state':
        if (!this.#ready) this.#accepts = new Set(said.accepts);
        this.#accept(said.epoch, said.seq, said.state, said.state);
        break;
      case 'resumed':
        if (!this.#ready) this.#accepts = new Set(said.accepts);
        this.#isReady();
        if (said.epoch !== this.#position?.epoch || said.seq < this.#position.seq) this.#hello(null);
        break;
      case 'delta': {
        if (this.#wantsAll) break;
        const { epoch, seq, delta } = said;
        if (epoch !== this.#position?.epoch || seq !== this.#position.seq + 1) {
          this.#options.log(`the controller's changes have a gap before number ${seq}; asking for the whole state`);
          this.#hello(null);
          break;
        }
        const next = applyDelta(this.#position.state, delta);
        this.#accept(epoch, seq, next, { peer: next.peer, ...delta.sections, peers: delta.upsert });
      }
    }
  }

  /** Takes a state over; `parts` is what of it is new, and so has to be looked at. */
  #accept(epoch: string, seq: number, state: PeerState, parts: Parameters<typeof stateProblem>[0]): void {
    const problem = state.peers.length > MAX_PEERS ? `it has more than ${MAX_PEERS} peers` : stateProblem(parts);
    if (problem !== undefined) {
      this.#bad(`a state that can't be used: ${problem}`);
      return;
    }
    if (state.interface.publicKey !== this.#options.publicKey) {
      this.#revoke();
      return;
    }
    const position: Position = { epoch, seq, state };
    this.#position = position;
    this.#wantsAll = false;
    this.#isReady();
    this.#options.events.state(position).then(
      () => this.#send({ type: 'ack', epoch, seq }),
      () => undefined,
    );
  }

  #isReady(): void {
    if (this.#ready) return;
    this.#ready = true;
    clearTimeout(this.#helloTimer);
    this.#options.events.connected(this.#address);
  }

  #bad(what: string): void {
    this.#options.log(`the controller sent ${what}; reconnecting`);
    const text = `The controller sent ${what.slice(0, 300)}. Update the agent or the controller.`;
    const socket = this.#socket;
    this.#position = null;
    if (!socket) return;
    socket.close(CLOSE.badMessage);
    this.#lost(socket, new AgentError('controller-error', text));
  }

  #revoke(): void {
    if (!this.#running) return;
    this.stop();
    this.#options.events.revoked(REVOKED);
  }

  #lost(socket: WebSocket, error: AgentError): void {
    if (this.#socket !== socket || !this.#running) return;
    if (this.#ready && performance.now() - this.#openedAt >= GOOD_AFTER) this.#backoff.reset();
    this.#drop();
    const wait = this.#backoff.next();
    this.#retryTimer = setTimeout(() => this.#connect(), wait);
    const code = error.code === 'certificate' ? 'certificate' : 'controller-unreachable';
    this.#options.events.lost(code, error.message, error.code === 'controller-error');
  }

  /** Lets go of the socket; what it still says is not heard. */
  #drop(code?: number): void {
    clearTimeout(this.#silenceTimer);
    clearTimeout(this.#helloTimer);
    this.#clearCheck();
    const socket = this.#socket;
    this.#socket = null;
    this.#ready = false;
    if (!socket) return;
    socket.removeAllListeners();
    socket.on('error', () => undefined);
    if (code !== undefined && socket.readyState === WebSocket.OPEN) {
      socket.close(code);
      setTimeout(() => socket.terminate(), 1_000).unref();
    } else socket.terminate();
  }

  /** The controller pings; three pings missed means that the path is dead, whatever TCP thinks. */
  #heard(): void {
    clearTimeout(this.#silenceTimer);
    const socket = this.#socket;
    const wait = 3_000 * (this.#options.pingSeconds ?? PING_SECONDS);
    this.#silenceTimer = setTimeout(() => socket?.terminate(), wait);
  }

  #clearCheck(): void {
    clearTimeout(this.#checkTimer);
    this.#checkTimer = undefined;
  }
}

/** What is wrong with a message that the schema doesn't let through. */
function misfit(said: unknown): string {
  const type = typeof said === 'object' && said !== null && 'type' in said ? said.type : undefined;
  const schema = ControllerMessage.anyOf.find(({ properties }) => properties.type.const === type);
  if (!schema) return 'a message that is not of gatehouse.v1';
  const [first] = Compile(schema as TSchema).Errors(said);
  return `a ${type} that can't be used: ${first ? `${first.instancePath || 'it'} ${first.message}` : 'it is malformed'}`;
}

function refused(status: number, origin: string): AgentError {
  if (status >= 500) {
    return new AgentError('controller-error', `${origin} has an error of its own (HTTP ${status}): look at its log.`);
  }
  return new AgentError('controller-error', `${origin} doesn't take the connection (HTTP ${status}): check the URL.`);
}

function closed(code: number): AgentError {
  if (code === CLOSE.replaced) {
    return new AgentError(
      'controller-unreachable',
      'Another agent with the identity of this device has connected: was its state folder copied?',
    );
  }
  return new AgentError('controller-unreachable', 'The connection to the controller was lost; reconnecting.');
}
