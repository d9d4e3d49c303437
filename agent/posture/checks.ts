import { POSTURE_FACTS, type PostureCheck, type Standing } from '@gatehouse/protocol';
import type { PostureReading } from './collect.ts';

/**
 * The facts as people are shown them: ours in their order, then what else the controller's policies ask for. What a
 * policy finds missing has failed, also where this system doesn't tell it; what else isn't known is `unknown`.
 */
export function postureChecks(reading: PostureReading, standing: Standing | null): PostureCheck[] {
  const wanted = new Map<string, string[]>();
  for (const miss of standing?.missing ?? []) {
    const list = wanted.get(miss.fact) ?? [];
    if (!list.includes(miss.wanted)) list.push(miss.wanted);
    wanted.set(miss.fact, list);
  }
  const names = new Set<string>([...POSTURE_FACTS, ...wanted.keys()]);
  return [...names].map((fact) => {
    const value = Object.hasOwn(reading.facts, fact) ? (reading.facts[fact] ?? null) : null;
    const wish = wanted.get(fact);
    return {
      fact,
      value,
      result: wish ? 'failed' : value === null ? 'unknown' : 'ok',
      wanted: wish?.join(', ') ?? null,
      source: Object.hasOwn(reading.sources, fact) ? (reading.sources[fact] ?? null) : null,
    };
  });
}
