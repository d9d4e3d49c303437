export { type Handlers, type IpcServer, serveIpc } from './server.ts';
