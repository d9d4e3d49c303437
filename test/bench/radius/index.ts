import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cpuMs, median, table } from '../cpu.ts';
import { startFreeradius } from './freeradius.ts';
import { startOurs } from './ours.ts';
import type { Server } from './server.ts';

const USERS = 10_000;
/** The generators count after one second of warming up. */
const WARM_MS = 1_000;
const SETTLE_MS = 25_000;
const ACCT_GOAL = 20;

interface Run {
  rate: number;
  /** Of the server process, for one answer. */
  cpuUs: number;
  p99Ms: number;
  wrong: number;
}

/** One case: a generator with its arguments, against one server or the other. */
interface Case {
  name: string;
  program: 'gen' | 'eapgen';
  args: readonly string[];
  accounting?: boolean;
}

const gen = (mode: string, ...more: string[]): Case['args'] => [
  '-m',
  mode,
  '-u',
  String(USERS),
  '-w',
  '256',
  '-s',
  '16',
  ...more,
];
const CASES: readonly Case[] = [
  { name: 'PAP', program: 'gen', args: gen('pap') },
  { name: 'MS-CHAPv2', program: 'gen', args: gen('mschap') },
  { name: 'PAP at 2,000/s', program: 'gen', args: gen('pap', '-r', '2000') },
  { name: 'accounting', program: 'gen', args: gen('acct'), accounting: true },
  { name: 'PEAP-MSCHAPv2', program: 'eapgen', args: ['-t', 'peap', '-k', '16'] },
  { name: 'PEAP-MSCHAPv2, resumed', program: 'eapgen', args: ['-t', 'peap', '-k', '16', '-r'] },
  { name: 'TTLS-PAP', program: 'eapgen', args: ['-t', 'ttls', '-k', '16'] },
  { name: 'TTLS-PAP, resumed', program: 'eapgen', args: ['-t', 'ttls', '-k', '16', '-r'] },
  { name: 'EAP-TLS 1.2', program: 'eapgen', args: ['-t', 'tls', '-k', '16'] },
  { name: 'EAP-TLS 1.2, resumed', program: 'eapgen', args: ['-t', 'tls', '-k', '16', '-r'] },
  { name: 'EAP-TLS 1.3', program: 'eapgen', args: ['-t', 'tls', '-k', '16', '-3'] },
  { name: 'EAP-TLS 1.3, resumed', program: 'eapgen', args: ['-t', 'tls', '-k', '16', '-3', '-r'] },
];

/**
 * RADIUS beside FreeRADIUS 3.2: one generator, the servers by turns, the CPU time of the server for one answer beside
 * the rate, medians of `rounds`. `generators` is a folder with the built programs `gen` and `eapgen`.
 */
export async function benchRadius(options: {
  generators: string;
  rounds: number;
  seconds: number;
  only: string | undefined;
}): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-bench-certificates-'));
  makeCertificates(folder);
  const dump = (format: string): string =>
    execFileSync(path.join(options.generators, 'gen'), ['-D', format, '-u', String(USERS)], {
      maxBuffer: 1 << 26,
    }).toString();
  const users = dump('raw')
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', password = ''] = line.split(' ');
      return { name, password };
    });
  users.push({ name: 'bob', password: 'hello123' });
  const ours = { users, certificates: folder };
  const servers: Server[] = [];
  try {
    servers.push(await startOurs({ ...ours, name: 'Gatehouse', radius: { batched: true, eap_workers: 1 } }));
    servers.push(await startOurs({ ...ours, name: 'Gatehouse (dgram)', radius: { batched: false, eap_workers: 1 } }));
    const text = `${dump('files')}\nbob Cleartext-Password := "hello123"\n\n`;
    const ports = { certificates: folder, users: text };
    servers.push(await startFreeradius({ ...ports, port: 18_120, acctPort: 18_130, resume: true }));
    // The first time that somebody comes is written down; a server that has run for a while has seen everybody.
    for (const server of servers) await measure(options, CASES[0] as Case, server, folder);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const rows: Record<string, string | number>[] = [];
    for (const one of CASES) {
      if (options.only !== undefined && !one.name.toLowerCase().includes(options.only.toLowerCase())) continue;
      // Batches make no difference to what the threads of EAP do.
      const under = servers.filter(({ name }) => one.program === 'gen' || !name.includes('dgram'));
      const runs = new Map<string, Run[]>(under.map(({ name }) => [name, []]));
      for (let round = 0; round < options.rounds; round++) {
        for (const server of under) runs.get(server.name)?.push(await measure(options, one, server, folder));
      }
      for (const [name, all] of runs) rows.push(row(one.name, name, all));
      table(rows.slice(-under.length));
    }
    process.stdout.write('\n');
    table(rows);
    process.stdout.write(
      `\nGoals: PAP at most half of FreeRADIUS's CPU, batched a quarter; accounting ${ACCT_GOAL} times its rate.\n`,
    );
  } finally {
    for (const server of servers) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function row(name: string, server: string, runs: readonly Run[]): Record<string, string | number> {
  const of = (key: keyof Run): number => median(runs.map((run) => run[key]));
  return {
    case: name,
    server,
    'answers/s': Math.round(of('rate')),
    'server µs CPU each': of('cpuUs').toFixed(of('cpuUs') < 100 ? 1 : 0),
    'p99 ms': of('p99Ms').toFixed(1),
    wrong: runs.reduce((sum, run) => sum + run.wrong, 0),
  };
}

async function measure(
  options: { generators: string; seconds: number },
  one: Case,
  server: Server,
  certificates: string,
): Promise<Run> {
  const port = one.accounting ? server.acctPort : server.port;
  const child = spawn(
    path.join(options.generators, one.program),
    ['-p', String(port), '-d', String(options.seconds), ...one.args],
    { env: { ...process.env, EAP_CERTS: certificates }, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  let out = '';
  child.stdout.on('data', (text) => {
    out += text;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await new Promise((resolve) => setTimeout(resolve, WARM_MS));
  const before = cpuMs(server.pid);
  await ended;
  const used = cpuMs(server.pid) - before;
  const field = (name: string): number => Number(new RegExp(`\\b${name}=([\\d.]+)`).exec(out)?.[1] ?? Number.NaN);
  // FreeRADIUS 3.2.1 answers PAP without a Message-Authenticator: `noma` is not counted as wrong.
  const wrong = ['lost', 'badsig', 'badma', 'wrong', 'badms'].reduce((sum, name) => sum + field(name), 0);
  return { rate: field('rate'), cpuUs: (used * 1000) / field('ok'), p99Ms: field('p99us') / 1000, wrong };
}

/** A CA, a server and the client `bob`, all P-256. */
function makeCertificates(folder: string): void {
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const key = (name: string): void =>
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  key('ca');
  openssl('req', '-x509', '-new', '-key', 'ca.key', '-subj', '/CN=Bench CA', '-days', '30', '-out', 'ca.pem');
  for (const [name, subject, use] of [
    ['server', 'radius.example', 'serverAuth'],
    ['client', 'bob', 'clientAuth'],
  ] as const) {
    key(name);
    openssl('req', '-new', '-key', `${name}.key`, '-subj', `/CN=${subject}`, '-out', `${name}.csr`);
    writeFileSync(path.join(folder, 'ext'), `extendedKeyUsage=${use}\nsubjectAltName=DNS:${subject}\n`);
    const sign = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30', '-extfile', 'ext'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...sign, '-out', `${name}.pem`);
  }
}
