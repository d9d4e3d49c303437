import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ElectronApplication } from 'playwright-core';
import { CHROMIUM } from '../chromium.ts';

/** How one copy of the app is started. */
export interface Start {
  /** The built app: `main.js` and what lies beside it. */
  folder: string;
  userData: string;
  socketPath: string;
  args: readonly string[];
  /** A D-Bus with a tray, where the test brings one. */
  busAddress?: string;
}

/** A running app, in Electron or under the stand-in. */
export interface Running {
  /** Runs a function in the main process, with Electron's module; it can close over nothing. */
  main<T, A = null>(
    run: (electron: typeof import('electron'), argument: A) => T | Promise<T>,
    argument?: A,
  ): Promise<T>;
  /** Evaluates an expression in the window's page, in its own world. */
  page(expression: string): Promise<unknown>;
  exited: Promise<number | null>;
  stderr(): string;
  kill(): void;
}

export interface Driver {
  start(how: Start): Promise<Running>;
  /** Starts another copy on the same user data; gives its exit code. */
  startAgain(how: Start): Promise<number | null>;
  close(): Promise<void>;
}

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const argv = ({ userData, args }: Start): string[] => [`--user-data-dir=${userData}`, ...args];
const environment = ({ socketPath, busAddress }: Start): Record<string, string> => ({
  ...(process.env as Record<string, string>),
  GATEHOUSE_AGENT_SOCKET: socketPath,
  GATEHOUSE_TRAY_TRUST_OWN: '1',
  ...(busAddress === undefined ? {} : { DBUS_SESSION_BUS_ADDRESS: busAddress }),
});

/** The app under `hook.ts`; its windows are pages of one headless Chromium. */
export async function standInDriver(): Promise<Driver> {
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launchServer({ ...CHROMIUM, headless: true });
  const run = (how: Start) =>
    fork(`${how.folder}/main.js`, argv(how), {
      execArgv: ['--import', path('./hook.ts'), '--import', path('./spy.cjs')],
      env: { ...environment(how), STAND_IN_BROWSER: browser.wsEndpoint() },
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
  const exitOf = async (child: ReturnType<typeof run>): Promise<number | null> => (await once(child, 'exit'))[0];
  return {
    start: async (how) => {
      const child = run(how);
      let stderr = '';
      child.stderr?.on('data', (chunk) => {
        stderr += chunk;
      });
      const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
      let last = 0;
      child.on('message', ({ id, value, error }: { id: number; value?: unknown; error?: string }) => {
        if (error === undefined) waiting.get(id)?.resolve(value);
        else waiting.get(id)?.reject(new Error(error));
        waiting.delete(id);
      });
      const exited = exitOf(child);
      void exited.then(() => {
        for (const { reject } of waiting.values()) reject(new Error(`the app has ended: ${stderr}`));
      });
      const ask = (message: object): Promise<unknown> =>
        new Promise((resolve, reject) => {
          last += 1;
          waiting.set(last, { resolve, reject });
          child.send({ id: last, ...message });
        });
      return {
        main: (code, argument) => ask({ main: String(code), argument: argument ?? null }) as never,
        page: (expression) => ask({ page: expression }),
        exited,
        stderr: () => stderr,
        kill: () => void child.kill('SIGKILL'),
      };
    },
    startAgain: (how) => exitOf(run(how)),
    close: () => browser.close(),
  };
}

/** The app in Electron itself, by Playwright; `executable` is Electron's binary. */
export async function electronDriver(executable: string): Promise<Driver> {
  const { _electron } = await import('playwright-core');
  // Root can't use Chromium's sandbox, and nobody tests as root what people run as themselves.
  const flags = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const args = (how: Start) => [...flags, '-r', path('./spy.cjs'), `${how.folder}/main.js`, ...argv(how)];
  return {
    start: async (how) => {
      const app: ElectronApplication = await _electron.launch({
        executablePath: executable,
        args: args(how),
        env: environment(how),
      });
      const child = app.process();
      let stderr = '';
      child.stderr?.on('data', (chunk) => {
        stderr += chunk;
      });
      return {
        main: (code, argument) => app.evaluate(code as never, (argument ?? null) as never) as never,
        page: async (expression) => (await app.firstWindow()).evaluate(expression),
        exited: new Promise((resolve) => child.once('exit', resolve)),
        stderr: () => stderr,
        kill: () => void child.kill('SIGKILL'),
      };
    },
    startAgain: async (how) => {
      const child = spawn(executable, args(how), { env: environment(how), stdio: 'ignore' });
      return (await once(child, 'exit'))[0];
    },
    close: async () => undefined,
  };
}
