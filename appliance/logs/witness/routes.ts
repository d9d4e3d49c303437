import { Type } from '@fastify/type-provider-typebox';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Routes } from '../../http/index.ts';
import { MAX_REQUEST_BYTES, SIZE_TYPE } from './request.ts';
import type { Witness } from './server.ts';

const PLAIN = 'text/plain; charset=utf-8';
const config = { access: 'public' } as const;
const hidden = { hide: true } as const;

const text = (reply: FastifyReply, status: number, body: string) => reply.code(status).type(PLAIN).send(body);

/** What the protocol's clients understand: a status and plain text. */
function errorHandler(error: FastifyError, _request: FastifyRequest, reply: FastifyReply) {
  const status = error.statusCode ?? 500;
  if (status < 400 || status >= 500) throw error;
  const message = status === 413 ? `a request has at most ${MAX_REQUEST_BYTES} bytes` : error.message;
  return text(reply, status, `${message}\n`);
}

/** c2sp.org/tlog-witness, below `/witness`: nobody logs in, what counts is the log's signature. */
export function witnessRoutes(witness: () => Witness): Routes {
  return async (app) => {
    app.removeAllContentTypeParsers();
    // Clients send the request as any type, or none.
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));

    app.post(
      '/add-checkpoint',
      { config, schema: hidden, bodyLimit: MAX_REQUEST_BYTES, errorHandler },
      async (request, reply) => {
        const { status, body } = await witness().addCheckpoint(typeof request.body === 'string' ? request.body : '');
        if (status === 409) return reply.code(status).type(SIZE_TYPE).send(body);
        return text(reply, status, body.endsWith('\n') ? body : `${body}\n`);
      },
    );

    app.get('/key', { config, schema: hidden }, async (_request, reply) => text(reply, 200, `${witness().vkey}\n`));

    app.get(
      '/:origin/checkpoint',
      { config, schema: { ...hidden, params: Type.Object({ origin: Type.String({ pattern: '^[0-9a-f]{64}$' }) }) } },
      async ({ params }, reply) => {
        const checkpoint = await witness().checkpoint(params.origin);
        if (checkpoint === undefined) return text(reply, 404, 'this witness has cosigned nothing of the log\n');
        return text(reply, 200, checkpoint);
      },
    );
  };
}
