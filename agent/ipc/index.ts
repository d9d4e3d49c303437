export { ConnectError, callDaemon, watchDaemon } from './client.ts';
export { type Handlers, type IpcServer, serveIpc } from './server.ts';
