export { NameServer, type Names } from './server.ts';
