import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentStatus } from '@gatehouse/protocol';
import { callDaemon } from '@gatehouse/protocol/socket';
import { Log } from '../log.ts';
import { type RunningDaemon, startDaemon } from '../run.ts';
import { fakeParts } from './fake-parts.ts';
import { FakeKernel } from './fake-platform.ts';

/** Where processes of one test keep what they compiled: most of the time they take is that. */
const COMPILE_CACHE = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-compile-'));
process.on('exit', () => rmSync(COMPILE_CACHE, { recursive: true, force: true }));
const PROGRAM = fileURLToPath(new URL('./fake-agent.ts', import.meta.url));

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A machine for tests: its folders, its fake kernel, and real processes of the agent on it. */
export class Machine {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-agent-'));
  readonly stateDir = path.join(this.folder, 'state');
  readonly socketPath = path.join(this.folder, 'run', 'agent.sock');
  readonly kernel: FakeKernel;
  readonly #children = new Set<ChildProcess>();
  readonly #here = new Set<RunningDaemon>();

  constructor() {
    mkdirSync(path.join(this.folder, 'kernel'));
    this.kernel = new FakeKernel(path.join(this.folder, 'kernel'));
  }

  get env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      GATEHOUSE_AGENT_STATE: this.stateDir,
      GATEHOUSE_AGENT_SOCKET: this.socketPath,
      GATEHOUSE_AGENT_INTERFACE: 'ghtest0',
      GATEHOUSE_TOKEN: undefined,
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      FAKE_KERNEL: this.kernel.folder,
    };
  }

  spawn(args: string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const child = spawn(process.execPath, [PROGRAM, ...args], { env: { ...this.env, ...env }, stdio: 'pipe' });
    this.#children.add(child);
    child.on('exit', () => this.#children.delete(child));
    return child;
  }

  /** Runs the CLI to its end; `input` is its standard input. */
  async cli(
    args: string[],
    { input = '', env = {} }: { input?: string; env?: NodeJS.ProcessEnv } = {},
  ): Promise<Result> {
    const child = this.spawn(args, env);
    const result: Result = { code: null, stdout: '', stderr: '' };
    child.stdout?.on('data', (chunk) => {
      result.stdout += String(chunk);
    });
    child.stderr?.on('data', (chunk) => {
      result.stderr += String(chunk);
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
    [result.code] = (await once(child, 'close')) as [number | null];
    return result;
  }

  /** Starts the daemon; resolves when it serves. */
  async daemon(): Promise<ChildProcess> {
    const child = this.spawn(['daemon']);
    let log = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr?.on('data', (chunk) => {
        log += String(chunk);
        if (log.includes(' ready on ')) resolve();
      });
      child.on('exit', (code) => reject(new Error(`the daemon ended with ${code}: ${log}`)));
    });
    return child;
  }

  /** The daemon in this process, for tests that kill nothing: a process takes a second to start. */
  async daemonHere(): Promise<RunningDaemon> {
    const config = { stateDir: this.stateDir, socketPath: this.socketPath, interfaceName: 'ghtest0' };
    const daemon = await startDaemon(config, this.kernel, new Log(() => undefined), fakeParts);
    const running = {
      stop: async () => {
        this.#here.delete(running);
        await daemon.stop();
      },
    };
    this.#here.add(running);
    return running;
  }

  /** Another daemon in this process, in the place of those that run in it. */
  async restart(): Promise<void> {
    for (const daemon of this.#here) await daemon.stop();
    await this.daemonHere();
  }

  status(): Promise<AgentStatus> {
    return callDaemon(this.socketPath, 'status', {});
  }

  /** Polls until the status is as wanted. */
  async until(when: (status: AgentStatus) => boolean): Promise<AgentStatus> {
    for (;;) {
      const status = await this.status();
      if (when(status)) return status;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async kill(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
    const ended = once(child, 'exit');
    child.kill(signal);
    return ((await ended) as [number | null])[0];
  }

  async dispose(): Promise<void> {
    for (const daemon of this.#here) await daemon.stop();
    for (const child of this.#children) await this.kill(child, 'SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
