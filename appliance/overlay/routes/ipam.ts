import Type from 'typebox';
import { callerOf, PageQuery, paged, type Routes } from '../../http/index.ts';
import type { OverlayContext } from '../context.ts';
import { availableCidrs, listAllocations, networkAllocations } from '../ipam.ts';
import { AvailableCidrs, AvailableCidrsQuery, IpamAllocation, NetworkParams } from '../schema.ts';

const tags = ['ipam'];

export const ipamRoutes =
  (context: OverlayContext): Routes =>
  async (app) => {
    app.get(
      '/ipam/available-cidrs',
      {
        schema: {
          tags,
          summary: 'Suggest CIDRs for a new network',
          querystring: AvailableCidrsQuery,
          response: { 200: AvailableCidrs },
        },
      },
      (request) => availableCidrs(context, request.query),
    );
    app.get(
      '/ipam',
      {
        schema: {
          tags,
          summary: 'List addresses in use',
          querystring: PageQuery(100),
          response: { 200: paged(IpamAllocation) },
        },
      },
      (request) => listAllocations(context, callerOf(request), request.query),
    );
    app.get(
      '/ipam/networks/:networkId',
      {
        schema: {
          tags,
          summary: "List a network's addresses in use",
          params: NetworkParams,
          response: { 200: Type.Array(IpamAllocation) },
        },
      },
      (request) => networkAllocations(context, callerOf(request), request.params.networkId),
    );
  };
