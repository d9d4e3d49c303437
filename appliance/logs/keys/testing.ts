import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { DatabaseSync, StatementSync } from 'node:sqlite';

/** What changes a disk; a crash comes before one of these, or in the middle of a write. */
const STEPS = [
  'openSync',
  'writeSync',
  'writeFileSync',
  'appendFileSync',
  'fsyncSync',
  'fdatasyncSync',
  'ftruncateSync',
  'truncateSync',
  'renameSync',
  'rmSync',
  'unlinkSync',
  'mkdirSync',
  'copyFileSync',
  'chmodSync',
] as const;

class Crash extends Error {}

type Any = (...args: unknown[]) => unknown;
type Methods = Record<string, Any>;

/**
 * Runs `work` as a process that is killed at its step `at` (counted from 1): this and all later steps on files and
 * databases fail, a write is done by half. Returns whether it came to that; false: `work` took fewer steps.
 */
export function crashAt(at: number, work: () => void): boolean {
  let steps = 0;
  const undo: (() => void)[] = [];
  const wrap = (target: Methods, name: string): void => {
    const real = target[name]!;
    target[name] = function (this: unknown, ...args: unknown[]) {
      const handle = name === 'openSync' && (args[1] === undefined || args[1] === 'r');
      if (!handle && ++steps >= at) {
        if (steps === at && name === 'writeSync') half(real, args);
        throw new Crash(`killed at ${name}`);
      }
      return real.apply(this, args);
    };
    undo.push(() => {
      target[name] = real;
    });
  };
  for (const name of STEPS) wrap(fs as unknown as Methods, name);
  wrap(DatabaseSync.prototype as unknown as Methods, 'exec');
  wrap(StatementSync.prototype as unknown as Methods, 'run');
  syncBuiltinESMExports();
  try {
    work();
    return steps >= at;
  } catch (error) {
    if (!(error instanceof Crash) && steps < at) throw error;
    return true;
  } finally {
    for (const one of undo) one();
    syncBuiltinESMExports();
  }
}

function half(write: Any, [handle, bytes, offset, length, position]: unknown[]): void {
  const from = (offset as number | undefined) ?? 0;
  const all = (length as number | undefined) ?? (bytes as Uint8Array).length - from;
  if (typeof bytes !== 'string') write(handle, bytes, from, all >> 1, position);
}
