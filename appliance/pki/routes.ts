import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Actor } from '../events/index.ts';
import { type CursorPage, callerOf, cursorPage, type Routes } from '../http/index.ts';
import { pemOf } from './certificate.ts';
import type { Reason } from './crl.ts';
import {
  AuthoritiesBody,
  CertificateBody,
  CertificateParams,
  type CertificatesFilter,
  CertificatesQuery,
  CertificateView,
  IssuedView,
  RevokeBody,
  ServerBody,
  SettingsView,
} from './schema.ts';
import type { Ca } from './state.ts';

const tags = ['pki'];
const config = { access: 'administrator' } as const;
const open = { access: 'public' } as const;
const Nothing = Type.Null({ description: 'No content' });
const Text = Type.String();
const Bytes = Type.Unsafe<Buffer>({ type: 'string', format: 'binary' });

/** What the routes are thin over. */
export interface PkiService {
  ca(): Ca;
  getCrl(): Promise<Buffer>;
  issue(body: CertificateBody, actor: Actor): Promise<IssuedView>;
  get(id: string): Promise<CertificateView>;
  list(filter: CertificatesFilter, page: CursorPage): Promise<CertificateView[]>;
  revoke(id: string, reason: Reason, actor: Actor): Promise<void>;
  settings(): SettingsView;
  bringServer(body: ServerBody, actor: Actor): Promise<SettingsView>;
  dropServer(actor: Actor): Promise<void>;
  setAuthorities(body: AuthoritiesBody, actor: Actor): Promise<SettingsView>;
}

const actorOf = (request: FastifyRequest): Actor => ({
  kind: 'user',
  id: callerOf(request).id,
  address: request.ip,
});

export const pkiRoutes =
  (pki: PkiService): Routes =>
  async (app) => {
    app.get(
      '/pki/ca.pem',
      {
        config: open,
        schema: {
          tags,
          summary: "The CA's certificate",
          response: { 200: { content: { 'application/x-pem-file': { schema: Text } } } },
        },
      },
      async (_request, reply) => reply.type('application/x-pem-file').send(pemOf(pki.ca().certificate)),
    );
    app.get(
      '/pki/ca.crl',
      {
        config: open,
        schema: {
          tags,
          summary: 'The CRL in DER',
          response: { 200: { content: { 'application/pkix-crl': { schema: Bytes } } } },
        },
      },
      async (_request, reply) => reply.type('application/pkix-crl').send(await pki.getCrl()),
    );
    app.get(
      '/pki/crl.pem',
      {
        config: open,
        schema: {
          tags,
          summary: 'The CRL in PEM',
          response: { 200: { content: { 'application/x-pem-file': { schema: Text } } } },
        },
      },
      async (_request, reply) => {
        const lines = (await pki.getCrl()).toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n');
        const pem = `-----BEGIN X509 CRL-----\n${lines}\n-----END X509 CRL-----\n`;
        return reply.type('application/x-pem-file').send(pem);
      },
    );

    app.get(
      '/pki/certificates',
      {
        config,
        schema: {
          tags,
          summary: 'List issued certificates',
          description: 'The newest first.',
          querystring: CertificatesQuery,
          response: { 200: Type.Array(CertificateView) },
        },
      },
      (request, reply) => pki.list(request.query, cursorPage(request, reply, request.query)),
    );
    app.post(
      '/pki/certificates',
      {
        config,
        schema: {
          tags,
          summary: 'Issue a certificate to a user or a NAS',
          description:
            'For the key of a request (csr), or with a key made here (generate), given out once and not kept. ' +
            "A user's is for EAP-TLS, a NAS's for RadSec; neither counts in the other's place.",
          body: CertificateBody,
          response: { 201: IssuedView },
        },
      },
      async (request, reply) => {
        // The answer may hold a private key.
        reply.header('cache-control', 'no-store');
        return reply.code(201).send(await pki.issue(request.body, actorOf(request)));
      },
    );
    app.get(
      '/pki/certificates/:id',
      {
        config,
        schema: {
          tags,
          summary: 'One issued certificate',
          params: CertificateParams,
          response: { 200: CertificateView },
        },
      },
      (request) => pki.get(request.params.id),
    );
    app.post(
      '/pki/certificates/:id/revoke',
      {
        config,
        schema: {
          tags,
          summary: 'Revoke a certificate',
          description: 'At once here; in the CRL with its next download.',
          params: CertificateParams,
          body: RevokeBody,
          response: { 204: Nothing },
        },
      },
      async (request, reply) => {
        await pki.revoke(request.params.id, request.body?.reason ?? 'unspecified', actorOf(request));
        return reply.code(204).send(null);
      },
    );

    app.get(
      '/pki/settings',
      { config, schema: { tags, summary: 'Server certificate and authorities', response: { 200: SettingsView } } },
      async () => pki.settings(),
    );
    app.put(
      '/pki/server',
      {
        config,
        schema: { tags, summary: 'Bring a server certificate', body: ServerBody, response: { 200: SettingsView } },
      },
      (request) => pki.bringServer(request.body, actorOf(request)),
    );
    app.delete(
      '/pki/server',
      { config, schema: { tags, summary: 'Back to the own server certificate', response: { 204: Nothing } } },
      async (request, reply) => {
        await pki.dropServer(actorOf(request));
        return reply.code(204).send(null);
      },
    );
    app.put(
      '/pki/authorities',
      {
        config,
        schema: {
          tags,
          summary: "Set the authorities that clients' certificates may come from",
          body: AuthoritiesBody,
          response: { 200: SettingsView },
        },
      },
      (request) => pki.setAuthorities(request.body, actorOf(request)),
    );
  };
