import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Client } from '../../harness.ts';
import { cpuMs, median, ms, table } from '../cpu.ts';
import { startOurs } from './ours.ts';
import { startRsyslog } from './rsyslog.ts';
import type { LogServer } from './server.ts';

const run = promisify(execFile);

const RSYSLOG_PORT = 15_514;
const TCP_MESSAGES = 1_000_000;
const UDP_SECONDS = 10;
const UDP_RATES = [10_000, 20_000, 40_000];
/** What a server may take to write what it has. */
const SETTLE_MS = 60_000;
const QUERY_ROUNDS = 20;

/**
 * The sealed log beside rsyslog, which writes a file: one generator, the servers by turns, CPU time of the server's process
 * for one message of 300 bytes. `generator` is the built program of the line generator.
 */
export async function benchLogs(options: { generator: string; rounds: number; records: number }): Promise<void> {
  const servers = [await startOurs(), await startRsyslog(RSYSLOG_PORT)];
  try {
    await tcp(options, servers);
    await udp(options, servers);
  } finally {
    for (const server of servers) await server.stop();
  }
  const full = await startOurs();
  try {
    await queries(options, full);
  } finally {
    await full.stop();
  }
}

async function tcp({ generator, rounds }: { generator: string; rounds: number }, servers: LogServer[]): Promise<void> {
  const rows: Record<string, string | number>[] = [];
  for (const mode of ['tcp', 'tcpoc']) {
    const runs = new Map(servers.map(({ name }) => [name, [] as Run[]]));
    for (let round = 0; round < rounds; round++) {
      for (const server of servers) runs.get(server.name)!.push(await send(generator, server, mode, TCP_MESSAGES, 0));
    }
    for (const [name, all] of runs) {
      rows.push({
        transport: mode === 'tcp' ? 'TCP, lines' : 'TCP, octet counting',
        server: name,
        'messages/s': Math.round(median(all.map(({ rate }) => rate))),
        'µs CPU each': median(all.map(({ cpuUs }) => cpuUs)).toFixed(2),
        'lost of a million': median(all.map(({ lost }) => lost)),
        'bytes on disk each': median(all.map(({ bytes }) => bytes)).toFixed(1),
        'longest wait for the seal, s': Math.max(...all.map(({ lag }) => lag)).toFixed(1),
      });
    }
  }
  table(rows);
  process.stdout.write('\n');
}

async function udp({ generator, rounds }: { generator: string; rounds: number }, servers: LogServer[]): Promise<void> {
  const rows: Record<string, string | number>[] = [];
  for (const rate of UDP_RATES) {
    const runs = new Map(servers.map(({ name }) => [name, [] as Run[]]));
    for (let round = 0; round < rounds; round++) {
      for (const server of servers) {
        runs.get(server.name)!.push(await send(generator, server, 'udp', rate * UDP_SECONDS, rate));
      }
    }
    for (const [name, all] of runs) {
      rows.push({
        'UDP, messages/s': rate,
        server: name,
        'sent/s': Math.round(median(all.map(({ rate }) => rate))),
        'µs CPU each': median(all.map(({ cpuUs }) => cpuUs)).toFixed(2),
        'lost %, median (worst)': `${median(all.map(share)).toFixed(2)} (${Math.max(...all.map(share)).toFixed(2)})`,
        'longest wait for the seal, s': Math.max(...all.map(({ lag }) => lag)).toFixed(1),
      });
    }
  }
  table(rows);
  process.stdout.write('\n');
}

interface Run {
  sent: number;
  rate: number;
  cpuUs: number;
  lost: number;
  bytes: number;
  lag: number;
}
const share = ({ lost, sent }: Run): number => (100 * lost) / sent;

async function send(generator: string, server: LogServer, mode: string, count: number, rate: number): Promise<Run> {
  const [before, beforeBytes, beforeCpu] = [await server.stored(), await server.bytes(), cpuMs(server.pid)];
  let lag = 0;
  let sending = true;
  const watch = (async () => {
    while (sending && server.lag) {
      lag = Math.max(lag, await server.lag());
      await sleep(250);
    }
  })();
  const { stdout } = await run(generator, [mode, '127.0.0.1', String(server.port), String(count), String(rate)]);
  const told = JSON.parse(stdout) as { sent: number; rate: number };
  const stored = await settled(server, before + told.sent);
  sending = false;
  await watch;
  return {
    sent: told.sent,
    rate: told.rate,
    cpuUs: ((cpuMs(server.pid) - beforeCpu) * 1000) / told.sent,
    lost: Math.max(0, before + told.sent - stored),
    bytes: ((await server.bytes()) - beforeBytes) / told.sent,
    lag,
  };
}

/** How many are stored once all are, or nothing has come for 6 s. */
async function settled(server: LogServer, wanted: number): Promise<number> {
  let stored = await server.stored();
  let since = performance.now();
  const end = since + SETTLE_MS;
  while (stored < wanted && performance.now() < end && performance.now() - since < 6_000) {
    await sleep(500);
    const now = await server.stored();
    if (now > stored) since = performance.now();
    stored = now;
  }
  return stored;
}

const QUERIES: readonly [string, string][] = [
  ['everything, newest', ''],
  ['a word that is everywhere', 'q=traffic'],
  ['a word that is nowhere', 'q=nowheretobefound'],
  ['one session among all', 'q=0000777777'],
  ['two fields', `q=${encodeURIComponent('dstport:22 action:deny')}`],
  ['an address', 'ip=10.11.2.77'],
  ['a rare address', `q=${encodeURIComponent('dstip:121.84.17.201')}`],
  ['a network', `q=${encodeURIComponent('srcip:10.11.3.0/28')}`],
  ['large transfers', `q=${encodeURIComponent('bytes:>130000')}`],
];

async function queries(
  { generator, records }: { generator: string; records: number },
  server: LogServer & { api: Client },
): Promise<void> {
  const loaded = await send(generator, server, 'tcp', records, 0);
  // The index of the last segment is written when it is closed.
  await sleep(5_000);
  const stored = await server.stored();
  const rows: Record<string, string | number>[] = [];
  for (const [name, query] of QUERIES) {
    const took: number[] = [];
    let found = 0;
    for (let round = 0; round < QUERY_ROUNDS; round++) {
      const start = performance.now();
      const { status, body } = await server.api.get(`/v1/logs?limit=50&${query}`);
      took.push(performance.now() - start);
      if (status !== 200) throw new Error(JSON.stringify(body));
      found = body.length;
    }
    rows.push({
      query: name,
      found,
      'first, ms': ms(took[0]!),
      'median, ms': ms(median(took)),
      'worst, ms': ms(Math.max(...took)),
    });
  }
  const proofs: number[] = [];
  for (let round = 0; round < QUERY_ROUNDS; round++) {
    const start = performance.now();
    const { status } = await server.api.get(`/v1/logs/${Math.floor((stored * (round + 0.5)) / QUERY_ROUNDS)}`);
    if (status !== 200) throw new Error(`a proof: ${status}`);
    proofs.push(performance.now() - start);
  }
  rows.push({
    query: 'one record with its proof',
    found: 1,
    'first, ms': ms(proofs[0]!),
    'median, ms': ms(median(proofs)),
    'worst, ms': ms(Math.max(...proofs)),
  });
  process.stdout.write(
    `${stored} records, ${loaded.bytes.toFixed(1)} bytes each on the disk, taken in at ${Math.round(loaded.rate)}/s, ` +
      `${loaded.cpuUs.toFixed(2)} µs of CPU each\n\n`,
  );
  table(rows);
}
