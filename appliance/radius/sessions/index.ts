import type { Registry } from 'prom-client';
import { Gauge } from 'prom-client';
import { type DomainEvent, SYSTEM } from '../../events/index.ts';
import type { Routes } from '../../http/index.ts';
import type { Logger, Store } from '../../store/index.ts';
import { type AccountingRecord, deviceOf } from '../accounting/index.ts';
import type { CoaClient } from '../coa/index.ts';
import { ATTRIBUTE } from '../codec/index.ts';
import { macOf } from '../directory/index.ts';
import type { AccessRequest, Nas } from '../types.ts';
import { createSessionDatabase } from './database.ts';
import { createLive, type LiveSession } from './live.ts';
import { type Authentication, createPending } from './pending.ts';
import { createReauthorization, digestOf, type Redecide, whole } from './reauthorize.ts';
import { sessionRoutes } from './routes.ts';
import type { SessionView } from './schema.ts';
import type { SessionRow } from './tables.ts';
import { createUsage, type DayOf, type Usage, usageKey } from './usage.ts';

export type { LiveSession } from './live.ts';
export type { Reauthorized, Redecide, Redecision } from './reauthorize.ts';
export { SessionView } from './schema.ts';
export { type DayOf, type Usage, usageKey } from './usage.ts';

/** What memory knows is in the database after this long. */
export const FLUSH_MS = 1000;
const LOST_SWEEP_MS = 15_000;
const RETENTION_SWEEP_MS = 3600 * 1000;

/** An Access-Request that was accepted. */
export interface Accepted {
  /** As the person is known here; accounting may say an outer identity. */
  username: string;
  userId: string | null;
  /** Whose usage it counts for, where it isn't `usageKey(userId, username)`. */
  userKey?: string | undefined;
  method: string;
  policy: string | null;
  /** The decision's encoded attributes; undefined where they are not ours. */
  attributes: Uint8Array | undefined;
  dailyQuota?: { bytes?: number | undefined; seconds?: number | undefined } | undefined;
  /** How many sessions this person may have at once, where that is bounded. */
  simultaneousUse?: number | undefined;
  /** A Class of the answer that no other answer has. */
  class?: Uint8Array | undefined;
}

export interface SessionsOptions {
  store: Store;
  log: Logger;
  registry?: Registry | undefined;
  /** Milliseconds since 1970. */
  now: () => number;
  coa: CoaClient;
  nasById: (id: string) => Nas | undefined;
  /** The day of a site's zone around a time. */
  dayOf: DayOf;
  /** Who has a name, where a session starts without a request that we have seen. */
  userOf?: (username: string) => { userId: string; userKey?: string } | undefined;
  redecide: Redecide;
  siteExists: (id: string) => boolean | Promise<boolean>;
  overlaySessions: () => Promise<SessionView[]>;
  overlaySession: (id: string) => Promise<SessionView | undefined>;
}

/**
 * RADIUS sessions: live in memory, written to the database in batches together with their events, listed with the
 * overlay's. Accounting hands records in; authorization says who it was.
 */
