import type { AgentStatus, Finding, IpcParams } from '@gatehouse/protocol';
import { Backoff, checkPem, controllerUrl, enroll, finishPending, type Identity } from '../controller/index.ts';
import { AgentError } from '../errors.ts';
import type { Handlers } from '../ipc/index.ts';
import type { TunnelState } from '../tunnel/index.ts';
import type { Daemon } from './daemon.ts';
import type { Log } from './log.ts';
import { MAX_PROFILES, type Profiles } from './profiles.ts';

/** How long `up`, `use` and `enroll` wait for the first attempt to end, in milliseconds. */
const SETTLE = 5_000;
const DEFAULT_LINES = 200;

const settled = (state: TunnelState): boolean =>
  state.open || state.name === 'error' || (state.role === null && state.controller.problem !== null);

/** The daemon's side of the IPC table. What changes identity or target is done one at a time. */
export class Service {
  readonly #daemon: Daemon;
  readonly #profiles: Profiles;
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

  constructor(daemon: Daemon, profiles: Profiles, log: Log, doctor: () => Promise<Finding[]>) {
    this.#daemon = daemon;
    this.#profiles = profiles;
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
    leave: ({ profile }) => this.#inTurn(() => this.#leave(profile)),
    use: ({ profile }) => this.#inTurn(() => this.#use(profile)),
    traffic: async () => {
      await this.#started;
      return this.#daemon.instruments.traffic();
    },
    sessions: async () => {
      await this.#started;
      return this.#daemon.instruments.sessions();
    },
    posture: async ({ anew }) => {
      await this.#started;
      return this.#daemon.uplink.compliance.checks(anew === true);
    },
    directory: async ({ search }) => {
      await this.#started;
      return this.#daemon.uplink.directory(this.#daemon.identity, search);
    },
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

  async #enroll(request: IpcParams<'enroll'>): Promise<AgentStatus> {
    const current = this.#daemon.identity;
    const add = request.add ?? false;
    if (current && current.revoked === undefined && !add) {
      throw new AgentError(
        'already-enrolled',
        `This device is enrolled with ${current.url} as ${current.peerName}. To keep that and join another network ` +
          'too: gatehouse enroll --add. To enroll it anew, first: gatehouse leave.',
      );
    }
    if (this.#profiles.full && (add || !current)) {
      throw new AgentError(
        'bad-request',
        `This device is enrolled in ${MAX_PROFILES} networks, which is all it keeps: leave one first, with gatehouse leave.`,
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
      const { token, ca } = request;
      await this.#enter(await enroll({ url, token, allowHttp, ca, add }, this.#profiles));
    } catch (error) {
      await this.#retryLater(error);
      throw error;
    }
    // The name of the network comes with the controller's first state.
    await this.#settle();
    return this.#daemon.status();
  }

  async #enter(identity: Identity): Promise<void> {
    this.#log.write(`enrolled with ${identity.url} as ${identity.peerName}`);
    await this.#daemon.become(identity);
    await this.#daemon.setTarget('up');
  }

  async #finish(): Promise<void> {
    const pending = await this.#profiles.readPending();
    const current = this.#daemon.identity;
    if (!pending) return;
    const done = this.#profiles.withKey(pending.privateKey);
    if (!done && current && current.revoked === undefined && !pending.add) {
      await this.#profiles.writePending(null);
      return;
    }
    try {
      // Killed between the steps of the commit, or before the controller had answered.
      if (done) await this.#profiles.commit(done, pending.add === true);
      await this.#enter(done ?? (await finishPending(pending, this.#profiles)));
    } catch (error) {
      this.#log.write(`the enrollment with ${pending.url} isn't finished: ${(error as Error).message}`);
      await this.#retryLater(error);
    }
  }

  async #retryLater(error: unknown): Promise<void> {
    if (error instanceof AgentError && error.code === 'token-invalid') return;
    if (!(await this.#profiles.readPending())) return;
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

  /** Waits until the first attempt to bring the tunnel up has ended, for a while. */
  async #settle(): Promise<void> {
    if (settled(this.#daemon.tunnel)) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        off();
        resolve();
      };
      const timer = setTimeout(end, SETTLE);
      const off = this.#daemon.onChange(() => settled(this.#daemon.tunnel) && end());
    });
  }

  async #up(): Promise<AgentStatus> {
    this.#requireIdentity();
    await this.#daemon.setTarget('up');
    await this.#settle();
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

  async #use(text: string): Promise<AgentStatus> {
    const identity = this.#profiles.find(text);
    if (identity.peerId !== this.#daemon.identity?.peerId) {
      await this.#profiles.activate(identity);
      this.#log.write(`switching to ${identity.peerName} at ${identity.url}`);
      await this.#daemon.become(identity);
      if (this.#daemon.tunnel.target === 'up') await this.#settle();
    }
    return this.#daemon.status();
  }

  async #leave(text: string | undefined): Promise<AgentStatus> {
    const active = this.#daemon.identity;
    const leaving = text === undefined ? active : this.#profiles.find(text);
    if (leaving && leaving.peerId !== active?.peerId) {
      await this.#profiles.remove(leaving);
      this.#log.write(`left ${leaving.url}: identity and keys of ${leaving.peerName} are removed`);
      return this.#daemon.status();
    }
    if (!leaving && this.#profiles.problem === null && !(await this.#profiles.readPending())) this.#requireIdentity();
    clearTimeout(this.#retry);
    await this.#daemon.setTarget('down');
    await this.#daemon.left();
    await this.#profiles.writePending(null);
    await (leaving ? this.#profiles.remove(leaving) : this.#profiles.removeDamaged());
    this.#log.write('left the network: identity and keys are removed');
    const next = this.#profiles.active;
    if (next) await this.#daemon.become(next);
    else await this.#daemon.instruments.clear();
    return this.#daemon.status();
  }
}
