import { Counter, Gauge, type Registry } from 'prom-client';
import type { Server } from './server.ts';

const STATES = { alive: 1, doubted: 0.5, dead: 0 } as const;

/** Metrics of the upstream servers, by name and port; read when somebody asks. */
export function proxyMetrics(
  registry: Registry,
  servers: () => readonly Server[],
  totals: () => { loops: number; refused: number; overflows: number; underWay: number },
): void {
  const registers = [registry];
  const labelNames = ['upstream', 'port'] as const;
  const labels = ({ upstream, kind }: Server) => ({ upstream: upstream.name, port: kind });
  const counters = [
    ['requests', 'Requests that were sent to an upstream RADIUS server, without retransmissions.'],
    ['answers', 'Verified answers of an upstream RADIUS server.'],
    ['timeouts', 'Tries that an upstream RADIUS server left without an answer.'],
    ['invalid', 'Packets of an upstream RADIUS server that were no answer, or a forged one.'],
  ] as const;
  for (const [what, help] of counters) {
    new Counter({
      name: `gatehouse_radius_upstream_${what}_total`,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const server of servers()) this.inc(labels(server), server.stats()[what]);
      },
    });
  }
  new Gauge({
    name: 'gatehouse_radius_upstream_state',
    help: 'Of an upstream RADIUS server: 1 alive, 0.5 in doubt, 0 dead.',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const server of servers()) this.set(labels(server), STATES[server.state()]);
    },
  });
  new Gauge({
    name: 'gatehouse_radius_proxy_exchanges',
    help: 'Requests on their way through upstream RADIUS servers.',
    registers,
    collect() {
      this.set(totals().underWay);
    },
  });
  new Counter({
    name: 'gatehouse_radius_proxy_dropped_total',
    help: 'Requests that were not forwarded: loop, cannot be translated, too many under way.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      const { loops, refused, overflows } = totals();
      for (const [reason, count] of Object.entries({ loop: loops, refused, overflow: overflows })) {
        this.inc({ reason }, count);
      }
    },
  });
}
