import type { FastifyBaseLogger } from 'fastify';
import type { Heard } from '../../events/index.ts';
import type { OverlayContext } from '../context.ts';
import type { OverlayTables } from '../tables.ts';
import { configRow, thresholdsOf } from './config.ts';
import {
  type AgentReport,
  type AgentSeen,
  createDetector,
  type Detector,
  type Finding,
  type Thresholds,
} from './detect.ts';
import { inQuarantine, type OpenIncident, openIncident } from './incidents.ts';

export type { AgentSeen } from './detect.ts';
export { incidentRoutes } from './routes.ts';

/** The events that make what was seen of a peer or network worthless. */
export const INCIDENT_EVENTS = [
  'overlay.network.deleted',
  'overlay.peer.deleted',
  'overlay.peer.enrolled',
  'overlay.peer.token_issued',
  'overlay.security.updated',
  'overlay.incident.resolved',
] as const;

/** Who a report is of. */
interface PeerOf {
  networkId: string;
  peerId: string;
}

/** An open incident with new evidence is written again no sooner. */
const REWRITE_MS = 10_000;

interface Watch {
  detector: Detector;
  /** Null while the network doesn't watch for incidents. */
  thresholds: Promise<Thresholds | null> | undefined;
}

/**
 * Watches what agents and hubs report, and opens incidents. What was seen is in memory only: after a restart the
 * evidence is gathered anew; incidents stay open.
 */
export function createIncidents(context: OverlayContext, log: FastifyBaseLogger) {
  const watches = new Map<string, Watch>();
  /** Peer and type → the incident that is open, as far as it is known. */
  const open = new Map<string, OpenIncident & { writtenAt: number }>();
  /** Peer and type of what is being written. */
  const opening = new Set<string>();
  const keyOf = (peerId: string, type: Finding['type']) => `${peerId} ${type}`;

  function watchOf(networkId: string): Watch & { thresholds: Promise<Thresholds | null> } {
    const watch: Watch = watches.get(networkId) ?? { detector: createDetector(), thresholds: undefined };
    watches.set(networkId, watch);
    if (!watch.thresholds) {
      const loading = configRow(context.store.as<OverlayTables>(), networkId).then((row) =>
        row?.enabled === 1 ? thresholdsOf(row) : null,
      );
      watch.thresholds = loading;
      // Read again next time, unless an event has asked for that already.
      loading.catch(() => {
        if (watch.thresholds === loading) watch.thresholds = undefined;
      });
    }
    return watch as Watch & { thresholds: Promise<Thresholds | null> };
  }

  async function raise({ peerId }: PeerOf, finding: Finding, detector: Detector): Promise<void> {
    const key = keyOf(peerId, finding.type);
    if (opening.has(key)) return;
    const known = open.get(key);
    const now = context.now().getTime();
    if (known) {
      const news = known.details !== finding.details || finding.endpoints.some((one) => !known.endpoints.includes(one));
      if (!news || Math.abs(now - known.writtenAt) < REWRITE_MS) return;
    }
    opening.add(key);
    try {
      const incident = await openIncident(context, peerId, finding);
      if (incident === 'stale') detector.forget(peerId);
      if (incident && incident !== 'stale') open.set(key, { ...incident, writtenAt: now });
      else open.delete(key);
    } finally {
      opening.delete(key);
    }
  }

  /** Feeds the detector of a network that watches, in the order of the calls. Never rejects. */
  function observe(of: PeerOf, take: (detector: Detector, thresholds: Thresholds) => Finding[]): Promise<void> {
    const watch = watchOf(of.networkId);
    return watch.thresholds
      .then(async (thresholds) => {
        if (!thresholds) return;
        for (const finding of take(watch.detector, thresholds)) await raise(of, finding, watch.detector);
      })
      .catch((error) => log.error({ err: error, peerId: of.peerId }, 'an incident could not be written'));
  }

  return {
    /** An agent of the peer has reported. Settled when what that raises is written. */
    heard(of: PeerOf, report: Omit<AgentReport, 'at'>): Promise<void> {
      const at = context.now().getTime();
      return observe(of, (detector, thresholds) => detector.heard(of.peerId, { ...report, at }, thresholds));
    },

    /** The hub `hubId` sees the peer's packets come from `endpoint`. Settled when what that raises is written. */
    seen(of: PeerOf, hubId: string, endpoint: string): Promise<void> {
      const at = context.now().getTime();
      return observe(of, (detector, thresholds) => detector.seen(of.peerId, { at, hub: hubId, endpoint }, thresholds));
    },

    /** What a peer's session shows: the other agents that live at the same time, and whether anything is wrong. */
    async of({ networkId, peerId }: PeerOf): Promise<{ rivals: AgentSeen[]; suspicious: boolean }> {
      const { detector, thresholds } = watchOf(networkId);
      const limits = await thresholds;
      const at = context.now().getTime();
      const quarantined = await inQuarantine(context, peerId);
      return {
        rivals: limits ? detector.rivals(peerId, at, limits).slice(1) : [],
        suspicious: quarantined || (limits !== null && detector.findings(peerId, at, limits).length > 0),
      };
    },

    /** The bus's listener. What was seen before an incident was resolved must not raise it again. */
    onEvent(event: Heard<(typeof INCIDENT_EVENTS)[number]>): void {
      const { networkId } = event.data;
      const watch = watches.get(networkId);
      if (event.type === 'overlay.network.deleted') watches.delete(networkId);
      else if (event.type === 'overlay.security.updated') {
        if (watch) watch.thresholds = undefined;
      } else {
        const { peerId } = event.data;
        watch?.detector.forget(peerId);
        for (const type of ['shared_config', 'session_conflict', 'suspicious_activity'] as const) {
          const key = keyOf(peerId, type);
          const resolved = event.type === 'overlay.incident.resolved' ? event.data.incidentId : undefined;
          if (event.type === 'overlay.peer.deleted' || open.get(key)?.id === resolved) open.delete(key);
        }
      }
    },
  };
}
export type Incidents = ReturnType<typeof createIncidents>;
