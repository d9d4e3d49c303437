import Type from 'typebox';
import { CursorQuery, cursorPage, HttpError, notFound, type Routes, unprocessable } from '../../http/index.ts';
import type { Found, QueryResult, WhoisAnswer } from '../backend.ts';
import { asked, filterOf, ipOf, isNothing, timeOf } from '../inputs.ts';
import {
  answers,
  FilterQuery,
  MAX_PAGE,
  MAX_PAGE_BYTES,
  ProvenRecord,
  RecordView,
  strict,
  Whois,
  WhoisQuery,
} from '../schema.ts';
import { actorOf, type Service } from '../service.ts';
import { rfc3339 } from '../times.ts';
import { provenView, viewer } from '../view.ts';

const tags = ['logs'];
const config = { access: 'administrator' } as const;
const RecordsQuery = Type.Object({ ...CursorQuery(MAX_PAGE).properties, ...FilterQuery.properties }, strict);

/** As many of the records as fit into an answer: at least one. */
function fitting(records: readonly Found[]): Found[] {
  let bytes = 0;
  const end = records.findIndex(({ raw, rawBase64 }, at) => {
    bytes += raw?.length ?? rawBase64?.length ?? 0;
    return at > 0 && bytes > MAX_PAGE_BYTES;
  });
  return end === -1 ? [...records] : records.slice(0, end);
}

const headerText = (text: string): string => text.replace(/[^ -~]/g, '?');

const whoisView = ({ nat, ...one }: WhoisAnswer) => ({
  via: one.via,
  confidence: one.confidence,
  conflict: one.conflict === true,
  user: one.user ?? null,
  mac: one.mac ?? null,
  hostname: one.hostname ?? null,
  nas: one.nas ?? null,
  ssid: one.ssid ?? null,
  ip: one.ip ?? null,
  nat: nat
    ? {
        ip: nat.ip,
        port: nat.port ?? null,
        inner: nat.inner,
        inner_port: nat.innerPort ?? null,
        at: rfc3339(nat.atUs),
        via: nat.via ?? null,
      }
    : null,
  from: one.fromUs === undefined ? null : rfc3339(one.fromUs),
  to: one.toUs === undefined ? null : rfc3339(one.toUs),
  records: one.records,
});

/** Looking records up. Who does so is recorded before the answer goes out. */
export const recordRoutes =
  (service: Service): Routes =>
  async (app) => {
    const { backend, sources } = service;

    app.get(
      '/logs',
      {
        config,
        schema: {
          tags,
          summary: 'Search the records, the newest first',
          description:
            'The next page is in the `Link` header, also where this one is short. `Gatehouse-Partial` says why some ' +
            'records may be missing. The search is recorded.',
          querystring: RecordsQuery,
          response: answers({ 200: Type.Array(RecordView) }),
        },
      },
      async (request, reply) => {
        const { cursor: _, limit, ...query } = request.query;
        const page = cursorPage(request, reply, request.query);
        const before = page.after && Number(page.after.id);
        if (before !== undefined && !Number.isSafeInteger(before)) {
          throw unprocessable('cursor is not of this list: start again without it');
        }
        const filter = filterOf(service, query);
        const nothing: QueryResult = { records: [] };
        const found = isNothing(filter)
          ? nothing
          : await asked(backend.query({ ...filter, limit, ...(before !== undefined && { before }) }));
        const records = fitting(found.records);
        const next = records.length < found.records.length ? records.at(-1)?.index : found.next;
        const { from, to, ...rest } = query;
        await backend.record({
          event: 'logs.searched',
          actor: actorOf(request),
          query: rest,
          from: from ?? null,
          to: to ?? null,
          count: records.length,
          ...(before !== undefined && { before }),
        });
        if (next !== undefined) page.more({ key: '', id: String(next) });
        if (found.partial !== undefined) reply.header('gatehouse-partial', headerText(found.partial));
        return records.map(viewer(sources));
      },
    );

    app.get(
      '/logs/whois',
      {
        config,
        schema: {
          tags,
          summary: 'Who had this address at this moment',
          description:
            'Joins what DHCP, RADIUS and NAT say. `Gatehouse-Partial` says why records may be missing that would say more. ' +
            'The question is recorded.',
          querystring: WhoisQuery,
          response: answers({ 200: Whois }),
        },
      },
      async (request, reply) => {
        const { port } = request.query;
        const ip = ipOf(request.query.ip);
        const atUs = request.query.at === undefined ? service.now() * 1000 : timeOf('at', request.query.at);
        if (atUs === 0 || atUs === Number.MAX_SAFE_INTEGER) throw unprocessable('at must be a time from 1970 to 2255');
        const found = await asked(backend.whois({ ip, atUs, ...(port !== undefined && { port }) }));
        const at = rfc3339(atUs);
        await backend.record({
          event: 'logs.whois',
          actor: actorOf(request),
          query: { ip, at, ...(port !== undefined && { port }) },
          count: found.answers.length,
        });
        if (found.partial !== undefined) reply.header('gatehouse-partial', headerText(found.partial));
        return {
          ip,
          at,
          port: port ?? null,
          answers: found.answers.map(whoisView),
        };
      },
    );

    app.get(
      '/logs/:index',
      {
        config,
        schema: {
          tags,
          summary: 'One record with its proof',
          description: 'The proof leads to the latest checkpoint. That it was read is recorded.',
          params: Type.Object({ index: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }) }),
          response: answers({ 200: ProvenRecord }),
        },
      },
      async (request) => {
        const { index } = request.params;
        const proven = await backend.proof(index);
        if (!proven) throw notFound('record');
        await backend.record({ event: 'logs.read', actor: actorOf(request), query: { index }, count: 1 });
        return provenView(sources, proven);
      },
    );

    app.get(
      '/logs/checkpoint',
      {
        // It says nothing of anybody, and the more people remember it, the less the log can be put back unseen.
        config: { access: 'user' },
        schema: {
          tags,
          summary: 'The latest checkpoint, as a signed note',
          response: answers({ 200: Type.String() }),
        },
      },
      async (_request, reply) => {
        const note = backend.checkpoint();
        if (note === undefined)
          throw new HttpError(503, 'nothing is sealed yet: try again in 5 s', { 'retry-after': '5' });
        return reply.type('text/plain; charset=utf-8').header('cache-control', 'no-store').send(note);
      },
    );
  };
