import { availableParallelism } from 'node:os';
import type { Registry } from 'prom-client';
import type { Access, Decision } from '../access/index.ts';
import type { Address, RadiusConfig } from '../config/index.ts';
import type { Bus } from '../events/index.ts';
import { type Api, HttpError, type Routes } from '../http/index.ts';
import type { Logger, SecretBox, Store } from '../store/index.ts';
import { type AccountingRecord, type AccountingRequest, createAccounting } from './accounting/index.ts';
import {
  createAuthorize,
  createDispatch,
  createInnerMethods,
  createLocal,
  createRecognize,
  createRoute,
} from './authenticate/index.ts';
import { createCoaClient } from './coa/index.ts';
import { ATTRIBUTE } from './codec/index.ts';
import { connectorErrors, createConnectors } from './connector/index.ts';
import { loadDictionary } from './dictionary/index.ts';
import { type Account, AccountPasswords, Directory } from './directory/index.ts';
import { type CertificateCheck, createEap, type Eap, type EapCredentials } from './eap/index.ts';
import { createInbound } from './inbound.ts';
import { sourceView } from './nas/fields.ts';
import { createNasDirectory } from './nas/index.ts';
import type { NasTables } from './nas/tables.ts';
import { createProxied } from './proxied.ts';
import { createProxy } from './proxy/index.ts';
import { createRadsec, type Radsec } from './radsec/index.ts';
import { Renderer } from './render/index.ts';
import { createReview } from './review.ts';
import { createRouting } from './routing/index.ts';
import { createServer } from './server/index.ts';
import { createSessions, type DayOf, type LiveSession, type SessionView, usageKey } from './sessions/index.ts';

/** Threads that EAP runs in, where nobody says how many: one core is left to the rest. */
const MAX_EAP_WORKERS = 4;

export interface RadiusOptions {
  store: Store;
  secrets: SecretBox;
  bus: Bus;
  log: Logger;
  registry: Registry;
  dataDir: string;
  settings: RadiusConfig;
  access: Pick<Access, 'decide' | 'record' | 'devices' | 'vouchers' | 'useVoucher'>;
  /** Identity's. */
  accounts(ids?: readonly string[]): Promise<Account[]>;
  verifyPassword(userId: string, password: string): Promise<boolean>;
  /** Of the sites. */
  siteExists(id: string): boolean;
  dayOf: DayOf;
  /** The PKI's certificates for EAP and RadSec, and what it says of clients'. */
  certificates: {
    server(): { key: string; chain: string };
    authorities(): string;
    check(chain: readonly Uint8Array[], purpose: 'user' | 'nas'): Promise<CertificateCheck>;
    onChange(listener: () => void): void;
  };
  /** Active sessions of the overlay, in the form of ours. */
  overlaySessions(): Promise<SessionView[]>;
  /** Hears each accounting record that is durable; resolves once it has taken them. */
  onAccounting(records: readonly (AccountingRecord & { nasName: string | undefined })[]): Promise<void>;
}

/** Where RADIUS listens, once it does. */
export interface RadiusPorts {
  auth?: string;
  acct?: string;
  radsec?: string;
}

