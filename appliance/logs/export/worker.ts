import { parentPort, workerData } from 'node:worker_threads';
import { buildExport } from './export.ts';
import type { ExportOptions, FromExport } from './types.ts';

const port = parentPort!;
const say = (message: FromExport): void => port.postMessage(message);

try {
  const exported = await buildExport(workerData as ExportOptions, (done) => say({ type: 'progress', done }));
  say({ type: 'done', exported });
} catch (error) {
  say({ type: 'failed', message: (error as Error).message });
}
