import { createPrivateKey, type KeyObject } from 'node:crypto';
import { hostname } from 'node:os';
import { type Actor, type DomainEvent, SYSTEM } from '../events/index.ts';
import type { Logger, SecretBox, Store } from '../store/index.ts';
import { type Certificate, pemOf, readPem } from './certificate.ts';
import { isAuthority, validity } from './chain.ts';
import { issueAuthority, issueServer, newKey, newSerial } from './issue.ts';
import { MAX_CHAIN } from './schema.ts';
import { type Authority, attempt, authorityOf } from './settings.ts';
import type { CaRow, PkiTables, ServerRow } from './tables.ts';

const DAY_MS = 86_400_000;
const RENEW_DAYS = 30;
const DNS_NAME = /^(?=.{1,253}$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/i;

/** What the PKI is built on; passed in. */
export interface PkiContext {
  store: Store;
  secrets: SecretBox;
  log: Logger;
  now: () => Date;
  /** By user name or e-mail address: the user name as it is written, or whether there is one. */
  userExistsByName: (name: string) => Promise<string | boolean>;
  /** Whether there is a RadSec NAS of this name, in whatever case. */
  nasExists: (name: string) => Promise<boolean>;
  /** DNS names of the appliance, for its server certificate; by default the machine's. */
  serverNames: () => readonly string[];
  /** Where clients find the CRL; it goes into their certificates. */
  crlUrl: string | undefined;
}

export interface Ca {
  id: string;
  certificate: Certificate;
  key: KeyObject;
}

export interface Server {
  source: 'own' | 'site';
  /** PEM (PKCS#8). */
  key: string;
  chain: Certificate[];
  names: string[];
}

/** Everything that a check or a handshake asks for, in memory. */
export interface PkiState {
  ca: Ca;
  server: Server;
  authorities: readonly Authority[];
  own: boolean;
  softFail: boolean;
}

const caPlace = (id: string): string => `pki_ca/${id}/key`;
export const serverPlace = (id: ServerRow['id']): string => `pki_server/${id}/key`;

export const hostNames = (): string[] => [DNS_NAME.test(hostname()) ? hostname().toLowerCase() : 'localhost'];

function caOf(row: CaRow, secrets: SecretBox): Ca {
  const [certificate] = readPem(row.certificate, 1);
  if (!certificate) throw new Error(`the CA ${row.id} has no certificate`);
  return { id: row.id, certificate, key: createPrivateKey(secrets.open(row.key, caPlace(row.id))) };
}

/** The newest CA; a new one where there is none, or where a wrong clock has made one that is of no use to anybody. */
async function ensureCa({ store, secrets, log, now }: PkiContext): Promise<Ca> {
  const db = store.as<PkiTables>();
  const row = await db.selectFrom('pki_ca').selectAll().orderBy('created_at', 'desc').limit(1).executeTakeFirst();
  if (row) {
    const ca = caOf(row, secrets);
    const out = validity(ca.certificate, now().getTime());
    if (out === undefined) return ca;
    const issued = await db.selectFrom('pki_certificates').select('id').limit(1).executeTakeFirst();
    if (issued) {
      log.error({ subject: ca.certificate.facts.subject }, `the certificate of the CA ${out}`);
      return ca;
    }
  }
  const key = newKey();
  const id = newSerial();
  const pem = await issueAuthority(key.privateKey, now().getTime());
  const made: CaRow = {
    id,
    certificate: pem,
    key: secrets.seal(key.pem, caPlace(id)),
    crl_number: 0,
    created_at: now().toISOString(),
  };
  const ca = caOf(made, secrets);
  const { subject } = ca.certificate.facts;
  await store.transaction<PkiTables, void>(async (tx) => {
    await tx.db.insertInto('pki_ca').values(made).execute();
    // Of the CA before.
    await tx.db.deleteFrom('pki_server').where('id', '=', 'own').execute();
    const event: DomainEvent = {
      type: 'pki.authority.created',
      data: { authorityId: id, subject, actor: SYSTEM },
    };
    tx.emit(event);
  });
  log.info({ subject }, 'the certificate authority is made');
  return ca;
}

function serverOf(row: ServerRow, secrets: SecretBox): Server {
  const chain = readPem(row.certificate, MAX_CHAIN);
  return {
    source: row.id,
    key: secrets.open(row.key, serverPlace(row.id)),
    chain,
    names: JSON.parse(row.names) as string[],
  };
}

/** Our own server certificate: made where there is none, or 30 days before its end, or for other names. */
async function ensureServer(context: PkiContext, ca: Ca): Promise<Server> {
  const { store, secrets, log, now } = context;
  const at = now().getTime();
  const given = context.serverNames().filter((name) => DNS_NAME.test(name));
  const names = given.length > 0 ? given : hostNames();
  const db = store.as<PkiTables>();
  const row = await db.selectFrom('pki_server').selectAll().where('id', '=', 'own').executeTakeFirst();
  const kept = row && attempt(() => serverOf(row, secrets));
  const [leaf, issuer] = kept?.chain ?? [];
  const current =
    kept &&
    leaf &&
    issuer?.fingerprint === ca.certificate.fingerprint &&
    leaf.notBefore <= at &&
    (leaf.notAfter - at >= RENEW_DAYS * DAY_MS || leaf.notAfter >= ca.certificate.notAfter - DAY_MS) &&
    JSON.stringify(kept.names) === JSON.stringify(names);
  if (current) return kept;
  const key = newKey();
  const { pem } = await issueServer(ca, key.privateKey, names, at);
  const made: ServerRow = {
    id: 'own',
    certificate: `${pem}${pemOf(ca.certificate)}`,
    key: secrets.seal(key.pem, serverPlace('own')),
    names: JSON.stringify(names),
    created_at: now().toISOString(),
  };
  await saveServer(store, made, SYSTEM);
  log.info({ names, notAfter: serverOf(made, secrets).chain[0]?.facts.notAfter }, 'the server certificate is made');
  return serverOf(made, secrets);
}

export async function saveServer(store: Store, row: ServerRow, actor: Actor): Promise<void> {
  await store.transaction<PkiTables, void>(async (tx) => {
    await tx.db.deleteFrom('pki_server').where('id', '=', row.id).execute();
    await tx.db.insertInto('pki_server').values(row).execute();
    const event: DomainEvent = { type: 'pki.settings.updated', data: { changed: ['server'], actor } };
    tx.emit(event);
  });
}

/** Reads everything, and makes what is missing. Throws where a key can't be opened. */
export async function loadState(context: PkiContext): Promise<PkiState> {
  const { store, secrets } = context;
  const db = store.as<PkiTables>();
  const ca = await ensureCa(context);
  const own = await ensureServer(context, ca);
  const site = await db.selectFrom('pki_server').selectAll().where('id', '=', 'site').executeTakeFirst();
  const settings = await db.selectFrom('pki_settings').selectAll().executeTakeFirst();
  const rows = await db.selectFrom('pki_authorities').selectAll().orderBy('position').execute();
  const server = site ? serverOf(site, secrets) : own;
  return {
    ca,
    server,
    authorities: rows.map(authorityOf).filter(({ certificate }) => isAuthority(certificate)),
    own: settings?.own !== 0,
    softFail: settings?.soft_fail === 1,
  };
}

/** What there is to say of the certificate that a site has brought, once it is time for a new one. */
export function endsSoon({ server }: PkiState, now: number): string | undefined {
  const [leaf] = server.chain;
  if (server.source !== 'site' || !leaf || leaf.notAfter - now >= RENEW_DAYS * DAY_MS) return undefined;
  return `the site's server certificate ends at ${leaf.facts.notAfter}: bring a new one`;
}
