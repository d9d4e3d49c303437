#!/usr/bin/env node
import { runCli } from './cli/main.ts';

// `gatehouse logs | head -1`: whoever reads has read enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
// Nobody hears complaints: the exit status still tells.
process.stderr.on('error', () => undefined);

process.exitCode = await runCli(process.argv.slice(2), process, async (config) => {
  // Loaded here alone: what the daemon stands on would make each `gatehouse status` slower.
  const { runInForeground } = await import('./daemon/foreground.ts');
  const { createPlatform } = await import('./os/index.ts');
  return runInForeground(config, (log) =>
    createPlatform({ platform: process.platform, stateDir: config.stateDir, log }),
  );
});
