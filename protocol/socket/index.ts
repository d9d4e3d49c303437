export { ConnectError, callDaemon, IpcError, watchDaemon } from './client.ts';
export { LineReader } from './lines.ts';
