import type { Action, Decision, Facts } from '../types.ts';
import { type Condition, conditionsOf, isPosture } from './conditions.ts';
import type { Decide, StoredPolicy } from './model.ts';
import { type PostureFacts, Subject, type Surroundings } from './subject.ts';
import type { Vendors } from './vendors.ts';

/** A policy as closures; `decision` is one object for as long as its document stays the same. */
export interface CompiledPolicy {
  id: string;
  name: string;
  priority: number;
  version: number;
  conditions: readonly Condition[];
  decision: Decision;
}

export interface Explained {
  decision: Decision;
  policies: {
    id: string;
    name: string;
    priority: number;
    matched: boolean;
    failed: { condition: string; expected: string; actual: string | null }[];
  }[];
}

/** A policy that holds for somebody but for the posture of their device. */
export interface PostureMiss {
  policyId: string;
  policyName: string;
  /** Names of the facts that aren't as wished. */
  failed: string[];
  /** What is wished of each of them, in the same order: `true`, `>=14.2`. */
  wanted: string[];
}

const NOBODY_ASKED: Decision = { action: 'allow', policy: null, attributes: [], overlayGroups: [] };
/** The overlay's door stays open to whom no policy names. */
const NOT_NAMED: Decision = { ...NOBODY_ASKED, reason: 'no policy matches' };
const NO_MATCH: Decision = { ...NOT_NAMED, action: 'deny' };

/** Best first. */
const RANK: Record<Action, number> = { allow: 0, portal: 1, quarantine: 2, deny: 3 };

/** The enabled policies in the order in which they are asked: by priority, then by name. */
export const inOrder = (policies: readonly StoredPolicy[]): StoredPolicy[] =>
  [...policies].sort((a, b) => {
    const [left, right] = [a.document, b.document];
    if (left.priority !== right.priority) return left.priority - right.priority;
    return left.name.toLowerCase() < right.name.toLowerCase() ? -1 : 1;
  });

/** All policies as one decision. Immutable: a change of a document makes another. */
export class PolicySet {
  readonly policies: readonly CompiledPolicy[];
  readonly #windows: readonly Condition[];
  readonly #surroundings: Surroundings;

  /** `before` lends the compiled policies whose documents haven't changed. */
  constructor(
    stored: readonly StoredPolicy[],
    surroundings: Surroundings,
    vendors: () => Vendors,
    before: readonly CompiledPolicy[] = [],
  ) {
    const kept = new Map(before.map((policy) => [policy.id, policy]));
    this.policies = inOrder(stored.filter(({ document }) => document.enabled)).map((policy) => {
      const old = kept.get(policy.id);
      return old?.version === policy.version && policy.version > 0 ? old : compile(policy, vendors);
    });
    this.#windows = this.policies.flatMap(({ conditions }) => conditions.filter(({ name }) => name === 'time'));
    this.#surroundings = surroundings;
  }

  /** The first policy that matches decides. `posture` takes the place of what is known of the device. */
  decide(facts: Facts, posture?: PostureFacts | null): Decision {
    if (this.policies.length === 0) return NOBODY_ASKED;
    const subject = new Subject(facts, this.#surroundings, posture);
    for (const policy of this.policies) if (matches(policy, subject)) return policy.decision;
    return unmatched(facts);
  }

  /** Which time windows hold in the default site's zone, a digit each; empty where no policy has one. */
  windowsAt(at: number): string {
    if (this.#windows.length === 0) return '';
    const facts: Facts = { door: 'overlay', username: '', groups: [], method: 'overlay', at };
    const subject = new Subject(facts, this.#surroundings);
    return this.#windows.map((window) => (window.test(subject) ? '1' : '0')).join('');
  }

  /** The same decision, and for each policy why it did or didn't match. */
  explain(facts: Facts, posture?: PostureFacts | null): Explained {
    const subject = new Subject(facts, this.#surroundings, posture);
    let decision: Decision | undefined;
    const policies = this.policies.map((policy) => {
      const failed = policy.conditions.filter((condition) => !condition.test(subject));
      if (failed.length === 0) decision ??= policy.decision;
      return {
        id: policy.id,
        name: policy.name,
        priority: policy.priority,
        matched: failed.length === 0,
        failed: failed.map((condition) => ({
          condition: condition.name,
          expected: condition.expected,
          actual: condition.actual(subject),
        })),
      };
    });
    return { decision: decision ?? (this.policies.length === 0 ? NOBODY_ASKED : unmatched(facts)), policies };
  }

  /** The first policy that would have decided, and for the better, were the device's posture as it wishes. */
  postureMiss(facts: Facts, posture: PostureFacts | null): PostureMiss | undefined {
    const subject = new Subject(facts, this.#surroundings, posture);
    const misses: { policy: CompiledPolicy; failed: readonly Condition[] }[] = [];
    let outcome = unmatched(facts);
    for (const policy of this.policies) {
      const failed = policy.conditions.filter((condition) => !condition.test(subject));
      if (failed.length === 0) {
        outcome = policy.decision;
        break;
      }
      if (failed.every(isPosture)) misses.push({ policy, failed });
    }
    const miss = misses.find(({ policy }) => RANK[policy.decision.action] < RANK[outcome.action]);
    return (
      miss && {
        policyId: miss.policy.id,
        policyName: miss.policy.name,
        failed: miss.failed.map(({ name }) => name.slice('posture.'.length)),
        wanted: miss.failed.map(({ expected }) => expected),
      }
    );
  }
}

const unmatched = (facts: Facts): Decision => (facts.door === 'radius' ? NO_MATCH : NOT_NAMED);

function matches({ conditions }: CompiledPolicy, subject: Subject): boolean {
  for (const condition of conditions) if (!condition.test(subject)) return false;
  return true;
}

function compile({ id, version, document }: StoredPolicy, vendors: () => Vendors): CompiledPolicy {
  const { name, priority, match, decide } = document;
  return {
    id,
    name,
    priority,
    version,
    conditions: conditionsOf(match, vendors),
    decision: decisionOf(decide, { id, name, version }),
  };
}

export function decisionOf(decide: Decide, policy: NonNullable<Decision['policy']>): Decision {
  const { session_timeout, idle_timeout, simultaneous_use, daily_quota, portal_url, overlay_groups, ...same } = decide;
  return Object.freeze({
    ...same,
    policy,
    ...(session_timeout !== undefined && { sessionTimeout: session_timeout }),
    ...(idle_timeout !== undefined && { idleTimeout: idle_timeout }),
    ...(simultaneous_use !== undefined && { simultaneousUse: simultaneous_use }),
    ...(daily_quota && { dailyQuota: daily_quota }),
    ...(portal_url !== undefined && { portalUrl: portal_url }),
    overlayGroups: overlay_groups,
  });
}

const treatments = new WeakMap<Decision, string>();
/** What a decision means to whom it is made for, as text: two policies may treat somebody alike. */
export function treatment(decision: Decision): string {
  let text = treatments.get(decision);
  if (text === undefined) {
    const { policy: _, reason: __, ...rest } = decision;
    text = JSON.stringify(rest, Object.keys(rest).sort().concat(INNER_KEYS));
    treatments.set(decision, text);
  }
  return text;
}
const INNER_KEYS = ['up', 'down', 'bytes', 'seconds', 'name', 'op', 'value'];
