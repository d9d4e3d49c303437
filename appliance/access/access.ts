import type { Bus } from '../events/index.ts';
import type { Routes } from '../http/index.ts';
import { devices, vouchers } from './records.ts';
import type { Service } from './service.ts';
import type { Access, Decision } from './types.ts';

export interface AccessOptions extends Pick<Service, 'store' | 'secrets' | 'log'> {
  bus: Bus;
  /** Milliseconds since 1970. */
  now?: () => number;
}

const ALLOW: Decision = { action: 'allow', policy: null, attributes: [], overlayGroups: [] };

/** Policies, the one decision for both doors, the journal of requests, devices, vouchers. */
export function createAccess(options: AccessOptions): Access & {
  /** For the prefix /v1. */
  routes: Routes;
  start(): Promise<void>;
  stop(): Promise<void>;
} {
  const service: Service = { ...options, now: options.now ?? (() => Date.now()) };
  return {
    routes: async () => undefined,
    async start() {},
    async stop() {},
    decide: () => ALLOW,
    record: () => undefined,
    devices: (ids) => devices(service, ids),
    vouchers: (ids) => vouchers(service, ids),
    useVoucher: async () => undefined,
    reportPosture: async () => undefined,
  };
}
