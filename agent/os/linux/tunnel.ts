import { jsonEqual } from '@gatehouse/protocol';
import { AgentError } from '../../errors.ts';
import type { DeviceConfig } from '../../wireguard/backend.ts';
import { DeviceKeeper } from '../../wireguard/keeper.ts';
import type { DnsWant } from '../dns.ts';
import type { DeviceStat, Tunnel, TunnelConfig } from '../platform.ts';
import { RunError } from '../run.ts';
import { failed, findLink, ipBatch, type LinuxDeps, loadJournal } from './deps.ts';
import { type Device, openDevice, removeDevice } from './device.ts';
import { LinuxDns } from './dns.ts';
import {
  addressCommands,
  type FamilyFound,
  type NetPlan,
  parseRoutes,
  parseRules,
  planNet,
  policyNumbers,
  ROUTE_PROTOCOL,
  routeCommands,
  usesFamily,
} from './ip-plan.ts';
import type { Journal } from './journal.ts';
import { type SysctlNeeds, Sysctls } from './sysctl.ts';

const FAMILIES = [4, 6] as const;

function linuxDns(deps: LinuxDeps, name: string, journal: Journal): LinuxDns {
  const { resolvConf, interfaceOrder } = deps.paths;
  return new LinuxDns(name, { commands: deps.commands, journal, resolvConf, interfaceOrder });
}

async function findRules(deps: LinuxDeps, name: string, family: 4 | 6): Promise<Map<number, string>> {
  return parseRules(await deps.commands.run('ip', ['-j', `-${family}`, 'rule', 'show']), policyNumbers(name));
}

/** Puts everything back that the journal and the interface's name lead to; goes on after a failure and throws it at the end. */
export async function teardown(deps: LinuxDeps, name: string, journal: Journal): Promise<void> {
  const errors: unknown[] = [];
  const attempt = (step: Promise<unknown>): Promise<unknown> => step.catch((error: unknown) => errors.push(error));
  await attempt(linuxDns(deps, name, journal).clear());
  for (const family of FAMILIES) {
    const rules = await findRules(deps, name, family).catch(() => new Map<number, string>());
    const lines = [...rules.keys()].map((priority) => `rule del priority ${priority}`);
    await attempt(ipBatch(deps, [`-${family}`], lines));
  }
  if (journal.data.made) await attempt(removeDevice(deps, name));
  await attempt(new Sysctls(deps.paths.procSys, journal).restore());
  // Last, when nothing is left that it keeps shut.
  if (errors.length === 0 && journal.data.firewall) await attempt(deps.firewall(name).remove());
  if (errors.length > 0) throw failed(errors[0], `can’t take ${name} down`);
  await journal.clear();
}

