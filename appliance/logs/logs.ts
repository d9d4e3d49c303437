import { existsSync } from 'node:fs';
import path from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Address, LogsConfig } from '../config/index.ts';
import type { Bus } from '../events/index.ts';
import { importFfi } from '../ffi/index.ts';
import { type Api, type Hold, plainErrors, type Routes } from '../http/index.ts';
import type { Logger, SecretBox, Store } from '../store/index.ts';
import { createLogApi, type LogApi } from './api.ts';
import { createAppender } from './append.ts';
import { type Archive, openArchive } from './archive/index.ts';
import type { Backend } from './backend.ts';
import { createClosed } from './closed.ts';
import { createFeed } from './feed/feed.ts';
import { readLogIdentity } from './keys/index.ts';
import { createLive } from './live.ts';
import { createNamed, type Usernames } from './named.ts';
import { post } from './post.ts';
import { type Receiver, type ReceiverOptions, type SyslogTls, startReceiver } from './receive/index.ts';
import { createHasher } from './record/sha256.ts';
import { CLASSES, KIND } from './record/types.ts';
import { type Anchor, readAnchor } from './rounds/anchor.ts';
import { createRounds, type Rounds } from './rounds/rounds.ts';
import { type SealerThread, startSealer } from './seal/start.ts';
import { type Search, startSearch } from './search/index.ts';
import { createStateTeller } from './state.ts';
import { clockState } from './synchronised.ts';
import { witnessRoutes } from './witness/routes.ts';
import { createWitness, type Witness } from './witness/server.ts';

const AUDIT = CLASSES.indexOf('audit');
const MEASURE_MS = 60_000;
/** It is there as soon as there is a log. */
const GENESIS = 'genesis';
/** How often the system is asked whether its clock is synchronised. */
const WATCH_MS = 1_000;

export interface LogsOptions {
  store: Store;
  secrets: SecretBox;
  bus: Bus;
  log: Logger;
  registry: Registry;
  dataDir: string;
  settings: LogsConfig;
  /** Identity's: keeps the credential of who follows records. */
  hold: Hold;
  /** Identity's. */
  usernames: Usernames;
  defaultSite: string;
  siteExists(id: string): boolean;
  /** The PKI's, for syslog over TLS. */
  certificates: {
    server(): { key: string; chain: string };
    authorities(): string;
    onChange(listener: () => void): void;
    /** Whether a sender's certificate counts; `chain` is DER, leaf first. Never rejects. */
    check(
      chain: readonly Uint8Array[],
      purpose: 'sender',
    ): Promise<{ ok: true; facts: { subject: string; serial: string } } | { ok: false; reason: string }>;
  };
}

/** Where syslog comes in, once it does. */
export interface SyslogPorts {
  /** UDP and TCP. */
  syslog?: string;
  syslogTls?: string;
  /** The verifier keys of a log that was begun just now: to be written down. */
  newKeys?: string[];
}

/**
 * The sealed log: a thread that receives, one that seals, one that searches, and what is asked of them over HTTP. Until
 * `start` its routes don't answer.
 */
