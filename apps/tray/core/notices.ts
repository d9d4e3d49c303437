import type { AgentStatus } from '@gatehouse/protocol';
import { conditionsOf, isOfStatus } from './conditions.ts';
import { type Translate, translator } from './i18n/index.ts';
import { networkName, stateOf } from './state.ts';
import type { Notice, Snapshot } from './types.ts';
import { localeOf } from './view.ts';

/** The same key isn't told again within this, unless its end was told in between. ms. */
const AGAIN = 10 * 60_000;
/** What passes by itself is told once it has lasted this long: a restart of the daemon, a change of Wi-Fi. ms. */
const SETTLE = 6_000;
/** How long after a click what follows is the user's own doing. ms. */
const BY_HAND = 30_000;

/** What was known and told before. Plain data; `noticesOf` makes the next. */
export interface NoticeMemory {
  readonly begun: boolean;
  /** What holds, since when (ms), and whether it needs no telling any more. */
  readonly holding: Readonly<Record<string, { since: number; known: boolean }>>;
  /** When a key was told last. */
  readonly told: Readonly<Record<string, number>>;
  /** Problems that were told, and not yet their end. */
  readonly open: readonly string[];
  readonly target: AgentStatus['target'] | null;
  readonly admitted: boolean | null;
  readonly clickedAt: number | null;
}

export const noNotices: NoticeMemory = {
  begun: false,
  holding: {},
  told: {},
  open: [],
  target: null,
  admitted: null,
  clickedAt: null,
};

/**
 * What to tell now. Nothing at the first snapshot, nothing while `quiet` (what changes then counts as known), nothing of
 * a kind that is turned off, nothing that the user did by hand. To be called with every snapshot, and every few seconds
 * without a change, for some things are told only once they have lasted.
 */
export function noticesOf(
  memory: NoticeMemory,
  s: Snapshot,
  quiet: boolean,
): { memory: NoticeMemory; notices: Notice[] } {
  const state = stateOf(s);
  const { status } = state;
  const t = translator(localeOf(s));
  const clickedAt = s.prediction?.at ?? memory.clickedAt;
  const byHand = clickedAt !== null && Math.abs(s.now - clickedAt) <= BY_HAND;
  const mute = quiet || !memory.begun;

  const told = Object.fromEntries(Object.entries(memory.told).filter(([, at]) => Math.abs(s.now - at) < AGAIN));
  const notices: Notice[] = [];
  const tell = ({ key, kind, title, body, action }: Notice): boolean => {
    if (mute || !s.settings.notifications[kind] || key in told) return false;
    told[key] = s.now;
    notices.push({ key, kind, title, body, action });
    return true;
  };

  // While the daemon is away nothing is known of what it said: that goes on to hold.
  const holding: Record<string, { since: number; known: boolean }> = {};
  if (!status) for (const [key, held] of Object.entries(memory.holding)) if (isOfStatus(key)) holding[key] = held;
  let open = [...memory.open];
  for (const condition of conditionsOf(s, state, (key) => key in memory.holding)) {
    const held = memory.holding[condition.key] ?? { since: s.now, known: false };
    const due = mute || held.known || condition.told || !condition.settle || Math.abs(s.now - held.since) >= SETTLE;
    if (due && !held.known && !condition.told && tell(condition) && condition.problem) open.push(condition.key);
    holding[condition.key] = { since: held.since, known: due };
  }

  const network = networkName(state.profile ?? status?.enrolled ?? null);
  const closed = memory.target === 'up' && status?.target === 'down' && status.enrolled !== null;
  if (closed && !byHand) tell(simple('disconnected', network, t));
  if (status?.target === 'down') open = [];
  if (state.kind === 'connected') {
    const restored = memory.admitted === false && status?.standing?.admitted === true;
    if (restored) tell(simple('admitted', network, t));
    else if (open.length > 0 && !byHand && tell(simple('recovered', network, t)))
      for (const key of open) delete told[key];
    open = [];
  }
  return {
    memory: {
      begun: memory.begun || s.link.kind !== 'starting',
      holding,
      told,
      open,
      target: status?.target ?? memory.target,
      admitted: status?.standing?.admitted ?? memory.admitted,
      clickedAt,
    },
    notices,
  };
}

const simple = (key: 'disconnected' | 'recovered' | 'admitted', network: string, t: Translate): Notice => ({
  key,
  kind: key === 'admitted' ? 'posture' : 'connection',
  title: t(`notice.${key}.title`),
  body: t(`notice.${key}.body`, { network }),
  action: { id: 'show-window' },
});
