// A process of its own around accounting: for tests that kill it, and for measuring. Says its port, and, told so on
// standard input (`cpu`), what it has used so far.
import { createInterface } from 'node:readline';
import { startBed } from './accounting-bed.ts';

const dataDir = process.argv[2] as string;
const bed = await startBed({ dataDir });
bed.store.onEvent(async () => undefined);
console.log(JSON.stringify({ port: bed.port }));
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'cpu') console.log(JSON.stringify({ ...process.cpuUsage(), ...process.memoryUsage() }));
  if (line === 'stop') {
    await bed.stop();
    process.exit(0);
  }
}
