import type { Tell } from './collect.ts';
import * as parse from './parse/linux.ts';
import type { Probe } from './probe.ts';
import { isSupported } from './support.ts';

const EFI = '/sys/firmware/efi';
const EFI_GLOBAL = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
const EFI_SHIM = '605dab50-e046-4300-abb6-3dd810dd8b23';
/** What decides how many updates wait: installed packages, and the lists of those there are. */
const APT_STATE = ['/var/lib/dpkg/status', '/var/lib/apt/lists'];
/** apt reads all lists of packages: seconds on a small machine. */
const PACKAGES_MS = 15_000;
/** An unchanged apt is asked again after this long, in milliseconds. */
const APT_AGAIN_MS = 24 * 3600_000;

/** The facts of a Linux machine. A screen lock is each user's own setting, of which a daemon can't know. */
export class LinuxFacts {
  #apt: { key: string; at: number; pending: number } | undefined;

  async gather(probe: Probe, tell: Tell): Promise<void> {
    for (const facts of [system, disks, firewall, boot, automatic]) await facts(probe, tell);
    await this.#updates(probe, tell);
  }

  /** The dearest question, so the last one, and asked only when packages or lists have changed. */
  async #updates(probe: Probe, tell: Tell): Promise<void> {
    const lists = await probe.list('/var/lib/apt/lists');
    if (lists) {
      // Without any list nothing is pending because nothing is known.
      if (!lists.some((name) => /_(?:In)?Release$/.test(name))) return;
      const key = (await Promise.all(APT_STATE.map((file) => probe.changed(file)))).join();
      const last = this.#apt;
      if (last?.key === key && probe.now() - last.at < APT_AGAIN_MS)
        return tell('updates_pending', last.pending, 'apt');
      const text = await probe.run('apt-get', ['-s', '-o', 'Debug::NoLocking=1', 'upgrade'], { ms: PACKAGES_MS });
      if (text === null) return;
      const pending = parse.aptPending(text);
      this.#apt = { key, at: probe.now(), pending };
      return tell('updates_pending', pending, 'apt');
    }
    const text = await probe.run('dnf', ['-C', '-q', 'check-update'], { codes: [100], ms: PACKAGES_MS });
    if (text !== null) tell('updates_pending', parse.dnfPending(text), 'dnf');
  }
}

async function system(probe: Probe, tell: Tell): Promise<void> {
  const text = (await probe.read('/etc/os-release')) ?? (await probe.read('/usr/lib/os-release'));
  const { id, version } = parse.osRelease(text ?? '');
  tell('os_name', id, 'os-release');
  tell('os_version', version, 'os-release');
  if (id) tell('os_supported', isSupported(id, version, probe.now()), 'os-release');
}

/** The root and people's homes: both have to be encrypted. */
async function disks(probe: Probe, tell: Tell): Promise<void> {
  // As the whole system sees it: a service may have folders of its own in their place.
  const mounts = (await probe.read('/proc/1/mountinfo')) ?? (await probe.read('/proc/self/mountinfo'));
  if (mounts === null) return;
  const lsblk = await probe.run('lsblk', ['--json', '--paths', '--output', 'NAME,MAJ:MIN,TYPE,FSTYPE,UUID']);
  if (lsblk === null) return;
  const points = ['/', '/home'].flatMap((point) => parse.mountedOn(mounts, point) ?? []);
  const encrypted = points.map((mount) => parse.isEncrypted(lsblk, mount));
  if (encrypted.includes(false)) tell('disk_encryption', false, 'lsblk');
  else if (encrypted.length > 0 && !encrypted.includes(undefined)) tell('disk_encryption', true, 'lsblk');
}

async function firewall(probe: Probe, tell: Tell): Promise<void> {
  const ruleset = await probe.run('nft', ['--json', '--terse', 'list', 'ruleset']);
  const nft = ruleset === null ? undefined : parse.nftFilters(ruleset);
  const addresses = await probe.read('/proc/net/if_inet6');
  const ipv6 = addresses !== null && parse.hasIpv6(addresses);
  // Rules of the older iptables are none of nft's. Asking for them would load their modules: only where they are.
  const legacy = async (program: string, names: string): Promise<boolean | undefined> => {
    if (!(await probe.read(names))?.split('\n').includes('filter')) return nft && false;
    const rules = await probe.run(program, ['-S', 'INPUT']);
    return rules === null ? undefined : parse.iptablesFilters(rules);
  };
  const v4 = nft?.ipv4 || (await legacy('iptables-legacy', '/proc/net/ip_tables_names'));
  const v6 = !ipv6 || nft?.ipv6 || (await legacy('ip6tables-legacy', '/proc/net/ip6_tables_names'));
  const source = nft?.ipv4 || v4 !== true ? 'nftables' : 'iptables';
  if (v4 === false || v6 === false) tell('firewall', false, source);
  else if (v4 && v6) tell('firewall', true, source);
}

async function boot(probe: Probe, tell: Tell): Promise<void> {
  const firmware = await probe.list('/sys/firmware');
  const efi = firmware?.includes('efi') === true;
  const flag = async (name: string): Promise<boolean | undefined> =>
    parse.efiFlag((await probe.read(`${EFI}/efivars/${name}`, 'latin1')) ?? '');
  const secure = efi ? await flag(`SecureBoot-${EFI_GLOBAL}`) : undefined;
  if (efi) tell('secure_boot', secure, 'efivars');
  // A start by a BIOS, or by a board's own loader, checks no signature. In a container there is no word on it.
  else if (firmware) tell('secure_boot', false, 'sysfs');

  const [selinux, enabled] = [
    await probe.read('/sys/fs/selinux/enforce'),
    await probe.read('/sys/module/apparmor/parameters/enabled'),
  ];
  const profiles = enabled === null ? null : await probe.read('/sys/kernel/security/apparmor/profiles');
  const control = parse.accessControl(selinux, enabled, profiles);
  if (await probe.list('/sys/module')) tell('mandatory_access_control', control, 'sysfs');

  const [tainted, cmdline] = [await probe.read('/proc/sys/kernel/tainted'), await probe.read('/proc/cmdline')];
  if (tainted === null || cmdline === null) return;
  const mokDisabled = secure === true && (await flag(`MokSBStateRT-${EFI_SHIM}`)) === true;
  tell('debug_mode', parse.debugMode(tainted, cmdline, mokDisabled), 'kernel');
}

async function automatic(probe: Probe, tell: Tell): Promise<void> {
  const dump = await probe.run('apt-config', ['dump']);
  if (dump !== null) {
    const installed = (await probe.changed('/usr/bin/unattended-upgrade')) !== null;
    return tell('updates_automatic', installed && parse.aptAutomatic(dump), 'unattended-upgrades');
  }
  if ((await probe.changed('/usr/bin/dnf')) === null) return;
  const timers = (await probe.list('/etc/systemd/system/timers.target.wants')) ?? [];
  const config =
    (await probe.read('/etc/dnf/automatic.conf')) ?? (await probe.read('/etc/dnf/dnf5-plugins/automatic.conf'));
  tell('updates_automatic', parse.dnfAutomatic(timers, config), 'dnf-automatic');
}
