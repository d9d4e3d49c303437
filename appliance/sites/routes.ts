import Type from 'typebox';
import { callerOf, type Routes } from '../http/index.ts';
import { Site, SiteChange, SiteParams } from './schema.ts';
import type { SiteList } from './sites.ts';

const tags = ['sites'];
const config = { access: 'administrator' } as const;

/** For the prefix /v1. */
export const siteRoutes =
  (sites: SiteList): Routes =>
  async (app) => {
    app.get(
      '/sites',
      { config, schema: { tags, summary: 'List sites', response: { 200: Type.Object({ data: Type.Array(Site) }) } } },
      async () => ({ data: await sites.list() }),
    );
    app.get(
      '/sites/:id',
      { config, schema: { tags, summary: 'Get a site', params: SiteParams, response: { 200: Site } } },
      (request) => sites.find(request.params.id),
    );
    app.put(
      '/sites/:id',
      {
        config,
        schema: { tags, summary: 'Change a site', params: SiteParams, body: SiteChange, response: { 200: Site } },
      },
      (request) => {
        const actor = { kind: 'user', id: callerOf(request).id, address: request.ip } as const;
        return sites.change(request.params.id, request.body, actor);
      },
    );
  };
