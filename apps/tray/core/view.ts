import { type AgentStatus, type CauseCode, IPC_VERSION } from '@gatehouse/protocol';
import { allowed } from './allowed.ts';
import { formatLatency, formatTime } from './format.ts';
import { pickLocale, type Translate, translator } from './i18n/index.ts';
import { factText, missesByFact } from './posture.ts';
import { isOn, networkName, type State, stateOf, statusOf, toneOf } from './state.ts';
import { clean, sentence } from './text.ts';
import type { Action, Locale, Snapshot, StateKind, View, WindowModel } from './types.ts';

const REASON_LENGTH = 240;

export const localeOf = (s: Snapshot): Locale => pickLocale(s.settings.language, s.systemLocale);

/** One glance: see `stateOf` for which state wins. */
export function viewOf(s: Snapshot): View {
  const state = stateOf(s);
  const t = translator(localeOf(s));
  return {
    kind: state.kind,
    tone: toneOf(state.kind),
    ...textsOf(s, state, t),
    since: sinceOf(state),
    actions: actionsOf(s, state).map((action, i) => ({
      action,
      label: actionLabel(s, action, t),
      primary: i === 0 && PRIMARY.has(action.id),
    })),
  };
}

/** What the window shows on every page. */
export function windowModel(s: Snapshot): WindowModel {
  const state = stateOf(s);
  const { link } = s;
  const on = state.status !== null && state.status.enrolled !== null && isOn(state.status, state.prediction);
  return {
    platform: s.platform,
    locale: localeOf(s),
    appVersion: s.appVersion,
    daemonVersion: link.kind === 'up' ? link.status.version : link.kind === 'version' ? link.daemonVersion : null,
    settings: s.settings,
    view: viewOf(s),
    toggle: {
      on,
      enabled: allowed(s, { id: on ? 'disconnect' : 'connect' }),
      busy: ['connecting', 'disconnecting', 'enrolling'].includes(state.kind) || state.prediction !== null,
    },
    status: statusOf(s),
    enroll: s.enroll,
    failure: s.failure,
    update: s.update,
  };
}

const UNTIMED: readonly StateKind[] = ['not-enrolled', 'enrolling', 'disconnecting', 'disconnected', 'signed-out'];

function sinceOf({ kind, status, prediction }: State): string | null {
  if (!status || UNTIMED.includes(kind)) return null;
  if (kind === 'connected') return status.connectedSince ?? status.since;
  return prediction ? new Date(prediction.at).toISOString() : status.since;
}

const PRIMARY: ReadonlySet<Action['id']> = new Set([
  'connect',
  'enroll',
  'start-daemon',
  'open-portal',
  'show-posture',
  'install-update',
  'check-update',
  'show-doctor',
]);

/** Most helpful first; only what is allowed now. */
function actionsOf(s: Snapshot, { kind, cause, status }: State): Action[] {
  const other = status?.profiles.find((profile) => !profile.active && !profile.revoked);
  const table: Partial<Record<StateKind, Action['id'][]>> = {
    'daemon-down': ['start-daemon', 'report-problem'],
    'daemon-denied': ['report-problem'],
    'daemon-untrusted': ['report-problem'],
    'version-mismatch': ['install-update', 'check-update', 'report-problem'],
    'not-enrolled': ['enroll'],
    'signed-out': ['enroll'],
    disconnected: ['connect'],
    connecting: cause ? ['show-doctor', 'disconnect'] : ['disconnect'],
    connected: status?.standing?.missing.length ? ['show-posture', 'disconnect'] : ['disconnect'],
    degraded: ['show-doctor', 'disconnect'],
    'no-internet': ['show-doctor', 'disconnect'],
    captive: ['open-portal', 'disconnect'],
    quarantined: status?.standing?.missing.length ? ['show-posture', 'check-posture', 'disconnect'] : ['disconnect'],
    error: ['show-doctor', 'disconnect', 'report-problem'],
  };
  const actions: Action[] = (table[kind] ?? []).map((id) => ({ id }));
  if (kind === 'signed-out' && other) actions.push({ id: 'use-profile', profile: other.id });
  return actions.filter((action) => allowed(s, action));
}

/** What a button or menu item for this action says. */
export function actionLabel(s: Snapshot, action: Action, t: Translate): string {
  const { id } = action;
  switch (id) {
    case 'enroll':
      return t(s.enroll ? 'action.enroll.asked' : 'action.enroll');
    case 'install-update':
      return t('action.install-update', { version: s.update.kind === 'ready' ? clean(s.update.version, 32) : '' });
    case 'use-profile':
    case 'remove-profile': {
      const profile = statusOf(s)?.profiles.find((one) => one.id === action.profile) ?? null;
      return t(`action.${id}`, { network: networkName(profile) });
    }
    case 'copy-address': {
      const address = clean(statusOf(s)?.interface?.addresses[0]?.split('/', 1)[0] ?? '');
      return address ? t('action.copy-address', { address }) : t('action.copy-address.short');
    }
    case 'quit':
      return t(s.platform === 'linux' ? 'action.quit' : `action.quit.${s.platform}`);
    default:
      return t(`action.${id}`);
  }
}

/** Nobody answers where nobody is: another network wouldn't help. */
const told = (cause: CauseCode, status: AgentStatus | null): CauseCode | 'no-hub' =>
  cause === 'no-handshake' && status?.hub === null ? 'no-hub' : cause;

