import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { checkDns, type DnsWant } from '../dns.ts';
import type { Commands } from '../run.ts';
import type { Journal, ResolvBackup } from './journal.ts';
import {
  backupOf,
  isOurs,
  readResolvConf,
  renderResolvConf,
  restoreResolvConf,
  writeResolvConf,
} from './resolv-conf.ts';

export interface DnsDeps {
  commands: Commands;
  journal: Journal;
  /** /etc/resolv.conf */
  resolvConf: string;
  /** /etc/resolvconf/interface-order of Debian's resolvconf, which knows tunnels by a name prefix. */
  interfaceOrder: string;
}

export type DnsMode = 'resolvectl' | 'resolvconf' | 'resolv.conf';

/** How this machine's DNS is set: systemd-resolved where resolv.conf leads to it, resolvconf where installed, else the file. */
export async function chooseDnsMode(deps: Pick<DnsDeps, 'commands' | 'resolvConf'>): Promise<DnsMode> {
  const target = await realpath(deps.resolvConf).catch(() => '');
  const stub = /^\s*nameserver\s+127\.0\.0\.5[34]\s*$/m.test(await readResolvConf(deps.resolvConf));
  if ((stub || target.startsWith('/run/systemd/resolve/')) && deps.commands.find('resolvectl')) {
    const answers = await deps.commands.run('resolvectl', ['status', '--no-pager']).then(
      () => true,
      () => false,
    );
    if (answers) return 'resolvectl';
  }
  const resolvconf = deps.commands.find('resolvconf');
  // systemd ships a resolvconf that is resolvectl by another name.
  if (resolvconf && !(await realpath(resolvconf).catch(() => '')).endsWith('/resolvectl')) return 'resolvconf';
  return 'resolv.conf';
}

export class LinuxDns {
  readonly #name: string;
  readonly #deps: DnsDeps;
  /** What resolvconf was told last. */
  #shown = '';

  constructor(name: string, deps: DnsDeps) {
    this.#name = name;
    this.#deps = deps;
  }

  get mode(): DnsMode | null {
    return this.#deps.journal.data.dns?.mode ?? null;
  }

  /** Sets DNS, or puts it back when no servers are wanted. Returns true when something was not as wanted. */
  async apply(want: DnsWant): Promise<boolean> {
    if (want.servers.length === 0) return this.clear();
    checkDns(want);
    const mode = this.mode ?? (await chooseDnsMode(this.#deps));
    if (mode === 'resolvectl') return this.#resolvectl(want);
    if (mode === 'resolvconf') return this.#resolvconf(want);
    return this.#file(want);
  }

  async #resolvectl(want: DnsWant): Promise<boolean> {
    const { commands, journal } = this.#deps;
    if (!journal.data.dns) await journal.update({ dns: { mode: 'resolvectl' } });
    const link = async (verb: string): Promise<string> =>
      (await commands.run('resolvectl', [verb, this.#name])).replace(/^.*?:/, '').trim().split(/\s+/).sort().join(' ');
    // `~.` sends all names here; with domains of its own and no full tunnel only those.
    const whole = want.exclusive || want.search.length === 0;
    const domains = [...want.search, ...(whole ? ['~.'] : [])];
    if (
      (await link('dns')) === [...want.servers].sort().join(' ') &&
      (await link('domain')) === domains.sort().join(' ')
    )
      return false;
    await commands.run('resolvectl', ['dns', this.#name, ...want.servers]);
    await commands.run('resolvectl', ['domain', this.#name, ...domains]);
    await commands.run('resolvectl', ['default-route', this.#name, whole ? 'yes' : 'no']);
    return true;
  }

  /** The name that resolvconf's order of interfaces puts before the others, as wg-quick(8) makes it. */
  async #record(): Promise<string> {
    const order = await readResolvConf(this.#deps.interfaceOrder);
    const prefix = /^([A-Za-z0-9-]+)\*$/m.exec(order)?.[1];
    return prefix === undefined ? this.#name : `${prefix}.${this.#name}`;
  }

  async #resolvconf(want: DnsWant): Promise<boolean> {
    const { commands, journal } = this.#deps;
    if (!journal.data.dns) await journal.update({ dns: { mode: 'resolvconf' } });
    const lines = want.servers.map((server) => `nameserver ${server}`);
    // It has no way to ask what it holds: the file that it makes shows it, unless a local resolver stands in between.
    const now = (await readResolvConf(this.#deps.resolvConf)).split(/\s+/);
    const shown = [...want.servers, ...want.search].every((word) => now.includes(word));
    if (this.#shown === JSON.stringify(want) && shown) return false;
    this.#shown = JSON.stringify(want);
    if (want.search.length > 0) lines.push(`search ${want.search.join(' ')}`);
    const args = ['-a', await this.#record(), '-m', '0', ...(want.exclusive ? ['-x'] : [])];
    await commands.run('resolvconf', args, `${lines.join('\n')}\n`);
    return !shown;
  }

  async #file(want: DnsWant): Promise<boolean> {
    const { journal, resolvConf } = this.#deps;
    const now = await readResolvConf(resolvConf);
    let { dns } = journal.data;
    if (dns?.mode !== 'resolv.conf' || !isOurs(now, this.#name)) {
      // The first time, or an outsider (a DHCP client) wrote it since: his version is the one to put back.
      dns = { mode: 'resolv.conf', backup: await this.#backup(now) };
      await journal.update({ dns });
    }
    const before = await this.#textOf(dns.backup);
    const text = renderResolvConf(this.#name, want, before);
    if (text === now) return false;
    await writeResolvConf(resolvConf, text, dns.backup.kind === 'file' ? dns.backup.mode : 0o644);
    return true;
  }

  async #backup(now: string): Promise<ResolvBackup> {
    const { resolvConf } = this.#deps;
    // Ours without a backup (the state folder was lost): its text without the marker is the best there is.
    if (isOurs(now, this.#name)) return { kind: 'file', text: now.slice(now.indexOf('\n') + 1), mode: 0o644 };
    return backupOf(resolvConf);
  }

  /** What a backup reads as. A link's target still lies where it did, and its owner may have written it since. */
  async #textOf(backup: ResolvBackup): Promise<string> {
    if (backup.kind === 'file') return backup.text;
    if (backup.kind === 'absent') return '';
    const now = await readResolvConf(path.resolve(path.dirname(this.#deps.resolvConf), backup.target));
    return isOurs(now, this.#name) ? backup.text : now;
  }

  /** Puts DNS back as it was; false when nothing was set. */
  async clear(): Promise<boolean> {
    const { commands, journal, resolvConf } = this.#deps;
    const { dns } = journal.data;
    if (!dns) return false;
    if (dns.mode === 'resolv.conf') await restoreResolvConf(resolvConf, this.#name, dns.backup);
    // Both forget by themselves when the interface goes, so a failure here is no reason to stop.
    if (dns.mode === 'resolvconf') await commands.run('resolvconf', ['-d', await this.#record(), '-f']).catch(() => '');
    if (dns.mode === 'resolvectl') await commands.run('resolvectl', ['revert', this.#name]).catch(() => '');
    await journal.update({ dns: null });
    return true;
  }
}
