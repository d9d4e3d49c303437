export { importFfi } from './import.ts';
export { loadCalls } from './load.ts';
export { Batch, type BatchSizes } from './mmsg.ts';
export { boundTo, type Calls, duplicate, openSocket, socketAddress } from './socket.ts';