/** The RADIUS server: its clients, realms and sessions, and everything between a datagram and its answer. */
export function createRadius(options: RadiusOptions) {
  const { store, secrets, bus, log, registry, settings, access, certificates } = options;
  const now = (): number => Date.now();
  const monotonic = (): number => performance.now();

  const dictionary = loadDictionary(settings.dictionary === undefined ? [] : [settings.dictionary]);
  const nas = createNasDirectory({
    store,
    secrets,
    log,
    bus,
    now: () => new Date(),
    siteExists: async (id) => options.siteExists(id),
    sourceProblem: (source) => problemOf(routing.checkSource(sourceView(source))),
  });
  const nasWith = (kind: 'rest' | 'proxy', id: string): string[] =>
    [...nas.directory.all()]
      .filter(({ source }) =>
        source?.kind === 'rest'
          ? kind === 'rest' && source.connectorIds.includes(id)
          : source?.kind === 'proxy' && kind === 'proxy' && source.upstreamIds.includes(id),
      )
      .map(({ name }) => name);
  const routing = createRouting({
    store,
    secrets,
    bus,
    log,
    now,
    unknownConnectors: (ids) => connectors.unknownConnectors(ids),
    nasWithUpstream: async (id) => nasWith('proxy', id),
  });

  const connectors = createConnectors({
    store,
    secrets,
    bus,
    log,
    registry,
    dictionary,
    now,
    monotonic,
    usersOf: async (id) => [
      ...(await routing.realmsWithConnector(id)).map((name) => `realm ${name}`),
      ...nasWith('rest', id).map((name) => `NAS ${name}`),
    ],
  });

  const directory = new Directory({
    accounts: options.accounts,
    devices: (ids) => access.devices(ids),
    vouchers: (ids) => access.vouchers(ids),
    log,
  });
  directory.listen(bus);
  const failed = (error: unknown): void => log.error({ err: error }, 'credentials could not be checked');
  const passwords = new AccountPasswords({ verify: options.verifyPassword, failed, monotonic });
  const local = createLocal({ directory, passwords, useVoucher: (id) => access.useVoucher(id), failed, now });
  const authenticate = createRoute({ resolve: routing.resolve, local, rest: connectors.authenticate });

  const coa = createCoaClient({
    log,
    registry,
    now,
    sendRadsec: (nasId, bytes) => radsec?.sendTo(nasId, bytes) ?? false,
  });
  const sessions = createSessions({
    store,
    log,
    registry,
    now,
    coa,
    nasById: (id) => nas.directory.get(id),
    dayOf: options.dayOf,
    userOf: (username) => {
      const user = directory.user(username);
      return user && { userId: user.id };
    },
    redecide: (session) => redecide(session),
    siteExists: options.siteExists,
    overlaySessions: options.overlaySessions,
    overlaySession: async (id) => (await options.overlaySessions()).find((session) => session.id === id),
  });

  const renderer = new Renderer(dictionary);
  const authorize = createAuthorize({
    access,
    directory,
    renderer,
    usage: ({ userId, username, mac }, at) => sessions.usage(usageKey(userId ?? null, username), at, mac),
    admitted: (request, admission) => sessions.onAuthenticated(request, admission),
    realmOf: (login, client) => routing.resolve(login, client).realm,
    log,
  });
  const inbound = createInbound({ access, authorize, local, resolve: routing.resolve, now });

  function redecide(session: Readonly<LiveSession>) {
    const client = nas.directory.get(session.nasId);
    if (!client || session.method === null || session.username === null) return undefined;
    const again = authorize.decideAgain({
      request: { nas: client, address: session.address ?? '', at: now() },
      username: session.username,
      userId: session.userId ?? undefined,
      method: session.method as Parameters<typeof authorize.decideAgain>[0]['method'],
      mac: session.mac ?? undefined,
      ssid: session.ssid ?? undefined,
      calledStation: session.calledStation ?? undefined,
    });
    if (again === 'deny' || again === undefined) return again;
    const { attributes, policy, dailyQuota } = again;
    return { attributes, policy, quotaBytes: dailyQuota?.bytes, quotaSeconds: dailyQuota?.seconds };
  }

  const proxied = createProxied({ authorize });
  const proxy = createProxy({
    upstream: routing.upstream,
    onChange: routing.onChange,
    dictionary,
    log,
    registry,
    monotonic,
    onAccept: proxied.onAccept,
    credentials: () => certificates.server(),
  });
  const routeOf = ({ nas: client, packet }: Pick<AccountingRequest, 'nas' | 'packet'>) => {
    const userName = packet.text(ATTRIBUTE.userName) ?? '';
    const { login, realm, source, accounting } = routing.resolve(userName, client);
    return { source, accounting, route: { realm, ...(login !== userName && { login }) } };
  };

  const accounting = createAccounting({
    dataDir: options.dataDir,
    sessions,
    log,
    registry,
    monotonic,
    onRecords: (records) =>
      options.onAccounting(records.map((one) => ({ ...one, nasName: nas.directory.get(one.nasId)?.name }))),
    forward(request) {
      const { source, accounting: forwarded, route } = routeOf(request);
      if (source.kind !== 'proxy' || !forwarded) return undefined;
      return proxy.proxyAccounting(source.upstreamIds, request, route).then((answer) => answer !== undefined);
    },
  });

  let eap: Eap | undefined;
  const eapCredentials = (): EapCredentials => ({
    ...certificates.server(),
    authorities: certificates.authorities(),
    tunnels: { min: 'TLSv1.2', max: `TLSv${settings.tlsMaxTunnel}` },
  });
  /** Its threads start with the first who needs them. */
  const startedEap = (): Eap | undefined => {
    if (eap) return eap;
    try {
      eap = createEap({
        workers: settings.eapWorkers ?? Math.min(Math.max(availableParallelism() - 1, 1), MAX_EAP_WORKERS),
        log,
        registry,
        credentials: eapCredentials,
        innerMethods: createInnerMethods({ directory, resolve: routing.resolve }),
        checkCertificate: (chain) => certificates.check(chain, 'user'),
        authenticate,
        recognize: createRecognize({ directory, resolve: routing.resolve, now }),
      });
    } catch (error) {
      log.error({ err: error }, 'EAP is off: its certificates cannot be used');
    }
    return eap;
  };

  const dispatch = createDispatch({
    resolve: routing.resolve,
    local,
    rest: connectors.authenticate,
    directory,
    authorize,
    eap: startedEap,
    async proxy(upstreamIds, request) {
      const { route } = routeOf(request);
      return proxied.noted(request, route.realm, await proxy.proxyAccess(upstreamIds, request, route));
    },
    log,
  });
  const server = createServer({
    log,
    registry,
    clients: (address) => nas.directory.find(address),
    limits: { rejectDelayMs: settings.rejectDelayMs },
    onAccess: dispatch,
    onAccounting: (request) => accounting.handle(request),
    batched: settings.batched ? 'auto' : 'off',
    monotonic,
    now,
  });

  let radsec: Radsec | undefined;
  const startRadsec = async ({ host, port }: Address): Promise<number> => {
    radsec = createRadsec({
      log,
      registry,
      credentials: () => ({ ...certificates.server(), authorities: certificates.authorities() }),
      findNas: (names, address) => nas.directory.byCertificate(names, address),
      openStream: (connection) => server.openStream(connection),
      onReply: coa.receiveRadsec,
      checkCertificate: async (chain) => (await certificates.check(chain, 'nas')).ok,
      monotonic,
    });
    return radsec.listen(host, port);
  };
  certificates.onChange(() => {
    eap?.refresh();
    radsec?.refresh();
  });
  bus.on(['pki.certificate.revoked'], () => radsec?.refresh());
  // By its id: the directory hears of it at the same time, and may still have it.
  bus.on(['radius.nas.deleted'], ({ data }) => radsec?.prune((id) => id !== data.nasId));

  const review = createReview({
    settled: () => directory.settled(),
    reauthorizeWhere: sessions.reauthorizeWhere,
    log,
  });
  review.listen(bus);

  return {
    /** For the prefix /v1. */
    routes: [nas.routes, routing.routes, connectors.routes, sessions.routes] satisfies Routes[],
    /** As the backend of other RADIUS servers. */
    connector: {
      prefix: '/connector',
      errors: connectorErrors,
      routes: [
        connectors.inbound({
          authenticate: inbound,
          ntHash: (login) => directory.user(routing.resolve(login, undefined).login)?.password?.ntHash,
        }),
      ],
    } satisfies Api,
    /** Whether a RadSec NAS has this name, in whatever case. Asked of the store: the directory hears of a new one later. */
    async radsecNasExists(name: string): Promise<boolean> {
      const row = await store
        .as<NasTables>()
        .selectFrom('radius_nas')
        .select('id')
        .where('name_key', '=', name.toLowerCase())
        .where('protocol', '=', 'radsec')
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
    /** What is wrong with a reply attribute; undefined where nothing is. */
    attributeFault: (name: string, value: string) => renderer.attributeFault(name, value),
    /** Why some type of NAS can't be told of a decision; undefined where each can. */
    decisionFault: (decision: Decision) => renderer.decisionFault(decision),
    /** Reads what is needed into memory, takes up what an earlier run left, and listens. */
    async start(): Promise<RadiusPorts> {
      await nas.start();
      await routing.start();
      await connectors.start();
      await directory.start();
      await sessions.load();
      await accounting.start();
      sessions.start();
      review.start();
      const ports: RadiusPorts = {};
      const { auth, acct } = settings;
      if (auth) ports.auth = shown(auth.host, await server.listenAuth(auth.host, auth.port));
      if (acct) ports.acct = shown(acct.host, await server.listenAcct(acct.host, acct.port));
      if (settings.radsec) ports.radsec = shown(settings.radsec.host, await startRadsec(settings.radsec));
      return ports;
    },
    /** Answers what is in work, and writes the rest. */
    async stop(): Promise<void> {
      review.stop();
      await radsec?.close();
      await server.close();
      proxy.close();
      await eap?.close();
      await accounting.stop();
      await sessions.stop();
      directory.stop();
      connectors.stop();
      await coa.close();
    },
  };
}

/** What somebody is told of a request that is refused; undefined where it isn't. */
async function problemOf(check: Promise<void>): Promise<string | undefined> {
  try {
    await check;
    return undefined;
  } catch (error) {
    if (error instanceof HttpError) return error.message;
    throw error;
  }
}

const shown = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
