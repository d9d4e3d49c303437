import type { Access, Decision, Facts } from '../../access/index.ts';
import type { Directory } from '../directory/index.ts';
import type { Rendered, Renderer } from '../render/index.ts';
import type { NasType, Subject } from '../types.ts';
import { type Limits, limitsOf, quotaOf, type UsageOf } from './quota.ts';

export interface TermsOptions {
  access: Pick<Access, 'decide'>;
  directory: Directory;
  renderer: Renderer;
  usage: UsageOf;
}

/** On what terms somebody may in. */
export interface Terms {
  /** As the policies have it. */
  decided: Decision;
  /** Undefined: not at all. */
  rendered: Rendered | undefined;
  limits: Limits;
  reason: string | undefined;
  message: string | undefined;
}

/** Decides on facts: the policies, a voucher's own bounds, the limits, and whether the NAS can be told of it in full. */
export function createTerms({ access, directory, renderer, usage }: TermsOptions) {
  const voucherById = (id: string) => directory.voucherById(id);
  /** Decisions that a voucher's own bandwidth has changed. */
  const narrowed = new WeakMap<Decision, Map<string, Decision>>();

  /** The decision with a voucher's bandwidth, where that is less. The same object for the same of both. */
  function effective(decision: Decision, subject: Subject | undefined): Decision {
    const own = subject?.kind === 'voucher' ? directory.voucherById(subject.id)?.bandwidth : undefined;
    if (!own) return decision;
    const bandwidth = { up: least(decision.bandwidth?.up, own.up), down: least(decision.bandwidth?.down, own.down) };
    const key = `${bandwidth.up}/${bandwidth.down}`;
    let known = narrowed.get(decision);
    if (!known) {
      known = new Map();
      narrowed.set(decision, known);
    }
    let changed = known.get(key);
    if (!changed) {
      changed = { ...decision, bandwidth };
      known.set(key, changed);
    }
    return changed;
  }

  return {
    /** For who comes now; `name` is whose usage counts. */
    of(facts: Facts, name: string, subject: Subject | undefined, type: NasType): Terms {
      const decided = access.decide(facts);
      if (decided.action === 'deny') {
        const reason = decided.reason ?? `denied by the policy ${decided.policy?.name ?? ''}`;
        return { decided, rendered: undefined, limits: NO_LIMITS, reason, message: decided.message };
      }
      const decision = effective(decided, subject);
      const limits = limitsOf(decision, facts, name, voucherById, usage);
      if (limits.refused) return { decided, rendered: undefined, limits, ...limits.refused };
      const rendered = renderer.render(decision, type);
      if (rendered.problem === undefined) return { decided, rendered, limits, reason: undefined, message: undefined };
      // A decision that can't be told in full would be another one.
      const reason = unsayable(decided, rendered.problem);
      return { decided, rendered: undefined, limits, reason, message: undefined };
    },
    /** For who is there already: limits are looked after while they are. */
    again(facts: Facts, subject: Subject | undefined, type: NasType): Terms {
      const decided = access.decide(facts);
      const decision = effective(decided, subject);
      const rendered = decided.action === 'deny' ? undefined : renderer.render(decision, type);
      const limits: Limits = { quota: quotaOf(decision, facts, voucherById) };
      return {
        decided,
        rendered: rendered?.problem ? undefined : rendered,
        limits,
        reason: undefined,
        message: undefined,
      };
    },
  };
}

const NO_LIMITS: Limits = { quota: undefined };

export const unsayable = (decision: Decision, problem: string): string =>
  `the policy ${decision.policy?.name ?? ''} can't be told to this NAS: ${problem}`;

export function least(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
