import path from 'node:path';
import type { Bus } from '../events/index.ts';
import type { Hold, Routes } from '../http/index.ts';
import type { Logger, Store } from '../store/index.ts';
import type { Backend, Settings } from './backend.ts';
import { dropOld } from './exports/exports.ts';
import { ExportJobs } from './exports/jobs.ts';
import { exportRoutes } from './exports/routes.ts';
import { recordRoutes } from './routes/records.ts';
import { statusRoutes } from './routes/status.ts';
import { createTails, tailRoutes } from './routes/tail.ts';
import { searchRoutes } from './searches/routes.ts';
import { forgetOwner } from './searches/searches.ts';
import type { Service } from './service.ts';
import { activeHolds } from './settings/holds.ts';
import { getDays } from './settings/retention.ts';
import { settingRoutes } from './settings/routes.ts';
import { APPLIANCE, SourceBook } from './sources/book.ts';
import { sourceRoutes } from './sources/routes.ts';
import type { LogTables } from './tables.ts';

/** How often old exports are looked for. */
const SWEEP_MS = 3_600_000;

export interface LogApiOptions {
  store: Store;
  bus: Bus;
  log: Logger;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Exports are in `exports` of it. */
  dataDir: string;
  backend: Backend;
  /** Keeps the credential of who follows records: identity's. */
  hold: Hold;
  /** The site of sources that nobody has given one. */
  defaultSite: string;
}

/** The HTTP side of the sealed log, with what is set in it. */
export function createLogApi(options: LogApiOptions) {
  const { store, bus, log, now, backend } = options;
  const sources = new SourceBook(backend, options.defaultSite);
  const service: Service = { store, log, now, backend, sources };
  const jobs = new ExportJobs(service, path.join(options.dataDir, 'exports'));
  const tails = createTails(service, options.hold);

  async function settings(): Promise<Settings> {
    const holds = await activeHolds(store.as<LogTables>());
    const all = sources.all();
    const ids = new Map(all.map(({ address, id }) => [address, id]));
    return {
      sources: all
        .filter(({ id }) => id !== APPLIANCE)
        .map((source) => ({
          id: source.id,
          class: source.class,
          ...(source.fixedParser !== null && { parser: source.fixedParser }),
        })),
      retention: await getDays(service),
      holds: holds.flatMap(({ fromUs, toUs, name, address }) => {
        if (address === null) return [{ fromUs, toUs, name }];
        const source = ids.get(address);
        return source === undefined ? [] : [{ fromUs, toUs, name, source }];
      }),
    };
  }
  let sweeping: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  let waiting: Promise<void> | undefined;
  /** Sends the settings as they are now or newer: one after another, and those that wait for the same together. */
  function send(): Promise<void> {
    if (!sending) {
      sending = settings()
        .then((now) => backend.sendSettings(now))
        .finally(() => {
          sending = undefined;
        });
      return sending;
    }
    waiting ??= sending
      .catch(() => undefined)
      .then(() => {
        waiting = undefined;
        return send();
      });
    return waiting;
  }

  bus.on(['logs.source.created', 'logs.source.updated', 'logs.source.deleted'], send);
  bus.on(['logs.retention.updated', 'logs.hold.created', 'logs.hold.released'], send);
  bus.on(['identity.user.deleted'], ({ data }) => forgetOwner(service, data.userId, data.actor));
  bus.on(
    [
      'identity.user.updated',
      'identity.user.deleted',
      'identity.logout',
      'identity.password.reset',
      'identity.token.deleted',
    ],
    ({ data }) => tails.recheck(data.userId),
  );

  return {
    /** For the prefix /v1. */
    routes: (async (app) => {
      await app.register(recordRoutes(service));
      await app.register(statusRoutes(service));
      await app.register(tailRoutes(service, tails));
      await app.register(sourceRoutes(service));
      await app.register(searchRoutes(service));
      await app.register(settingRoutes(service, jobs));
      await app.register(exportRoutes(service, jobs));
    }) satisfies Routes as Routes,
    /** To be called when the sealing thread has given a sender a number: what is set for its address holds for it. */
    sourceSeen: send,
    /** Once the backend knows its sources: tells it the settings, and goes on with the exports that wait. */
    async start(): Promise<void> {
      await sources.load(store);
      await send();
      await jobs.start();
      await dropOld(service, jobs);
      sweeping = setInterval(() => {
        dropOld(service, jobs).catch((error) => log.error({ err: error }, 'old exports could not be deleted'));
      }, SWEEP_MS);
      tails.start();
    },
    async stop(): Promise<void> {
      clearInterval(sweeping);
      tails.stop();
      await jobs.stop();
    },
  };
}
export type LogApi = ReturnType<typeof createLogApi>;
