import os from 'node:os';
import type { Now } from '../tunnel/index.ts';

/**
 * Wall clock, and a clock that never jumps and runs on through sleep. On Linux that is CLOCK_BOOTTIME (`os.uptime`):
 * CLOCK_MONOTONIC, which Node's timers use, stands still while the machine sleeps. On macOS and Windows Node's own
 * clock runs on, while `os.uptime` follows the wall clock.
 */
export function systemClock(): Now {
  const mono = process.platform === 'linux' ? os.uptime() * 1000 : performance.now();
  return { mono, wall: Date.now() };
}
