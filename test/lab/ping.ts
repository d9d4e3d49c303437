import { type ChildProcess, spawn } from 'node:child_process';
import type { Machine } from './plan.ts';
import { attempt, until } from './run.ts';
import type { Topology } from './topology.ts';

/** One echo; its round trip in milliseconds, undefined when no answer came within two seconds. */
export async function pingOnce(
  topology: Topology,
  from: Machine,
  to: string,
  options: readonly string[] = [],
): Promise<number | undefined> {
  const [program, ...args] = topology.on(from, ['ping', '-n', '-c', '1', '-W', '2', ...options, to]);
  const ran = await attempt(program, args);
  const time = /time=([\d.]+) ms/.exec(ran.stdout)?.[1];
  return ran.code === 0 && time !== undefined ? Number(time) : undefined;
}

/** True when not one of three echoes is answered. */
export async function isCutOff(topology: Topology, from: Machine, to: string): Promise<boolean> {
  const [program, ...args] = topology.on(from, ['ping', '-n', '-c', '3', '-i', '0.2', '-W', '1', to]);
  const ran = await attempt(program, args);
  if (!/^3 packets transmitted/m.test(ran.stdout)) throw new Error(`ping did not run: ${ran.stdout}${ran.stderr}`);
  return /, 0 received/.test(ran.stdout);
}

/** Echoes without end (five a second), counted, so that a test can say what went on meanwhile. */
export class PingStream {
  readonly #child: ChildProcess;
  readonly #label: string;
  #buffer = '';
  /** Echoes that were answered. */
  received = 0;
  /** Number of the newest echo that was answered or given up. */
  sent = 0;

  constructor(topology: Topology, from: Machine, to: string) {
    const [program, ...args] = topology.on(from, ['ping', '-n', '-O', '-i', '0.2', to]);
    this.#label = `${from} → ${to}`;
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
  }

  /** Waits until `count` more echoes are answered. */
  async more(count: number, seconds = 120): Promise<void> {
    const goal = this.received + count;
    await until(`${count} more answered echoes ${this.#label}`, () => this.received >= goal, seconds);
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  #read(text: string): void {
    const lines = (this.#buffer + text).split('\n');
    this.#buffer = lines.pop() ?? '';
    for (const line of lines) {
      const sequence = /icmp_seq=(\d+)/.exec(line)?.[1];
      if (sequence === undefined) continue;
      this.sent = Math.max(this.sent, Number(sequence));
      if (line.includes(' time=')) this.received += 1;
    }
  }
}
