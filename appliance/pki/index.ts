import { type Actor, type DomainEvent, SYSTEM } from '../events/index.ts';
import { type CursorPage, conflict, notFound, type Routes, unprocessable } from '../http/index.ts';
import type { Logger, SecretBox, Store } from '../store/index.ts';
import { pemOf } from './certificate.ts';
import {
  activeCertificates,
  getCertificate,
  issueCertificate,
  listCertificates,
  revokeCertificate,
} from './certificates.ts';
import { type Checked, createCheck, type Purpose } from './check.ts';
import { type Reason, writeCrl } from './crl.ts';
import { fetchBytes, type HttpFetch } from './fetch.ts';
import { isThere } from './holder.ts';
import { keyIdOf } from './issue.ts';
import { createRevocation } from './revocation.ts';
import { pkiRoutes } from './routes.ts';
import type { AuthoritiesBody, CertificateBody, CertificatesFilter, ServerBody } from './schema.ts';
import { authorityRows, checkServer } from './settings.ts';
import { endsSoon, hostNames, loadState, type PkiContext, type PkiState, saveServer, serverPlace } from './state.ts';
import type { PkiTables } from './tables.ts';
import { settingsView } from './view.ts';

export type { CertificateFacts } from './certificate.ts';
export type { Checked, Purpose } from './check.ts';
export type { HttpFetch, HttpRequest } from './fetch.ts';
export { pkiMigrations } from './migrations.ts';

const DAY_MS = 86_400_000;
/** How often what ends or is out of date is looked for. */
const TICK_MS = 60_000;
const CRL_DAYS = 7;
/** Made anew while clients that keep it still have two days. */
const CRL_RENEW_DAYS = 5;
/** Revoked certificates stay in the CRL this long after their end: RFC 5280, section 3.3. */
const CRL_KEEP_DAYS = 7;

export type Pki = ReturnType<typeof createPki>;

/**
 * The appliance's certificate authority, its server certificate for EAP and RadSec, and the authorities that clients'
 * certificates may come from. `start` makes what is missing; what is synchronous here may be called after it.
 */
