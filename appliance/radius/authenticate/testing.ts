import type { Decision, DeviceRecord, Ended, Facts, VoucherRecord } from '../../access/index.ts';
import { createBus, SYSTEM } from '../../events/index.ts';
import { CODE, encodeRequest, type Packet, parsePacket, Secret } from '../codec/index.ts';
import { type Dictionary, loadDictionary } from '../dictionary/index.ts';
import { type Account, AccountPasswords, Directory } from '../directory/index.ts';
import { quiet } from '../directory/testing.ts';
import type { EapResult } from '../eap/index.ts';
import { Renderer } from '../render/index.ts';
import type { AccessRequest, Answer, Attempt, Nas, Source, Verdict } from '../types.ts';
import {
  type Admission,
  createAuthorize,
  createDispatch,
  createInnerMethods,
  createLocal,
  createRecognize,
  createRoute,
  type Resolve,
  type Usage,
} from './index.ts';

/** The whole way of a request for tests: rows in maps, what others would do as functions that a test sets. */
export const ALLOW: Decision = { action: 'allow', policy: null, attributes: [], overlayGroups: [] };
export const decision = (more: Partial<Decision>): Decision => ({
  ...ALLOW,
  policy: { id: 'p', name: 'staff', version: 1 },
  ...more,
});
let dictionary: Dictionary | undefined;

export const nas = (more: Partial<Nas> = {}): Nas => ({
  id: 'nas',
  siteId: 'default',
  name: 'ap',
  address: '127.0.0.1',
  type: 'generic',
  groups: [],
  protocol: 'udp',
  secret: new Secret('testing123'),
  requireMessageAuthenticator: true,
  coa: { port: 3799, secret: new Secret('testing123') },
  source: undefined,
  ...more,
});

export async function createRig() {
  const rows = {
    accounts: new Map<string, Account>(),
    devices: new Map<string, DeviceRecord>(),
    vouchers: new Map<string, VoucherRecord>(),
  };
  const table =
    <R>(from: Map<string, R>) =>
    async (ids?: readonly string[]): Promise<R[]> =>
      ids ? ids.flatMap((id) => from.get(id) ?? []) : [...from.values()];
  const bus = createBus();
  const directory = new Directory({
    accounts: table(rows.accounts),
    devices: table(rows.devices),
    vouchers: table(rows.vouchers),
    log: quiet,
  });
  directory.listen(bus);
  /** What tests set, and what they look at. */
  const state = {
    now: Date.UTC(2026, 0, 1),
    /** Account passwords by user id. */
    passwords: new Map<string, string>(),
    verified: 0,
    busy: false,
    used: [] as string[],
    voucherFails: false,
    decide: (_: Facts): Decision => ALLOW,
    recorded: [] as Ended[],
    admitted: [] as Admission[],
    logged: [] as object[],
    usage: { sessions: 0, bytes: 0, seconds: 0 } as Usage,
    usageAsked: 0,
    source: { kind: 'local' } as Source,
    rest: async (_: Attempt): Promise<Verdict> => ({ outcome: 'none', reason: 'no connector' }),
    proxy: async (_: AccessRequest): Promise<Answer | undefined> => undefined,
    eap: async (_: AccessRequest): Promise<EapResult> => ({ kind: 'none', reason: 'no EAP' }),
  };
  const passwords = new AccountPasswords({
    verify: async (id, password) => {
      state.verified++;
      if (state.busy) throw new Error('busy');
      return state.passwords.get(id) === password;
    },
    failed: () => undefined,
    monotonic: () => state.now,
  });
  const resolve: Resolve = (login, of) => {
    const source = of?.source ?? state.source;
    const [user = '', realm] = login.split('@');
    return realm === 'corp' ? { login: user, realm, source } : { login, source };
  };
  const local = createLocal({
    directory,
    passwords,
    useVoucher: async (id) => {
      if (state.voucherFails) throw new Error('no database');
      state.used.push(id);
    },
    failed: () => undefined,
    now: () => state.now,
  });
  dictionary ??= loadDictionary();
  const renderer = new Renderer(dictionary);
  const authorize = createAuthorize({
    access: { decide: (facts) => state.decide(facts), record: (ended) => void state.recorded.push(ended) },
    directory,
    renderer,
    usage: () => {
      state.usageAsked++;
      return state.usage;
    },
    realmOf: (login, of) => resolve(login, of).realm,
    admitted: (_, admission) => void state.admitted.push(admission),
    log: { ...quiet, info: (details: object) => void state.logged.push(details) } as typeof quiet,
  });
  const rest = (_: readonly string[], attempt: Attempt) => state.rest(attempt);
  const route = createRoute({ resolve, local, rest });
  const handle = createDispatch({
    resolve,
    local,
    rest,
    directory,
    authorize,
    eap: () => ({ handle: (request) => state.eap(request) }),
    proxy: (_, request) => state.proxy(request),
    log: quiet,
  });
  let events = 0;
  return {
    ...rows,
    state,
    directory,
    dictionary,
    renderer,
    authorize,
    route,
    handle,
    local,
    recognize: createRecognize({ directory, resolve, now: () => state.now }),
    innerMethods: createInnerMethods({ directory, resolve }),
    emit: (type: string, data: object) => bus.deliver({ id: ++events, at: '', type, data: { ...data, actor: SYSTEM } }),
    /** Loads what the maps hold. */
    async load(): Promise<void> {
      await directory.start();
    },
  };
}
export type Rig = Awaited<ReturnType<typeof createRig>>;

const AUTHENTICATOR = Uint8Array.from({ length: 16 }, (_, index) => index + 1);

/** An Access-Request with these attributes, as the server would hand it on. */
export function request(attributes: Uint8Array, of: Nas = nas(), at = Date.UTC(2026, 0, 1)): AccessRequest {
  const bytes = encodeRequest(CODE.accessRequest, 7, of.secret, attributes, { authenticator: AUTHENTICATOR });
  return { packet: parsePacket(bytes) as Packet, nas: of, address: '127.0.0.1', authPort: 1812, at };
}
export { AUTHENTICATOR };
