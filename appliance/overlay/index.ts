import type { FastifyBaseLogger } from 'fastify';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { PostureReport } from '../access/index.ts';
import { type Bus, SYSTEM } from '../events/index.ts';
import type { Hold, Routes } from '../http/index.ts';
import { type AccessAnswers, createDoor, DOOR_EVENTS, unknownGroups } from './access/index.ts';
import { createChannel } from './channel/index.ts';
import { createTickets } from './channel/tickets.ts';
import { WATCH_EVENTS } from './channel/watchers.ts';
import { type OverlayContext, transact } from './context.ts';
import { createHubWatch } from './hubs.ts';
import { createIncidents, INCIDENT_EVENTS, incidentRoutes } from './incidents/index.ts';
import type { Reach } from './invitation.ts';
import { unknownNetworks } from './networks.ts';
import { deletePeersOf, lockOut } from './peers.ts';
import { createPortal, PORTAL_EVENTS, PORTAL_PAGE, portalPage, portalRoutes } from './portal/index.ts';
import { aclRoutes } from './routes/acl.ts';
import { agentRoutes } from './routes/agent.ts';
import { deviceRoutes } from './routes/device.ts';
import { dnsRoutes } from './routes/dns.ts';
import { groupRoutes } from './routes/groups.ts';
import { ipamRoutes } from './routes/ipam.ts';
import { networkRoutes } from './routes/networks.ts';
import { peerRoutes } from './routes/peers.ts';
import { policyRoutes } from './routes/policies.ts';
import { reachabilityRoutes } from './routes/reachability.ts';
import { routeRoutes } from './routes/routes.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { watchRoutes } from './routes/watch.ts';
import { createSessions } from './sessions.ts';
import { createSnapshots, STATE_EVENTS } from './snapshots.ts';
import type { OverlayTables } from './tables.ts';

export type { AccessAnswers } from './access/index.ts';
export { overlayMigrations } from './migrations.ts';
export { PORTAL_PAGE } from './portal/index.ts';

const HUB_CHECK_MS = 5_000;
const FLUSH_MS = 10_000;
const SWEEP_MS = 5_000;
const WINDOWS_MS = 15_000;

