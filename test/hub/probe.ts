/**
 * Sends and receives in a network namespace: a process of its own there, driven over its standard input and output by
 * JSON lines.
 */
import { spawn } from 'node:child_process';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, isIPv6, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

interface Heard {
  /** Where it came from, as seen here. */
  from: string;
  /** The address it was sent to. */
  at: string;
  text: string;
}

interface Calls {
  /** Listens for datagrams; they show up in `heard`. */
  listen: (addresses: string[], port: number) => Promise<void>;
  /** Sends a datagram from `from` to each of `to` from a fresh port, which stays open for answers. */
  send: (from: string, to: string[], port: number, text: string) => Promise<void>;
  heard: () => Promise<Heard[]>;
  /** Answers the datagrams heard so far, from where they came in, to where they came from. */
  answer: (text: string) => Promise<void>;
  /** What came back to sent datagrams. */
  answers: () => Promise<Heard[]>;
  /** A TCP server that sends back what it gets. */
  echo: (address: string, port: number) => Promise<void>;
  /** Opens the one TCP connection of this process; rejects when there is no answer in `patience` ms. */
  open: (from: string, to: string, port: number, patience: number) => Promise<void>;
  /** Writes to the connection. */
  write: (text: string) => Promise<void>;
  /** All that came back over it. */
  read: () => Promise<string>;
}

export type Probe = Calls & { stop(): Promise<void> };

/** Starts a probe in a namespace. */
export function startProbe(ns: string): Probe {
  const child = spawn('ip', ['netns', 'exec', ns, process.execPath, import.meta.filename], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting: { resolve: (value: never) => void; reject: (error: Error) => void }[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { error, result } = JSON.parse(line) as { error?: string; result: never };
    const { resolve, reject } = waiting.shift()!;
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  });
  const call = (method: string, args: unknown[]): Promise<never> =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      child.stdin.write(`${JSON.stringify({ method, args })}\n`);
    });
  const ended = once(child, 'close');
  return new Proxy({} as Probe, {
    get: (_, method: string) =>
      method === 'stop'
        ? async () => {
            child.kill('SIGKILL');
            await ended;
          }
        : (...args: unknown[]) => call(method, args),
  });
}

function calls(): Calls {
  const heard: (Heard & { socket: UdpSocket; port: number })[] = [];
  const answers: Heard[] = [];
  const udp = (address: string): UdpSocket => createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  let tcp: Socket | undefined;
  let read = '';
  return {
    listen: async (addresses, port) => {
      for (const at of addresses) {
        const socket = udp(at);
        socket.on('message', (text, from) =>
          heard.push({ from: from.address, port: from.port, at, text: String(text), socket }),
        );
        socket.bind(port, at);
        await once(socket, 'listening');
      }
    },
    send: async (from, to, port, text) => {
      const socket = udp(from);
      socket.on('error', () => undefined);
      socket.on('message', (said, by) => answers.push({ from: by.address, at: from, text: String(said) }));
      socket.bind(0, from);
      await once(socket, 'listening');
      // Where the own output is filtered, sending fails: that is an outcome like any other.
      for (const address of to) await new Promise((resolve) => socket.send(text, port, address, resolve));
    },
    heard: async () => heard.map(({ from, at, text }) => ({ from, at, text })),
    answer: async (text) => {
      for (const { socket, port, from } of heard)
        await new Promise((resolve) => socket.send(text, port, from, resolve));
    },
    answers: async () => answers,
    echo: async (address, port) => {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.pipe(socket);
      });
      server.listen(port, address);
      await once(server, 'listening');
    },
    open: async (from, to, port, patience) => {
      const socket = connect({ host: to, port, localAddress: from });
      socket.setTimeout(patience, () => socket.destroy(new Error('no answer')));
      await once(socket, 'connect');
      socket.setTimeout(0);
      socket.on('error', () => undefined);
      socket.on('data', (data) => (read += String(data)));
      tcp = socket;
    },
    write: async (text) => void tcp?.write(text),
    read: async () => read,
  };
}

async function serve(): Promise<void> {
  const methods = calls() as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  for await (const line of createInterface({ input: process.stdin })) {
    const { method, args } = JSON.parse(line) as { method: string; args: unknown[] };
    const outcome = await methods[method]!(...args).then(
      (result) => ({ result: result ?? null }),
      (error: Error) => ({ error: error.message }),
    );
    process.stdout.write(`${JSON.stringify(outcome)}\n`);
  }
}

if (import.meta.main) await serve();