export function createLogs(options: LogsOptions) {
  const { store, secrets, bus, log, settings, dataDir, certificates } = options;
  const folder = path.join(dataDir, 'logs');
  const origin = originOf(folder, `gatehouse/${settings.tenant}/${options.defaultSite}/${settings.edge}`);
  const now = (): number => Date.now();

  let sealer: SealerThread | undefined;
  let search: Search | undefined;
  let receiver: Receiver | undefined;
  let archive: Archive | undefined;
  let rounds: Rounds | undefined;
  let live: ReturnType<typeof createLive> | undefined;
  let api: LogApi | undefined;
  let measuring: NodeJS.Timeout | undefined;
  let watching: NodeJS.Timeout | undefined;
  /** Where the log can't be opened. */
  let closed: Backend | undefined;
  const states = createStateTeller({ store, log, now });
  const appender = createAppender(() => must(sealer), log);
  // Where the log can't be opened, events must not wait for it: all else hears them with it.
  const named = createNamed(options.usernames, bus);
  const feed = createFeed(async (...record) => (closed ? undefined : appender.append(...record)), {
    named,
    kept: async (...record) => (closed ? undefined : appender.kept(...record)),
  });
  feed.listen(bus);
  let witness: Witness | undefined;
  observe(options.registry, () => ({ sealer, receiver, lost: appender.lost() }));

  /** As the appliance has them now. */
  const tls = (): SyslogTls => {
    const { key, chain } = certificates.server();
    return { key, cert: chain, ...(settings.syslogTlsClients === 'required' && { ca: certificates.authorities() }) };
  };
  certificates.onChange(() => {
    if (!receiver || !settings.syslogTls) return;
    receiver.setTls(tls()).catch((error) => log.error({ err: error }, 'syslog over TLS keeps its old certificate'));
  });

  bus.on(['pki.certificate.revoked'], () => receiver?.recheck());

  const backend: Backend = new Proxy({} as Backend, {
    get: (_target, name: keyof Backend) => (closed ?? must(live).backend)[name],
  });
  api = createLogApi({ store, bus, log, now, dataDir, backend, hold: options.hold, defaultSite: options.defaultSite });
  const routes = api.routes;

  async function startThreads(anchor: Anchor | undefined): Promise<SyslogPorts> {
    const toSealer = new MessageChannel();
    const toSearch = new MessageChannel();
    sealer = startSealer(
      {
        dataDir,
        folder,
        origin,
        receiver: toSealer.port1,
        search: toSearch.port1,
        ...(anchor && { atLeast: { size: anchor.size, root: Buffer.from(anchor.root, 'base64') } }),
      },
      {
        log,
        onSource: () => {
          live?.sourceSeen();
          api?.sourceSeen().catch((error) => log.warn({ err: error }, 'what is set for a new sender is not known yet'));
        },
        onState: states.tell,
      },
    );
    const ready = await sealer.ready;
    const identity = readLogIdentity(folder);
    archive = openArchive({ folder, secrets, hasher: await createHasher(importFfi) });
    search = startSearch({ folder, dataDir, sealer: toSearch.port2, log });
    rounds = createRounds({
      archive,
      sealer,
      witnesses: settings.witnesses,
      tsa: settings.tsa,
      tsaCa: settings.tsaCa,
      store,
      log,
      http: post,
      now,
    });
    // Before anything is signed: a witness may know that this is an old copy.
    await rounds.start(anchor?.size ?? 0);
    receiver = settings.syslog && (await receive(settings.syslog, toSealer.port2));
    live = createLive({
      ...{ dataDir, folder, archive, identity, sealer, search, receiver, rounds, now },
      witnesses: settings.witnesses.map(({ key }) => key),
      strict: async (kind, retentionClass, entry) => appender.strict(kind, retentionClass, await named(entry)),
      siteExists: options.siteExists,
    });
    await api?.start();
    await live.measure();
    const isSynchronised = await clockState();
    receiver?.setSynchronised(isSynchronised());
    measuring = setInterval(() => void live?.measure().catch(() => undefined), MEASURE_MS);
    watching = setInterval(() => receiver?.setSynchronised(isSynchronised()), WATCH_MS);
    return {
      ...(receiver && { syslog: receiver.addresses.udp }),
      ...(receiver?.addresses.tls !== undefined && { syslogTls: receiver.addresses.tls }),
      ...(ready.created && { newKeys: identity.genesisVkeys }),
    };
  }

  function receive(listen: Address, seal: ReceiverOptions['seal']): Promise<Receiver> {
    return startReceiver({
      listen,
      ...(settings.syslogTls && { tls: { ...settings.syslogTls, ...tls() } }),
      async checkSender(chain, connecting) {
        const checked = await certificates.check(chain, 'sender');
        if (!checked.ok) return checked.reason;
        const { subject, serial } = checked.facts;
        // Before its first line: of those with the flag `authenticated` it says by whom.
        const whose = { event: 'logs.sender.connected', ...connecting, subject, serial };
        if (connecting) await appender.append(KIND.audit, AUDIT, [whose]);
        return undefined;
      },
      seal,
      log,
      onFailed: (error) => log.error({ err: error }, 'syslog is not received any more: restart the appliance'),
    });
  }

  async function stopThreads(): Promise<void> {
    clearInterval(measuring);
    clearInterval(watching);
    await receiver?.stop();
    await api?.stop();
    live?.stop();
    await rounds?.stop();
    if (sealer) await appender.stop();
    await sealer?.stop();
    await search?.stop();
    archive?.close();
  }

  return {
    /** For the prefix /v1. */
    routes: routes satisfies Routes,
    /** This appliance as a witness of other logs. */
    witness: { prefix: '/witness', errors: plainErrors, routes: [witnessRoutes(() => must(witness))] } satisfies Api,
    /** Notes how a request at a door has ended. */
    ended: feed.ended,
    /** Resolves once the accounting records are written. */
    accounted: feed.accounted,
    async start(): Promise<SyslogPorts> {
      witness = await createWitness({ store, secrets, folder, origin, trusted: settings.witnessFor, now });
      const anchor = await readAnchor(store);
      if (anchor && !existsSync(path.join(folder, GENESIS))) {
        // Without new keys: they would be taken for those of the log that is gone.
        const reason = `the log is gone: ${folder} is empty, and the database remembers ${anchor.size} records. Put it back, or have a new one begin: 'gatehouse-appliance logs forget', or 'logs set-aside' where that was interrupted`;
        log.error({}, reason);
        states.tell('damaged', reason);
        closed = createClosed(origin, () => ({ state: 'damaged', reason }));
        return {};
      }
      try {
        return await startThreads(anchor);
      } catch (error) {
        await stopThreads();
        // Only now everything that the sealing thread had to say has come.
        if (sealer?.state().state !== 'damaged') throw error;
        // A log that is broken is an alarm, and no reason to let nobody in: all else goes on.
        log.error({ err: error }, 'the log cannot be opened: nothing is logged');
        const { reason } = sealer.state();
        closed = createClosed(origin, () => ({ state: 'damaged', reason }));
        return {};
      }
    },
    /** Takes no more, seals what is there. */
    async stop(): Promise<void> {
      if (!closed) await stopThreads();
      await states.stop();
    },
  };
}

