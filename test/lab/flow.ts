import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Machine } from './plan.ts';
import { until } from './run.ts';
import type { Topology } from './topology.ts';

const ECHO = fileURLToPath(new URL('./echo.ts', import.meta.url));

interface News {
  from?: string;
  bytes?: number;
  listening?: boolean;
  error?: string;
}

/** One end of a connection: `echo.ts` on a machine. */
class End {
  readonly #child: ChildProcess;
  #buffer = '';
  /** What it told last of each kind. */
  news: News = {};

  constructor(topology: Topology, machine: Machine, args: readonly string[]) {
    const [program, ...rest] = topology.on(machine, [process.execPath, ECHO, ...args]);
    this.#child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (this.#buffer + text).split('\n');
      this.#buffer = lines.pop() ?? '';
      for (const line of lines) Object.assign(this.news, JSON.parse(line));
    });
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

/** A live TCP connection between two machines, on which bytes go both ways all the time. */
export class Flow {
  readonly #label: string;
  readonly #server: End;
  #client: End | undefined;

  private constructor(topology: Topology, label: string, to: Machine, port: number) {
    this.#label = label;
    this.#server = new End(topology, to, ['serve', String(port)]);
  }

  /** Opens it; `host` is an address or a name that `to` has. Waits for the first bytes back. */
  static async open(topology: Topology, from: Machine, to: Machine, host: string, port: number): Promise<Flow> {
    const flow = new Flow(topology, `${from} → ${to} (${host} port ${port})`, to, port);
    try {
      await until(`a server for ${flow.#label}`, () => flow.#server.news.listening);
      flow.#client = new End(topology, from, ['talk', host, String(port)]);
      await flow.more(1);
      return flow;
    } catch (error) {
      flow.stop();
      throw error;
    }
  }

  /** Bytes that arrived at the server and, echoed, at the client. */
  get bytes(): { there: number; back: number } {
    return { there: this.#server.news.bytes ?? 0, back: this.#client?.news.bytes ?? 0 };
  }

  /** The address that the server sees. */
  get source(): string | undefined {
    return this.#server.news.from;
  }

  /** Waits until `count` more bytes have gone there and back. */
  async more(count: number): Promise<void> {
    const { there, back } = this.bytes;
    await until(`${count} more bytes there and back, ${this.#label}`, () => {
      const { error } = this.#client?.news ?? {};
      if (error) throw new Error(error);
      return this.bytes.there >= there + count && this.bytes.back >= back + count;
    });
  }

  stop(): void {
    this.#client?.stop();
    this.#server.stop();
  }
}
