import { execFile } from 'node:child_process';
import { open, readdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { systemCommands, toolEnvironment } from '../os/run.ts';

/** A program of the system gets this long, unless a question says otherwise. */
const TOOL_MS = 4_000;
/** More than any of them has to say; who says more isn't heard. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;
const MAX_FILE_BYTES = 1024 * 1024;
/** Between two programs, so that a slow machine has its turn. */
const PAUSE_MS = 25;
/** Below what people wait for. */
const NICE = 10;

export interface RunOptions {
  /** Exit statuses that are answers beside 0: dnf says 100 for "there are updates". */
  codes?: readonly number[];
  /** What was said on standard error is part of the answer. */
  stderr?: boolean;
  /** Milliseconds; never beyond the end of the whole collection. */
  ms?: number;
}

/** How posture asks the system. Nothing of it throws: null is "no answer". */
export interface Probe {
  readonly platform: NodeJS.Platform;
  /** Milliseconds since 1970. */
  now(): number;
  /** What a program says, run without a shell by its absolute path and below other people's priority. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<string | null>;
  /** A small file as text, or as `latin1` where it is bytes. */
  read(file: string, encoding?: 'utf8' | 'latin1'): Promise<string | null>;
  /** The names in a folder. */
  list(folder: string): Promise<string[] | null>;
  /** When a file last changed, in milliseconds; null where it isn't there. */
  changed(file: string): Promise<number | null>;
}

/** The system itself; nothing is started after `until` (of the monotonic clock), and what runs then is ended. */
export function systemProbe(platform: NodeJS.Platform, until: number): Probe {
  const { find } = systemCommands(platform);
  return {
    platform,
    now: () => Date.now(),
    async run(program, args, { codes = [], stderr = false, ms = TOOL_MS } = {}) {
      const file = find(program);
      if (file === null) return null;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      const timeout = Math.min(ms, Math.floor(until - performance.now()));
      if (timeout <= 0) return null;
      return new Promise((resolve) => {
        const child = execFile(
          file,
          [...args],
          {
            env: toolEnvironment(platform),
            cwd: path.parse(process.cwd()).root,
            timeout,
            maxBuffer: MAX_OUTPUT_BYTES,
            killSignal: 'SIGKILL',
            windowsHide: true,
          },
          (error, out, err) => {
            const answered = !error || (typeof error.code === 'number' && !error.killed && codes.includes(error.code));
            resolve(answered ? out + (stderr ? err : '') : null);
          },
        );
        child.stdin?.end();
        try {
          if (child.pid !== undefined) os.setPriority(child.pid, NICE);
        } catch {
          // It may have ended, or not be ours to change.
        }
      });
    },
    read: async (file, encoding = 'utf8') => {
      const handle = await open(file).catch(() => null);
      if (!handle) return null;
      try {
        // Files of the kernel have no size: read until there is no more.
        const buffer = Buffer.alloc(MAX_FILE_BYTES);
        let length = 0;
        for (;;) {
          const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
          length += bytesRead;
          if (bytesRead === 0 || length === buffer.length) break;
        }
        return buffer.toString(encoding, 0, length);
      } catch {
        return null;
      } finally {
        await handle.close().catch(() => undefined);
      }
    },
    list: (folder) => readdir(folder).catch(() => null),
    changed: async (file) => {
      const handle = await open(file).catch(() => null);
      try {
        return handle && (await handle.stat()).mtimeMs;
      } catch {
        return null;
      } finally {
        await handle?.close().catch(() => undefined);
      }
    },
  };
}
