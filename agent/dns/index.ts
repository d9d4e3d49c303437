export { NameServer } from './server.ts';
