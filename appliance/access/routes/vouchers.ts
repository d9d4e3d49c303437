import Type from 'typebox';
import { CursorQuery, cursorPage, type Routes } from '../../http/index.ts';
import { answers, Id, IdParams, NewVouchers, Nothing, Voucher, VoucherBatch } from '../schema.ts';
import { actorOf, type Service } from '../service.ts';
import { createVouchers, deleteVoucher, listVouchers } from '../vouchers.ts';

const tags = ['guests'];
const config = { access: 'administrator' } as const;
const MAX_PAGE = 1000;

/** Guests' vouchers. Their codes are sealed where they are kept, and administrators may print them again. */
export const voucherRoutes =
  (service: Service): Routes =>
  async (app) => {
    app.post(
      '/guests/vouchers',
      {
        config,
        schema: {
          tags,
          summary: 'Make a batch of vouchers',
          body: NewVouchers,
          response: answers({ 201: VoucherBatch }),
        },
      },
      async (request, reply) => reply.code(201).send(await createVouchers(service, request.body, actorOf(request))),
    );

    app.get(
      '/guests/vouchers',
      {
        config,
        schema: {
          tags,
          summary: 'Vouchers, the newest first',
          querystring: Type.Object({ ...CursorQuery(MAX_PAGE).properties, batch_id: Type.Optional(Id) }),
          response: answers({ 200: Type.Array(Voucher) }),
        },
      },
      async (request, reply) => listVouchers(service, request.query, cursorPage(request, reply, request.query)),
    );

    app.delete(
      '/guests/vouchers/:id',
      { config, schema: { tags, summary: 'Delete a voucher', params: IdParams, response: answers({ 204: Nothing }) } },
      async (request, reply) => {
        await deleteVoucher(service, request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );
  };
