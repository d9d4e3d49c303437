import { Registry } from 'prom-client';
import type { Bus } from '../events/index.ts';
import type { Routes } from '../http/index.ts';
import { Decider } from './decider.ts';
import { deleteDevicesOf, forgetPeer } from './devices.ts';
import { Journal } from './journal.ts';
import { loadPolicies } from './policies.ts';
import type { DocumentChecks } from './policy/document.ts';
import type { PostureMiss } from './policy/engine.ts';
import { loadVendors } from './policy/vendors.ts';
import { loadPostures, reportPosture } from './posture.ts';
import { devices, type PeerDevice, peerDevices, vouchers } from './records.ts';
import { deviceRoutes } from './routes/devices.ts';
import { policyRoutes } from './routes/policies.ts';
import { requestRoutes } from './routes/requests.ts';
import { voucherRoutes } from './routes/vouchers.ts';
import type { Service, UserFacts } from './service.ts';
import type { Access, Facts } from './types.ts';
import { pruneVouchers, useVoucher } from './vouchers.ts';

const PRUNE_MS = 3600_000;

export interface AccessOptions extends Pick<Service, 'store' | 'secrets' | 'log'> {
  bus: Bus;
  registry?: Registry | undefined;
  /** Milliseconds since 1970. */
  now?: () => number;
  /** IANA name of a site's zone; without a site the default site's. UTC where it isn't given. */
  zoneOf?: (siteId: string | undefined) => string;
  /** What is wrong with a reply attribute, by the dictionaries; undefined where nothing is. */
  attributeFault?: DocumentChecks['attributeFault'];
  /** Why a NAS can't be told of a decision; undefined where each can. */
  decisionFault?: DocumentChecks['decisionFault'];
  /** Who a user is: identity's answer. */
  userFacts?: (userId: string) => Promise<UserFacts | undefined>;
  /** The user with this name, for `explain`. */
  findUser?: (username: string) => Promise<(UserFacts & { id: string }) | undefined>;
  /** A network password that can be read aloud: identity's. */
  generatePassword?: () => string;
  /** What is wrong with a network password: identity's. Without it 8 to 128 characters are asked for. */
  passwordFault?: (password: string) => string | undefined;
  /** Of these names, those that no overlay network has a group of. */
  unknownOverlayGroups?: (names: readonly string[]) => Promise<string[]>;
}

/** Policies, the one decision for both doors, the journal of requests, devices, vouchers. */
export function createAccess(options: AccessOptions): Access & {
  /** For the prefix /v1. */
  routes: Routes;
  /** Whether any policy is in force: without one nobody needs to be asked. */
  hasPolicies(): boolean;
  /** Which time windows hold: a text that changes when one begins or ends, empty where no policy has any. */
  windowsAt(at: number): string;
  /** What only the posture of the device in these facts keeps from them; undefined where that is nothing. */
  postureMiss(facts: Facts): PostureMiss | undefined;
  /** What a policy is called, and what whom it refuses reads; undefined when there is none with this id. */
  policyWords(id: string): { name: string; message: string | undefined } | undefined;
  /** Devices that are linked to peers: all, or those of these peers, or the one with this id. */
  peerDevices(only?: { peerIds?: readonly string[]; id?: string }): Promise<PeerDevice[]>;
  /** Reads what decisions need into memory; before it everybody is allowed. */
  start(): Promise<void>;
  /** Writes what is still in memory. */
  stop(): Promise<void>;
} {
  const { store, secrets, log, bus } = options;
  const now = options.now ?? (() => Date.now());
  const decider = new Decider(options.zoneOf ?? (() => 'UTC'));
  const journal = new Journal({ store, log, now, registry: options.registry ?? new Registry() });
  const service: Service = {
    store,
    secrets,
    log,
    now,
    decider,
    journal,
    checks: {
      attributeFault: options.attributeFault ?? (() => undefined),
      decisionFault: options.decisionFault ?? (() => undefined),
      vendors: loadVendors,
    },
    userFacts: options.userFacts ?? (async () => undefined),
    findUser: options.findUser,
    generatePassword:
      options.generatePassword ??
      (() => {
        throw new Error('nobody has passed in how passwords are made');
      }),
    passwordFault:
      options.passwordFault ??
      (({ length }) => (length < 8 || length > 128 ? 'must have 8 to 128 characters' : undefined)),
    unknownOverlayGroups: options.unknownOverlayGroups ?? (async () => []),
  };
  bus.on(['identity.user.deleted'], (event) => deleteDevicesOf(service, event.data.userId, event.data.actor));
  bus.on(['overlay.peer.deleted'], (event) => forgetPeer(service, event.data.peerId, event.data.actor));
  let pruning: NodeJS.Timeout | undefined;

  return {
    routes: async (app) => {
      await app.register(policyRoutes(service));
      await app.register(deviceRoutes(service));
      await app.register(voucherRoutes(service));
      await app.register(requestRoutes(service));
    },
    decide: (facts) => decider.decide(facts),
    hasPolicies: () => decider.set.policies.length > 0,
    windowsAt: (at) => decider.set.windowsAt(at),
    postureMiss: (facts) => decider.postureMiss(facts, decider.postureOf(facts) ?? null),
    policyWords: (id) => {
      const document = decider.policies.get(id)?.document;
      return document && { name: document.name, message: document.decide.message };
    },
    peerDevices: (only) => peerDevices(service, only),
    record: (ended) => journal.record(ended),
    devices: (ids) => devices(service, ids),
    vouchers: (ids) => vouchers(service, ids),
    useVoucher: (id) => useVoucher(service, id),
    reportPosture: (report) => reportPosture(service, report),
    async start() {
      await loadPolicies(service);
      await loadPostures(service);
      await journal.start();
      pruning = setInterval(() => {
        pruneVouchers(service).catch((error) => log.error({ err: error }, 'old vouchers could not be deleted'));
      }, PRUNE_MS);
    },
    async stop() {
      clearInterval(pruning);
      await journal.stop();
    },
  };
}
