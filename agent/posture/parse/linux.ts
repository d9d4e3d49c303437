/** What Linux's tools and files say, as facts. Each takes the text and answers undefined where it tells nothing. */

interface Mount {
  device: string;
  /** `major:minor`. */
  number: string;
}

/** `/proc/self/mountinfo` (proc_pid_mountinfo(5)): what is mounted on a path now, the last one there. */
export function mountedOn(mountinfo: string, point: string): Mount | undefined {
  let found: Mount | undefined;
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ');
    const [, , number, , where] = before?.split(' ') ?? [];
    const device = after?.split(' ')[1];
    if (where === point && number && device) found = { device, number };
  }
  return found;
}

interface BlockDevice {
  name?: unknown;
  'maj:min'?: unknown;
  type?: unknown;
  fstype?: unknown;
  uuid?: unknown;
  children?: BlockDevice[];
}
/** Deeper than disks are stacked. */
const MAX_DEPTH = 32;

/**
 * Whether all that a mounted file system lies on is behind dm-crypt, by `lsblk --json --paths
 * --output NAME,MAJ:MIN,TYPE,FSTYPE,UUID`. A device that lies on two others is listed under both, and btrfs has a
 * device for each of its disks: all of them count. Undefined where the device isn't there.
 */
export function isEncrypted(lsblk: string, mount: Mount): boolean | undefined {
  const all: { node: BlockDevice; behind: boolean }[] = [];
  const walk = (nodes: unknown, behind: boolean, depth: number): void => {
    if (!Array.isArray(nodes) || depth > MAX_DEPTH) return;
    for (const node of nodes as (BlockDevice | null)[]) {
      if (typeof node !== 'object' || node === null) continue;
      const crypt = behind || node.type === 'crypt';
      all.push({ node, behind: crypt });
      walk(node.children, crypt, depth + 1);
    }
  };
  walk(json(lsblk)?.blockdevices, false, 0);
  const own = all.filter(({ node }) => node.name === mount.device || node['maj:min'] === mount.number);
  const pools = own.filter(({ node }) => node.fstype === 'btrfs' && node.uuid).map(({ node }) => node.uuid);
  const under = all.filter((one) => own.includes(one) || (one.node.uuid && pools.includes(one.node.uuid)));
  return under.length === 0 ? undefined : under.every(({ behind }) => behind);
}

interface NftChain {
  family: string;
  table: string;
  name: string;
  hook?: string;
  policy?: string;
}
interface NftRule {
  family: string;
  table: string;
  chain: string;
  expr?: Record<string, unknown>[];
}
export interface Filtered {
  ipv4: boolean;
  ipv6: boolean;
}
/** What says nothing of which packets a rule is for. */
const SILENT = new Set(['counter', 'log']);
type Verdict = 'accept' | 'refuse' | 'return' | { jump: string } | { goto: string };

/** What a rule does with every packet; undefined where it does nothing, or is for some of them only. */
function verdictForAll({ expr }: NftRule): Verdict | undefined {
  if (!Array.isArray(expr)) return undefined;
  const said = expr.flatMap((one) => Object.entries(one ?? {})).filter(([name]) => !SILENT.has(name));
  const [[name, detail] = []] = said;
  if (said.length !== 1 || name === undefined) return undefined;
  const { target, type, name: extension } = (detail ?? {}) as Record<string, string>;
  if (name === 'drop' || name === 'reject') return 'refuse';
  // A target of iptables that nft has no words for.
  if (name === 'xt')
    return type === 'target' && (extension === 'REJECT' || extension === 'DROP') ? 'refuse' : undefined;
  if ((name === 'jump' || name === 'goto') && target) return name === 'jump' ? { jump: target } : { goto: target };
  return name === 'accept' || name === 'return' ? name : undefined;
}

/**
 * Whether what comes in is refused unless something allows it, by `nft --json --terse list ruleset`: a base chain of the
 * input hook refuses in the end what none of its rules is about. Our own tables, which are for the tunnel, don't count.
 */
export function nftFilters(ruleset: string): Filtered | undefined {
  const parsed = json(ruleset)?.nftables;
  if (!Array.isArray(parsed)) return undefined;
  const items = parsed.filter((item) => typeof item === 'object' && item !== null) as {
    chain?: NftChain;
    rule?: NftRule;
  }[];
  const rules = new Map<string, NftRule[]>();
  for (const { rule } of items) {
    if (!rule) continue;
    const key = `${rule.family} ${rule.table} ${rule.chain}`;
    const list = rules.get(key);
    if (list) list.push(rule);
    else rules.set(key, [rule]);
  }
  /** What becomes of a packet that no rule is about; undefined where the chain says nothing, as one in a circle. */
  const ends = new Map<string, 'accept' | 'refuse' | undefined>();
  const end = (table: string, chain: string): 'accept' | 'refuse' | undefined => {
    const key = `${table} ${chain}`;
    if (!ends.has(key)) {
      ends.set(key, undefined);
      ends.set(key, endOf(table, rules.get(key) ?? []));
    }
    return ends.get(key);
  };
  const endOf = (table: string, list: readonly NftRule[]): 'accept' | 'refuse' | undefined => {
    for (const rule of list) {
      const verdict = verdictForAll(rule);
      if (verdict === undefined) continue;
      if (verdict === 'return') return undefined;
      if (typeof verdict === 'string') return verdict;
      if ('goto' in verdict) return end(table, verdict.goto);
      const there = end(table, verdict.jump);
      if (there) return there;
    }
    return undefined;
  };
  const filters = (families: string[]): boolean =>
    items.some(({ chain }) => {
      if (chain?.hook !== 'input' || !families.includes(chain.family)) return false;
      if (chain.family === 'inet' && String(chain.table).startsWith('gatehouse_')) return false;
      const last = end(`${chain.family} ${chain.table}`, chain.name);
      return last === undefined ? chain.policy === 'drop' : last === 'refuse';
    });
  return { ipv4: filters(['inet', 'ip']), ipv6: filters(['inet', 'ip6']) };
}

