import type { PeerState } from '@gatehouse/protocol';
import { AgentError } from '../errors.ts';
import { type Commands, RunError } from '../os/run.ts';
import { withTempFiles } from '../os/temp.ts';
import { type FirewallPlan, planFirewall } from './plan.ts';
import { renderChanges, renderRemoval, renderTable, sameFrame, tableName } from './render.ts';

/** How often the table is looked for, in milliseconds: so long forwarding is open after another program's `flush`. */
const LOOK = 2_000;

export interface FirewallOptions {
  /** The WireGuard interface. */
  name: string;
  commands: Commands;
  log: (message: string) => void;
  look?: number;
}

/**
 * One table of nftables: loaded whole at first, by its differences from then on. It outlives the daemon, so that
 * a killed one leaves nothing open. Calls are done one after the other.
 *
 * Another program may flush all tables. That is noticed within `LOOK` and put right; until then nothing stands between
 * the peers, as the system forwards. Taking forwarding away meanwhile would come as late as the table itself.
 */
export class Firewall {
  readonly #options: Required<FirewallOptions>;
  /** What the kernel holds; null when that isn't known. */
  #loaded: { plan: FirewallPlan; listing: string } | null = null;
  #queue: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FirewallOptions) {
    this.#options = { look: LOOK, ...options };
  }

  /** Enforces what the state says. Without a firewall section it does nothing; see `remove`. */
  apply(state: PeerState): Promise<void> {
    return this.#next(async () => {
      const plan = planFirewall(this.#options.name, state);
      if (plan) await this.#bring(plan);
    });
  }

  /** Looks whether the table is still as it was made, and makes it anew where it isn't. True when it had to. */
  check(): Promise<boolean> {
    return this.#next(async () => {
      if (!this.#loaded) return false;
      const { plan, listing } = this.#loaded;
      if ((await this.#list()) === listing) return false;
      await this.#load(plan);
      this.#options.log(`another program changed the firewall table ${tableName(plan.interface)}: it is restored`);
      return true;
    });
  }

  async remove(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#next(async () => {
      this.#loaded = null;
      await this.#run(renderRemoval(this.#options.name));
    });
  }

  /** True when the kernel has the table. */
  async present(): Promise<boolean> {
    return (await this.#list()) !== null;
  }

  #next<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(job);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #bring(plan: FirewallPlan): Promise<void> {
    if (!this.#loaded || !sameFrame(this.#loaded.plan, plan)) return this.#load(plan);
    const changes = renderChanges(this.#loaded.plan, plan);
    if (changes === '') return;
    try {
      await this.#run(changes);
    } catch (error) {
      // The table isn't what we think it is, so it is made anew.
      this.#options.log(`the firewall is loaded whole: ${(error as Error).message}`);
      return this.#load(plan);
    }
    // Elements aren't in the listing: without a class more or less it is what it was.
    const { plan: before, listing } = this.#loaded;
    const same =
      before.classes.size === plan.classes.size && [...plan.classes.keys()].every((id) => before.classes.has(id));
    this.#loaded = { plan, listing: same ? listing : ((await this.#list()) ?? '') };
  }

  async #load(plan: FirewallPlan): Promise<void> {
    await this.#run(renderTable(plan));
    this.#loaded = { plan, listing: (await this.#list()) ?? '' };
    this.#timer ??= setInterval(() => {
      this.check().catch((error: Error) => this.#options.log(`the firewall can't be checked: ${error.message}`));
    }, this.#options.look).unref();
  }

  /**
   * Chains, rules and sets with their handles, which are never used twice; without elements, which may be many. Of all
   * that nft can list, only `list ruleset` leaves them in the kernel (12 ms against 200 ms with 10,000 peers).
   */
  async #list(): Promise<string | null> {
    const text = await this.#options.commands.run('nft', ['-a', '-t', 'list', 'ruleset', 'inet']).catch((error) => {
      throw explain(error);
    });
    const start = text.indexOf(`table inet ${tableName(this.#options.name)} {`);
    return start < 0 ? null : text.slice(start, text.indexOf('\n}', start));
  }

  async #run(text: string): Promise<void> {
    await withTempFiles([text], async ([file]) => {
      await this.#options.commands.run('nft', ['-f', file!]).catch((error: unknown) => {
        throw explain(error);
      });
    });
  }
}

function explain(error: unknown): AgentError {
  if (error instanceof RunError && error.code === 'ENOENT')
    return new AgentError(
      'apply-failed',
      'a hub enforces what is allowed with nftables, but nft is not installed (on Debian: apt install nftables)',
      { cause: error },
    );
  if (error instanceof RunError && /Operation not permitted/.test(error.stderr))
    return new AgentError('no-privileges', 'no privileges to set the firewall: run as root or with CAP_NET_ADMIN', {
      cause: error,
    });
  return new AgentError('apply-failed', `the firewall can't be set: ${(error as Error).message}`, { cause: error });
}
