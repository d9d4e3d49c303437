import type { AgentStatus, Finding } from '@gatehouse/protocol';
import { Backoff, checkPem, controllerUrl, enroll, finishPending, type Identity } from '../controller/index.ts';
import { AgentError } from '../errors.ts';
import type { Handlers } from '../ipc/index.ts';
import type { TunnelState } from '../tunnel/index.ts';
import type { Daemon } from './daemon.ts';
import type { Log } from './log.ts';
import type { AgentStore } from './store.ts';

/** How long `up` waits for the first attempt to end, in milliseconds. */
const SETTLE = 5_000;
const DEFAULT_LINES = 200;

const settled = (state: TunnelState): boolean =>
  state.open || state.name === 'error' || (state.role === null && state.controller.problem !== null);

const notYet = (): Promise<never> => Promise.reject(new AgentError('internal', "This agent doesn't know that yet."));

/** The daemon's side of the IPC table. What changes identity or target is done one at a time. */
export class Service {
  readonly #daemon: Daemon;
  readonly #store: AgentStore;
  readonly #log: Log;
  readonly #doctor: () => Promise<Finding[]>;
  #ready!: () => void;
  /** Whoever asks before the daemon has taken up what was left waits for that. */
  readonly #started = new Promise<void>((resolve) => {
    this.#ready = resolve;
  });
  #turn: Promise<unknown> = this.#started;
  #retry: NodeJS.Timeout | undefined;
  #backoff = new Backoff(5_000, 300_000);

  constructor(daemon: Daemon, store: AgentStore, log: Log, doctor: () => Promise<Finding[]>) {
    this.#daemon = daemon;
    this.#store = store;
    this.#log = log;
    this.#doctor = doctor;
  }

  readonly handlers: Handlers = {
    status: async () => {
      await this.#started;
      return this.#daemon.status();
    },
    peers: async () => {
      await this.#started;
      return this.#daemon.peers();
    },
    doctor: async () => {
      await this.#started;
      return this.#doctor();
    },
    logs: async ({ lines }) => this.#log.last(lines ?? DEFAULT_LINES),
    watch: (emit) => {
      emit(this.#daemon.status());
      return this.#daemon.onChange(() => emit(this.#daemon.status()));
    },
    enroll: (params) => this.#inTurn(() => this.#enroll(params)),
    up: () => this.#inTurn(() => this.#up()),
    down: () => this.#inTurn(() => this.#down()),
    leave: () => this.#inTurn(() => this.#leave()),
    use: () => notYet(),
    traffic: () => notYet(),
    sessions: () => notYet(),
    posture: () => notYet(),
    directory: () => notYet(),
  };

  /** The daemon has started. */
  start(): void {
    this.#ready();
    this.#resume();
  }

  /** Goes on with an enrollment that a crash or an unreachable controller left halfway. */
  #resume(): void {
    void this.#inTurn(() => this.#finish());
  }

  stop(): void {
    clearTimeout(this.#retry);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #enroll(request: { url: string; token: string; allowHttp?: boolean; ca?: string }): Promise<AgentStatus> {
    const current = this.#daemon.identity;
    if (current && current.revoked === undefined) {
      throw new AgentError(
        'already-enrolled',
        `This device is enrolled with ${current.url} as ${current.peerName}. To enroll it anew, first: gatehouse leave.`,
      );
    }
    const allowHttp = request.allowHttp ?? false;
    const url = controllerUrl(request.url, allowHttp);
    if (request.ca !== undefined) checkPem(request.ca);
    if (/[^\x21-\x7e]/.test(request.token)) {
      throw new AgentError('token-invalid', 'The token holds spaces or other characters: copy it whole and alone.');
    }
    clearTimeout(this.#retry);
    try {
      await this.#enter(await enroll({ url, token: request.token, allowHttp, ca: request.ca }, this.#store));
    } catch (error) {
      await this.#retryLater(error);
      throw error;
    }
    return this.#daemon.status();
  }

  async #enter(identity: Identity): Promise<void> {
    this.#log.write(`enrolled with ${identity.url} as ${identity.peerName}`);
    await this.#daemon.enrolled(identity);
    await this.#daemon.setTarget('up');
  }

  async #finish(): Promise<void> {
    const pending = await this.#store.readPending();
    const current = this.#daemon.identity;
    if (!pending) return;
    if (current && (current.revoked === undefined || current.privateKey === pending.privateKey)) {
      // Killed between the two steps of the commit.
      await this.#store.writePending(null);
      return;
    }
    try {
      await this.#enter(await finishPending(pending, this.#store));
    } catch (error) {
      this.#log.write(`the enrollment with ${pending.url} isn't finished: ${(error as Error).message}`);
      await this.#retryLater(error);
    }
  }

  async #retryLater(error: unknown): Promise<void> {
    if (error instanceof AgentError && error.code === 'token-invalid') return;
    if (!(await this.#store.readPending())) return;
    this.#retry = setTimeout(() => this.#resume(), this.#backoff.next());
  }

  #requireIdentity(): Identity {
    const { identity } = this.#daemon;
    if (identity) return identity;
    const why = this.#daemon.tunnel.enrollProblem;
    throw new AgentError(
      'not-enrolled',
      why ?? 'This device is not enrolled. First: gatehouse enroll <url> --token <token>.',
    );
  }

  async #up(): Promise<AgentStatus> {
    this.#requireIdentity();
    await this.#daemon.setTarget('up');
    await this.#daemon.until(settled, SETTLE);
    const status = this.#daemon.status();
    const code = status.cause?.code;
    if (status.state === 'error' && (code === 'no-privileges' || code === 'no-wireguard')) {
      throw new AgentError(code, status.cause?.message ?? '');
    }
    return status;
  }

  async #down(): Promise<AgentStatus> {
    await this.#daemon.setTarget('down');
    return this.#daemon.status();
  }

  async #leave(): Promise<AgentStatus> {
    if (!this.#daemon.tunnel.enrollProblem && !(await this.#store.readPending())) this.#requireIdentity();
    clearTimeout(this.#retry);
    await this.#daemon.left();
    await this.#store.clear();
    this.#log.write('left the network: identity and keys are removed');
    return this.#daemon.status();
  }
}
