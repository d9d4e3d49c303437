import { Counter, type Registry } from 'prom-client';
import { type DomainEvent, SYSTEM } from '../events/index.ts';
import type { Logger, Store } from '../store/index.ts';
import { event, transact } from './service.ts';
import type { Decision, Ended, Facts } from './types.ts';

/** Telling of the same person, device and NAS again. */
const TELL_MS = 60_000;
/** A hundred at a time: the statement that writes them holds up everything else for as long as it takes. */
const EVENTS_MS = 200;
const EVENTS_AT_ONCE = 100;
/** Events waiting to be written; more are counted and dropped, as nothing may hold up an answer. */
export const MAX_EVENTS_WAITING = 10_000;

/** When a person, device and NAS was last told of. */
export interface Told {
  key: string;
  uses: number;
  authenticated: number;
  violation: number;
}

type Request = Pick<Ended, 'facts' | 'outcome' | 'reason'>;

/** Tells of who was let in and who was refused by a policy: not each time, and never so that an answer waits for it. */
export class Teller {
  readonly #options: { store: Store; log: Logger };
  readonly #told = new Map<string, Told>();
  #events: DomainEvent[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #dropped: Counter;

  constructor(options: { store: Store; log: Logger; registry: Registry }) {
    this.#options = options;
    this.#dropped = new Counter({
      name: 'gatehouse_access_events_dropped_total',
      help: 'Events of requests that were not told, as too many were waiting.',
      registers: [options.registry],
    });
  }

  /** One for all requests of a person, device and NAS; to be released as often as it was asked for. */
  toldOf(facts: Facts): Told {
    const key = `${facts.username}\0${facts.mac ?? ''}\0${facts.nas?.id ?? ''}`;
    let told = this.#told.get(key);
    if (!told) {
      told = { key, uses: 0, authenticated: -TELL_MS, violation: -TELL_MS };
      this.#told.set(key, told);
    }
    told.uses++;
    return told;
  }
  release(told: Told): void {
    if (--told.uses === 0) this.#told.delete(told.key);
  }

  tell(told: Told, request: Request, decision: Decision | undefined): void {
    const { at } = request.facts;
    // A clock that was put back starts anew.
    const isDue = (last: number) => at - last >= TELL_MS || at < last;
    if (request.outcome === 'accept') {
      if (!isDue(told.authenticated)) return;
      told.authenticated = at;
      this.#authenticated(request, decision);
    } else if (decision && isDue(told.violation)) {
      told.violation = at;
      this.#violation(request, decision);
    }
  }

  #authenticated({ facts }: Request, decision: Decision | undefined): void {
    if (!facts.nas) return;
    this.#queue(
      event(
        'session.authenticated',
        {
          username: facts.username,
          userId: facts.userId ?? null,
          mac: facts.mac ?? '',
          nasId: facts.nas.id,
          siteId: facts.nas.siteId,
          method: facts.method,
          policy: decision?.policy?.name ?? null,
        },
        SYSTEM,
      ),
    );
  }

  #violation({ facts, reason }: Request, decision: Decision): void {
    this.#queue(
      event(
        'policy.violation',
        {
          policyId: decision.policy?.id ?? null,
          username: facts.username,
          mac: facts.mac ?? '',
          nasId: facts.nas?.id ?? null,
          reason: reason ?? decision.reason ?? `denied by the policy ${decision.policy?.name}`,
        },
        SYSTEM,
      ),
    );
  }

  #queue(told: DomainEvent): void {
    if (this.#events.length >= MAX_EVENTS_WAITING) {
      this.#dropped.inc();
      return;
    }
    this.#events.push(told);
    this.#timer ??= this.#later();
  }

  #later(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#writing = this.#write();
    }, EVENTS_MS);
  }

  async #write(): Promise<void> {
    const batch = this.#events.splice(0, EVENTS_AT_ONCE);
    try {
      await transact(this.#options, async (_db, emit) => {
        for (const one of batch) emit(one);
      });
    } catch (error) {
      this.#dropped.inc(batch.length);
      this.#options.log.error({ err: error, events: batch.length }, 'events of requests could not be written');
    }
    this.#timer = this.#events.length > 0 ? this.#later() : undefined;
  }

  /** Writes what waits. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    clearTimeout(this.#timer);
    while (this.#events.length > 0) await this.#write();
    clearTimeout(this.#timer);
  }
}
