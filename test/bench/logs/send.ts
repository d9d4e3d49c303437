import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { cpuMs } from '../cpu.ts';
import type { LogServer } from './server.ts';

const run = promisify(execFile);

/** What a server may take to write what it has. */
const SETTLE_MS = 60_000;

export interface Run {
  sent: number;
  rate: number;
  cpuUs: number;
  lost: number;
  bytes: number;
  lag: number;
}

/** Sends as many messages with the generator, and waits until they are stored. */
export async function send(
  generator: string,
  server: LogServer,
  mode: string,
  count: number,
  rate: number,
): Promise<Run> {
  const [before, beforeBytes, beforeCpu] = [await server.stored(), await server.bytes(), cpuMs(server.pid)];
  let lag = 0;
  let sending = true;
  const watch = (async () => {
    while (sending && server.lag) {
      lag = Math.max(lag, await server.lag());
      await sleep(250);
    }
  })();
  const { stdout } = await run(generator, [mode, '127.0.0.1', String(server.port), String(count), String(rate)]);
  const told = JSON.parse(stdout) as { sent: number; rate: number };
  const stored = await settled(server, before + told.sent);
  sending = false;
  await watch;
  return {
    sent: told.sent,
    rate: told.rate,
    cpuUs: ((cpuMs(server.pid) - beforeCpu) * 1000) / told.sent,
    lost: Math.max(0, before + told.sent - stored),
    bytes: ((await server.bytes()) - beforeBytes) / told.sent,
    lag,
  };
}

/** How many are stored once all are, or nothing has come for 6 s. */
async function settled(server: LogServer, wanted: number): Promise<number> {
  let stored = await server.stored();
  let since = performance.now();
  const end = since + SETTLE_MS;
  while (stored < wanted && performance.now() < end && performance.now() - since < 6_000) {
    await sleep(500);
    const now = await server.stored();
    if (now > stored) since = performance.now();
    stored = now;
  }
  return stored;
}
