import { median, table } from '../cpu.ts';
import { startOurs } from './ours.ts';
import { benchQueries } from './queries.ts';
import { startRsyslog } from './rsyslog.ts';
import { type Run, send } from './send.ts';
import type { LogServer } from './server.ts';

const RSYSLOG_PORT = 15_514;
const TCP_MESSAGES = 1_000_000;
const UDP_SECONDS = 10;
const UDP_RATES = [10_000, 20_000, 40_000];

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
  await benchQueries(options);
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

const share = ({ lost, sent }: Run): number => (100 * lost) / sent;
