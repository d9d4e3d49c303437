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

const megabytes = (pid: number): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024);

async function measure(lab: Lab, how: string, program: string, seconds: number) {
  const services = new Supervisor();
  const { PATH = '', HOME = '/root' } = process.env;
  const env = {
    PATH,
    HOME,
    GATEHOUSE_AGENT_STATE: path.join(lab.topology.folder, WHO),
    GATEHOUSE_AGENT_SOCKET: path.join(lab.topology.folder, `${WHO}-run/agent.sock`),
    GATEHOUSE_AGENT_INTERFACE: lab.topology.interfaceName(WHO),
  };
  const [file, ...args] = lab.topology.on(WHO, [process.execPath, program, 'daemon']);
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
    return {
      agent: how,
      'idle, % of a core': (busy * 100).toFixed(2),
      'RSS, MB': megabytes(pid),
      [`start to connected, ms (median of ${STARTS})`]: ms(median(times)),
      'of it CPU, ms': ms(median(work)),
    };
  } finally {
    await services.stopAll();
  }
}

/**
 * A laptop's daemon in the lab, with a real tunnel: what it costs while it is connected and nothing happens, for
 * `seconds`, and how long it takes from its start to connected. As packages carry it (one file of JavaScript) and from
 * the source, where Node takes the types out as it loads. Needs root.
 */
export async function benchAgent(seconds: number): Promise<Record<string, string | number>[]> {
  const lab = await Lab.open();
  try {
    await lab.enrollAll();
    await lab.reaches(WHO, 'connected');
    await lab.tunnelWorks();
    await lab.services.stop(WHO);
    const bundle = path.join(lab.topology.folder, 'gatehouse.mjs');
    writeFileSync(bundle, (await bundleAgent()).code);
    return [
      await measure(lab, 'as packaged', bundle, seconds),
      await measure(lab, 'from the source', 'agent/main.ts', seconds),
    ];
  } finally {
    await lab.close();
  }
}
