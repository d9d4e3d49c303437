export { listReleases, type ReleaseListing, UPDATES_FOLDER } from './releases.ts';
export { updatesRoutes } from './routes.ts';
