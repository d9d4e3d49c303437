import { Worker } from 'node:worker_threads';
import { removeParts } from './export.ts';
import type { Exported, ExportOptions, FromExport } from './types.ts';

/** An export that is being made. */
export interface ExportJob {
  /** Rejects with what went wrong, or that it was cancelled. */
  done: Promise<Exported>;
  /** Stops it and removes what is there of its file. */
  cancel(): Promise<void>;
}

/** Makes an export in a thread of its own. `progress` is told 0 to 1. */
export function startExport(options: ExportOptions, progress: (done: number) => void = () => undefined): ExportJob {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: options, name: 'log export' });
  let cancelled = false;
  const done = new Promise<Exported>((resolve, reject) => {
    worker.on('message', (message: FromExport) => {
      if (message.type === 'progress') progress(message.done);
      else if (message.type === 'done') resolve(message.exported);
      else reject(new Error(message.message));
    });
    worker.on('error', reject);
    worker.on('exit', () => {
      removeParts(options.file);
      reject(new Error(cancelled ? 'the export was cancelled' : 'the export stopped unexpectedly'));
    });
  });
  return {
    done,
    async cancel() {
      cancelled = true;
      await worker.terminate();
    },
  };
}
