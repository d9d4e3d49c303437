import { Counter, Histogram, type Registry } from 'prom-client';
import type { Bus } from '../../events/index.ts';
import type { Routes } from '../../http/index.ts';
import type { Logger } from '../../store/index.ts';
import type { Dictionary } from '../dictionary/index.ts';
import type { Attempt, Verdict } from '../types.ts';
import { toConnector, unknownConnectors } from './connectors.ts';
import { type InboundOptions, inboundRoutes } from './inbound.ts';
import { requestBody } from './request.ts';
import { connectorRoutes } from './routes.ts';
import type { TestAnswer } from './schema.ts';
import type { Service } from './service.ts';
import { authenticateWith, RestSource, type SourceOptions } from './source.ts';
import type { ConnectorTables } from './tables.ts';

export { connectorErrors, type InboundOptions } from './inbound.ts';
export { connectorTables } from './tables.ts';

const EVENTS = ['radius.connector.created', 'radius.connector.updated', 'radius.connector.deleted'] as const;

export interface ConnectorsOptions extends Service {
  bus: Pick<Bus, 'on'>;
  log: Logger;
  dictionary: Dictionary;
  /** Milliseconds that only go forward. */
  monotonic(): number;
  registry?: Registry;
}

/** REST connectors: their routes, and asking them. */
export function createConnectors(options: ConnectorsOptions) {
  const { store, bus, log, now, monotonic, dictionary, registry } = options;
  const sources = new Map<string, RestSource>();
  const db = store.as<ConnectorTables>();
  const ended = registry && metrics(registry);
  const sourceOptions: SourceOptions = { dictionary, log, now, monotonic, ...(ended && { ended }) };

  /** Reads all connectors, or one anew. The others keep their connections and what they accepted. */
  async function load(id?: string): Promise<void> {
    let query = db.selectFrom('connectors').selectAll();
    if (id !== undefined) query = query.where('id', '=', id);
    const rows = await query.execute();
    if (id !== undefined) remove(id);
    for (const row of rows) {
      try {
        const source = new RestSource(toConnector(options, row), sourceOptions);
        remove(row.id);
        sources.set(row.id, source);
      } catch (error) {
        // Without its token the backend can't be asked; others can.
        log.error({ connector: row.name, err: error }, 'the token of a REST connector cannot be opened');
      }
    }
  }

  function remove(id: string): void {
    sources.get(id)?.close();
    sources.delete(id);
  }

  async function test(id: string, login: string, password: string): Promise<TestAnswer> {
    const attempt: Attempt = {
      login,
      credentials: { kind: 'pap', password: Buffer.from(password) },
      request: undefined,
    };
    const source = sources.get(id);
    const body = requestBody(attempt);
    if (!source || typeof body === 'string') {
      const reason = typeof body === 'string' ? body : 'its token cannot be opened: set it anew';
      return { outcome: 'none', reason, attributes: [], notes: [], milliseconds: 0 };
    }
    const started = monotonic();
    const { status, verdict, notes } = await source.test(attempt, body);
    const accept = verdict.outcome === 'accept' ? verdict : undefined;
    return {
      outcome: verdict.outcome,
      ...(status !== undefined && { status }),
      ...(verdict.outcome !== 'accept' && { reason: verdict.reason }),
      ...(verdict.outcome === 'reject' && verdict.message !== undefined && { message: verdict.message }),
      ...(accept?.sessionTimeout !== undefined && { session_timeout: accept.sessionTimeout }),
      attributes: (accept?.attributes ?? []).map(({ name, op, value }) => ({ name, op, value })),
      notes: [...notes],
      milliseconds: Math.round(monotonic() - started),
    };
  }

  bus.on(EVENTS, (event) => load(event.data.connectorId));

  return {
    /** For the prefix /v1. */
    routes: connectorRoutes(options, test),
    /** For the prefix /connector, whose errors are `connectorErrors`. */
    inbound: (asked: Omit<InboundOptions, 'store' | 'now' | 'monotonic'>): Routes =>
      inboundRoutes({ store, now, monotonic, ...asked }),
    /** Reads the table. */
    start: (): Promise<void> => load(),
    /** Asks these connectors, in order, until one decides. Never throws. `none` where none could. */
    authenticate: (connectorIds: readonly string[], attempt: Attempt): Promise<Verdict> =>
      authenticateWith(
        connectorIds.flatMap((id) => sources.get(id) ?? []),
        attempt,
      ),
    /** Of these ids, those that are no connector's. */
    unknownConnectors: (ids: readonly string[]): Promise<string[]> => unknownConnectors(options, ids),
    /** Closes connections that nobody uses; those in use end with their request. */
    stop(): void {
      for (const id of [...sources.keys()]) remove(id);
    },
  };
}
export type Connectors = ReturnType<typeof createConnectors>;

function metrics(registry: Registry): NonNullable<SourceOptions['ended']> {
  const requests = new Counter({
    name: 'gatehouse_rest_connector_requests_total',
    help: 'Requests to REST connectors, by how they ended.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'gatehouse_rest_connector_seconds',
    help: 'Time until a REST connector answered, or failed to.',
    buckets: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
    registers: [registry],
  });
  return (outcome, seconds) => {
    requests.inc({ outcome });
    if (outcome !== 'cached') duration.observe(seconds);
  };
}
