import { access, readFile } from 'node:fs/promises';
import type { Finding } from '@gatehouse/protocol';
import { findLink, hasNetAdmin, type LinuxDeps, loadJournal } from './deps.ts';
import { NO_WIREGUARD, staleSockets } from './device.ts';
import { chooseDnsMode } from './dns.ts';

const ok = (check: string, detail: string): Finding => ({ check, result: 'ok', detail, advice: null });

async function privileges(deps: LinuxDeps): Promise<Finding> {
  if (await hasNetAdmin(deps.paths)) return ok('privileges', 'CAP_NET_ADMIN');
  const advice = 'run the daemon as root or with CAP_NET_ADMIN (systemd: AmbientCapabilities=CAP_NET_ADMIN)';
  return { check: 'privileges', result: 'failed', detail: 'no CAP_NET_ADMIN', advice };
}

async function hasModule(deps: LinuxDeps): Promise<boolean> {
  const loaded = await access(deps.paths.module).then(
    () => true,
    () => false,
  );
  if (loaded || !deps.commands.find('modprobe')) return loaded;
  return deps.commands.run('modprobe', ['--dry-run', 'wireguard']).then(
    () => true,
    () => false,
  );
}

async function wireguard(deps: LinuxDeps): Promise<Finding> {
  const check = 'wireguard';
  const { commands } = deps;
  const wg = commands.find('wg');
  const go = commands.find('wireguard-go');
  if ((await hasModule(deps)) && wg) return ok(check, `in the kernel, with ${wg}`);
  if (go) return ok(check, go);
  const detail = wg ? 'not in the kernel, and no wireguard-go' : 'neither wg nor wireguard-go is installed';
  return { check, result: 'failed', detail, advice: NO_WIREGUARD };
}

async function tun(deps: LinuxDeps): Promise<Finding> {
  const { tun: file } = deps.paths;
  const there = await access(file).then(
    () => true,
    () => false,
  );
  if (there) return ok('tun', file);
  const advice = 'modprobe tun, or give the container the device; only wireguard-go needs it';
  return { check: 'tun', result: 'warning', detail: `${file} is missing`, advice };
}

function tools(deps: LinuxDeps): Finding {
  const ip = deps.commands.find('ip');
  if (ip) return ok('ip', ip);
  return { check: 'ip', result: 'failed', detail: 'ip is not installed', advice: 'apt install iproute2' };
}

async function dns(deps: LinuxDeps, name: string): Promise<Finding> {
  const { dns: set } = (await loadJournal(deps, name)).data;
  const mode = set?.mode ?? (await chooseDnsMode({ commands: deps.commands, resolvConf: deps.paths.resolvConf }));
  return ok('dns', set ? `set by ${mode}` : `would be set by ${mode}`);
}

async function forwarding(deps: LinuxDeps, name: string): Promise<Finding> {
  const check = 'forwarding';
  const { sysctls } = (await loadJournal(deps, name)).data;
  const read = async (key: string): Promise<string> =>
    (await readFile(`${deps.paths.procSys}/${key}`, 'utf8').catch(() => '?')).trim();
  const ipv4 = await read('net/ipv4/ip_forward');
  const ipv6 = await read('net/ipv6/conf/all/forwarding');
  const detail = `IPv4 ${ipv4 === '1' ? 'on' : 'off'}, IPv6 ${ipv6 === '1' ? 'on' : 'off'} (a hub needs it)`;
  const lost = Object.entries({ 'net/ipv4/ip_forward': ipv4, 'net/ipv6/conf/all/forwarding': ipv6 })
    .filter(([key, value]) => sysctls[key] && sysctls[key].ours !== value)
    .map(([key]) => key.replaceAll('/', '.'));
  if (lost.length === 0) return ok(check, detail);
  const advice = `another program switched ${lost.join(', ')} off: find it (firewall scripts, /etc/sysctl.d), then gatehouse down and up`;
  return { check, result: 'failed', detail, advice };
}

async function firewall(deps: LinuxDeps, name: string): Promise<Finding> {
  const check = 'firewall';
  const nft = deps.commands.find('nft');
  if (!(await loadJournal(deps, name)).data.firewall)
    return ok(check, `none (a hub needs it; nft: ${nft ?? 'missing'})`);
  const advice = 'is nft installed (apt install nftables)? Does another program flush all tables? See gatehouse logs';
  const there = await deps
    .firewall(name)
    .present()
    .catch((error: Error) => error);
  if (there === true) return ok(check, 'only what is allowed passes');
  const detail = there === false ? 'the table is not there: everything may pass' : there.message;
  return { check, result: 'failed', detail, advice };
}

async function ipv6(deps: LinuxDeps): Promise<Finding> {
  const value = await readFile(`${deps.paths.procSys}/net/ipv6/conf/default/disable_ipv6`, 'utf8').catch(() => '1');
  if (value.trim() === '0') return ok('ipv6', 'on');
  const advice = 'needed only where the network has an IPv6 block: sysctl -w net.ipv6.conf.default.disable_ipv6=0';
  return { check: 'ipv6', result: 'warning', detail: 'switched off for new interfaces', advice };
}

async function sockets(deps: LinuxDeps): Promise<Finding> {
  const stale = await staleSockets(deps);
  if (stale.length === 0) return ok('sockets', 'no stale WireGuard socket');
  const advice = `left of a wireguard-go that was killed: rm ${stale.join(' ')} (the agent removes its own)`;
  return { check: 'sockets', result: 'warning', detail: stale.join(', '), advice };
}

async function link(deps: LinuxDeps, name: string): Promise<Finding> {
  const found = await findLink(deps, name).catch(() => null);
  if (!found) return ok('interface', `${name} is not there`);
  const { made } = (await loadJournal(deps, name)).data;
  if (made) return ok('interface', `${name} is ${found.up ? 'up' : 'down'}, MTU ${found.mtu}`);
  const advice = `delete it (ip link delete ${name}) or choose another name with GATEHOUSE_AGENT_INTERFACE`;
  return { check: 'interface', result: 'failed', detail: `${name} was not made by this agent`, advice };
}

/** The findings for `gatehouse doctor`; it changes nothing. */
export function diagnoseLinux(deps: LinuxDeps, name: string): Promise<Finding[]> {
  return Promise.all([
    privileges(deps),
    wireguard(deps),
    tun(deps),
    tools(deps),
    link(deps, name),
    sockets(deps),
    dns(deps, name),
    forwarding(deps, name),
    firewall(deps, name),
    ipv6(deps),
  ]);
}