/** The overlay: networks, peers, addresses, enrollment, and the live channel to the agents. */
export function createOverlay(options: {
  context: OverlayContext;
  /** Whether people sign in with OIDC, which the captive portal needs. */
  oidcEnabled: boolean;
  /** The captive portal's page as people's browsers reach it; undefined is under the address that a caller uses. */
  portalPage: string | undefined;
  /** Where invitations lead. */
  reach: Reach;
  hold: Hold;
  bus: Bus;
  log: FastifyBaseLogger;
  registry: Registry;
  /** The networks that a user may use: identity's answer. */
  openNetworks: (userId: string) => Promise<readonly string[] | 'all'>;
  /** Access policies, at this door too; undefined: nobody is asked. */
  access?: AccessAnswers;
  /** Takes in what a device's agent tells of its posture. */
  onPosture?: (report: PostureReport) => Promise<void>;
  /** Monotonic milliseconds. */
  monotonic: () => number;
}) {
  const { context, hold, bus, log, registry, monotonic } = options;
  const hubWatch = createHubWatch();
  const snapshots = createSnapshots(context, hubWatch.down);
  const incidents = createIncidents(context, log);
  const sessions = createSessions(context, incidents);
  const onHeard = (peerId: string) => hubWatch.heard(peerId, monotonic());
  const portal = createPortal(context, options, log);
  const { onPosture } = options;
  const channel = createChannel({ context, snapshots, sessions, incidents, portal, log, onHeard, onPosture });
  const door = options.access && createDoor(context, options.access, log);
  const tickets = createTickets(() => context.now().getTime());

  bus.on(STATE_EVENTS, (event) => channel.onEvent(event));
  bus.on(WATCH_EVENTS, (event) => channel.watchers.onEvent(event));
  bus.on(INCIDENT_EVENTS, (event) => incidents.onEvent(event));
  bus.on(PORTAL_EVENTS, (event) => portal.onEvent(event));
  if (door) bus.on(DOOR_EVENTS, (event) => door.onEvent(event));
  bus.on(['identity.user.updated'], async (event) => {
    const { userId, changed, actor } = event.data;
    if (!changed.includes('authorized_networks') && !changed.includes('role')) return;
    const open = await options.openNetworks(userId);
    if (open !== 'all') await lockOut(context, userId, open, actor);
  });
  bus.on(['identity.user.deleted'], (event) => deletePeersOf(context, event.data.userId, event.data.actor));

  /** Notices hubs that fell silent or came back, and moves the spokes of their networks. */
  async function checkHubs(): Promise<void> {
    const rows = await context.store
      .as<OverlayTables>()
      .selectFrom('peers')
      .select(['id', 'network_id'])
      .where('is_jump', '=', 1)
      // A hub without an agent never reports: it counts as up.
      .where('use_agent', '=', 1)
      .execute();
    const networkOf = new Map(rows.map((row) => [row.id, row.network_id]));
    const { wentDown, cameBack } = hubWatch.check(networkOf.keys(), monotonic());
    if (wentDown.length + cameBack.length === 0) return;
    // The watch tells of a change once: the spokes are moved even where the events can't be written.
    for (const networkId of new Set([...wentDown, ...cameBack].map((id) => networkOf.get(id) as string))) {
      await channel.pushNetwork(networkId);
    }
    await transact(context, async (_db, emit) => {
      for (const [type, ids] of [['overlay.hub.down', wentDown] as const, ['overlay.hub.up', cameBack] as const]) {
        for (const peerId of ids) {
          emit({ type, data: { networkId: networkOf.get(peerId) as string, peerId, actor: SYSTEM } });
        }
      }
    });
  }

  const registers = [registry];
  new Gauge({
    name: 'gatehouse_overlay_connections',
    help: 'Devices connected by WebSocket.',
    registers,
    collect() {
      this.set(channel.connections.count());
    },
  });
  new Counter({
    name: 'gatehouse_overlay_compiles_total',
    help: 'Peer states compiled.',
    registers,
    collect() {
      this.reset();
      this.inc(channel.stats.compiled);
    },
  });

  const timers: NodeJS.Timeout[] = [];
  const every = (ms: number, what: string, work: () => Promise<void> | void): void => {
    let running = false;
    const timer = setInterval(async () => {
      if (running) return;
      running = true;
      try {
        await work();
      } catch (error) {
        log.error({ err: error }, `${what} failed`);
      } finally {
        running = false;
      }
    }, ms);
    timers.push(timer);
  };

  return {
    routes: [
      networkRoutes(context, portal),
      peerRoutes(context, snapshots, options.reach),
      reachabilityRoutes(context, snapshots),
      groupRoutes(context),
      policyRoutes(context),
      routeRoutes(context),
      dnsRoutes(context),
      aclRoutes(context),
      ipamRoutes(context),
      sessionRoutes(sessions),
      incidentRoutes(context),
      agentRoutes(context, snapshots, channel, tickets),
      deviceRoutes(context, snapshots, sessions, options.access),
      watchRoutes(context, channel, tickets, hold),
      portalRoutes(context, portal),
    ] satisfies Routes[],
    /** What browsers see, under its own prefix. */
    portal: { prefix: PORTAL_PAGE, routes: [portalPage(portal)] },
    stats: channel.stats,
    activeSessions: () => sessions.active(),
    /** Which of these network ids don't exist. */
    unknownNetworks: (ids: readonly string[]) => unknownNetworks(context, ids),
    /** Of these names, those that no network has a group of. */
    unknownGroups: (names: readonly string[]) => unknownGroups(context.store.as<OverlayTables>(), names),
    /** Work done at the door: peers decided for, and changed. */
    door: door?.stats,
    async start(): Promise<void> {
      await sessions.load();
      await portal.load();
      await checkHubs();
      if (door) {
        await door.start();
        every(WINDOWS_MS, 'asking access policies', () => door.tick());
      }
      every(channel.connections.pingIntervalMs, 'pinging agents', () => channel.tick());
      every(HUB_CHECK_MS, 'watching hubs', checkHubs);
      every(SWEEP_MS, 'ending admissions', () => portal.sweep());
      every(FLUSH_MS, 'writing sessions', () => sessions.flush());
    },
    /** Stops the timers and writes what is still in memory. */
    async stop(): Promise<void> {
      for (const timer of timers) clearInterval(timer);
      await sessions.flush();
    },
  };
}
export type Overlay = ReturnType<typeof createOverlay>;
