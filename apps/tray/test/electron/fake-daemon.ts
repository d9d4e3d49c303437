import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type AgentStatus, IPC_VERSION } from '@gatehouse/protocol';
import { type Handlers, type IpcServer, serveIpc } from '../../../../agent/ipc/index.ts';

/** What the daemon says of itself before anybody has enrolled. */
export const FRESH: AgentStatus = {
  version: '0.1.0',
  ipc: IPC_VERSION,
  state: 'disconnected',
  cause: null,
  since: '2026-01-01T08:00:00.000Z',
  target: 'down',
  enrolled: null,
  controller: { connected: false, lastContact: null },
  interface: null,
  dns: { mode: null, servers: [], search: [] },
  hub: null,
  connectedSince: null,
  latency: null,
  captive: null,
  standing: null,
  profiles: [],
  peers: 0,
  rx: 0,
  tx: 0,
  warnings: [],
};

export const ENROLLED: AgentStatus = {
  ...FRESH,
  enrolled: {
    url: 'https://gate.example.org',
    networkId: 'n1',
    peerId: 'p1',
    peerName: 'laptop',
    networkName: 'office',
    role: 'spoke',
  },
  profiles: [
    {
      id: 'p1',
      url: 'https://gate.example.org',
      peerName: 'laptop',
      networkName: 'office',
      active: true,
      revoked: false,
    },
  ],
};

const UP: Partial<AgentStatus> = {
  state: 'connected',
  target: 'up',
  since: '2026-01-01T09:00:00.000Z',
  connectedSince: '2026-01-01T09:00:00.000Z',
  controller: { connected: true, lastContact: '2026-01-01T09:00:00.000Z' },
  interface: {
    name: 'gh0',
    driver: 'kernel',
    publicKey: 'a'.repeat(43).concat('='),
    addresses: ['10.80.0.2/32'],
    listenPort: 51820,
    mtu: 1420,
  },
  hub: { name: 'hub', endpoint: '198.51.100.1:51820', lastHandshake: '2026-01-01T09:00:00.000Z' },
  latency: 12,
  peers: 1,
};
export const CONNECTED: AgentStatus = { ...ENROLLED, ...UP };

export interface FakeDaemon {
  socketPath: string;
  /** Each request as it came, `up {}`. */
  readonly asked: string[];
  readonly watching: number;
  say(status: AgentStatus): void;
  /** Requests wait for their answer until `go`. */
  hold(): () => void;
  /** Returns what starts it again. */
  stop(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** The agent's own IPC server over its real socket, with a daemon behind it that only plays. */
export async function fakeDaemon(folder: string, first = ENROLLED): Promise<FakeDaemon> {
  const socketPath = path.join(folder, 'run', 'agent.sock');
  mkdirSync(path.dirname(socketPath), { recursive: true, mode: 0o750 });
  let status = first;
  let held: Promise<void> = Promise.resolve();
  const asked: string[] = [];
  const watchers = new Set<(status: AgentStatus) => void>();
  const say = (next: AgentStatus): AgentStatus => {
    status = next;
    for (const tell of watchers) tell(status);
    return status;
  };
  const then =
    <P>(name: string, next: (params: P) => AgentStatus) =>
    async (params: P): Promise<AgentStatus> => {
      asked.push(`${name} ${JSON.stringify(params)}`);
      await held;
      return say(next(params));
    };
  const series = { start: FRESH.since, step: 1, rx: [], tx: [] };
  const handlers: Handlers = {
    status: async () => status,
    up: then('up', () => ({ ...status, ...UP })),
    down: then('down', () => ({ ...ENROLLED, profiles: status.profiles })),
    enroll: then('enroll', () => CONNECTED),
    leave: then('leave', () => FRESH),
    use: then('use', () => status),
    peers: async () => [],
    doctor: async () => [{ check: 'tunnel', result: 'ok', detail: 'it is up', advice: null }],
    logs: async () => ['a line of the log'],
    traffic: async () => ({ seconds: series, minutes: { ...series, step: 60 } }),
    sessions: async () => [],
    posture: async () => ({ collected: FRESH.since, checks: [] }),
    directory: async () => ({ names: [], more: false }),
    watch: (tell) => {
      watchers.add(tell);
      tell(status);
      return () => void watchers.delete(tell);
    },
  };
  const serve = () => serveIpc(socketPath, handlers, () => undefined);
  let server: IpcServer = await serve();
  return {
    socketPath,
    asked,
    get watching() {
      return watchers.size;
    },
    say: (next) => void say(next),
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
    stop: async () => {
      await server.close();
      return async () => {
        server = await serve();
      };
    },
    close: () => server.close(),
  };
}
