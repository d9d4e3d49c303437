import { hash } from 'node:crypto';
import type { Logger } from '../../store/index.ts';
import { type CoaClient, type CoaKind, type CoaOutcome, SESSION_CONTEXT_NOT_FOUND } from '../coa/index.ts';
import type { Nas } from '../types.ts';
import type { Live, LiveSession } from './live.ts';

/** What a session is to be from now on. */
export interface Redecision {
  /** Encoded, as in an Access-Accept: without what belongs to one request (keys, State, EAP). */
  attributes: Uint8Array;
  policy: string | null;
  quotaBytes?: number | undefined;
  quotaSeconds?: number | undefined;
}

/** Asks the policies anew. `deny`: the session must end; undefined: it isn't ours to decide (a proxied user's). */
export type Redecide = (session: Readonly<LiveSession>) => Redecided | Promise<Redecided>;
type Redecided = Redecision | 'deny' | undefined;

export interface Reauthorized {
  /** `none`: nothing was to be changed. */
  action: 'none' | 'coa' | 'disconnect';
  outcome: CoaOutcome;
}

const digests = new WeakMap<Uint8Array, string>();

/** A short text that is the same for the same attributes; kept by identity, as the same decision gives the same bytes. */
export function digestOf(attributes: Uint8Array): string {
  let digest = digests.get(attributes);
  if (digest === undefined) {
    digest = hash('sha256', attributes, 'base64url').slice(0, 22);
    digests.set(attributes, digest);
  }
  return digest;
}

/** A limit as the database keeps it. */
export const whole = (limit: number | undefined): number | null =>
  limit === undefined ? null : Math.min(Math.floor(limit), Number.MAX_SAFE_INTEGER);

/** Asks this many sessions before the event loop has its turn. */
const ASKED_AT_ONCE = 200;

/** A session that is being asked about; `again`: something has changed meanwhile, so once more. */
interface Turn {
  again: boolean;
  /** It looks at `again` no more. */
  over: boolean;
  ended: Promise<void>;
}