/** A log keeps its name, whatever the settings say later. */
function originOf(folder: string, wanted: string): string {
  if (!existsSync(path.join(folder, GENESIS))) return wanted;
  try {
    return readLogIdentity(folder).origin;
  } catch {
    // The sealing thread finds out as well, and says what is broken.
    return wanted;
  }
}

function must<T>(thread: T | undefined): T {
  if (thread === undefined) throw new Error('the log is not open');
  return thread;
}

interface Observed {
  sealer: SealerThread | undefined;
  receiver: Receiver | undefined;
  lost: number;
}

function observe(registry: Registry, at: () => Observed): void {
  const registers = [registry];
  new Gauge({
    name: 'gatehouse_logs_size',
    help: 'Records that are sealed',
    registers,
    collect() {
      this.set(at().sealer?.stats()?.size ?? 0);
    },
  });
  new Gauge({
    name: 'gatehouse_logs_sealing',
    help: 'Whether the log takes records in and seals them',
    registers,
    collect() {
      this.set(at().sealer?.state().state === 'sealing' ? 1 : 0);
    },
  });
  new Gauge({
    name: 'gatehouse_logs_waiting',
    help: 'Records that wait to be sealed',
    registers,
    collect() {
      this.set(at().sealer?.stats()?.waiting ?? 0);
    },
  });
  new Counter({
    name: 'gatehouse_logs_refused_connections_total',
    help: 'Connections for syslog that were refused, as there were too many',
    registers,
    async collect() {
      const stats = await at()
        .receiver?.stats()
        .catch(() => undefined);
      this.reset();
      this.inc(stats?.refused.connections ?? 0);
    },
  });
  new Counter({
    name: 'gatehouse_logs_lost_total',
    help: 'Records of the appliance itself that were not sealed',
    registers,
    collect() {
      this.reset();
      this.inc(at().lost);
    },
  });
}
export type Logs = ReturnType<typeof createLogs>;
