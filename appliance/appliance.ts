import { readFileSync } from 'node:fs';
import path from 'node:path';
import { SUBPROTOCOL } from '@gatehouse/protocol';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import Type from 'typebox';
import { accessMigrations, createAccess } from './access/index.ts';
import { type Config, loadTls } from './config/index.ts';
import { createBus } from './events/index.ts';
import { createHttp, plainErrors, problemErrors, type Routes } from './http/index.ts';
import {
  createIdentity,
  generateNetworkPassword,
  type Identity,
  identityMigrations,
  networkPasswordFault,
  SESSION_COOKIE,
} from './identity/index.ts';
import { createLogs, logsMigrations, type SyslogPorts } from './logs/index.ts';
import { mcpRoutes } from './mcp/index.ts';
import { createOverlay, type Overlay, overlayMigrations, PORTAL_PAGE } from './overlay/index.ts';
import { createPki, pkiMigrations } from './pki/index.ts';
import { createRadius, type RadiusPorts, radiusMigrations, type SessionView } from './radius/index.ts';
import { createSites, DEFAULT_SITE, sitesMigrations } from './sites/index.ts';
import { diskProblem, openKeyFile, openStore, storeMigrations } from './store/index.ts';
import { UPDATES_FOLDER, updatesRoutes } from './updates/index.ts';

/** Every capability's migrations, in the order of their numbers. */
export const migrations = [
  ...storeMigrations,
  ...identityMigrations,
  ...overlayMigrations,
  ...sitesMigrations,
  ...pkiMigrations,
  ...accessMigrations,
  ...radiusMigrations,
  ...logsMigrations,
].sort((a, b) => a.id - b.id);

export const { version } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const healthRoutes: Routes = async (app) => {
  app.get(
    '/health',
    {
      config: { access: 'public' },
      schema: { tags: ['health'], summary: 'Health', response: { 200: Type.Object({ status: Type.String() }) } },
    },
    async () => ({ status: 'ok' }),
  );
};

/** The running appliance. */
export interface Appliance {
  /** `http://host:port` */
  url: string;
  tls?: { url: string; fingerprint: string; pin: string | undefined };
  /** `host:port` of what listens. */
  radius: RadiusPorts;
  /** `host:port` of what receives syslog, and what is said once of a new log. */
  logs: SyslogPorts;
  /** Set once in the life of a data folder: the first administrator's password, where nobody gave one. */
  initialPassword?: string;
  /** Takes no more work, finishes what is in flight, writes the rest. */
  close(): Promise<void>;
}

