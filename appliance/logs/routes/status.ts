import type { Routes } from '../../http/index.ts';
import { answers, StatusView } from '../schema.ts';
import type { Service } from '../service.ts';
import { rfc3339 } from '../times.ts';
import { base64 } from '../view.ts';

const orNull = (us: number | undefined): string | null => (us === undefined ? null : rfc3339(us));

interface Attempts {
  lastSize?: number;
  lastAtUs?: number;
  error?: string;
}
const attemptsOf = ({ lastSize, lastAtUs, error }: Attempts) => ({
  last_size: lastSize ?? null,
  last_at: orNull(lastAtUs),
  error: error ?? null,
});

/** How the log is. */
export async function statusOf({ backend, sources }: Pick<Service, 'backend' | 'sources'>): Promise<StatusView> {
  const status = await backend.status();
  const { timestamp } = status;
  return {
    state: status.state,
    reason: status.reason ?? null,
    size: status.size,
    root: status.root === undefined ? null : base64(status.root),
    last_sealed_at: orNull(status.lastSealedUs),
    lag_seconds: status.lagSeconds,
    origin: status.origin,
    log_key: status.logKey,
    genesis: status.genesis,
    epoch: status.epoch,
    drops: sources
      .all()
      .filter(({ dropped }) => dropped > 0)
      .map(({ id, name, address, dropped }) => ({ source: { id, name, address }, count: dropped })),
    truncated: sources.all().reduce((sum, { truncated = 0 }) => sum + truncated, 0),
    refused_connections: status.refused ?? [],
    rates: status.rates,
    witnesses: status.witnesses.map((one) => ({ name: one.name, url: one.url, ...attemptsOf(one) })),
    timestamp: timestamp ? { url: timestamp.url, ...attemptsOf(timestamp) } : null,
    disk_bytes: status.diskBytes,
    segments: status.segments,
  };
}

export const statusRoutes =
  (service: Service): Routes =>
  async (app) => {
    app.get(
      '/logs/status',
      {
        config: { access: 'administrator' },
        schema: {
          tags: ['logs'],
          summary: 'Whether the log seals, what it dropped, who witnesses it',
          response: answers({ 200: StatusView }),
        },
      },
      () => statusOf(service),
    );
  };
