/**
 * For tests: runs the Linux adapter in a process of its own inside a network namespace, so that it can be killed as a
 * daemon is. Parent and child speak JSON lines.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { linuxPlatform } from './linux.ts';
import type { DeviceStat, Tunnel, TunnelConfig } from './platform.ts';

interface Calls {
  open: { args: [name: string]; result: { driver: string } };
  apply: { args: [config: TunnelConfig]; result: null };
  repair: { args: [config: TunnelConfig]; result: string[] };
  read: { args: []; result: DeviceStat };
  close: { args: []; result: null };
  recover: { args: [name: string]; result: null };
  dnsMode: { args: []; result: string | null };
  findings: { args: [name: string]; result: { check: string; result: string; detail: string }[] };
}

export interface Agent {
  call<K extends keyof Calls>(method: K, ...args: Calls[K]['args']): Promise<Calls[K]['result']>;
  log: string[];
  /** SIGKILL, and wait for the end. */
  kill(): Promise<void>;
}

/** `ip netns exec <ns> <program> …`, its standard output. */
export function inNs(ns: string, ...command: string[]): string {
  return execFileSync('ip', ['netns', 'exec', ns, ...command], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

export function startAgent(ns: string, stateDir: string): Agent {
  const child = spawn('ip', ['netns', 'exec', ns, process.execPath, import.meta.filename, stateDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting: { resolve: (value: never) => void; reject: (error: Error) => void }[] = [];
  const log: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line);
    if ('log' in answer) return void log.push(answer.log);
    const { resolve, reject } = waiting.shift()!;
    if ('error' in answer) reject(Object.assign(new Error(answer.error.message), { code: answer.error.code }));
    else resolve(answer.result as never);
  });
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => {
      for (const { reject } of waiting.splice(0)) reject(new Error('the agent ended'));
      resolve();
    });
  });
  return {
    log,
    call: (method, ...args) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        child.stdin.write(`${JSON.stringify({ method, args })}\n`);
      }),
    kill: async () => {
      // `ip netns exec` becomes the program, so this is the agent's own process.
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function serve(stateDir: string): Promise<void> {
  const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
  const platform = linuxPlatform({ stateDir, log: (message) => say({ log: message }) });
  let tunnel: Tunnel | undefined;
  const methods: { [K in keyof Calls]: (...args: Calls[K]['args']) => Promise<Calls[K]['result']> } = {
    open: async (name) => {
      tunnel = await platform.openTunnel(name);
      return { driver: tunnel.driver };
    },
    apply: async (config) => tunnel!.apply(config).then(() => null),
    repair: (config) => tunnel!.repair(config),
    read: () => tunnel!.read(),
    close: () => tunnel!.close().then(() => null),
    recover: (name) => platform.recover(name).then(() => null),
    dnsMode: async () => tunnel!.dnsMode,
    findings: (name) => platform.diagnose(name),
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const { method, args } = JSON.parse(line) as { method: keyof Calls; args: never[] };
    try {
      say({ result: (await (methods[method] as (...args: never[]) => Promise<unknown>)(...args)) ?? null });
    } catch (error) {
      const { message, code } = error as Error & { code?: string };
      say({ error: { message, code } });
    }
  }
}

if (import.meta.main) await serve(process.argv[2]!);
