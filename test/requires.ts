import { existsSync } from 'node:fs';
import path from 'node:path';

const programs = (name: string): boolean =>
  [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/sbin', '/usr/local/bin'].some((dir) =>
    existsSync(path.join(dir, name)),
  );

/**
 * The options for a test that needs root or programs: `test('…', requires('root', 'wg'), …)`.
 * Outside CI a test whose prerequisite is missing is skipped with its name; with CI=true it runs and fails.
 */
export function requires(...needs: string[]): { skip: string | false } {
  const missing = needs.filter((need) => (need === 'root' ? process.getuid?.() !== 0 : !programs(need)));
  if (missing.length === 0) return { skip: false };
  if (process.env.CI === 'true') throw new Error(`this test needs ${missing.join(', ')}: install it, or run as root`);
  return { skip: `needs ${missing.join(', ')}` };
}
