import type { PostureFacts } from '@gatehouse/protocol';
import { darwinFacts } from './darwin.ts';
import { LinuxFacts } from './linux.ts';
import { ownMacs } from './macs.ts';
import { type Probe, systemProbe } from './probe.ts';
import { windowsFacts } from './windows.ts';

/** The whole collection takes this long at most, in milliseconds. */
const COLLECTION_MS = 20_000;

/** A question that fails once, on a machine that is busy, shouldn't cost anybody the network: as long as this, in ms. */
const REMEMBERED_MS = 4 * 3600_000;

export interface PostureReading {
  /** When it was begun, in milliseconds since 1970. */
  collected: number;
  /** Of this device's own interfaces, as `02:00:00:11:22:33`. */
  macs: string[];
  /** What isn't known isn't there; what wasn't answered this time is as it was, for 4 h. */
  facts: PostureFacts;
  /** Fact → where its value comes from. */
  sources: Record<string, string>;
}

type Value = PostureFacts[string] | undefined;
/** Notes a fact; undefined is "not known". */
export type Tell = (fact: string, value: Value, source: string) => void;
/** Asks the system for all it knows, one thing after another. */
export type Gather = (probe: Probe, tell: Tell) => Promise<void>;

/** Gathers the facts of this device. One for the daemon's life: it remembers what is dear to ask for. */
export class PostureCollector {
  readonly #probe: (until: number) => Probe;
  readonly #gather: Gather;
  readonly #ms: number;
  readonly #known = new Map<string, { value: PostureFacts[string]; source: string; at: number }>();

  constructor(
    platform: NodeJS.Platform = process.platform,
    probe: (until: number) => Probe = (until) => systemProbe(platform, until),
    ms: number = COLLECTION_MS,
  ) {
    this.#probe = probe;
    this.#ms = ms;
    const linux = new LinuxFacts();
    if (platform === 'linux') this.#gather = (asked, tell) => linux.gather(asked, tell);
    else if (platform === 'darwin') this.#gather = darwinFacts;
    else if (platform === 'win32') this.#gather = windowsFacts;
    else this.#gather = async () => undefined;
  }

  /** Never throws, and ends after 20 s with what is known until then. */
  async collect(): Promise<PostureReading> {
    const probe = this.#probe(performance.now() + this.#ms);
    const reading: PostureReading = { collected: probe.now(), macs: [], facts: {}, sources: {} };
    let over = false;
    const tell: Tell = (fact, value, source) => {
      if (over || value === undefined) return;
      if (typeof value === 'number' && !Number.isFinite(value)) return;
      const kept = typeof value === 'string' ? value.slice(0, 256) : value;
      this.#known.set(fact, { value: kept, source, at: reading.collected });
    };
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#ms);
    });
    const work = async (): Promise<void> => {
      const macs = await ownMacs(probe);
      if (!over) reading.macs = macs;
      await this.#gather(probe, tell);
    };
    await Promise.race([work().catch(() => undefined), late]);
    clearTimeout(timer);
    over = true;
    for (const [fact, { value, source, at }] of this.#known) {
      const age = reading.collected - at;
      if (age < 0 || age >= REMEMBERED_MS) continue;
      reading.facts[fact] = value;
      reading.sources[fact] = source;
    }
    return reading;
  }
}
