import { pino } from 'pino';
import { problemErrors } from './errors.ts';
import { createHttp, type Http, type Routes } from './server.ts';

/**
 * The site API over some routes, as the appliance serves them. Who asks is told by the `Authorization` header: `user` is
 * a user, anything else an administrator, and without one nobody is signed in.
 */
export function startSiteApi(routes: readonly Routes[]): Promise<Http> {
  return createHttp({
    apis: [{ prefix: '/v1', errors: problemErrors, routes: [...routes] }],
    authenticate: async ({ headers: { authorization } }) =>
      authorization === undefined
        ? null
        : {
            id: 'u-admin',
            username: 'admin',
            role: authorization === 'user' ? 'user' : 'administrator',
            authorizedNetworks: [],
            via: 'session',
          },
    log: pino({ level: 'silent' }),
    subprotocols: [],
    sessionCookie: 'session',
    version: 'test',
  });
}