/** `iptables -S INPUT`: the policy, or a rule without any match, drops or rejects. */
export const iptablesFilters = (rules: string): boolean =>
  /^-P INPUT DROP$|^-A INPUT -j (?:DROP|REJECT)(?: --reject-with \S+)?$/m.test(rules);

/** `/proc/net/if_inet6`: an address beside loopback's. */
export const hasIpv6 = (text: string): boolean =>
  text.split('\n').some((line) => line.trim() !== '' && !/\slo$/.test(line));

/** os-release(5), whose values may be in quotes. */
export function osRelease(text: string): { id: string | undefined; version: string | undefined } {
  const value = (key: string): string | undefined =>
    new RegExp(`^${key}=["']?([^"'\n]*)["']?\\s*$`, 'm').exec(text)?.[1] || undefined;
  return { id: value('ID'), version: value('VERSION_ID') };
}

/** `apt-get --simulate upgrade`: one line `Inst` a package. */
export const aptPending = (text: string): number => text.match(/^Inst /gm)?.length ?? 0;

/** `dnf --cacheonly --quiet check-update`: `name.arch version repository`, until what obsoletes something begins. */
export function dnfPending(text: string): number {
  const lines = text.split('\n');
  const end = lines.findIndex((line) => /^Obsoleting/i.test(line));
  return (end < 0 ? lines : lines.slice(0, end)).filter((line) => /^\S+\.\w+\s+\S+\s+\S+\s*$/.test(line)).length;
}

/** `apt-config dump`: lists are fetched, and unattended-upgrades installs, every so many days. */
export function aptAutomatic(dump: string): boolean {
  const days = (name: string): boolean => {
    const value = new RegExp(`^APT::Periodic::${name} "([^"]*)";`, 'm').exec(dump)?.[1] ?? '0';
    return value === 'always' || Number.parseInt(value, 10) > 0;
  };
  const on = !/^APT::Periodic::Enable "0";/m.test(dump);
  return on && days('Update-Package-Lists') && days('Unattended-Upgrade');
}

/** dnf-automatic: its timer is among those that start, and it installs what it finds. */
export function dnfAutomatic(timers: readonly string[], config: string | null): boolean {
  if (timers.includes('dnf-automatic-install.timer')) return true;
  const started = timers.includes('dnf-automatic.timer') || timers.includes('dnf5-automatic.timer');
  return started && /^\s*apply_updates\s*=\s*(?:yes|true|1|on)\s*$/im.test(config ?? '');
}

/** An EFI variable of one byte behind its four of attributes, read as latin1. */
export function efiFlag(bytes: string): boolean | undefined {
  return bytes.length === 5 ? bytes.charCodeAt(4) === 1 : undefined;
}

/** Who confines programs. AppArmor counts where any profile is enforced, SELinux where it isn't permissive. */
export function accessControl(selinux: string | null, enabled: string | null, profiles: string | null) {
  if (selinux?.trim() === '1') return 'selinux';
  if (enabled?.trim() !== 'Y') return 'none';
  if (profiles === null) return undefined;
  return / \(enforce\)$/m.test(profiles) ? 'apparmor' : 'none';
}

/** Bit 1 of `/proc/sys/kernel/tainted` (tainted-kernels.rst): a module was loaded by force. */
const TAINT_FORCED_MODULE = 2;

/**
 * Signs that the system's own protection was switched off by hand: a module loaded by force, a start with a shell
 * before or without any login, or a shim told not to check what Secure Boot would.
 */
export function debugMode(tainted: string, cmdline: string, mokDisabled: boolean): boolean {
  const forced = (Number.parseInt(tainted, 10) & TAINT_FORCED_MODULE) !== 0;
  const words = cmdline.trim().split(/\s+/);
  const shell = words.some((word) =>
    /^(?:systemd[.]debug[-_]shell(?:=(?:1|yes|true|on))?|rd[.]break(?:=.*)?|init=(?:\/usr)?\/bin\/(?:ba|da)?sh)$/.test(
      word,
    ),
  );
  return forced || shell || mokDisabled;
}

function json(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
