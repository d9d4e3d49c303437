import type { Bus, EventType, Heard } from '../../events/index.ts';
import { CLASSES, KIND, type Kind } from '../record/types.ts';

/** An internal record: what is sealed is its JSON, without the members that are undefined. */
export type Entry = { event: string } & Record<string, unknown>;

/** Takes records; resolves once they are written, and outlive the process. */
export type Append = (kind: Kind, retentionClass: number, entries: readonly Entry[]) => Promise<void>;

const AUDIT = CLASSES.indexOf('audit');
const ACCESS = CLASSES.indexOf('access');

/** Who was let in where, and who wasn't: kept as long as the site keeps such records, which is by law in many places. */
const ACCESS_EVENTS: ReadonlySet<EventType> = new Set([
  'session.authenticated',
  'session.disconnected',
  'policy.violation',
  'posture.failed',
  'overlay.portal.admitted',
  'overlay.portal.ended',
]);

/** A request at the door of RADIUS and how it ended. */
export interface Ended {
  facts: {
    door: string;
    username: string;
    realm?: string | undefined;
    userId?: string | undefined;
    method: string;
    nas?: { id: string; name: string; siteId: string; address: string } | undefined;
    ssid?: string | undefined;
    calledStation?: string | undefined;
    mac?: string | undefined;
    certificate?: { subject: string; serial: string } | undefined;
  };
  outcome: 'accept' | 'reject';
  reason?: string | undefined;
  decision?: { action: string; policy: { name: string } | null; vlan?: number | string | undefined } | undefined;
}

/** An accounting record. Times are milliseconds since 1970. */
export interface Accounted {
  kind: string;
  username: string | null;
  mac: string | null;
  ip: string | null;
  ipv6: string | null;
  nasId: string;
  nasName: string | undefined;
  siteId: string;
  sessionId: string;
  ssid: string | null;
  nasPort: string | null;
  calledStation: string | null;
  at: number;
  seconds: number | null;
  bytesIn: number;
  bytesOut: number;
  cause: string | null;
}

/**
 * What the appliance itself puts into the log: every domain event, each decision of RADIUS and each accounting record.
 * `kept` takes accounting, whose journal waits until it is written. Delivery is at least once: after a crash the last ones
 * may be there twice, with the same id.
 */
export function createFeed(
  append: Append,
  { named = async (entry) => entry, kept = append }: { named?: (entry: Entry) => Promise<Entry>; kept?: Append } = {},
) {
  /** Records of RADIUS wait for the end of the turn, so that a burst is one message to the sealing thread. */
  let waiting: Entry[] = [];

  return {
    listen(bus: Bus): void {
      bus.onAny(async (event) => {
        // It tells of the log itself: sealed, it would be the cause of the next.
        if (event.type === 'log.sealed') return;
        await append(...placeOf(event.type), [await named(entryOf(event))]);
      });
    },
    /** Notes a decision of RADIUS. */
    ended(ended: Ended): void {
      waiting.push(endedEntry(ended));
      if (waiting.length > 1) return;
      setImmediate(() => {
        const entries = waiting;
        waiting = [];
        // It rejects once the log is closed: RADIUS answers nobody then.
        append(KIND.access, ACCESS, entries).catch(() => undefined);
      });
    },
    /** Resolves once the records are written. */
    accounted: (records: readonly Accounted[]): Promise<void> => kept(KIND.access, ACCESS, records.map(accountedEntry)),
  };
}
export type Feed = ReturnType<typeof createFeed>;

const placeOf = (type: EventType): [Kind, number] =>
  ACCESS_EVENTS.has(type) ? [KIND.access, ACCESS] : [KIND.audit, AUDIT];

const entryOf = ({ id, at, type, data }: Heard): Entry => ({ event: type, id, at, ...data });

function endedEntry({ facts, outcome, reason, decision }: Ended): Entry {
  const { nas } = facts;
  return {
    event: outcome === 'accept' ? 'radius.accept' : 'radius.reject',
    door: facts.door,
    user: facts.username,
    user_id: facts.userId,
    realm: facts.realm,
    mac: facts.mac,
    method: facts.method,
    nas: nas?.name,
    nas_id: nas?.id,
    nas_address: nas?.address,
    site: nas?.siteId,
    ssid: facts.ssid,
    called_station: facts.calledStation,
    certificate: facts.certificate?.subject,
    serial: facts.certificate?.serial,
    policy: decision?.policy?.name,
    action: decision?.action,
    vlan: decision?.vlan,
    reason,
  };
}

/** Acct-Status-Type by name: RFC 2866, section 5.1. */
const STATUS: Readonly<Record<string, string>> = {
  start: 'Start',
  interim: 'Interim-Update',
  stop: 'Stop',
  on: 'Accounting-On',
  off: 'Accounting-Off',
};

const accountedEntry = (record: Accounted): Entry => ({
  event: 'radius.accounting',
  status: STATUS[record.kind] ?? record.kind,
  at: new Date(record.at).toISOString(),
  user: record.username ?? undefined,
  mac: record.mac ?? undefined,
  framed_ip: record.ip ?? undefined,
  framed_ipv6: record.ipv6 ?? undefined,
  session_id: record.sessionId,
  nas: record.nasName,
  nas_id: record.nasId,
  site: record.siteId,
  nas_port: record.nasPort ?? undefined,
  ssid: record.ssid ?? undefined,
  called_station: record.calledStation ?? undefined,
  seconds: record.seconds ?? undefined,
  bytes_in: record.bytesIn,
  bytes_out: record.bytesOut,
  cause: record.cause ?? undefined,
});