export function createSessions(options: SessionsOptions) {
  const { log, now } = options;
  const database = createSessionDatabase(options.store);
  const pending = createPending(now);
  const usage = createUsage(options.dayOf);
  const dirty = new Set<LiveSession>();
  const events: DomainEvent[] = [];
  /** Sessions that have just been found over their quota, and those whose NAS is being told. */
  const over: LiveSession[] = [];
  const ending = new Set<LiveSession>();
  const live = createLive({
    usage,
    now,
    authentication: (record) => pending.find(record),
    userOf: options.userOf ?? (() => undefined),
    changed: (session) => dirty.add(session),
    overQuota(session, reason, told) {
      over.push(session);
      if (told) return;
      events.push({ type: 'policy.violation', data: { ...violationOf(session), reason, actor: SYSTEM } });
    },
  });
  const reauthorization = createReauthorization({
    live,
    coa: options.coa,
    log,
    nasById: options.nasById,
    redecide: options.redecide,
    changed: (session) => dirty.add(session),
  });

  /** Records that were applied, and the number that is known to be in the database with all before it. */
  let applied = 0;
  let stored: (count: number) => void = () => undefined;
  let queue: Promise<void> | undefined;
  let flushing: Promise<void> | undefined;
  let failing = false;
  let started = 0;
  const timers: NodeJS.Timeout[] = [];

  if (options.registry) {
    new Gauge({
      name: 'gatehouse_radius_sessions_active',
      help: 'RADIUS sessions that have not ended',
      registers: [options.registry],
      collect() {
        this.set(live.active.size);
      },
    });
  }

  /** `counted`: records of this run's journal, which waits for them to be stored. */
  function applyAll(records: readonly AccountingRecord[], counted: boolean): void {
    for (const record of records) {
      try {
        live.apply(record);
      } catch (error) {
        log.error({ err: error, nas: record.nasId }, 'an accounting record could not be applied');
      }
    }
    if (counted) applied += records.length;
    for (const session of over.splice(0)) {
      if (ending.has(session)) continue;
      ending.add(session);
      // Who comes back is refused by the same limit.
      void reauthorization.disconnect(session, true).then(({ result }) => {
        ending.delete(session);
        if (result === 'ack') return;
        log.warn({ session: session.id, result }, 'a session over its quota was not disconnected');
      });
    }
  }
  async function lookUp(records: readonly AccountingRecord[]): Promise<void> {
    try {
      for (const session of await database.find(records, now())) live.restore(session);
    } catch (error) {
      log.error({ err: error }, 'sessions of late accounting records could not be looked up: they count as new');
    }
  }

  async function flush(): Promise<void> {
    while (flushing) await flushing.catch(() => undefined);
    if (dirty.size === 0 && events.length === 0) {
      stored(applied);
      return;
    }
    flushing = write().finally(() => {
      flushing = undefined;
    });
    await flushing;
  }
  async function write(): Promise<void> {
    const mark = applied;
    const sessions = [...dirty];
    const told = events.splice(0);
    dirty.clear();
    let [written, toldAll] = [0, told.length === 0];
    try {
      await database.write(sessions, told, (part) => {
        written += part.length;
        toldAll = true;
      });
      stored(mark);
      live.sweepEnded((session) => dirty.has(session));
    } catch (error) {
      for (const session of sessions.slice(written)) dirty.add(session);
      if (!toldAll) events.unshift(...told);
      throw error;
    }
  }
  async function flushLater(): Promise<void> {
    try {
      await flush();
      if (failing) log.info({}, 'sessions can be written again');
      failing = false;
    } catch (error) {
      if (!failing) log.error({ err: error }, 'sessions could not be written; they are kept and tried again');
      failing = true;
    }
  }

  const sweep = (): Promise<number> => database.sweep(now());
  const every = (ms: number, fn: () => Promise<void>): void => {
    let busy = false;
    const timer = setInterval(() => {
      if (busy) return;
      busy = true;
      fn()
        .catch((error) => log.error({ err: error }, 'sessions could not be looked after; it is tried again'))
        .finally(() => {
          busy = false;
        });
    }, ms);
    timer.unref();
    timers.push(timer);
  };

  function view(row: SessionRow): SessionView {
    const until = row.ended_at === null ? now() : Date.parse(row.ended_at);
    const between = Math.max(0, Math.floor((until - Date.parse(row.started_at)) / 1000));
    return {
      id: row.id,
      type: 'radius',
      site_id: row.site_id,
      status: row.ended_at === null ? 'active' : 'ended',
      user: row.username,
      user_id: row.user_id,
      mac: row.mac,
      ip: row.ip,
      ipv6: row.ipv6,
      nas: { id: row.nas_id, name: options.nasById(row.nas_id)?.name ?? '' },
      nas_port: row.nas_port,
      ssid: row.ssid,
      called_station: row.called_station,
      started_at: row.started_at,
      updated_at: row.updated_at,
      ended_at: row.ended_at,
      duration: row.ended_at === null ? Math.max(between, row.seconds ?? 0) : (row.seconds ?? between),
      bytes_in: row.bytes_in,
      bytes_out: row.bytes_out,
      packets_in: row.packets_in,
      packets_out: row.packets_out,
      terminate_cause: row.terminate_cause,
      policy: row.policy,
      method: row.method,
      acct_session_id: row.acct_session_id,
    };
  }

  const routes: Routes = sessionRoutes({
    live,
    database,
    reauthorization,
    // What can't be written now is listed as it was.
    flush: flushLater,
    view,
    siteExists: options.siteExists,
    overlaySessions: options.overlaySessions,
    overlaySession: options.overlaySession,
  });

  return {
    routes,
    flush,
    /** Deletes sessions that ended too long ago; answers how many. */
    sweep,
    reauthorizeWhere: reauthorization.reauthorizeWhere,
    /** Ends a session at its NAS: for limits that somebody else finds to be passed. */
    async disconnect(id: string) {
      const session = live.byId.get(id);
      return session && session.endedAt === null ? reauthorization.disconnect(session, true) : undefined;
    },
    active: live.active as ReadonlySet<Readonly<LiveSession>>,

    /** Reads back what an earlier run knew: before the journal is replayed. */
    async load(): Promise<void> {
      started = now();
      for await (const sessions of database.active()) for (const session of sessions) live.restore(session);
      for (const row of await database.usage(started)) {
        usage.restore(row.user_key, row.site_id, row.day_start, row.bytes, row.seconds, started);
      }
    },
    /** Begins to write and to look for what is lost. */
    start(): void {
      every(FLUSH_MS, flushLater);
      every(LOST_SWEEP_MS, async () => live.sweepLost(started));
      every(RETENTION_SWEEP_MS, async () => {
        usage.sweep(now());
        await sweep();
      });
    },
    /** Writes the rest. */
    async stop(): Promise<void> {
      for (const timer of timers.splice(0)) clearInterval(timer);
      await queue;
      await flushLater();
    },

    /**
     * Takes records in, in order; at once unless a late one has to be looked up. `all`: each may be one that the
     * database has seen (a replayed journal).
     */
    apply(records: readonly AccountingRecord[], all = false): Promise<void> | undefined {
      if (!queue && !all && !records.some(live.isUnknown)) {
        applyAll(records, true);
        return undefined;
      }
      const mine: Promise<void> = (queue ?? Promise.resolve())
        .then(async () => {
          const unknown = records.filter((record) => (all ? record.sessionId !== '' : live.isUnknown(record)));
          if (unknown.length > 0) await lookUp(unknown);
          applyAll(records, !all);
        })
        .finally(() => {
          if (queue === mine) queue = undefined;
        });
      queue = mine;
      return mine;
    },
    hasRoom: live.hasRoom,
    /** `fn` is told how many of the records so far are in the database, from the first one on. */
    onStored(fn: (count: number) => void): void {
      stored = fn;
    },

    /** Remembers who was let in, for the session that starts now; one that goes on is changed at once. */
    onAuthenticated(request: AccessRequest, accepted: Accepted): void {
      const { packet, nas } = request;
      const station = packet.first(ATTRIBUTE.callingStationId);
      const authentication: Authentication = {
        nasId: nas.id,
        device: deviceOf(packet, request.address),
        acctSessionId: packet.text(ATTRIBUTE.acctSessionId),
        mac: (station && macOf(Buffer.from(station).toString('latin1'))) ?? null,
        username: accepted.username,
        userId: accepted.userId,
        userKey: accepted.userKey ?? usageKey(accepted.userId, accepted.username),
        method: accepted.method,
        policy: accepted.policy,
        decided: accepted.attributes ? digestOf(accepted.attributes) : null,
        quotaBytes: whole(accepted.dailyQuota?.bytes),
        quotaSeconds: whole(accepted.dailyQuota?.seconds),
        class: accepted.class && Buffer.from(accepted.class).toString('hex'),
      };
      pending.remember(authentication);
      const { acctSessionId, userKey, mac } = authentication;
      if (accepted.simultaneousUse !== undefined && mac !== null) usage.admitted(userKey, request.at, mac);
      const session = acctSessionId === undefined ? undefined : live.activeByKey(authentication, acctSessionId);
      if (!session || (session.mac !== null && authentication.mac !== null && session.mac !== authentication.mac))
        return;
      live.adopt(session, authentication);
      dirty.add(session);
    },
    /** `mac`: the device that asks, whose own sessions don't count among `sessions`. */
    usage: (userKey: string, at: number, mac?: string | null): Usage => usage.of(userKey, at, mac),
  };
}
export type Sessions = ReturnType<typeof createSessions>;

const violationOf = (session: LiveSession) => ({
  policyId: null,
  username: session.username ?? '',
  mac: session.mac ?? '',
  nasId: session.nasId,
});
