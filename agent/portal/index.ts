export { PORTAL_PORT, type Portal, PortalServer } from './server.ts';