/** Puts the capabilities together and starts them: the only place that knows them all. */
export async function startAppliance(config: Config, log: Logger): Promise<Appliance> {
  const store = await openStore({ dataDir: config.dataDir, database: config.database, migrations, log });
  const closers: (() => Promise<unknown>)[] = [() => store.close()];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const tls = config.tls && (await loadTls(config.dataDir, { ...config.tls, hosts: tlsHosts(config) }));
    const bus = createBus();
    const now = () => new Date();
    const secrets = openKeyFile(config.dataDir);
    const registry = new Registry();
    const identity = createIdentity({
      store,
      log,
      secrets,
      networksExist: (ids) => overlay.unknownNetworks(ids),
      oidc: config.auth,
    });
    const sites = createSites({ store, bus, now });
    const pki = createPki({
      store,
      secrets,
      log,
      now,
      userExistsByName: async (name) => (await identity.findByName(name))?.username ?? false,
      nasExists: (name) => radius.radsecNasExists(name),
    });
    const access = createAccess({
      store,
      secrets,
      bus,
      log,
      registry,
      zoneOf: (siteId) => sites.timeZone(siteId ?? DEFAULT_SITE),
      attributeFault: (name, value) => radius.attributeFault(name, value),
      decisionFault: (decision) => radius.decisionFault(decision),
      userFacts: async (id) => (await identity.usersFacts([id])).get(id),
      findUser: identity.findByName,
      generatePassword: generateNetworkPassword,
      passwordFault: networkPasswordFault,
      unknownOverlayGroups: (names) => overlay.unknownGroups(names),
    });
    const overlay = createOverlay({
      context: {
        store,
        secrets,
        now,
        userExists: (id) => identity.userExists(id),
      },
      oidcEnabled: config.auth !== undefined,
      // People come back to it from the provider, so its public address is among those.
      portalPage: config.auth?.redirectUris?.find((uri) => new URL(uri).pathname === PORTAL_PAGE),
      reach: { publicUrl: config.publicUrl, tls },
      hold: identity.hold,
      bus,
      log,
      registry,
      openNetworks: (id) => identity.openNetworks(id),
      access: { ...access, usersFacts: identity.usersFacts },
      onPosture: access.reportPosture,
      monotonic: () => performance.now(),
    });
    const logs = createLogs({
      store,
      secrets,
      bus,
      log,
      registry,
      dataDir: config.dataDir,
      settings: config.logs,
      hold: identity.hold,
      usernames: identity.usernames,
      defaultSite: DEFAULT_SITE,
      siteExists: sites.exists,
      certificates: pki,
    });
    const radius = createRadius({
      store,
      secrets,
      bus,
      log,
      registry,
      dataDir: config.dataDir,
      settings: config.radius,
      access: {
        ...access,
        record(ended) {
          access.record(ended);
          logs.ended(ended);
        },
      },
      accounts: identity.accounts,
      verifyPassword: identity.verifyAccountPassword,
      siteExists: sites.exists,
      dayOf: sites.dayOf,
      certificates: pki,
      overlaySessions: () => overlaySessions(overlay, identity),
      onAccounting: logs.accounted,
    });
    bus.on(['identity.user.deleted'], (event) => pki.userDeleted(event.data.username));
    bus.on(['radius.nas.deleted'], (event) => pki.nasDeleted(event.data.name));
    bus.on(['overlay.network.deleted'], (event) => identity.forgetNetwork(event.data.networkId));

    // With an identity provider the first who signs in is the administrator: one with a password that nobody has asked
    // for, and that opens nothing, would be in the way.
    const wanted = !config.auth || config.adminPassword !== undefined;
    const { password } = wanted ? await identity.ensureAdministrator(config.adminPassword) : {};
    await sites.start();
    await pki.start();
    closers.push(async () => pki.stop());
    // Before anything is told to the bus: the log hears all of it.
    const syslog = await logs.start();
    closers.push(() => logs.stop());
    store.onEvent((event) => bus.deliver(event));
    await access.start();
    closers.push(() => access.stop());
    await overlay.start();
    closers.push(() => overlay.stop());

    // Before HTTP, which would tell of sessions that aren't loaded yet.
    const ports = await radius.start();
    closers.push(() => radius.stop());

    const mcp = mcpRoutes({ version, monotonic: () => performance.now() });
    const http = await createHttp({
      apis: [
        { prefix: '/api/v1', errors: plainErrors, routes: [mcp, healthRoutes, identity.routes, ...overlay.routes] },
        {
          prefix: '/v1',
          errors: problemErrors,
          routes: [sites.routes, identity.siteRoutes, pki.routes, access.routes, ...radius.routes, logs.routes],
        },
        radius.connector,
        logs.witness,
        { ...overlay.portal, errors: plainErrors },
        {
          prefix: '/updates',
          errors: plainErrors,
          routes: [updatesRoutes(path.join(config.dataDir, UPDATES_FOLDER))],
        },
      ],
      authenticate: identity.authenticate,
      log,
      registry,
      subprotocols: [SUBPROTOCOL],
      sessionCookie: SESSION_COOKIE,
      version,
      unavailable: diskProblem,
    });
    closers.push(() => http.close());
    const url = await http.listen(config.listen.host, config.listen.port);
    const appliance: Appliance = {
      url,
      radius: ports,
      logs: syslog,
      close,
      ...(password !== undefined && { initialPassword: password }),
    };
    if (config.tls && tls) {
      const { host, port } = config.tls.listen;
      const { cert, key, fingerprint, pin } = tls;
      appliance.tls = { url: await http.listenTls(host, port, key, cert), fingerprint, pin };
    }
    return appliance;
  } catch (error) {
    await close();
    throw error;
  }
}

/** The hosts that the appliance's own certificate has to be for. */
function tlsHosts({ publicUrl, tls }: Config): string[] {
  const hosts = [
    publicUrl === undefined ? '' : new URL(publicUrl).hostname.replace(/^\[|\]$/g, ''),
    tls?.listen.host ?? '',
  ];
  return hosts.filter((host) => !['', '0.0.0.0', '::'].includes(host));
}

/** The overlay's sessions in the form of RADIUS's, for the one list of both. */
async function overlaySessions(
  overlay: Pick<Overlay, 'activeSessions'>,
  identity: Pick<Identity, 'usernames'>,
): Promise<SessionView[]> {
  const sessions = await overlay.activeSessions();
  const names = await identity.usernames(sessions.map(({ ownerId }) => ownerId));
  return sessions.map((session) => ({
    id: session.id,
    type: 'overlay',
    site_id: DEFAULT_SITE,
    status: 'active',
    user: names.get(session.ownerId) ?? '',
    user_id: session.ownerId === '' ? null : session.ownerId,
    mac: null,
    ip: session.address,
    ipv6: session.addressV6,
    nas: null,
    nas_port: null,
    ssid: null,
    called_station: null,
    started_at: session.firstSeen,
    updated_at: session.lastSeen,
    ended_at: null,
    duration: Math.max(0, Math.floor((Date.now() - Date.parse(session.firstSeen)) / 1000)),
    bytes_in: 0,
    bytes_out: 0,
    packets_in: 0,
    packets_out: 0,
    terminate_cause: null,
    policy: null,
    method: null,
    acct_session_id: null,
  }));
}
