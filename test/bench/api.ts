import { once } from 'node:events';
import { WebSocket } from 'ws';
import { createClient } from '../harness.ts';
import { cpuMs, median, ms } from './cpu.ts';

/** A server of the overlay API: ours, or any other that speaks the document. */
export interface Target {
  name: string;
  url: string;
  password: string;
  pid: number;
}

/** Work that is measured in wall time and in the server's CPU time. */
async function measured(target: Target, work: () => Promise<void>): Promise<{ wall: number; cpu: number }> {
  const [cpu, wall] = [cpuMs(target.pid), performance.now()];
  await work();
  return { wall: performance.now() - wall, cpu: cpuMs(target.pid) - cpu };
}

async function inParallel(count: number, width: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/**
 * An administrator's day on one network: make `spokes` peers, `width` at a time, list them, read a file, and change things while `agents`
 * of them (and the hub) are connected in the existing agents' format, which every server of this API speaks.
 */
export async function benchApi(
  target: Target,
  spokes: number,
  agents: number,
  width: number,
): Promise<Record<string, string | number>> {
  const anonymous = createClient(`${target.url}/api/v1`);
  const { body: session } = await anonymous.post('/auth/login', { username: 'admin', password: target.password });
  const api = anonymous.as(`Session ${session.session_hash}`);
  const must = async (answer: ReturnType<typeof api.get>) => {
    const { status, body } = await answer;
    if (status >= 300) throw new Error(`${target.name}: ${status} ${JSON.stringify(body)}`);
    return body;
  };
  const network = await must(api.post('/networks', { name: `bench-${Date.now()}`, cidr: '10.99.0.0/16' }));
  const peers = `/networks/${network.id}/peers`;
  const hub = await must(
    api.post(peers, { name: 'hub', is_jump: true, use_agent: true, endpoint: '198.51.100.1', listen_port: 51820 }),
  );
  const made: { id: string; token: string }[] = [];
  const create = await measured(target, () =>
    inParallel(spokes, width, async (i) => {
      made.push(await must(api.post(peers, { name: `laptop-${i}`, use_agent: true })));
    }),
  );

  const times: number[] = [];
  const list = await measured(target, async () => {
    for (let i = 0; i < 50; i++) {
      const start = performance.now();
      await must(api.get(`${peers}?page=${(i % 10) + 1}&page_size=100`));
      times.push(performance.now() - start);
    }
  });
  const configTimes: number[] = [];
  for (let i = 0; i < 50; i++) {
    const start = performance.now();
    await must(api.get(`${peers}/${made[i % made.length]?.id}/config`));
    configTimes.push(performance.now() - start);
  }

  const sockets: WebSocket[] = [];
  let told = 0;
  const connect = async (token: string) => {
    const socket = new WebSocket(`${target.url.replace('http', 'ws')}/api/v1/ws`, {
      headers: { authorization: `Bearer ${token}` },
    });
    sockets.push(socket);
    await once(socket, 'message');
    socket.on('message', () => {
      told += 1;
    });
  };
  await connect(hub.token);
  await inParallel(agents, width, (i) => connect(made[i]?.token as string));
  const settle = async (expected: number): Promise<void> => {
    for (let i = 0; i < 600 && told < expected; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    if (expected === 0) await new Promise((resolve) => setTimeout(resolve, 1500));
  };
  const change = async (what: Record<string, unknown>, peerId: string, expected: number) => {
    told = 0;
    const cost = await measured(target, async () => {
      await must(api.put(`${peers}/${peerId}`, what));
      await settle(expected);
    });
    await settle(0);
    return { ...cost, told };
  };
  const route = await change({ additional_allowed_ips: ['192.168.7.0/24'] }, hub.id, agents + 1);
  const rename = await change({ name: 'renamed' }, made[agents + 1]?.id as string, 1);
  for (const socket of sockets) socket.terminate();
  await must(api.delete(`/networks/${network.id}`));
  return {
    server: target.name,
    'create a peer, ms CPU': ms(create.cpu / spokes),
    'peers made a second': Math.round((spokes / create.wall) * 1000),
    'list 100, ms': ms(median(times)),
    'list 100, ms CPU': ms(list.cpu / 50),
    'read a file, ms': ms(median(configTimes)),
    'hub route reaches all, ms': `${ms(route.wall)} (${route.told} of ${agents + 1} told)`,
    'ms CPU': ms(route.cpu),
    'rename of one laptop, agents told': rename.told,
  };
}
