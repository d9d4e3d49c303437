import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';

/** Seconds between the end of a service and its next start, as the systemd units of the installers say. */
const RESTART_SECONDS = 1;

export interface Service {
  name: string;
  /** Program and arguments. */
  argv: readonly [string, ...string[]];
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Standard output and error go here, one run after the other. */
  log: string;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

interface Entry {
  service: Service;
  /** Whether it should run: what died is started again only then. */
  wanted: boolean;
  child: ChildProcess | undefined;
  exit: Promise<Exit>;
  restart: NodeJS.Timeout | undefined;
  starts: number;
}

/** Starts services and starts again what died, as the machine's init would. */
export class Supervisor {
  readonly #entries = new Map<string, Entry>();

  start(service: Service): void {
    if (this.#entries.has(service.name)) throw new Error(`${service.name} is there already; use resume()`);
    const entry: Entry = {
      service,
      wanted: true,
      child: undefined,
      exit: Promise.resolve({ code: 0, signal: null }),
      restart: undefined,
      starts: 0,
    };
    this.#entries.set(service.name, entry);
    launch(entry);
  }

  /** Process id of a running service; undefined between two runs. */
  pid(name: string): number | undefined {
    return this.#entry(name).child?.pid;
  }

  /** How often it was started. */
  starts(name: string): number {
    return this.#entry(name).starts;
  }

  /** Sends a signal; what dies of it comes back. Gives the process id that was hit. */
  async kill(name: string, signal: NodeJS.Signals): Promise<number> {
    const entry = this.#entry(name);
    const pid = entry.child?.pid;
    if (entry.child === undefined || pid === undefined) throw new Error(`${name} does not run`);
    entry.child.kill(signal);
    await entry.exit;
    return pid;
  }

  /** Ends a service for good (until `resume`) and says how it went. One that ignores the signal is killed. */
  async stop(name: string, signal: NodeJS.Signals = 'SIGTERM', seconds = 15): Promise<Exit> {
    const entry = this.#entry(name);
    entry.wanted = false;
    clearTimeout(entry.restart);
    if (entry.child === undefined) return entry.exit;
    const { child } = entry;
    child.kill(signal);
    const last = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
    const exit = await entry.exit;
    clearTimeout(last);
    return exit;
  }

  /** Starts a stopped service again. */
  resume(name: string): void {
    const entry = this.#entry(name);
    entry.wanted = true;
    clearTimeout(entry.restart);
    if (entry.child === undefined) launch(entry);
  }

  async stopAll(seconds = 15): Promise<void> {
    // All at once stop being wanted, else one that dies of another's end would be started again.
    for (const entry of this.#entries.values()) entry.wanted = false;
    await Promise.all([...this.#entries.keys()].map((name) => this.stop(name, 'SIGTERM', seconds)));
  }

  /** The last lines of each service's log, for a person who wonders why something failed. */
  tails(lines = 40): string {
    return [...this.#entries.values()]
      .map(({ service, starts, child }) => {
        const text = existsSync(service.log) ? readFileSync(service.log, 'utf8').trimEnd().split('\n') : [];
        const now = child ? `runs as ${child.pid}` : 'does not run';
        return [`── ${service.name} (${now}, started ${starts}×) ──`, ...text.slice(-lines)].join('\n');
      })
      .join('\n\n');
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (!entry) throw new Error(`no service ${name}`);
    return entry;
  }
}

function launch(entry: Entry): void {
  const { argv, cwd, env, log } = entry.service;
  const [program, ...args] = argv;
  const file = openSync(log, 'a', 0o600);
  entry.starts += 1;
  // A session of its own: Ctrl-C in the terminal is for the lab, which then ends its services in order.
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', file, file], detached: true });
  entry.child = child;
  entry.exit = new Promise((resolve) => {
    const ended = (exit: Exit, why: string): void => {
      if (entry.child !== child) return;
      entry.child = undefined;
      writeSync(file, `── ended: ${why} ──\n`);
      closeSync(file);
      if (entry.wanted) entry.restart = setTimeout(() => launch(entry), RESTART_SECONDS * 1000);
      resolve(exit);
    };
    child.on('exit', (code, signal) => ended({ code, signal }, signal ?? `exit ${code}`));
    child.on('error', (error) => ended({ code: -1, signal: null }, error.message));
  });
}
