import { Counter, Gauge, type Registry } from 'prom-client';
import { CODE } from '../codec/index.ts';
import { DROP_REASONS, type DropReason } from './receive.ts';

/** What has happened so far: plain numbers, as a counter with labels costs more than some requests do. */
export class Counts {
  readonly requests = new Float64Array(256);
  readonly replies = new Float64Array(256);
  readonly dropped = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>;
  /** Retransmissions that were answered from what was kept. */
  replayed = 0;
  /** Retransmissions of requests that are in work. */
  swallowed = 0;
}

const NAMES = new Map<number, string>(
  Object.entries(CODE).map(([name, code]) => [code, name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)]),
);

/** Registers the server's counters, which are read from `counts` when somebody asks for them. */
export function registerMetrics(
  registry: Registry,
  counts: Counts,
  gauges: { working: () => number; delayed: () => number; kept: () => number },
): void {
  const byCode = (name: string, help: string, values: Float64Array) =>
    new Counter({
      name,
      help,
      labelNames: ['code'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [code, label] of NAMES) if (values[code]! > 0) this.inc({ code: label }, values[code]!);
      },
    });
  byCode('gatehouse_radius_requests_total', 'Requests that were taken and verified, by code.', counts.requests);
  byCode('gatehouse_radius_replies_total', 'Replies sent, retransmissions among them, by code.', counts.replies);
  new Counter({
    name: 'gatehouse_radius_dropped_total',
    help: 'Datagrams and requests that got no answer, by reason.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const reason of DROP_REASONS) this.inc({ reason }, counts.dropped[reason]);
    },
  });
  new Counter({
    name: 'gatehouse_radius_duplicates_total',
    help: 'Retransmissions: replayed from what was kept, or swallowed as the answer was in work.',
    labelNames: ['handled'],
    registers: [registry],
    collect() {
      this.reset();
      this.inc({ handled: 'replayed' }, counts.replayed);
      this.inc({ handled: 'swallowed' }, counts.swallowed);
    },
  });
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  gauge('gatehouse_radius_working', 'Requests whose answer is being worked out.', gauges.working);
  gauge('gatehouse_radius_delayed', 'Rejects that wait to be sent.', gauges.delayed);
  gauge('gatehouse_radius_answers_kept', 'Answers kept for retransmissions.', gauges.kept);
}
