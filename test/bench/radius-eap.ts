import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { startEapBed } from '../radius/eap-bed.ts';
import { makeCertificates } from '../radius/eap-certs.ts';
import { cpuMs, median, table } from './cpu.ts';

const CASES: readonly [name: string, ...args: string[]][] = [
  ['PEAP-MSCHAPv2', '-t', 'peap'],
  ['PEAP-MSCHAPv2, resumed', '-t', 'peap', '-r'],
  ['PEAP-MSCHAPv2, TLS 1.3', '-t', 'peap', '-3'],
  ['TTLS-PAP', '-t', 'ttls'],
  ['TTLS-PAP, resumed', '-t', 'ttls', '-r'],
  ['TTLS-PAP, TLS 1.3', '-t', 'ttls', '-3'],
  ['EAP-TLS 1.2', '-t', 'tls'],
  ['EAP-TLS 1.2, resumed', '-t', 'tls', '-r'],
  ['EAP-TLS 1.3', '-t', 'tls', '-3'],
  ['EAP-TLS 1.3, resumed', '-t', 'tls', '-3', '-r'],
];
/** The generator counts from its second second on. */
const WARM_SECONDS = 1;
const WIDTH = '8';

const residentMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

/**
 * EAP by itself, behind a socket of `eap-bed.ts`: CPU of the whole process for one conversation, and what memory does
 * over `handshakes` of them. `generators` is a folder with the built program `eapgen`. FreeRADIUS
 * beside it is in the bench of RADIUS.
 */
export async function benchEap(options: {
  generators: string;
  rounds: number;
  seconds: number;
  handshakes: number;
  only: string | undefined;
}): Promise<void> {
  const certs = makeCertificates();
  // Names that the generator expects.
  for (const end of ['pem', 'key']) copyFileSync(certs.file(`bob.${end}`), certs.file(`client.${end}`));
  writeFileSync(certs.file('credentials.json'), JSON.stringify(certs.credentials));
  const child = fork(import.meta.filename, ['serve', certs.file('credentials.json')]);
  const [port] = (await once(child, 'message')) as [number];
  const pid = child.pid!;
  const generate = async (seconds: number, args: readonly string[]): Promise<number> => {
    const { stdout } = await promisify(execFile)(
      path.join(options.generators, 'eapgen'),
      ['-p', String(port), '-k', WIDTH, '-d', String(seconds), ...args],
      { env: { ...process.env, EAP_CERTS: certs.folder } },
    );
    return Number(/\bok=(\d+)/.exec(stdout)?.[1]);
  };
  try {
    const cases = CASES.filter(([name]) => name.toLowerCase().includes(options.only?.toLowerCase() ?? ''));
    for (const [, ...args] of cases) await generate(options.seconds, args);
    const rows: Record<string, string | number>[] = [];
    for (const [name, ...args] of cases) {
      const each: number[] = [];
      for (let round = 0; round < options.rounds; round++) {
        const before = cpuMs(pid);
        const ok = await generate(options.seconds, args);
        each.push((cpuMs(pid) - before) / (ok * (1 + WARM_SECONDS / options.seconds)));
      }
      rows.push({ case: name, 'server ms CPU each': median(each).toFixed(2), least: Math.min(...each).toFixed(2) });
    }
    table(rows);
    let done = 0;
    process.stdout.write(
      `\n| handshakes | resident MB |\n| --- | --- |\n| ${done} | ${residentMb(pid).toFixed(0)} |\n`,
    );
    for (let turn = 0; done < options.handshakes; turn++) {
      const [, ...args] = cases[turn % cases.length]!;
      done += await generate(20, args);
      process.stdout.write(`| ${done} | ${residentMb(pid).toFixed(0)} |\n`);
    }
  } finally {
    child.kill();
    rmSync(certs.folder, { recursive: true });
  }
}

if (process.argv[2] === 'serve' && process.send !== undefined) {
  const credentials = JSON.parse(readFileSync(process.argv[3]!, 'utf8'));
  const bed = await startEapBed({ credentials, users: new Map([['bob', 'hello123']]) });
  // What the tests look at would be the only thing that grows.
  setInterval(() => {
    for (const seen of [bed.ends, bed.attempts, bed.known]) seen.length = 0;
  }, 100);
  process.send(bed.port);
}
