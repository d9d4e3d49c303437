import type { Lab } from './lab.ts';
import type { Machine } from './plan.ts';
import { attempt } from './run.ts';

/** c-ares, with the machine's resolv.conf: a resolver that isn't ours, and that tells NXDOMAIN from NODATA. */
const ASK = `const [name, type] = process.argv.slice(1);
require('node:dns').resolve(name, type, (error, found) => console.log(error ? error.code : [found].flat().join(' ')));`;

/** What a name resolves to on a machine, or the resolver's code: ENOTFOUND is NXDOMAIN, ENODATA a name without this type. */
export async function lookup(lab: Lab, machine: Machine, name: string, type: 'A' | 'AAAA' | 'PTR'): Promise<string> {
  return (await lab.on(machine, [process.execPath, '-e', ASK, '--', name, type])).trim();
}

/** The same as programs on the machine ask, through the C library: the search domain is added. Undefined without any. */
export async function getent(lab: Lab, machine: Machine, name: string): Promise<string | undefined> {
  const [program, ...args] = lab.topology.on(machine, ['getent', 'ahostsv4', name]);
  const ran = await attempt(program, args);
  if (ran.code !== 0 && ran.code !== 2) throw new Error(`getent: exit ${ran.code}\n${ran.stderr}`);
  return ran.stdout.split(/\s/)[0] || undefined;
}
