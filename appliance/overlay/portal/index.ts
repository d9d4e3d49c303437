export { portalPage } from './page.ts';
export { createPortal, PORTAL_EVENTS, type Portal } from './portal.ts';
export { portalRoutes } from './routes.ts';
export { PORTAL_PAGE } from './tokens.ts';
