export type { Handlers } from './client.ts';
export { type IpcServer, serveIpc } from './server.ts';