type Texts = Pick<View, 'title' | 'detail'>;

function textsOf(s: Snapshot, state: State, t: Translate): Texts {
  const { kind, cause, status } = state;
  const network = networkName(state.profile ?? status?.enrolled ?? null);
  switch (kind) {
    case 'daemon-denied': {
      const key = s.platform === 'linux' ? 'state.daemon-denied.detail.linux' : 'state.daemon-denied.detail';
      return { title: t('state.daemon-denied.title'), detail: t(key) };
    }
    case 'daemon-untrusted': {
      const owner = clean((s.link.kind === 'untrusted' && s.link.owner) || '') || t('name.unnamed');
      return { title: t('state.daemon-untrusted.title'), detail: t('state.daemon-untrusted.detail', { owner }) };
    }
    case 'version-mismatch':
      return mismatchTexts(s, t);
    case 'not-enrolled': {
      const host = clean(s.enroll?.host ?? '', 80);
      const detail = host ? t('state.not-enrolled.asked', { host }) : t('state.not-enrolled.detail');
      return { title: t('state.not-enrolled.title'), detail };
    }
    case 'connecting': {
      const unheard = cause === 'controller-unreachable';
      return {
        title: t('state.connecting.title', { network }),
        detail: unheard
          ? t('cause.controller-unreachable.waiting', { network })
          : cause
            ? `${sentence(t(`cause.${told(cause, status)}.title`))} ${t(`cause.${told(cause, status)}.advice`)}`
            : t('state.connecting.detail'),
      };
    }
    case 'no-internet':
      return {
        title: t('state.no-internet.title'),
        detail: cause ? t('state.no-internet.silent', { network }) : t('state.no-internet.detail'),
      };
    case 'degraded':
    case 'error': {
      const code = told(cause ?? 'apply-failed', status);
      return { title: t(`cause.${code}.title`), detail: t(`cause.${code}.advice`) };
    }
    case 'quarantined':
      return { title: t('state.quarantined.title'), detail: quarantineText(s, status as AgentStatus, network, t) };
    case 'connected':
      return {
        title: t('state.connected.title', { network }),
        detail: [connectedText(s, status as AgentStatus, t), noteText(s, status as AgentStatus, t)]
          .filter((text) => text !== '')
          .join(' '),
      };
    case 'disconnecting':
    case 'disconnected':
    case 'signed-out':
      return { title: t(`state.${kind}.title`), detail: t(`state.${kind}.detail`, { network }) };
    default:
      return { title: t(`state.${kind}.title`), detail: t(`state.${kind}.detail`) };
  }
}

function mismatchTexts(s: Snapshot, t: Translate): Texts {
  const { link } = s;
  const version = link.kind === 'version' ? link.daemonVersion : link.kind === 'up' ? link.status.version : '';
  const older =
    link.kind === 'version' ? link.daemonIsOlder : link.kind === 'up' && Number(link.status.ipc) < IPC_VERSION;
  const versions = { daemon: clean(version, 32) || '?', app: clean(s.appVersion, 32) || '?' };
  return {
    title: t('state.version-mismatch.title'),
    detail: t(older ? 'state.version-mismatch.older' : 'state.version-mismatch.newer', versions),
  };
}

function quarantineText(s: Snapshot, status: AgentStatus, network: string, t: Translate): string {
  const misses = missesByFact(status.standing?.missing ?? []);
  const [first] = misses;
  if (first) {
    const { name, advice } = factText(localeOf(s), s.platform, first.fact, first.wanted);
    const fix = t('state.quarantined.fix', { network, fact: name, advice });
    return misses.length > 1 ? `${fix} ${t('note.more', { n: misses.length - 1 })}` : fix;
  }
  const reason = clean(status.standing?.reason ?? '', REASON_LENGTH);
  return reason
    ? t('state.quarantined.reason', { network, reason: sentence(reason) })
    : t('state.quarantined.detail', { network });
}

function connectedText(s: Snapshot, status: AgentStatus, t: Translate): string {
  const locale = localeOf(s);
  const time = formatTime(locale, status.connectedSince ?? status.since, s.now);
  if (status.enrolled?.role === 'hub') return t('state.connected.own', { time });
  if (!status.hub) return t('state.connected.plain', { time });
  const hub = clean(status.hub.name) || t('name.unnamed');
  if (status.latency === null) return t('state.connected.hub', { time, hub });
  return t('state.connected.latency', { time, hub, latency: formatLatency(locale, status.latency) });
}

/** What is worth a word although the tunnel is well: the most useful only. */
function noteText(s: Snapshot, status: AgentStatus, t: Translate): string {
  const [first] = missesByFact(status.standing?.missing ?? []);
  if (first) {
    return t('note.missing', { fact: factText(localeOf(s), s.platform, first.fact, first.wanted).name });
  }
  if (status.warnings.length > 0) return t('note.warnings', { n: status.warnings.length });
  if (minorOf(status.version) !== minorOf(s.appVersion)) {
    return t('note.versions', { daemon: clean(status.version, 32) || '?', app: clean(s.appVersion, 32) || '?' });
  }
  return '';
}

/** App and daemon of one minor version belong together; what they can't say to each other is the IPC's version. */
const minorOf = (version: string): string => /^v?(\d+\.\d+)/.exec(version)?.[1] ?? version;
