import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../harness.ts';
import { cpuMs, median, ms, table } from '../cpu.ts';
import { startOurs } from './ours.ts';
import { send } from './send.ts';
import type { LogServer } from './server.ts';

const QUERY_ROUNDS = 20;

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
  ['larger than any', `q=${encodeURIComponent('bytes:>1000000000')}`],
];

/**
 * Queries over `records` records by HTTP. In a folder `data` they stay for the next time, when only what is missing is
 * sent. CPU time is the whole appliance's.
 */
export async function benchQueries(options: { generator: string; records: number; data?: string }): Promise<void> {
  const server = await startOurs(options.data);
  try {
    await queries(options, server);
  } finally {
    await server.stop();
  }
}

async function queries(
  { generator, records }: { generator: string; records: number },
  server: LogServer & { api: Client },
): Promise<void> {
  const before = await server.stored();
  const loaded = before < records ? await send(generator, server, 'tcp', records - before, 0) : undefined;
  const waited = loaded && (await firstAnswers(server.api));
  await indexed(server.api);
  const stored = await server.stored();
  const rows: Record<string, string | number>[] = [];
  for (const [name, query] of QUERIES) {
    const took: number[] = [];
    let found = 0;
    const cpu = cpuMs(server.pid);
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
      'CPU each, ms': ms((cpuMs(server.pid) - cpu) / QUERY_ROUNDS),
    });
  }
  const proofs: number[] = [];
  const cpu = cpuMs(server.pid);
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
    'CPU each, ms': ms((cpuMs(server.pid) - cpu) / QUERY_ROUNDS),
  });
  process.stdout.write(`${stored} records`);
  if (loaded) {
    process.stdout.write(
      `, ${loaded.bytes.toFixed(1)} bytes each on the disk, taken in at ${Math.round(loaded.rate)}/s, ` +
        `${loaded.cpuUs.toFixed(2)} µs of CPU each; the first answers while they were indexed: ${waited!.join(', ')} ms`,
    );
  }
  process.stdout.write('\n\n');
  table(rows);
}

/** How long the first queries behind a load take, ms. */
async function firstAnswers(api: Client): Promise<string[]> {
  const took: string[] = [];
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    await api.get('/v1/logs?limit=50&q=traffic');
    took.push(ms(performance.now() - start));
  }
  return took;
}

/** Returns once all that was sent is indexed: until then an answer, here of nothing, says that something may be missing. */
async function indexed(api: Client): Promise<void> {
  for (;;) {
    const { headers } = await api.get('/v1/logs?to=2000-01-01T00:00:00Z');
    if (!headers.has('gatehouse-partial')) return;
    await sleep(1_000);
  }
}
