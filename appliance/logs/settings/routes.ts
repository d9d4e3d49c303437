import Type from 'typebox';
import { cursorPage, type Routes } from '../../http/index.ts';
import type { ExportJobs } from '../exports/jobs.ts';
import { answers, IdParams, Nothing } from '../schema.ts';
import { actorOf, type Service } from '../service.ts';
import { erase } from './erasures.ts';
import { createHold, getHold, listHolds, releaseHold } from './holds.ts';
import { getDays, updateDays } from './retention.ts';
import {
  ErasureView,
  HoldQuery,
  HoldView,
  NewErasure,
  NewHold,
  RetentionChange,
  RetentionChanged,
  RetentionView,
} from './schema.ts';

const tags = ['logs'];
const config = { access: 'administrator' } as const;

/** How long records stay: days by class, holds, and what has to go before its time. */
export const settingRoutes =
  (service: Service, jobs: ExportJobs): Routes =>
  async (app) => {
    app.get(
      '/logs/retention',
      { config, schema: { tags, summary: 'How long records are kept', response: answers({ 200: RetentionView }) } },
      async () => ({ days: await getDays(service) }),
    );
    app.put(
      '/logs/retention',
      {
        config,
        schema: {
          tags,
          summary: 'Change how long records are kept',
          description:
            'With `dry_run`, only says what would go. 409 where records would be destroyed at once, without `confirm`.',
          body: RetentionChange,
          response: answers({ 200: RetentionChanged }),
        },
      },
      (request) => updateDays(service, request.body, actorOf(request)),
    );
    app.get(
      '/logs/holds',
      {
        config,
        schema: {
          tags,
          summary: 'Holds, the newest first',
          querystring: HoldQuery,
          response: answers({ 200: Type.Array(HoldView) }),
        },
      },
      (request, reply) => listHolds(service, request.query.status, cursorPage(request, reply, request.query)),
    );
    app.post(
      '/logs/holds',
      {
        config,
        schema: {
          tags,
          summary: 'Hold records',
          description: 'What is held neither expires nor is erased, until the hold is released.',
          body: NewHold,
          response: answers({ 201: HoldView }),
        },
      },
      async (request, reply) => reply.code(201).send(await createHold(service, request.body, actorOf(request))),
    );
    app.get(
      '/logs/holds/:id',
      { config, schema: { tags, summary: 'One hold', params: IdParams, response: answers({ 200: HoldView }) } },
      (request) => getHold(service, request.params.id),
    );
    app.delete(
      '/logs/holds/:id',
      {
        config,
        schema: {
          tags,
          summary: 'Release a hold',
          description: 'It stays in the list as released.',
          params: IdParams,
          response: answers({ 204: Nothing }),
        },
      },
      async (request, reply) => {
        await releaseHold(service, request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );
    app.post(
      '/logs/erasures',
      {
        config,
        schema: {
          tags,
          summary: 'Erase the records of one person',
          description:
            'Takes out what the records say, for ever; that there were records is still proved. Held records stay, and ' +
            'so does what was done with the log itself. With `dry_run`, only says how many it would be. Give `user`, `ip` or `mac` (records that match all of them), or `indexes`.',
          body: NewErasure,
          response: answers({ 200: ErasureView }),
        },
      },
      (request) => erase(service, jobs, request.body, actorOf(request)),
    );
  };
