import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { AgentError } from '../../errors.ts';
import type { Journal } from './journal.ts';

/** What decides which kernel settings a tunnel needs. */
export interface SysctlNeeds {
  name: string;
  hub: boolean;
  ipv4: boolean;
  ipv6: boolean;
  /** IPv4 routes go by policy routing. */
  policy: boolean;
}

/** Kernel settings under /proc/sys: `net/ipv4/ip_forward` and its like. */
export class Sysctls {
  readonly #root: string;
  readonly #journal: Journal;

  constructor(root: string, journal: Journal) {
    this.#root = root;
    this.#journal = journal;
  }

  /** Undefined when the kernel doesn't have it. */
  async read(key: string): Promise<string | undefined> {
    try {
      return (await readFile(path.join(this.#root, key), 'utf8')).trim();
    } catch {
      return undefined;
    }
  }

  async #write(key: string, value: string): Promise<void> {
    try {
      await writeFile(path.join(this.#root, key), value);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const dotted = key.replaceAll('/', '.');
      throw new AgentError(
        'apply-failed',
        `can't set ${dotted}=${value} (${code}): in a container start it with --sysctl ${dotted}=${value}`,
        { cause: error },
      );
    }
  }

  /** The settings for a tunnel, in the order in which to write them. */
  async wanted(needs: SysctlNeeds): Promise<Map<string, string>> {
    const wanted = new Map<string, string>();
    if (needs.hub && needs.ipv4) {
      wanted.set('net/ipv4/ip_forward', '1');
      // Spokes reach each other through one interface of the hub; a redirect would tell them not to. The kernel sends
      // them when either of the two is on.
      wanted.set('net/ipv4/conf/all/send_redirects', '0');
      wanted.set(`net/ipv4/conf/${needs.name}/send_redirects`, '0');
    }
    if (needs.hub && needs.ipv6) {
      // With forwarding on, the kernel heeds router advertisements only at 2; at 1 a hub would lose its own default route.
      for (const name of await this.#interfaces('net/ipv6/conf')) {
        const key = `net/ipv6/conf/${name}/accept_ra`;
        const ours = this.#journal.data.sysctls[key] !== undefined;
        if (name !== 'all' && name !== needs.name && (ours || (await this.read(key)) === '1')) wanted.set(key, '2');
      }
      wanted.set('net/ipv6/conf/all/forwarding', '1');
    }
    if (needs.policy) {
      wanted.set('net/ipv4/conf/all/src_valid_mark', '1');
      // Strict reverse-path filtering would drop the peers' packets, whose way back seems to lead into the tunnel.
      // The kernel takes the greater of `all` and the interface's: 2 (loose) overrides 1 (strict).
      const key = 'net/ipv4/conf/all/rp_filter';
      const filters = await Promise.all(
        (await this.#interfaces('net/ipv4/conf')).map((name) => this.read(`net/ipv4/conf/${name}/rp_filter`)),
      );
      if (this.#journal.data.sysctls[key] || filters.includes('1')) wanted.set(key, '2');
    }
    return wanted;
  }

  async #interfaces(folder: string): Promise<string[]> {
    return readdir(path.join(this.#root, folder)).catch(() => []);
  }

  /** Writes what differs, puts back what is no longer wanted; returns what was written, in sysctl(8)'s spelling. */
  async apply(wanted: ReadonlyMap<string, string>): Promise<string[]> {
    const written: string[] = [];
    await this.#restore((key) => !wanted.has(key));
    for (const [key, value] of wanted) {
      const before = await this.read(key);
      if (before === undefined || before === value) continue;
      const { sysctls } = this.#journal.data;
      await this.#journal.update({
        sysctls: { ...sysctls, [key]: { before: sysctls[key]?.before ?? before, ours: value } },
      });
      await this.#write(key, value);
      written.push(`${key.replaceAll('/', '.')}=${value}`);
    }
    return written;
  }

  async restore(): Promise<void> {
    await this.#restore(() => true);
  }

  async #restore(select: (key: string) => boolean): Promise<void> {
    const entries = Object.entries(this.#journal.data.sysctls);
    const chosen = entries.filter(([key]) => select(key));
    if (chosen.length === 0) return;
    // The other way round than they were set. What somebody else has changed meanwhile is his.
    for (const [key, { before, ours }] of chosen.toReversed())
      if ((await this.read(key)) === ours) await this.#write(key, before);
    await this.#journal.update({ sysctls: Object.fromEntries(entries.filter(([key]) => !select(key))) });
  }
}
