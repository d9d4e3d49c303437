import { execFile } from 'node:child_process';
import path from 'node:path';
import type { Platform } from '../core/types.ts';
import { Problem } from './problem.ts';

/** What a program said when it ended. `code` null: it was killed, or took too long. */
export interface Ended {
  code: number | null;
  stderr: string;
}
/** Runs a program by its absolute path; rejects with ENOENT where it isn't there. */
export type Run = (file: string, args: readonly string[]) => Promise<Ended>;

/** People read the system's question and look for their password. */
const PATIENCE = 120_000;

export const runProgram: Run = (file, args) =>
  new Promise((resolve, reject) => {
    execFile(file, [...args], { timeout: PATIENCE, maxBuffer: 65536, windowsHide: true }, (error, _stdout, stderr) => {
      if (error && typeof error.code === 'string') reject(error);
      else resolve({ code: error ? ((error.code as number | null | undefined) ?? null) : 0, stderr });
    });
  });

interface Start {
  file: string;
  args: readonly string[];
  /** True when the user turned down the system's question for permission. */
  cancelled(ended: Ended): boolean;
}

/** The folder of Windows's own programs. Throws a Problem where the environment names none that can be believed. */
function system32(env: NodeJS.ProcessEnv): string {
  const root = env.SystemRoot ?? env.SYSTEMROOT ?? 'C:\\Windows';
  if (!/^[A-Za-z]:\\[A-Za-z0-9_.-]{1,64}$/.test(root)) throw new Problem('start-failed', { reason: 'SystemRoot' });
  return path.win32.join(root, 'System32');
}

/**
 * How the daemon is started: by the system's own service manager, after the system's own question for permission. The
 * app itself never has more rights than its user.
 */
export function startCommand(platform: Platform, env: NodeJS.ProcessEnv): Start {
  if (platform === 'darwin') {
    const script =
      'do shell script "/bin/launchctl kickstart system/org.gatehouse.agent" with administrator privileges';
    return {
      file: '/usr/bin/osascript',
      args: ['-e', script],
      // AppleScript's userCanceledErr.
      cancelled: ({ stderr }) => stderr.includes('(-128)'),
    };
  }
  if (platform === 'win32') {
    const folder = system32(env);
    const sc = path.win32.join(folder, 'sc.exe');
    // ERROR_CANCELLED of ShellExecute becomes our own exit code, which no language of Windows changes.
    const script =
      `$ErrorActionPreference = 'Stop'; try { $p = Start-Process -FilePath '${sc}' -ArgumentList 'start','GatehouseAgent'` +
      ' -Verb RunAs -WindowStyle Hidden -Wait -PassThru; exit $p.ExitCode } catch { $e = $_.Exception;' +
      ' while ($e.InnerException) { $e = $e.InnerException }; if ($e.NativeErrorCode -eq 1223) { exit 1223 }; exit 1 }';
    return {
      file: path.win32.join(folder, 'WindowsPowerShell', 'v1.0', 'powershell.exe'),
      args: ['-NoProfile', '-NonInteractive', '-Command', script],
      cancelled: ({ code }) => code === 1223,
    };
  }
  return {
    file: '/usr/bin/pkexec',
    args: ['/usr/bin/systemctl', 'start', 'gatehouse-agent.service'],
    // pkexec(1): 126 when the dialog was dismissed, 127 when not authorised or it failed itself.
    cancelled: ({ code }) => code === 126,
  };
}

/** `sc start` of a service that runs (ERROR_SERVICE_ALREADY_RUNNING): as good as started. */
const RUNNING = 1056;

/** Starts the daemon; throws a Problem that says what to do. */
export async function startDaemon(platform: Platform, env: NodeJS.ProcessEnv, run: Run = runProgram): Promise<void> {
  const { file, args, cancelled } = startCommand(platform, env);
  let ended: Ended;
  try {
    ended = await run(file, args);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Problem('start-missing', { program: file }, { cause: error });
    throw new Problem('start-failed', { reason: message.slice(0, 200) }, { cause: error });
  }
  if (ended.code === 0 || (platform === 'win32' && ended.code === RUNNING)) return;
  if (ended.code === null) throw new Problem('start-slow');
  if (cancelled(ended)) throw new Problem('start-cancelled');
  const reason = ended.stderr.trim().split('\n').at(-1)?.trim().slice(0, 200);
  throw new Problem('start-failed', { reason: reason || String(ended.code) });
}