export function createPki(options: {
  store: Store;
  secrets: SecretBox;
  log: Logger;
  now: () => Date;
  /** By user name or e-mail address: the user name as it is written, or whether there is one. */
  userExistsByName: (name: string) => Promise<string | boolean>;
  /** Whether there is a RadSec NAS of this name, in whatever case. Without it there is none. */
  nasExists?: (name: string) => Promise<boolean>;
  serverNames?: () => readonly string[];
  crlUrl?: string;
  http?: HttpFetch;
}) {
  const { store, log } = options;
  const now = (): number => options.now().getTime();
  const context: PkiContext = {
    ...options,
    nasExists: options.nasExists ?? (async () => false),
    serverNames: options.serverNames ?? hostNames,
    crlUrl: options.crlUrl,
  };
  const listeners = new Set<() => void>();
  const revoked = new Set<string>();
  /** How often something was revoked: which CRL is out of date. */
  let revocations = 0;
  let state: PkiState | undefined;
  let warned: string | undefined;
  let crl: { der: Buffer; renewAt: number } | undefined;
  let crlRunning: Promise<Buffer> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  const current = (): PkiState => {
    if (!state) throw new Error('the PKI has not been started');
    return state;
  };
  const revocation = createRevocation({ fetch: options.http ?? fetchBytes, log, now });
  const checker = createCheck({ state: current, isRevoked: (serial) => revoked.has(serial), revocation, now });

  /** One after the other, so that an older state never replaces a newer one. */
  const reload = (): Promise<void> => {
    const next = queue.then(async () => {
      const before = state;
      state = await loadState(context);
      const warning = endsSoon(state, now());
      // Once a day, and at once for another certificate.
      const told = warning && `${new Date(now()).toDateString()} ${warning}`;
      if (warning && told !== warned) log.warn({}, warning);
      warned = told;
      if (before && fingerprintOf(before) === fingerprintOf(state)) return;
      if (before?.ca.id !== state.ca.id) crl = undefined;
      revocation.use(state.authorities);
      checker.forget();
      if (before) for (const listener of listeners) listener();
    });
    queue = next.catch(() => undefined);
    return next;
  };

  const tick = async (): Promise<void> => {
    try {
      await reload();
      await revocation.tick();
    } catch (error) {
      log.error({ err: error }, 'certificates could not be looked after');
    }
  };

  const makeCrl = async (): Promise<Buffer> => {
    const { ca } = current();
    const at = now();
    const rows = await store
      .as<PkiTables>()
      .selectFrom('pki_certificates')
      .select(['serial', 'revoked_at', 'reason'])
      .where('ca_id', '=', ca.id)
      .where('revoked_at', 'is not', null)
      .where('not_after', '>', new Date(at - CRL_KEEP_DAYS * DAY_MS).toISOString())
      .orderBy('revoked_at')
      .execute();
    const number = await store.transaction<PkiTables, number>(async (tx) => {
      const row = await tx.db
        .selectFrom('pki_ca')
        .select('crl_number')
        .where('id', '=', ca.id)
        .executeTakeFirstOrThrow();
      await tx.db
        .updateTable('pki_ca')
        .set({ crl_number: row.crl_number + 1 })
        .where('id', '=', ca.id)
        .execute();
      return row.crl_number + 1;
    });
    return writeCrl({
      issuer: ca.certificate,
      key: ca.key,
      keyId: keyIdOf(ca.certificate),
      number,
      thisUpdate: at,
      nextUpdate: at + CRL_DAYS * DAY_MS,
      revoked: rows.map(({ serial, revoked_at, reason }) => ({
        serial,
        at: Date.parse(revoked_at ?? ''),
        reason: reason as Reason,
      })),
    });
  };

  /** The CRL in DER: the same until something is revoked or it gets old. */
  const getCrl = async (): Promise<Buffer> => {
    if (crl && crl.renewAt > now()) return crl.der;
    crlRunning ??= (async () => {
      // Revoked while this one was made: it says nothing of that, and is made again.
      for (;;) {
        const count = revocations;
        const der = await makeCrl();
        if (count !== revocations) continue;
        crl = { der, renewAt: now() + CRL_RENEW_DAYS * DAY_MS };
        return der;
      }
    })().finally(() => {
      crlRunning = undefined;
    });
    return crlRunning;
  };

  const revoke = async (id: string, reason: Reason, actor: Actor): Promise<void> => {
    const marked: string[] = [];
    try {
      await revokeCertificate(context, id, reason, actor, (serial) => {
        // Before it is written: whoever hears of it and checks again must find it so.
        marked.push(serial);
        revoked.add(serial);
      });
    } catch (error) {
      for (const serial of marked) revoked.delete(serial);
      throw error;
    }
    revocations++;
    crl = undefined;
  };

  const revokeAll = async (kind: 'user' | 'nas', name: string): Promise<void> => {
    for (const id of await activeCertificates(context, kind, name)) await revoke(id, 'cessationOfOperation', SYSTEM);
  };

  const service = {
    ca: () => current().ca,
    getCrl,
    revoke,
    async issue(body: CertificateBody, actor: Actor) {
      const issued = await issueCertificate(context, current().ca, body, actor);
      if (!(await isThere(context, body))) {
        // Deleted meanwhile, maybe before there was anything to revoke.
        await revoke(issued.id, 'cessationOfOperation', SYSTEM);
        throw unprocessable(
          body.nas === undefined ? `there is no user ${body.username}` : `there is no RadSec NAS ${body.nas}`,
        );
      }
      return issued;
    },
    get: (id: string) => getCertificate(context, current().ca, id),
    list: (filter: CertificatesFilter, page: CursorPage) => listCertificates(context, current().ca, filter, page),
    settings: () => settingsView(current(), revocation),
    async bringServer(body: ServerBody, actor: Actor) {
      const { chain, key } = checkServer(body.certificate, body.private_key, now());
      const pem = key.export({ format: 'pem', type: 'pkcs8' }).toString();
      const row = {
        id: 'site' as const,
        certificate: chain.map(pemOf).join(''),
        key: context.secrets.seal(pem, serverPlace('site')),
        names: '[]',
        created_at: new Date(now()).toISOString(),
      };
      await saveServer(store, row, actor);
      await reload();
      return service.settings();
    },
    async dropServer(actor: Actor) {
      await store.transaction<PkiTables, void>(async (tx) => {
        const gone = await tx.db.deleteFrom('pki_server').where('id', '=', 'site').executeTakeFirst();
        if (Number(gone.numDeletedRows) === 0) throw notFound('server certificate of the site');
        const event: DomainEvent = { type: 'pki.settings.updated', data: { changed: ['server'], actor } };
        tx.emit(event);
      });
      await reload();
    },
    async setAuthorities(body: AuthoritiesBody, actor: Actor) {
      const rows = authorityRows(body.authorities, now());
      if (rows.some(({ id }) => id === current().ca.certificate.fingerprint)) {
        throw conflict("the appliance's own CA is not one of the others: set own to true");
      }
      await store.transaction<PkiTables, void>(async (tx) => {
        await tx.db.deleteFrom('pki_authorities').execute();
        if (rows.length > 0) await tx.db.insertInto('pki_authorities').values(rows).execute();
        const softFail = body.soft_fail === undefined ? {} : { soft_fail: body.soft_fail ? 1 : 0 };
        await tx.db
          .updateTable('pki_settings')
          .set({ own: body.own ? 1 : 0, ...softFail })
          .execute();
        const event: DomainEvent = { type: 'pki.settings.updated', data: { changed: ['authorities'], actor } };
        tx.emit(event);
      });
      await reload();
      // The CRLs of new authorities, before somebody waits for one.
      void revocation.tick();
      return service.settings();
    },
  };

  return {
    /** For the prefix /v1. */
    routes: pkiRoutes(service) as Routes,
    async start(): Promise<void> {
      await reload();
      const rows = await store
        .as<PkiTables>()
        .selectFrom('pki_certificates')
        .select('serial')
        .where('revoked_at', 'is not', null)
        .execute();
      for (const { serial } of rows) revoked.add(serial);
      void revocation.tick();
      timer = setInterval(() => void tick(), TICK_MS).unref();
    },
    stop(): void {
      clearInterval(timer);
    },
    /** For EAP and RadSec: PEM, the server's certificate first. */
    server(): { key: string; chain: string } {
      const { server } = current();
      return { key: server.key, chain: server.chain.map(pemOf).join('') };
    },
    /** PEM of the authorities that clients' certificates may come from; empty: there is none. */
    authorities(): string {
      const { ca, own, authorities } = current();
      return [...(own ? [ca.certificate] : []), ...authorities.map(({ certificate }) => certificate)]
        .map(pemOf)
        .join('');
    },
    /**
     * Whether a client's certificate counts: a user's where somebody signs in (what it is without a purpose), a NAS's where
     * it is for RadSec or logs are sent, and any of another authority there. `chain`: DER, the client's first. Never rejects.
     */
    check: (chain: readonly Uint8Array[], purpose?: Purpose): Promise<Checked> => checker.check(chain, purpose),
    /** Called after the server certificate or the authorities have changed. Returns what ends it. */
    onChange(listener: () => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    /** Somebody is gone: whoever gets the name later must not be let in by what was issued to the one before. */
    async userDeleted(username: string): Promise<void> {
      await revokeAll('user', username);
    },
    /** A NAS is gone: its certificates count no longer, unless another RadSec NAS has its name. */
    async nasDeleted(name: string): Promise<void> {
      if (!(await context.nasExists(name))) await revokeAll('nas', name);
    },
    /** What the timer does every minute; for tests. */
    tick,
  };
}

/** What changes for those who use the state, and nothing else. */
function fingerprintOf({ ca, server, authorities, own, softFail }: PkiState): string {
  const named = authorities.map(({ id, crlUrl, ocsp, ocspUrl, login }) => [id, crlUrl, ocsp, ocspUrl, login]);
  return JSON.stringify([ca.id, server.chain.map(({ fingerprint }) => fingerprint), named, own, softFail]);
}
