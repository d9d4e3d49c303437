import Type from 'typebox';
import { callerOf, cursorPage, type Routes } from '../../http/index.ts';
import { answers, IdParams, Nothing } from '../schema.ts';
import { actorOf, type Service } from '../service.ts';
import { createExport, deleteExport, getExport, listExports, openExport } from './exports.ts';
import type { ExportJobs } from './jobs.ts';
import { ExportQuery, ExportQueued, ExportView, NewExport } from './schema.ts';

const tags = ['logs'];
const config = { access: 'administrator' } as const;

/** Records with their proofs, as one file that anybody can check. */
export const exportRoutes =
  (service: Service, jobs: ExportJobs): Routes =>
  async (app) => {
    app.post(
      '/logs/exports',
      {
        config,
        schema: {
          tags,
          summary: 'Export records with their proofs',
          description:
            'Two are built at a time; five of one person may wait or be built, and the newest 20 are kept. Ask `GET /v1/logs/exports/:id` (in `Location`) how far it is.',
          body: NewExport,
          response: answers({ 202: ExportQueued }),
        },
      },
      async (request, reply) => {
        const by = { actor: actorOf(request), username: callerOf(request).username };
        const queued = await createExport(service, jobs, request.body, by);
        return reply.code(202).header('location', `/v1/logs/exports/${queued.id}`).send(queued);
      },
    );
    app.get(
      '/logs/exports',
      {
        config,
        schema: {
          tags,
          summary: 'Exports, the newest first',
          querystring: ExportQuery,
          response: answers({ 200: Type.Array(ExportView) }),
        },
      },
      (request, reply) => listExports(service, jobs, cursorPage(request, reply, request.query)),
    );
    app.get(
      '/logs/exports/:id',
      { config, schema: { tags, summary: 'One export', params: IdParams, response: answers({ 200: ExportView }) } },
      (request) => getExport(service, jobs, request.params.id),
    );
    app.get(
      '/logs/exports/:id/download',
      {
        config,
        schema: {
          tags,
          summary: 'Download an export',
          description: 'A ZIP; 409 until it is done. Unpacked, `node verify.mjs` in it checks all of it.',
          params: IdParams,
          response: answers({ 200: Type.Unsafe<unknown>({ type: 'string', format: 'binary' }) }),
        },
      },
      async (request, reply) => {
        const { handle, bytes, row } = await openExport(service, jobs, request.params.id, actorOf(request));
        const day = row.from_at.slice(0, 10);
        return reply
          .type('application/zip')
          .header('content-length', bytes)
          .header('content-disposition', `attachment; filename="gatehouse-logs-${day}-${row.id.slice(0, 8)}.zip"`)
          .header('cache-control', 'no-store')
          .send(handle.createReadStream());
      },
    );
    app.delete(
      '/logs/exports/:id',
      {
        config,
        schema: {
          tags,
          summary: 'Delete an export, or end its building',
          params: IdParams,
          response: answers({ 204: Nothing }),
        },
      },
      async (request, reply) => {
        await deleteExport(service, jobs, request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );
  };