/** What we ask of NAS about sessions that are under way. */
export function createReauthorization(options: {
  live: Live;
  coa: CoaClient;
  log: Logger;
  nasById: (id: string) => Nas | undefined;
  redecide: Redecide;
  changed: (session: LiveSession) => void;
}) {
  const { live, coa, log } = options;
  const busy = new Map<string, Turn>();

  async function ask(session: LiveSession, kind: CoaKind, more: Uint8Array, bulk: boolean): Promise<CoaOutcome> {
    const nas = options.nasById(session.nasId);
    if (!nas) return { result: 'failed', reason: 'the NAS of this session is not configured any more' };
    if (session.address === null) return { result: 'failed', reason: 'the address of the NAS is not known' };
    // Behind a socket for both families, IPv4 addresses have this form.
    const address = session.address.replace(/^::ffff:(?=\d+\.)/, '');
    const identity = Buffer.from(session.identity ?? '', 'latin1');
    const target =
      nas.protocol === 'radsec'
        ? { address, port: 0, secret: nas.secret, radsec: nas.id }
        : { address, port: nas.coa.port, secret: nas.coa.secret };
    const outcome = await coa.send({ kind, target, attributes: Buffer.concat([identity, more]), bulk });
    if (outcome.result === 'nak' && outcome.cause?.code === SESSION_CONTEXT_NOT_FOUND && session.endedAt === null) {
      // It is over, and its Stop was lost. Should the NAS be wrong, the next Interim brings it back.
      live.end(session, Math.max(session.updatedAt, session.startedAt), 'lost');
    }
    return outcome;
  }

  async function disconnect(session: LiveSession, bulk = false): Promise<CoaOutcome> {
    const outcome = await ask(session, 'disconnect', new Uint8Array(0), bulk);
    if (outcome.result === 'ack') live.disconnecting(session);
    return outcome;
  }

  function adopt(session: LiveSession, decision: Redecision, decided: string): void {
    const quotaBytes = whole(decision.quotaBytes);
    const quotaSeconds = whole(decision.quotaSeconds);
    const { policy } = decision;
    const same = session.decided === decided && session.policy === policy;
    if (same && session.quotaBytes === quotaBytes && session.quotaSeconds === quotaSeconds) return;
    Object.assign(session, { decided, policy, quotaBytes, quotaSeconds });
    options.changed(session);
  }

  async function once(session: LiveSession, always: boolean, bulk: boolean): Promise<Reauthorized> {
    const decision = await options.redecide(session);
    if (decision === 'deny') return { action: 'disconnect', outcome: await disconnect(session, bulk) };
    const decided = decision && digestOf(decision.attributes);
    if (!decision || decided === undefined) return { action: 'none', outcome: { result: 'ack' } };
    if (decided === session.decided && !always) {
      // Nothing for the NAS, but the name of the policy or a quota may be another.
      adopt(session, decision, decided);
      return { action: 'none', outcome: { result: 'ack' } };
    }
    const outcome = await ask(session, 'coa', decision.attributes, bulk);
    if (outcome.result === 'ack') {
      adopt(session, decision, decided);
    } else if (outcome.result === 'nak' && !always && session.endedAt === null) {
      // A NAS that can't change a session under way must not keep somebody where they may not be any more: who comes
      // anew is decided anew.
      log.warn(
        { session: session.id, cause: outcome.cause },
        'the NAS refused a CoA; the session is disconnected instead',
      );
      return { action: 'disconnect', outcome: await disconnect(session, bulk) };
    }
    return { action: 'coa', outcome };
  }

  /** One at a time for a session: an earlier decision must not arrive after a later one. */
  function alone<R>(session: LiveSession, fn: (turn: Turn) => Promise<R>): Promise<R> {
    const turn: Turn = { again: false, over: false, ended: Promise.resolve() };
    const before = busy.get(session.id)?.ended ?? Promise.resolve();
    const result = before
      .then(() => fn(turn))
      .finally(() => {
        turn.over = true;
      });
    turn.ended = result.then(
      () => undefined,
      () => undefined,
    );
    busy.set(session.id, turn);
    void turn.ended.then(() => busy.get(session.id) === turn && busy.delete(session.id));
    return result;
  }

  async function automatic(session: LiveSession): Promise<Reauthorized | undefined> {
    const current = busy.get(session.id);
    if (current && !current.over) {
      // Whoever is at it asks once more.
      current.again = true;
      return undefined;
    }
    try {
      return await alone(session, async (turn) => {
        for (;;) {
          turn.again = false;
          const done = await once(session, false, true);
          if (turn.again && session.endedAt === null) continue;
          turn.over = true;
          return done;
        }
      });
    } catch (error) {
      log.error({ err: error, session: session.id }, 'a session could not be decided anew');
      return undefined;
    }
  }

  return {
    disconnect,
    /** Sends the decision of now, changed or not. */
    reauthorize: (session: LiveSession): Promise<Reauthorized> =>
      alone(session, async (turn) => {
        let done = await once(session, true, false);
        while (turn.again && session.endedAt === null) {
          turn.again = false;
          done = await once(session, false, false);
        }
        turn.over = true;
        return done;
      }),
    /**
     * Asks the policies anew for each active session that `predicate` picks, and tells the NAS what is different. The
     * first requests leave at once; resolves when all NAS have answered or given up.
     */
    async reauthorizeWhere(
      predicate: (session: Readonly<LiveSession>) => boolean,
    ): Promise<{ asked: number; changed: number; disconnected: number; failed: number }> {
      const told = { asked: 0, changed: 0, disconnected: 0, failed: 0 };
      const under: Promise<void>[] = [];
      for (const session of [...live.active]) {
        // One whose Disconnect was acknowledged is as good as over.
        if (session.endedAt !== null || session.stopDueAt !== 0 || !predicate(session)) continue;
        told.asked++;
        under.push(
          automatic(session).then((done) => {
            if (!done || done.action === 'none') return;
            if (done.outcome.result !== 'ack') told.failed++;
            else if (done.action === 'coa') told.changed++;
            else told.disconnected++;
          }),
        );
        if (told.asked % ASKED_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await Promise.all(under);
      return told;
    },
  };
}
export type Reauthorization = ReturnType<typeof createReauthorization>;
