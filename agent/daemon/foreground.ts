import type { AgentConfig } from '../config.ts';
import type { Platform } from '../os/platform.ts';
import { Log } from './log.ts';
import { type Overrides, startDaemon } from './run.ts';

/** SIGTERM to exit may take 10 s; what hangs longer than this is left behind for the next start to clear. */
const STOP_PATIENCE = 8_000;

/**
 * `gatehouse daemon`: runs until SIGTERM or SIGINT, then takes the tunnel down (the target stays) and returns the exit
 * status. SIGUSR2 is a handover: it ends and leaves the tunnel to the daemon that is started next, as an upgrade does
 * (SIGUSR1 is Node's own). A SIGTERM or SIGINT behind it takes the tunnel down all the same: nobody may come to take it
 * over. Throws AgentError when it can't start.
 */
export async function runInForeground(
  config: AgentConfig,
  makePlatform: (log: (message: string) => void) => Platform,
  overrides: Overrides = {},
): Promise<number> {
  const log = new Log((line) => void process.stderr.write(`${line}\n`));
  // A log that nobody reads any more is no reason to drop the tunnel.
  process.stderr.on('error', () => undefined);
  process.on('SIGHUP', () => undefined);
  let keep = true;
  const asked = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGUSR2'] as const) {
      process.on(signal, () => {
        if (signal !== 'SIGUSR2') keep = false;
        resolve(signal);
      });
    }
  });
  process.on('unhandledRejection', (reason) => {
    log.write(`error: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`);
  });
  const daemon = await startDaemon(config, makePlatform(log.write), log, overrides);
  const signal = await asked;
  log.write(`${signal}: stopping${keep ? '; the tunnel stays for the next daemon' : ''}`);
  const timer = setTimeout(() => {
    log.write('stopping took too long; the rest is cleared at the next start');
    process.exit(0);
  }, STOP_PATIENCE);
  try {
    await daemon.stop(() => keep);
  } catch (error) {
    log.write(`error: ${(error as Error).message}`);
  } finally {
    clearTimeout(timer);
  }
  log.write(keep || signal !== 'SIGUSR2' ? 'stopped' : 'stopped; the tunnel is down');
  // Whatever a library still holds open must not keep the process.
  process.exit(0);
}
