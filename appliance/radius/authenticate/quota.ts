import type { Decision, Facts } from '../../access/index.ts';
import type { VoucherEntry } from '../directory/index.ts';

/** What somebody uses now and has used on this day of the site's zone. */
export interface Usage {
  /** Sessions on other devices than the one that asks. */
  sessions: number;
  bytes: number;
  seconds: number;
}
export type UsageOf = (
  who: { userId: string | undefined; username: string; mac: string | undefined },
  at: number,
) => Usage;

export interface Limits {
  refused?: { reason: string; message: string };
  /** What is left of the day's time. */
  seconds?: number;
  /** What the session that begins is bounded by. */
  quota: Decision['dailyQuota'];
}

/**
 * Holds a decision's limits, and a voucher's, against what `name` has used; asks for that only where there is a limit.
 */
export function limitsOf(
  decision: Decision,
  facts: Facts,
  name: string,
  voucherById: (id: string) => VoucherEntry | undefined,
  usageOf: UsageOf,
): Limits {
  const quota = quotaOf(decision, facts, voucherById);
  const { bytes, seconds } = quota ?? {};
  const { simultaneousUse } = decision;
  if (quota === undefined && simultaneousUse === undefined) return NONE;
  const used = usageOf({ userId: facts.userId, username: name, mac: facts.mac }, facts.at);
  if (simultaneousUse !== undefined && used.sessions >= simultaneousUse) {
    const reason = `${used.sessions} sessions at once, where ${simultaneousUse} are allowed`;
    return { refused: { reason, message: 'You are connected with too many devices.' }, quota };
  }
  if (bytes !== undefined && used.bytes >= bytes) {
    const reason = `${used.bytes} bytes are used, where ${bytes} are allowed`;
    return { refused: { reason, message: 'Your data volume is used up.' }, quota };
  }
  if (seconds === undefined) return { quota };
  if (used.seconds >= seconds) {
    const reason = `${used.seconds} seconds of this day are used, where ${seconds} are allowed`;
    return { refused: { reason, message: 'Your time for today is used up.' }, quota };
  }
  return { seconds: seconds - used.seconds, quota };
}

const NONE: Limits = { quota: undefined };

/** The decision's daily quota, with what a voucher may use where that is less. */
export function quotaOf(
  { dailyQuota }: Decision,
  facts: Facts,
  voucherById: (id: string) => VoucherEntry | undefined,
): Decision['dailyQuota'] {
  const own = facts.voucher && voucherById(facts.voucher.id)?.quotaBytes;
  if (own === undefined) return dailyQuota;
  return { seconds: dailyQuota?.seconds, bytes: Math.min(own, dailyQuota?.bytes ?? own) };
}
