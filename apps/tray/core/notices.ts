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
/** The same after sleep for what mends itself when the network comes back. ms. */
const WOKEN = 60_000;
/** How long after a click what follows is the user's own doing. ms. */
const BY_HAND = 30_000;

/** What holds: since when (ms), whether it needs no telling any more, and whether it came in sleep. */
interface Held {
  readonly since: number;
  readonly known: boolean;
  readonly woken: boolean;
}

/** What was known and told before. Plain data; `noticesOf` makes the next. */
export interface NoticeMemory {
  readonly begun: boolean;
  /** The last snapshot was of a quiet time; `holding` and `open` are those from before it. */
  readonly quiet: boolean;
  readonly holding: Readonly<Record<string, Held>>;
  /** When a key was told last. */
  readonly told: Readonly<Record<string, number>>;
  /** Problems that were told, and not yet their end. */
  readonly open: readonly string[];
  readonly target: AgentStatus['target'] | null;
  /** Being kept out is known to the user, and its end isn't. */
  readonly out: boolean;
  readonly clickedAt: number | null;
}

export const noNotices: NoticeMemory = {
  begun: false,
  quiet: false,
  holding: {},
  told: {},
  open: [],
  target: null,
  out: false,
  clickedAt: null,
};

/**
 * What to tell now. Nothing at the first snapshot, nothing while `quiet`, nothing of a kind that is turned off, nothing
 * that the user did by hand. What holds after a quiet time is compared with what held before it: what is new and lasts is
 * told, what came and went isn't. To be called with every snapshot, and every few seconds without a change, for some
 * things are told only once they have lasted.
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
  const target = status?.target ?? memory.target;
  if (quiet) return { memory: { ...memory, quiet, target, clickedAt }, notices: [] };
  const mute = !memory.begun;

  const told = Object.fromEntries(Object.entries(memory.told).filter(([, at]) => Math.abs(s.now - at) < AGAIN));
  const notices: Notice[] = [];
  /** `off`: nobody wants to know. `again`: it was told a short while ago. */
  const tell = ({ key, kind, title, body, action }: Notice): 'told' | 'off' | 'again' => {
    if (mute || !s.settings.notifications[kind]) return 'off';
    if (key in told) return 'again';
    told[key] = s.now;
    notices.push({ key, kind, title, body, action });
    return 'told';
  };

  // While the daemon is away nothing is known of what it said: that goes on to hold.
  const holding: Record<string, Held> = {};
  if (!status) for (const [key, held] of Object.entries(memory.holding)) if (isOfStatus(key)) holding[key] = held;
  let open = [...memory.open];
  let { out } = memory;
  for (const condition of conditionsOf(s, state, (key) => key in memory.holding)) {
    const { key } = condition;
    const before = memory.holding[key];
    const held =
      before && (before.known || !memory.quiet) ? before : { since: s.now, known: false, woken: memory.quiet };
    const patience = !condition.settle ? 0 : held.woken && condition.mends ? WOKEN : SETTLE;
    let known = held.known || condition.told;
    if (!known && (mute || Math.abs(s.now - held.since) >= patience)) {
      const how = tell(condition);
      if (how === 'told' && condition.problem) open.push(key);
      known = how !== 'again';
    }
    holding[key] = { ...held, known };
    if (known && state.kind === 'quarantined' && condition.key.startsWith(state.kind)) out = true;
  }

  const network = networkName(state.profile ?? status?.enrolled ?? null);
  const closed = memory.target === 'up' && status?.target === 'down' && status.enrolled !== null;
  if (closed && !byHand) tell(simple('disconnected', network, t));
  if (status?.target === 'down') open = [];
  if (state.kind === 'connected') {
    const restored = out && status?.standing?.admitted === true;
    // What ended in sleep is told by nobody.
    if (memory.quiet) out = out && !restored;
    else if (restored) {
      tell(simple('admitted', network, t));
      out = false;
    } else if (open.length > 0 && !byHand && tell(simple('recovered', network, t)) === 'told')
      for (const key of open) delete told[key];
    open = [];
  }
  return {
    memory: {
      begun: memory.begun || s.link.kind !== 'starting',
      quiet,
      holding,
      told,
      open,
      target,
      out,
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
