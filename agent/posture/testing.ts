/** For tests: a system that answers as told, by lines of commands and by paths. */
import type { PostureFacts } from '@gatehouse/protocol';
import type { Gather } from './collect.ts';
import type { Probe } from './probe.ts';

export interface System {
  /** `program arguments` → what it says; what isn't there isn't installed. */
  tools?: Record<string, string>;
  files?: Record<string, string>;
  folders?: Record<string, string[]>;
}

/** 2026-11-01 */
export const NOW = Date.UTC(2026, 10, 1);

export function answers(platform: NodeJS.Platform, system: System): Probe & { asked: string[] } {
  const own = <T>(of: Record<string, T> | undefined, key: string): T | null =>
    of && Object.hasOwn(of, key) ? (of[key] as T) : null;
  const asked: string[] = [];
  return {
    platform,
    asked,
    now: () => NOW,
    run: async (program, args) => {
      const line = [program, ...args].join(' ');
      asked.push(line);
      return own(system.tools, line);
    },
    read: async (file) => own(system.files, file),
    list: async (folder) => own(system.folders, folder),
    changed: async (file) => own(system.files, file)?.length ?? own(system.folders, file)?.length ?? null,
  };
}

/** All facts that are told, with their sources. */
export async function gather(probe: Probe, from: { gather: Gather } | Gather) {
  const facts: PostureFacts = {};
  const sources: Record<string, string> = {};
  const tell = (fact: string, value: PostureFacts[string] | undefined, source: string): void => {
    if (value === undefined) return;
    facts[fact] = value;
    sources[fact] = source;
  };
  await (typeof from === 'function' ? from(probe, tell) : from.gather(probe, tell));
  return { facts, sources };
}
