import { chmod, chown, mkdir, rm, stat } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { IPC_MAX_LINE, type IpcMethod } from '@gatehouse/protocol';
import { AgentError } from '../errors.ts';
import { Client, type Handlers, refuse } from './client.ts';
import { openPipeToGroup } from './pipe.ts';

/** Clients at once; beyond, as many newcomers may ask, and the one that is quietest makes room for each. */
const MAX_CLIENTS = 64;
const MAX_NEWCOMERS = 16;
/** Of clients that don't read, the one for which most waits is cut off when this much waits for all, in bytes. */
const MAX_UNREAD = 2 * IPC_MAX_LINE;
/** How often a full house is told, in milliseconds. */
const TELL_FULL = 60_000;
/** A client that neither asks nor watches, or reads nothing of what waits for it, is let go, in milliseconds. */
const IDLE = 60_000;

export interface IpcServer {
  close(): Promise<void>;
}

/** True when a daemon answers on `socketPath`. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    const done = (live: boolean) => {
      socket.destroy();
      resolve(live);
    };
    socket.on('connect', () => done(true));
    // Not permitted to ask means that somebody else's daemon may well be there.
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code === 'EACCES' || error.code === 'EPERM'));
  });
}

/** Who is connected. */
class House {
  readonly #handlers: Handlers;
  readonly #log: (message: string) => void;
  readonly #idle: number;
  readonly #clients = new Set<Client>();
  /** Came when it was full, and have asked nothing yet. */
  readonly #newcomers = new Set<Client>();
  readonly #sockets = new Set<Socket>();
  readonly #sweep: NodeJS.Timeout;
  #told = Number.NEGATIVE_INFINITY;

  constructor(handlers: Handlers, log: (message: string) => void, idle: number) {
    this.#handlers = handlers;
    this.#log = log;
    this.#idle = idle;
    this.#sweep = setInterval(() => this.#letGo(), idle / 6).unref();
  }

  enter(socket: Socket): void {
    const full = this.#clients.size >= MAX_CLIENTS;
    if (full) this.#tell();
    // Those that were refused and haven't read it yet count too.
    if (this.#sockets.size >= 2 * (MAX_CLIENTS + MAX_NEWCOMERS)) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
    if (full && this.#newcomers.size >= MAX_NEWCOMERS) {
      refuse(socket, tooMany());
      return;
    }
    const client: Client = new Client(socket, this.#handlers, {
      admit: (method) => this.#admit(client, method),
      answered: () => this.#shed(),
      log: this.#log,
    });
    (full ? this.#newcomers : this.#clients).add(client);
    socket.on('close', () => this.#remove(client));
  }

  close(): void {
    clearInterval(this.#sweep);
    for (const socket of this.#sockets) socket.destroy();
  }

  /** A newcomer that asks gets the place of who is quietest; one that only wants to watch doesn't. */
  #admit(client: Client, method: IpcMethod): boolean {
    if (!this.#newcomers.delete(client)) return this.#clients.has(client);
    if (this.#clients.size >= MAX_CLIENTS) {
      const quiet = [...this.#clients].filter(({ busy }) => !busy);
      const [first] = quiet.sort((a, b) => Number(a.watching) - Number(b.watching) || a.askedAt - b.askedAt);
      if (!first || method === 'watch') {
        client.drop(tooMany());
        return false;
      }
      this.#clients.delete(first);
      first.drop(tooMany());
    }
    this.#clients.add(client);
    return true;
  }

  #remove(client: Client): void {
    this.#clients.delete(client);
    this.#newcomers.delete(client);
  }

  #letGo(): void {
    const now = performance.now();
    for (const client of [...this.#clients, ...this.#newcomers]) {
      if (!client.isIdle(now, this.#idle)) continue;
      this.#remove(client);
      client.socket.destroy();
    }
  }

  /** Cuts off who reads nothing. */
  #shed(): void {
    const unread = (client: Client): number => client.socket.writableLength;
    if ([...this.#clients].reduce((sum, client) => sum + unread(client), 0) <= MAX_UNREAD) return;
    const most = [...this.#clients].reduce((a, b) => (unread(b) > unread(a) ? b : a));
    this.#remove(most);
    most.socket.destroy();
  }

  #tell(): void {
    if (performance.now() - this.#told < TELL_FULL) return;
    this.#told = performance.now();
    this.#log(`more than ${MAX_CLIENTS} local clients: the quietest make room for those that come and ask`);
  }
}

const tooMany = (): AgentError =>
  new AgentError('internal', `There are too many local clients, more than ${MAX_CLIENTS}: try again later.`);

/**
 * Serves the IPC table on a Unix socket (mode 0660, in a folder that is made with 0750 where it isn't) or a named
 * pipe. The socket gets its folder's group, so that an installer chooses who may speak to the agent; a pipe is opened to
 * a local group. A socket file that nobody answers on is replaced. Throws AgentError when a daemon already answers there.
 */
export async function serveIpc(
  socketPath: string,
  handlers: Handlers,
  log: (message: string) => void,
  idle: number = IDLE,
): Promise<IpcServer> {
  const isPipe = process.platform === 'win32';
  const folder = path.dirname(socketPath);
  if (!isPipe) await mkdir(folder, { recursive: true, mode: 0o750 });
  if (await answers(socketPath)) {
    throw new AgentError('internal', `A Gatehouse agent already runs on ${socketPath} (GATEHOUSE_AGENT_SOCKET).`);
  }
  if (!isPipe) await rm(socketPath, { force: true });
  const house = new House(handlers, log, idle);
  const server = createServer({ allowHalfOpen: true }, (socket) => house.enter(socket));
  await listen(server, socketPath, isPipe);
  if (isPipe) void openPipeToGroup(socketPath, log);
  else {
    await chmod(socketPath, 0o660);
    const { gid } = await stat(folder);
    await chown(socketPath, -1, gid).catch(() => undefined);
  }
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        house.close();
      }),
  };
}

function listen(server: Server, socketPath: string, isPipe: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // bind() makes the socket within this call: nobody but the owner may connect before chmod.
    const mask = isPipe ? undefined : process.umask(0o177);
    try {
      server.listen(socketPath, () => {
        server.off('error', reject);
        server.on('error', () => undefined);
        resolve();
      });
    } finally {
      if (mask !== undefined) process.umask(mask);
    }
  });
}
