import { createPublicKey, type KeyObject, randomUUID } from 'node:crypto';
import type { Actor, DomainEvent } from '../events/index.ts';
import { badRequest, type CursorPage, conflict, notFound, unprocessable } from '../http/index.ts';
import { type Certificate, pemOf, readPem } from './certificate.ts';
import type { Reason } from './crl.ts';
import { type Holder, holderOf } from './holder.ts';
import { issueClient, issueNas, newKey, newSerial, readRequest } from './issue.ts';
import { newPassword, writePkcs12 } from './pkcs12.ts';
import {
  type CertificateBody,
  type CertificatesFilter,
  type CertificateView,
  type IssuedView,
  MAX_CERTIFICATES,
} from './schema.ts';
import type { Ca, PkiContext } from './state.ts';
import type { CertificateRow, PkiTables } from './tables.ts';

const viewOf = (row: CertificateRow, ca: Ca): CertificateView => ({
  id: row.id,
  serial: row.serial,
  username: row.username,
  nas: row.nas,
  not_before: row.not_before,
  not_after: row.not_after,
  subject: row.subject,
  created_at: row.created_at,
  revoked_at: row.revoked_at,
  reason: row.reason as Reason | null,
  certificate: row.ca_id === ca.id ? `${row.certificate}${pemOf(ca.certificate)}` : row.certificate,
});

/**
 * Issues a certificate to a user or a NAS: for the key of a request, or with a key that is made here, given out once and
 * not kept. 422 where the request can't be used or there is no such user or NAS; 409 where the CA is full.
 */
export async function issueCertificate(
  context: PkiContext,
  ca: Ca,
  body: CertificateBody,
  actor: Actor,
): Promise<IssuedView> {
  const { csr, days, format } = body;
  const generate = body.generate ?? false;
  if (generate === (csr !== undefined)) throw unprocessable('give either csr, or generate as true');
  if (csr !== undefined && format === 'pkcs12')
    throw unprocessable('format pkcs12 is for generated keys: there is no key here');
  const holder = await holderOf(context, body);
  const key = generate ? newKey() : undefined;
  const publicKey = key ? createPublicKey(key.privateKey as never) : await publicKeyOf(csr ?? '');
  const { row, certificate } = await issueRow(context, ca, { holder, days, publicKey });
  await context.store.transaction<PkiTables, void>(async (tx) => {
    const { total } = await tx.db
      .selectFrom('pki_certificates')
      .select((eb) => eb.fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow();
    if (Number(total) >= MAX_CERTIFICATES) {
      throw conflict(`the CA has issued ${MAX_CERTIFICATES} certificates, which is the most that it keeps`);
    }
    await tx.db.insertInto('pki_certificates').values(row).execute();
    const event: DomainEvent = {
      type: 'pki.certificate.issued',
      data: { certificateId: row.id, serial: row.serial, username: row.username, actor },
    };
    tx.emit(event);
  });
  const { id, serial, username, nas, not_before, not_after } = row;
  const base = { id, serial, username, nas, not_before, not_after };
  if (key && format === 'pkcs12') {
    const password = newPassword();
    const name = nas ?? username;
    const options = { key: key.privateKey, certificate, authority: ca.certificate, name, password };
    return { ...base, pkcs12: (await writePkcs12(options)).toString('base64'), password };
  }
  return {
    ...base,
    certificate: `${row.certificate}${pemOf(ca.certificate)}`,
    ...(key && { private_key: key.pem }),
  };
}

async function publicKeyOf(csr: string): Promise<KeyObject> {
  const key = await readRequest(csr);
  if (typeof key === 'string') throw unprocessable(key);
  return key;
}

async function issueRow(
  { now, crlUrl }: PkiContext,
  ca: Ca,
  { holder, ...options }: { holder: Holder; days: number; publicKey: KeyObject },
): Promise<{ row: CertificateRow; certificate: Certificate }> {
  const at = now();
  const serial = newSerial();
  const common = { ...options, serial, now: at.getTime(), crlUrl };
  const issued = await (holder.kind === 'nas'
    ? issueNas(ca, { ...common, name: holder.name })
    : issueClient(ca, { ...common, username: holder.username, name: holder.name }));
  const [certificate] = readPem(issued.pem, 1);
  if (!certificate) throw badRequest('the certificate could not be made');
  return {
    certificate,
    row: {
      id: randomUUID(),
      ca_id: ca.id,
      serial,
      kind: holder.kind,
      username: holder.kind === 'user' ? holder.username : '',
      nas: holder.kind === 'nas' ? holder.name.value : null,
      subject: certificate.facts.subject,
      certificate: issued.pem,
      not_before: new Date(certificate.notBefore).toISOString(),
      not_after: certificate.facts.notAfter,
      created_at: at.toISOString(),
      revoked_at: null,
      reason: null,
    },
  };
}

export async function getCertificate({ store }: PkiContext, ca: Ca, id: string): Promise<CertificateView> {
  const row = await store
    .as<PkiTables>()
    .selectFrom('pki_certificates')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst();
  if (!row) throw notFound('certificate');
  return viewOf(row, ca);
}

/** The newest first. */
export async function listCertificates(
  { store }: PkiContext,
  ca: Ca,
  { username, nas }: CertificatesFilter,
  page: CursorPage,
): Promise<CertificateView[]> {
  let query = store.as<PkiTables>().selectFrom('pki_certificates').selectAll();
  if (username !== undefined) query = query.where('kind', '=', 'user').where('username', '=', username);
  if (nas !== undefined) query = query.where('nas', '=', nas.toLowerCase());
  const { after } = page;
  if (after) {
    query = query.where((eb) =>
      eb.or([eb('created_at', '<', after.key), eb.and([eb('created_at', '=', after.key), eb('id', '<', after.id)])]),
    );
  }
  const rows = await query
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit + 1)
    .execute();
  return page.cut(rows, (row) => ({ key: row.created_at, id: row.id })).map((row) => viewOf(row, ca));
}

/** 404; 409 where it is revoked already. `marked` gets its serial number before anybody can hear of it. */
export async function revokeCertificate(
  { store, now }: PkiContext,
  id: string,
  reason: Reason,
  actor: Actor,
  marked: (serial: string) => void,
): Promise<void> {
  await store.transaction<PkiTables, void>(async (tx) => {
    const row = await tx.db.selectFrom('pki_certificates').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row) throw notFound('certificate');
    if (row.revoked_at !== null) throw conflict(`the certificate was revoked at ${row.revoked_at}`);
    await tx.db
      .updateTable('pki_certificates')
      .set({ revoked_at: now().toISOString(), reason })
      .where('id', '=', id)
      .execute();
    const { serial, username } = row;
    const event: DomainEvent = {
      type: 'pki.certificate.revoked',
      data: { certificateId: id, serial, username, actor },
    };
    tx.emit(event);
    marked(serial);
  });
}

/** Ids of certificates of a user, or of a NAS, that still let somebody in. */
export async function activeCertificates(
  { store, now }: PkiContext,
  kind: 'user' | 'nas',
  name: string,
): Promise<string[]> {
  const rows = await store
    .as<PkiTables>()
    .selectFrom('pki_certificates')
    .select('id')
    .where('kind', '=', kind)
    .where(kind === 'nas' ? 'nas' : 'username', '=', kind === 'nas' ? name.toLowerCase() : name)
    .where('revoked_at', 'is', null)
    .where('not_after', '>', now().toISOString())
    .execute();
  return rows.map(({ id }) => id);
}