/** One WireGuard interface on Linux. Calls are done one after the other. */
export class LinuxTunnel implements Tunnel {
  readonly name: string;
  readonly driver: string;
  readonly #deps: LinuxDeps;
  readonly #journal: Journal;
  readonly #keeper: DeviceKeeper;
  readonly #dns: LinuxDns;
  readonly #sysctls: Sysctls;
  /** What was applied last; null until the first success and after a failure. */
  #applied: { plan: NetPlan; needs: SysctlNeeds; dns: DnsWant } | null = null;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(name: string, deps: LinuxDeps, journal: Journal, device: Device) {
    this.name = name;
    this.driver = device.driver;
    this.#deps = deps;
    this.#journal = journal;
    this.#keeper = new DeviceKeeper(device.backend);
    this.#dns = linuxDns(deps, name, journal);
    this.#sysctls = new Sysctls(deps.paths.procSys, journal);
  }

  static async open(deps: LinuxDeps, name: string): Promise<LinuxTunnel> {
    const journal = await loadJournal(deps, name);
    return new LinuxTunnel(name, deps, journal, await openDevice(deps, name, journal));
  }

  get dnsMode(): string | null {
    return this.#dns.mode;
  }

  async apply(config: TunnelConfig): Promise<void> {
    await this.#next(() => this.#bring(config, false));
  }

  repair(config: TunnelConfig): Promise<string[]> {
    return this.#next(() => this.#bring(config, true));
  }

  read(): Promise<DeviceStat> {
    return this.#keeper.read();
  }

  async close(): Promise<void> {
    await this.#next(() => teardown(this.#deps, this.name, this.#journal));
  }

  #next<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(job);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** The firewall first, so that nothing passes that isn't allowed; the device next, so that no route leads into a tunnel without keys; then network, kernel settings and DNS. */
  async #bring({ privateKey, state, formerPort, past }: TunnelConfig, repair: boolean): Promise<string[]> {
    let plan: NetPlan;
    let device: DeviceConfig;
    try {
      plan = planNet(this.name, { state, past });
      const { listenPort } = state.interface;
      const fwmark = plan.tableRoutes.length > 0 ? plan.table : 0;
      device = { privateKey, ...(listenPort !== undefined && { listenPort }), formerPort, fwmark, peers: state.peers };
    } catch (error) {
      throw failed(error, 'the controller sent a state that can’t be applied');
    }
    const needs: SysctlNeeds = {
      name: this.name,
      hub: state.peer.role === 'hub',
      ipv4: usesFamily(plan, 4),
      ipv6: usesFamily(plan, 6),
      policy: plan.tableRoutes.some((route) => !route.includes(':')),
    };
    const exclusive = plan.tableRoutes.some((route) => route.endsWith('/0'));
    const dns: DnsWant = { servers: state.dns.servers, search: state.dns.search, exclusive };
    const last = repair ? null : this.#applied;
    this.#applied = null;

    const done: string[] = [];
    try {
      if (state.firewall) {
        if (!this.#journal.data.firewall) await this.#journal.update({ firewall: true });
        await this.#deps.firewall(this.name).apply(state);
        if (repair && (await this.#deps.firewall(this.name).check())) done.push('the firewall');
      }
      if (repair) done.push(...(await this.#keeper.repair(device)));
      else await this.#keeper.apply(device);
      if (!jsonEqual(last?.plan, plan)) done.push(...(await this.#network(plan)));
      if (!jsonEqual(last?.needs, needs) || !jsonEqual(last?.plan, plan))
        done.push(...(await this.#sysctls.apply(await this.#sysctls.wanted(needs))));
      if (!jsonEqual(last?.dns, dns) && (await this.#dns.apply(dns))) done.push(`DNS (${this.dnsMode ?? 'put back'})`);
      if (!state.firewall && this.#journal.data.firewall) {
        await this.#deps.firewall(this.name).remove();
        await this.#journal.update({ firewall: false });
      }
      if (needs.ipv6) await this.#requireIpv6(plan);
    } catch (error) {
      throw failed(error, `can’t set up ${this.name}`);
    }
    this.#applied = { plan, needs, dns };
    return done;
  }

  async #ipv6Disabled(): Promise<boolean> {
    return (await this.#sysctls.read(`net/ipv6/conf/${this.name}/disable_ipv6`)) !== '0';
  }

  /** IPv4 works by now; what lacks is said. */
  async #requireIpv6(plan: NetPlan): Promise<void> {
    if (!(await this.#ipv6Disabled())) return;
    const address = [...plan.addresses, ...plan.mainRoutes, ...plan.tableRoutes].find((text) => text.includes(':'));
    throw new AgentError(
      'apply-failed',
      `IPv6 is switched off on this machine, but the network uses it (${address}): sysctl -w net.ipv6.conf.${this.name}.disable_ipv6=0 (and net.ipv6.conf.default.disable_ipv6=0 to keep it), or take the IPv6 block from the network`,
    );
  }

  async #network(plan: NetPlan): Promise<string[]> {
    const { name } = this;
    const link = await findLink(this.#deps, name);
    if (!link) throw new AgentError('apply-failed', `the interface ${name} is gone`);
    const noIpv6 = await this.#ipv6Disabled();
    const done = addressCommands(name, plan, link, noIpv6);
    await ipBatch(this.#deps, [], done);
    for (const family of FAMILIES) {
      if (family === 6 && noIpv6) continue;
      // Read after the addresses have changed, since routes may have gone with them.
      const found: FamilyFound = {
        main: await this.#routes(family, 'main'),
        table: await this.#routes(family, String(plan.table)),
        rules: await findRules(this.#deps, name, family),
      };
      const commands = routeCommands(name, plan, found, family);
      await ipBatch(this.#deps, [`-${family}`], commands);
      done.push(...commands);
    }
    return done;
  }

  async #routes(family: 4 | 6, table: string): Promise<string[]> {
    const args = [
      '-j',
      `-${family}`,
      'route',
      'show',
      'table',
      table,
      'dev',
      this.name,
      'proto',
      String(ROUTE_PROTOCOL),
    ];
    try {
      return parseRoutes(await this.#deps.commands.run('ip', args), family);
    } catch (error) {
      if (error instanceof RunError && /FIB table does not exist/.test(error.stderr)) return [];
      throw error;
    }
  }
}
