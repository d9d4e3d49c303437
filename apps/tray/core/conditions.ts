import { formatTime } from './format.ts';
import { translator } from './i18n/index.ts';
import { factText, missesByFact } from './posture.ts';
import type { State } from './state.ts';
import { clean } from './text.ts';
import type { ActionId, Notice, NotificationKind, Snapshot, StateKind } from './types.ts';
import { localeOf, viewOf } from './view.ts';

/** One thing that holds now and is worth telling. */
export interface Condition extends Notice {
  /** It may pass by itself within seconds: tell it only when it lasts. */
  settle: boolean;
  /** It mends itself when the network does: after sleep it is given longer. */
  mends: boolean;
  /** A problem of the connection, whose end is `connected`. */
  problem: boolean;
  /** Another condition tells of it already. */
  told: boolean;
}

interface Rule {
  kind: NotificationKind;
  action: ActionId;
  settle?: true;
  mends?: true;
  problem?: true;
}

/**
 * States that people are told of. Not among them: what they asked for themselves, what the system tells (no network at
 * all), and an absent controller, while which the tunnel works.
 */
const RULES: Partial<Record<StateKind, Rule>> = {
  'daemon-down': { kind: 'problems', action: 'start-daemon', settle: true },
  'daemon-denied': { kind: 'problems', action: 'show-window', settle: true },
  'daemon-untrusted': { kind: 'problems', action: 'show-window' },
  'version-mismatch': { kind: 'problems', action: 'show-window', settle: true },
  'signed-out': { kind: 'problems', action: 'enroll' },
  captive: { kind: 'problems', action: 'open-portal', problem: true },
  'no-internet': { kind: 'problems', action: 'show-doctor', settle: true, mends: true, problem: true },
  connecting: { kind: 'problems', action: 'show-doctor', settle: true, mends: true, problem: true },
  degraded: { kind: 'problems', action: 'show-doctor', settle: true, mends: true, problem: true },
  error: { kind: 'problems', action: 'show-doctor', settle: true, problem: true },
  // The reason comes some seconds after the fact.
  quarantined: { kind: 'posture', action: 'show-posture', settle: true },
};

const LINK = 'link:';
const UPDATE = 'update:';
/** Whether the daemon said it, so that it can't be known while the daemon is away. */
export const isOfStatus = (key: string): boolean => !key.startsWith(LINK) && !key.startsWith(UPDATE);

/** What holds in this snapshot, each with the notice that would tell it. `wasHeld`: whether a key held before. */
export function conditionsOf(s: Snapshot, state: State, wasHeld: (key: string) => boolean): Condition[] {
  return [
    ...stateCondition(s, state),
    ...factConditions(s, state, wasHeld),
    ...updateCondition(s),
    ...staleCondition(s, wasHeld),
  ];
}

function stateCondition(s: Snapshot, { kind, cause, status, profile }: State): Condition[] {
  const rule = RULES[kind];
  const unspoken = (kind === 'no-internet' || kind === 'connecting') && cause === null;
  if (!rule || unspoken || (kind === 'degraded' && cause === 'controller-unreachable')) return [];
  const { title, detail } = viewOf(s);
  const about = kind === 'signed-out' || kind === 'quarantined' ? `${kind}:${profile?.id ?? ''}` : kind;
  const causal = kind === 'degraded' || kind === 'connecting' || kind === 'error';
  const { settle = false, mends = false, problem = false } = rule;
  return [
    {
      // One trouble keeps its key while the tunnel goes from degraded to connecting to error.
      key: status ? (causal ? `cause:${cause}` : about) : LINK + kind,
      kind: rule.kind,
      title: kind === 'connecting' && cause ? translator(localeOf(s))(`cause.${cause}.title`) : title,
      body: detail,
      action: { id: rule.action },
      settle,
      mends,
      problem,
      told: false,
    },
  ];
}

/** Facts that a policy misses; several new ones at once are one notice. */
function factConditions(s: Snapshot, { kind, status }: State, wasHeld: (key: string) => boolean): Condition[] {
  const t = translator(localeOf(s));
  const misses = missesByFact(status?.standing?.missing ?? []);
  const keyOf = (fact: string): string => `fact:${fact}`;
  const fresh = misses.filter(({ fact }) => !wasHeld(keyOf(fact)));
  return misses.map(({ fact, wanted }) => {
    const { name, advice } = factText(localeOf(s), s.platform, fact, wanted);
    const more = fresh.length > 1 ? ` ${t('note.more', { n: fresh.length - 1 })}` : '';
    return {
      key: keyOf(fact),
      kind: 'posture',
      title: t('notice.posture.title'),
      body: `${name}: ${advice}${more}`,
      action: { id: 'show-posture' },
      settle: false,
      mends: false,
      problem: false,
      told: kind === 'quarantined' || fact !== fresh[0]?.fact,
    };
  });
}

function updateCondition({ update, ...s }: Snapshot): Condition[] {
  if (update.kind !== 'ready') return [];
  const t = translator(localeOf({ ...s, update }));
  const version = clean(update.version, 32);
  return [
    {
      key: UPDATE + version,
      kind: 'updates',
      title: t('notice.update.title', { version }),
      body: t('notice.update.body'),
      action: { id: 'install-update' },
      settle: false,
      mends: false,
      problem: false,
      told: false,
    },
  ];
}

/**
 * What the update folder says has ended. Not while it can't be reached, unless it was told before: a computer that comes
 * back from a long sleep has its network a moment later.
 */
function staleCondition({ update, ...s }: Snapshot, wasHeld: (key: string) => boolean): Condition[] {
  if (update.stale === undefined) return [];
  const key = `${UPDATE}stale:${update.stale}`;
  const asked = update.kind === 'ready' || (update.kind === 'none' && update.checked !== null);
  if (!asked && !wasHeld(key)) return [];
  const locale = localeOf({ ...s, update });
  const t = translator(locale);
  return [
    {
      key,
      kind: 'updates',
      title: t('notice.update-stale.title'),
      body: t('notice.update-stale.body', { time: formatTime(locale, update.stale) }),
      action: { id: 'show-settings' },
      settle: false,
      mends: false,
      problem: false,
      told: false,
    },
  ];
}
