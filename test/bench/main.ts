import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { FREE_PORTS } from '../harness.ts';
import { benchAgent } from './agent.ts';
import { benchApi, type Target } from './api.ts';
import { table } from './cpu.ts';
import { benchLists } from './lists.ts';
import { benchLogs } from './logs/index.ts';
import { benchQueries } from './logs/queries.ts';
import { benchRadius } from './radius/index.ts';
import { benchCodec } from './radius-codec.ts';
import { benchEap } from './radius-eap.ts';
import { run as benchRadiusFuzz } from './radius-fuzz.ts';
import { benchScale } from './scale.ts';
import { benchCompile, benchDevice } from './wireguard.ts';

/** Of the EAP bench. */
const HANDSHAKES = 100_000;

const HELP = `npm run bench -- [compile] [device] [lists] [api] [scale] [radius] [codec]   all without a name; device and scale need root
  agent             an idle agent in the lab, --seconds <n> (60 is what docs/benchmarks.md has), and its start; needs root;
                    --program <built program>, once or more, instead of the source
  radius-eap        EAP by itself and its memory over 100,000 handshakes (with --generators)
  radius-fuzz       mutated packets through the RADIUS codec, --packets <n> (default 10,000,000)
  logs              the sealed log beside rsyslog, with --generators; --records <n> of the queries (default 10,000,000)
  logs-queries      its queries alone; with --data <folder> the records stay there for the next time
  --generators <folder>   built programs gen and eapgen of the RADIUS load generator, slog of
                    the syslog one; without it radius is left out
  --rounds <n>, --seconds <n>, --only <case>   of the radius bench (default 3 rounds of 5 s, all cases)
  --spokes <n>      peers of the api bench (default 1000)
  --agents <n>      connected agents of the api bench (default 200)
  --width <n>       requests at a time in the api bench (default 8)
  --against <url>   another server of the overlay API to measure in the same run, with
  --password <p>    its admin's password, --name <what to call it> and --pid <its process, for CPU time>
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean' },
    generators: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    program: { type: 'string', multiple: true },
    only: { type: 'string' },
    packets: { type: 'string', default: '10000000' },
    records: { type: 'string', default: '10000000' },
    data: { type: 'string' },
    spokes: { type: 'string', default: '1000' },
    agents: { type: 'string', default: '200' },
    width: { type: 'string', default: '8' },
    against: { type: 'string' },
    password: { type: 'string', default: 'admin' },
    name: { type: 'string', default: 'other' },
    pid: { type: 'string' },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const wanted = (name: string): boolean => positionals.length === 0 || positionals.includes(name);

/** Our appliance as a process of its own, so that its CPU time is its alone. */
async function startOurs(): Promise<{ target: Target; stop: () => Promise<void> }> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'gatehouse-bench-'));
  const child = spawn(process.execPath, [path.join(import.meta.dirname, '../../appliance/main.ts')], {
    env: {
      ...process.env,
      GATEHOUSE_DATA: dataDir,
      ...FREE_PORTS,
      GATEHOUSE_ADMIN_PASSWORD: 'bench-password',
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  while (!out.includes('gatehouse ready')) await once(child.stdout, 'data');
  const url = /gatehouse ready (\S+)/.exec(out)?.[1] as string;
  return {
    target: { name: 'Gatehouse', url, password: 'bench-password', pid: child.pid as number },
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
      rmSync(dataDir, { recursive: true });
    },
  };
}

if (wanted('compile')) {
  table([await benchCompile(1000), await benchCompile(10_000)]);
}
if (wanted('device')) {
  table([...(await benchDevice(1000)), ...(await benchDevice(10_000))]);
}
// Builds the lab: only where it is asked for.
if (positionals.includes('agent')) {
  table(await benchAgent(Number(values.seconds), values.program));
}
if (wanted('lists')) {
  table(await benchLists(10_000));
}
if (wanted('radius')) {
  const { generators, only } = values;
  if (generators !== undefined) {
    await benchRadius({ generators, only, rounds: Number(values.rounds), seconds: Number(values.seconds) });
  } else if (positionals.includes('radius')) {
    process.stderr.write('the radius bench needs --generators <folder>, with the programs gen and eapgen\n');
    process.exit(1);
  }
}
// A quarter of an hour: memory over 100,000 handshakes.
if (positionals.includes('radius-eap') && values.generators !== undefined) {
  const { generators, only, rounds, seconds } = values;
  await benchEap({ generators, only, rounds: Number(rounds), seconds: Number(seconds), handshakes: HANDSHAKES });
}
// Half an hour: ten million records.
if (positionals.includes('logs') || positionals.includes('logs-queries')) {
  const { generators, rounds, records, data } = values;
  if (generators === undefined) {
    process.stderr.write('the logs bench needs --generators <folder>, with the program slog\n');
    process.exit(1);
  }
  const generator = path.join(generators, 'slog');
  if (positionals.includes('logs')) await benchLogs({ generator, rounds: Number(rounds), records: Number(records) });
  else await benchQueries({ generator, records: Number(records), ...(data !== undefined && { data }) });
}
if (wanted('codec')) {
  table(benchCodec());
}
// A quarter of an hour: only where it is asked for.
if (positionals.includes('radius-fuzz')) {
  table(benchRadiusFuzz(Number(values.packets)));
}
if (wanted('api')) {
  const [spokes, agents, width] = [Number(values.spokes), Number(values.agents), Number(values.width)];
  const ours = await startOurs();
  const rows = [];
  try {
    // Turn about, three times each: the machine's mood falls on both.
    for (let i = 0; i < 3; i++) {
      rows.push(await benchApi(ours.target, spokes, agents, width));
      if (values.against) {
        const { name, against: url, password, pid } = values;
        rows.push(await benchApi({ name, url, password, pid: Number(pid ?? process.pid) }, spokes, agents, width));
      }
    }
  } finally {
    await ours.stop();
  }
  table(rows.sort((a, b) => (String(a.server) < String(b.server) ? -1 : 1)));
}
if (wanted('scale')) {
  // In a network namespace of its own: a hub changes forwarding and the firewall.
  if (process.env.BENCH_NAMESPACE) {
    await benchScale(Number(process.env.BENCH_PEERS ?? 10_000), Number(process.env.BENCH_AGENTS ?? 5_000));
  } else {
    const namespace = `ghbench${process.pid}`;
    const run = (...args: string[]) => spawnSync('ip', args, { stdio: 'inherit' });
    run('netns', 'add', namespace);
    try {
      run('-n', namespace, 'link', 'set', 'lo', 'up');
      const self = [process.execPath, import.meta.filename, 'scale'];
      spawnSync('ip', ['netns', 'exec', namespace, ...self], {
        stdio: 'inherit',
        env: { ...process.env, BENCH_NAMESPACE: namespace },
      });
    } finally {
      run('netns', 'delete', namespace);
    }
  }
}
