import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { applyDelta, type ControllerMessage, type PeerState, SUBPROTOCOL } from '@gatehouse/protocol';
import { WebSocket } from 'ws';
import { createPlatform } from '../../agent/os/index.ts';
import { generateKeyPair } from '../../appliance/overlay/keys.ts';
import { type Client, createClient, FREE_PORTS } from '../harness.ts';
import { cpuMs, median, ms, table } from './cpu.ts';

const PASSWORD = 'bench-password';

/** The appliance as a process; `ready` is the time from its start to `gatehouse ready`. */
async function start(dataDir: string): Promise<{ child: ChildProcess; url: string; ready: number }> {
  const began = performance.now();
  const child = spawn(process.execPath, [path.join(import.meta.dirname, '../../appliance/main.ts')], {
    env: {
      ...process.env,
      GATEHOUSE_DATA: dataDir,
      ...FREE_PORTS,
      GATEHOUSE_ADMIN_PASSWORD: PASSWORD,
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  while (!out.includes('gatehouse ready')) await once(child.stdout, 'data');
  return { child, url: /gatehouse ready (\S+)/.exec(out)?.[1] as string, ready: performance.now() - began };
}

const megabytes = (pid: number): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);

async function login(url: string): Promise<Client> {
  const anonymous = createClient(`${url}/api/v1`);
  const { body } = await anonymous.post('/auth/login', { username: 'admin', password: PASSWORD });
  return anonymous.as(`Session ${body.session_hash}`);
}

async function inParallel(count: number, width: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** One of our agents, as far as the controller can tell: it applies what it hears and acknowledges it. */
class Device {
  state: PeerState | undefined;
  bytes = 0;
  told = 0;
  /** Called with each new state, before it is acknowledged. */
  apply: (state: PeerState) => Promise<void> = async () => undefined;
  #socket: WebSocket;
  #queue: Promise<void> = Promise.resolve();

  constructor(url: string, credential: string) {
    const headers = { authorization: `Bearer ${credential}` };
    this.#socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/ws`, SUBPROTOCOL, { headers });
    this.#socket.on('open', () => this.#socket.send(JSON.stringify({ type: 'hello', agentVersion: 'bench' })));
    this.#socket.on('message', (data: Buffer) => {
      this.bytes += data.length;
      const message = JSON.parse(String(data)) as ControllerMessage;
      if (message.type === 'state') this.state = message.state;
      if (message.type === 'delta' && this.state) this.state = applyDelta(this.state, message.delta);
      const { state } = this;
      const { epoch, seq } = message;
      this.#queue = this.#queue.then(async () => {
        if (state) await this.apply(state);
        this.told += 1;
        this.#socket.send(JSON.stringify({ type: 'ack', epoch, seq }));
      });
    });
  }
  close(): void {
    this.#socket.terminate();
  }
}

const until = async (what: string, check: () => boolean): Promise<void> => {
  const end = performance.now() + 120_000;
  while (!check()) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
};

async function enroll(api: Client, url: string, token: string): Promise<{ device: Device; privateKey: string }> {
  const { publicKey, privateKey } = generateKeyPair();
  const credential = `ghd_${randomBytes(32).toString('hex')}`;
  const body = { public_key: publicKey, credential_hash: createHash('sha256').update(credential).digest('hex') };
  const { status } = await api.post('/agent/register', body, { authorization: `Bearer ${token}` });
  if (status !== 200) throw new Error(`register answered ${status}`);
  return { device: new Device(url, credential), privateKey };
}

/**
 * `spokes` peers on one hub with a real interface and firewall, and `agents` of them connected. Run it in a network
 * namespace of its own: it makes the interface `ghscale`.
 */
export async function benchScale(spokes: number, agents: number): Promise<void> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-scale-'));
  const devices: Device[] = [];
  let { child, url } = await start(dataDir);
  try {
    let api = await login(url);
    const network = (await api.post('/networks', { name: 'scale', cidr: '10.64.0.0/12' })).body;
    const peers = `/networks/${network.id}/peers`;
    const hub = (await api.post(peers, { name: 'hub', is_jump: true, endpoint: '198.51.100.1' })).body;
    const tokens: string[] = [];
    await inParallel(spokes, 8, async (i) => {
      tokens.push((await api.post(peers, { name: `laptop-${i}` })).body.token);
    });

    child.kill('SIGTERM');
    await once(child, 'exit');
    const again = await start(dataDir);
    child = again.child;
    url = again.url;
    api = await login(url);
    const began = performance.now();
    const { device, privateKey } = await enroll(api, url, hub.token);
    devices.push(device);
    await until('the hub has its state', () => device.state !== undefined);
    const first = performance.now() - began;
    const stateBytes = device.bytes;

    const platform = createPlatform({ platform: 'linux', stateDir: dataDir, log: () => undefined });
    const tunnel = await platform.openTunnel('ghscale');
    try {
      const loading = performance.now();
      await tunnel.apply({ privateKey, state: device.state as PeerState });
      const loaded = performance.now() - loading;
      device.apply = (state) => tunnel.apply({ privateKey, state });
      const times: number[] = [];
      const bytes: number[] = [];
      for (let i = 0; i < 15; i++) {
        const [told, before] = [device.told, device.bytes];
        const { body } = await api.post(peers, { name: `newcomer-${i}` });
        const answered = performance.now();
        await until('the hub has the newcomer', () => device.told > told);
        times.push(performance.now() - answered);
        bytes.push(device.bytes - before);
        if (!device.state?.peers.some((peer) => peer.publicKey === body.public_key)) throw new Error('not told');
      }
      table([
        {
          'peers on the hub': spokes,
          'start to ready, ms': ms(again.ready),
          'enroll to whole state, ms': ms(first),
          'whole state, MB': (stateBytes / 1e6).toFixed(1),
          'first load of device and firewall, ms': ms(loaded),
          'one peer more: answer to device, ms (median, worst of 15)': `${ms(median(times))}, ${ms(Math.max(...times))}`,
          'bytes to the hub': median(bytes),
          'appliance, MB': megabytes(child.pid as number),
        },
      ]);
    } finally {
      device.apply = async () => undefined;
      await tunnel.close();
    }

    await inParallel(agents, 8, async (i) => {
      const one = await enroll(api, url, tokens[i] as string);
      devices.push(one.device);
      await until('an agent has its state', () => one.device.state !== undefined);
    });
    const all = devices.slice(1);
    const rounds: { wall: number; cpu: number }[] = [];
    for (let round = 0; round < 3; round++) {
      const dns = [`9.9.9.${round + 1}`];
      const [wall, cpu] = [performance.now(), cpuMs(child.pid as number)];
      await api.put(`/networks/${network.id}`, { dns });
      await until('all are told', () => all.every((one) => one.state?.dns.servers.at(-1) === dns[0]));
      rounds.push({ wall: performance.now() - wall, cpu: cpuMs(child.pid as number) - cpu });
    }
    table([
      {
        'agents connected': all.length,
        'a change for all reaches the last, ms (median of 3)': ms(median(rounds.map(({ wall }) => wall))),
        'ms CPU of the appliance': ms(median(rounds.map(({ cpu }) => cpu))),
        'appliance, MB': megabytes(child.pid as number),
      },
    ]);
  } finally {
    for (const device of devices) device.close();
    child.kill('SIGTERM');
    await once(child, 'exit');
    rmSync(dataDir, { recursive: true });
  }
}
