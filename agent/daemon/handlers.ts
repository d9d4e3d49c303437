import type { AgentStatus, Directory, Finding } from '@gatehouse/protocol';
import type { Identity } from '../controller/index.ts';
import { AgentError } from '../errors.ts';
import type { Handlers } from '../ipc/index.ts';
import type { TunnelState } from '../tunnel/index.ts';
import type { Daemon } from './daemon.ts';
import { Enrollments } from './enrollments.ts';
import type { Log } from './log.ts';
import type { Profiles } from './profiles.ts';
import { Shared } from './shared.ts';

/** How long `up`, `use` and `enroll` wait for the first attempt to end, in milliseconds. */
const SETTLE = 5_000;
const DEFAULT_LINES = 200;
/** Searches of the directory, each another, that the controller is asked for at a time. */
const MAX_SEARCHES = 8;

const settled = (state: TunnelState): boolean =>
  state.open || state.name === 'error' || (state.role === null && state.controller.problem !== null);

/**
 * The daemon's side of the IPC table. What changes identity or target is done one at a time, and none of that waits for
 * a controller or for the tunnel: `down` goes ahead, whoever doesn't answer.
 */
export class Service {
  readonly #daemon: Daemon;
  readonly #profiles: Profiles;
  readonly #log: Log;
  readonly #doctor: () => Promise<Finding[]>;
  readonly #diagnoses = new Shared<Finding[]>(1);
  readonly #searches = new Shared<Directory>(MAX_SEARCHES);
  #ready!: () => void;
  /** Whoever asks before the daemon has taken up what was left waits for that. */
  readonly #started = new Promise<void>((resolve) => {
    this.#ready = resolve;
  });
  #turn: Promise<unknown> = this.#started;
  readonly #enrollments: Enrollments;
  /** What people said last of the tunnel: an enrollment that ends after a `down` leaves it down. */
  #said: 'up' | 'down' | null = null;
  /** The peer id of who is being left. */
  #leaving: string | null = null;

  constructor(daemon: Daemon, profiles: Profiles, log: Log, doctor: () => Promise<Finding[]>) {
    this.#daemon = daemon;
    this.#profiles = profiles;
    this.#log = log;
    this.#doctor = doctor;
    this.#enrollments = new Enrollments({
      profiles,
      log: log.write,
      inTurn: (work) => this.#inTurn(work),
      active: () => daemon.identity,
      enter: (identity) => this.#enter(identity),
    });
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
      // It starts processes, and asks the controller: once, for whoever asks meanwhile.
      return this.#diagnoses.get('', this.#doctor);
    },
    logs: async ({ lines }) => this.#log.last(lines ?? DEFAULT_LINES),
    watch: (emit) => {
      emit(this.#daemon.status());
      return this.#daemon.onChange(() => emit(this.#daemon.status()));
    },
    enroll: async (params) => {
      await this.#started;
      this.#said = 'up';
      await this.#enrollments.enroll(params);
      // The name of the network comes with the controller's first state.
      await this.#settle();
      return this.#daemon.status();
    },
    up: () => this.#up(),
    down: () => {
      this.#said = 'down';
      return this.#inTurn(() => this.#down());
    },
    leave: async ({ profile }) => {
      await this.#started;
      return this.#leave(profile);
    },
    use: ({ profile }) => this.#use(profile),
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
      const { identity, uplink } = this.#daemon;
      const key = JSON.stringify([identity?.peerId, search]);
      return this.#searches.get(key, () => uplink.directory(identity, search));
    },
  };

  /** The daemon has started. */
  start(): void {
    this.#ready();
    this.#enrollments.resume();
  }

  stop(): void {
    this.#enrollments.stop();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
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

  async #enter(identity: Identity): Promise<void> {
    this.#log.write(`enrolled with ${identity.url} as ${identity.peerName}`);
    await this.#daemon.become(identity);
    if (this.#said !== 'down') await this.#daemon.setTarget('up');
  }

  /** Waits until the first attempt to bring the tunnel up has ended, or nobody wants it any more, for a while. */
  async #settle(): Promise<void> {
    const over = () => this.#daemon.tunnel.target === 'down' || settled(this.#daemon.tunnel);
    if (over()) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        off();
        resolve();
      };
      const timer = setTimeout(end, SETTLE);
      const off = this.#daemon.onChange(() => over() && end());
    });
  }

  async #up(): Promise<AgentStatus> {
    this.#said = 'up';
    await this.#inTurn(async () => {
      this.#requireIdentity();
      await this.#daemon.setTarget('up');
    });
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
    const switched = await this.#inTurn(async () => {
      const identity = this.#profiles.find(text);
      if (identity.peerId === this.#daemon.identity?.peerId) return false;
      await this.#profiles.activate(identity);
      this.#log.write(`switching to ${identity.peerName} at ${identity.url}`);
      await this.#daemon.become(identity);
      return true;
    });
    if (switched) await this.#settle();
    return this.#daemon.status();
  }

  /** Who is meant is settled as the request arrives: who is active by the time of its turn may be another. */
  #leave(text: string | undefined): Promise<AgentStatus> {
    const active = this.#leaving ?? this.#daemon.identity?.peerId ?? null;
    const meant = text === undefined ? active : this.#profiles.find(text).peerId;
    if (meant === active) {
      this.#said = 'down';
      this.#enrollments.end('it was left before it had ended: gatehouse leave');
    }
    return this.#inTurn(async () => {
      this.#leaving = meant;
      try {
        if (meant !== null && !this.#profiles.has(meant)) {
          // Of two that mean the active one the second has nothing left to do.
          if (text !== undefined) this.#profiles.find(meant);
        } else if (meant === (this.#daemon.identity?.peerId ?? null)) await this.#leaveActive();
        else if (meant === null) {
          throw new AgentError(
            'unknown-profile',
            'Another network became active meanwhile: gatehouse status, then leave.',
          );
        } else {
          const leaving = this.#profiles.find(meant);
          await this.#profiles.remove(leaving);
          this.#log.write(`left ${leaving.url}: identity and keys of ${leaving.peerName} are removed`);
        }
        return this.#daemon.status();
      } finally {
        this.#leaving = null;
      }
    });
  }

  async #leaveActive(): Promise<void> {
    const leaving = this.#daemon.identity;
    if (!leaving && this.#profiles.problem === null && !(await this.#profiles.readPending())) this.#requireIdentity();
    await this.#daemon.setTarget('down');
    await this.#daemon.left();
    await this.#profiles.writePending(null);
    await (leaving ? this.#profiles.remove(leaving) : this.#profiles.removeDamaged());
    this.#log.write('left the network: identity and keys are removed');
    const next = this.#profiles.active;
    if (next) await this.#daemon.become(next);
    else await this.#daemon.instruments.clear();
  }
}
