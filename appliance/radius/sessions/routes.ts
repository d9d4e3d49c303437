import Type from 'typebox';
import { conflict, cursorPage, HttpError, notFound, type Routes } from '../../http/index.ts';
import type { CoaOutcome } from '../coa/index.ts';
import { macOf } from '../directory/index.ts';
import { idAt, type SessionDatabase } from './database.ts';
import type { Live, LiveSession } from './live.ts';
import type { Reauthorization } from './reauthorize.ts';
import { Reauthorized, SessionParams, SessionQuery, SessionView } from './schema.ts';
import type { SessionRow } from './tables.ts';

const tags = ['sessions'];
const config = { access: 'administrator' } as const;

export interface SessionRoutesOptions {
  live: Live;
  database: SessionDatabase;
  reauthorization: Reauthorization;
  /** Writes what memory has and the database hasn't. */
  flush: () => Promise<void>;
  view: (row: SessionRow) => SessionView;
  siteExists: (id: string) => boolean | Promise<boolean>;
  /** The overlay's active sessions; bounded by its devices. */
  overlaySessions: () => Promise<SessionView[]>;
  overlaySession: (id: string) => Promise<SessionView | undefined>;
}

/** Newest first: ids of RADIUS sessions start with their time, and overlay sessions are put among them by theirs. */
const positionOf = (view: SessionView): { key: string; id: string } => ({
  key: view.type === 'radius' ? view.id : `${idAt(Date.parse(view.started_at)).slice(0, 14)}~${view.id}`,
  id: view.id,
});
const newestFirst = (a: SessionView, b: SessionView): number => (positionOf(a).key < positionOf(b).key ? 1 : -1);

export const sessionRoutes =
  (options: SessionRoutesOptions): Routes =>
  async (app) => {
    const { live, database, reauthorization } = options;

    async function viewOf(id: string): Promise<SessionView> {
      await options.flush();
      const row = await database.row(id);
      const found = row ? options.view(row) : await options.overlaySession(id);
      if (!found) throw notFound('session');
      return found;
    }
    /** A session that a NAS can be asked about. */
    async function activeSession(id: string): Promise<LiveSession> {
      const session = live.byId.get(id);
      if (session && session.endedAt === null) return session;
      const found = await viewOf(id);
      if (found.type === 'overlay') {
        throw conflict(
          'an overlay session has no NAS that could end it: block the peer instead (blocked_peers of PUT ' +
            '/api/v1/networks/{networkId}/acl), or delete it',
        );
      }
      throw conflict('the session has ended');
    }

    app.get(
      '/sessions',
      {
        config,
        schema: {
          tags,
          summary: 'List sessions of RADIUS and of the overlay, the newest first',
          description:
            'The next page is in the `Link` header. Ended RADIUS sessions are kept for 90 days; the overlay tells its ' +
            'active ones.',
          querystring: SessionQuery,
          response: { 200: Type.Array(SessionView) },
        },
      },
      async (request, reply) => {
        const { site, status, user, mac, type } = request.query;
        const page = cursorPage(request, reply, request.query);
        if (site !== undefined && !(await options.siteExists(site))) throw notFound('site');
        await options.flush();
        const address = mac === undefined ? undefined : (macOf(mac) ?? mac.toLowerCase());
        const login = user?.toLowerCase();
        const found: SessionView[] = [];
        if (type !== 'overlay') {
          const rows = await database.list(
            { site, status, user, mac: address, before: page.after?.key },
            page.limit + 1,
          );
          found.push(...rows.map(options.view));
        }
        if (type !== 'radius' && status !== 'ended') {
          for (const session of await options.overlaySessions()) {
            if (site !== undefined && session.site_id !== site) continue;
            if (address !== undefined && session.mac?.toLowerCase() !== address) continue;
            if (user !== undefined && session.user_id !== user && session.user.toLowerCase() !== login) continue;
            if (page.after && positionOf(session).key >= page.after.key) continue;
            found.push(session);
          }
        }
        return page.cut(found.sort(newestFirst), positionOf);
      },
    );

    app.get(
      '/sessions/:id',
      { config, schema: { tags, summary: 'Get a session', params: SessionParams, response: { 200: SessionView } } },
      (request) => viewOf(request.params.id),
    );

    app.delete(
      '/sessions/:id',
      {
        config,
        schema: {
          tags,
          summary: 'Disconnect a session',
          description:
            'Sends a Disconnect-Request (RFC 5176) to its NAS. 204: the NAS has agreed, and its Stop follows. 409: it ' +
            'has refused; `error_cause` says why, where the NAS does. 504: it has not answered after four tries in 9 s.',
          params: SessionParams,
          response: { 204: Type.Null() },
        },
      },
      async (request, reply) => {
        const session = await activeSession(request.params.id);
        check(await reauthorization.disconnect(session));
        return reply.code(204).send(null);
      },
    );

    app.post(
      '/sessions/:id/reauthorize',
      {
        config,
        schema: {
          tags,
          summary: 'Decide a session anew and tell its NAS',
          description:
            'Asks the access policies and sends a CoA-Request (RFC 5176) with what they decide, or a ' +
            'Disconnect-Request where they refuse. 409 and 504 as for `DELETE`.',
          params: SessionParams,
          response: { 200: Reauthorized },
        },
      },
      async (request) => {
        const session = await activeSession(request.params.id);
        const { action, outcome } = await reauthorization.reauthorize(session);
        check(outcome);
        return { action, policy: session.policy };
      },
    );
  };

/** Throws what a NAS's refusal or silence is to whoever asked. */
function check(outcome: CoaOutcome): void {
  if (outcome.result === 'ack') return;
  if (outcome.result === 'failed') throw conflict(outcome.reason);
  if (outcome.result === 'timeout') {
    throw new HttpError(
      504,
      'the NAS did not answer: check its coa_port and coa_secret, and that it allows CoA from here',
    );
  }
  const { cause } = outcome;
  const member = cause && { number: cause.code, name: cause.name };
  const why = cause ? `${cause.name} (${cause.code})` : 'without a cause';
  throw new HttpError(409, `the NAS refused: ${why}`, {}, { error_cause: member });
}
