import type { Bus } from '../events/index.ts';
import type { Store } from '../store/index.ts';
import { siteRoutes } from './routes.ts';
import { createSiteList } from './sites.ts';

export { sitesMigrations } from './migrations.ts';

/** The site that always exists. */
export const DEFAULT_SITE = 'default';

/** Where the appliance stands. One site, `default`, always exists. */
export function createSites(options: { store: Store; bus: Bus; now: () => Date }) {
  const sites = createSiteList(options.store, options.now);
  options.bus.on(['sites.site.updated'], (event) => sites.onEvent(event));
  return {
    /** For the prefix /v1. */
    routes: siteRoutes(sites),
    start: () => sites.load(),
    dayOf: sites.dayOf,
    exists: sites.exists,
    timeZone: sites.timeZone,
  };
}
