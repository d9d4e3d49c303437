import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleAgent } from '../../installers/sea/bundle.ts';
import { Lab } from '../lab/lab.ts';
import { Supervisor } from '../lab/supervisor.ts';
import { cpuMs, median, ms } from './cpu.ts';

/** One of the laptops. */
const WHO = 'alice';
const STARTS = 5;
const ROOT = path.resolve(import.meta.dirname, '../..');

/** Resident memory, and the part of it that is the process's own: the rest are pages of its program, which the kernel can drop. */
function megabytes(pid: number): { all: number; own: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name: string): number => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1]) / 1024);
  return { all: of('VmRSS'), own: of('RssAnon') };
}

async function measure(lab: Lab, how: string, program: readonly string[], seconds: number) {
  const services = new Supervisor();
  const { PATH = '', HOME = '/root' } = process.env;
  const env = {
    PATH,
    HOME,
    GATEHOUSE_AGENT_STATE: path.join(lab.topology.folder, WHO),
    GATEHOUSE_AGENT_SOCKET: path.join(lab.topology.folder, `${WHO}-run/agent.sock`),
    GATEHOUSE_AGENT_INTERFACE: lab.topology.interfaceName(WHO),
  };
  const [file, ...args] = lab.topology.on(WHO, [...program, 'daemon']);
  const argv: [string, ...string[]] = [file, ...args];
  services.start({ name: WHO, argv, env, cwd: ROOT, log: path.join(lab.topology.folder, 'bench.log') });
  try {
    const times: number[] = [];
    const work: number[] = [];
    for (let i = 0; i < STARTS; i++) {
      await services.stop(WHO);
      const start = performance.now();
      services.resume(WHO);
      while ((await lab.status(WHO))?.state !== 'connected') await sleep(10);
      times.push(performance.now() - start);
      work.push(cpuMs(services.pid(WHO)!));
    }
    // The first facts are collected, the first reports sent.
    await sleep(20_000);
    const pid = services.pid(WHO)!;
    const [before, began] = [cpuMs(pid), performance.now()];
    await sleep(seconds * 1000);
    const busy = (cpuMs(pid) - before) / (performance.now() - began);
    const memory = megabytes(pid);
    return {
      agent: how,
      'idle, % of a core': (busy * 100).toFixed(2),
      'RSS, MB': memory.all,
      'of it not pages of the program, MB': memory.own,
      [`start to connected, ms (median of ${STARTS})`]: ms(median(times)),
      'of it CPU, ms': ms(median(work)),
    };
  } finally {
    await services.stopAll();
  }
}

/**
 * A laptop's daemon in the lab, with a real tunnel: what it costs while it is connected and nothing happens, for
 * `seconds`, and how long it takes from its start to connected. As built programs (`programs`, paths of them); without
 * any as the one file of JavaScript that they hold, and from the source, where Node takes the types out as it loads.
 * Needs root.
 */
export async function benchAgent(
  seconds: number,
  programs: readonly string[] = [],
): Promise<Record<string, string | number>[]> {
  const lab = await Lab.open();
  try {
    await lab.enrollAll();
    await lab.reaches(WHO, 'connected');
    await lab.tunnelWorks();
    await lab.services.stop(WHO);
    const rows = [];
    for (const program of programs) rows.push(await measure(lab, program, [path.resolve(program)], seconds));
    if (rows.length > 0) return rows;
    const bundle = path.join(lab.topology.folder, 'gatehouse.mjs');
    writeFileSync(bundle, (await bundleAgent()).code);
    return [
      await measure(lab, 'as bundled', [process.execPath, bundle], seconds),
      await measure(lab, 'from the source', [process.execPath, 'agent/main.ts'], seconds),
    ];
  } finally {
    await lab.close();
  }
}
