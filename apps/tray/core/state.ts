import { type AgentStatus, type CauseCode, IPC_VERSION, type Profile } from '@gatehouse/protocol';
import { catalogs } from './i18n/index.ts';
import { settlePrediction } from './settle.ts';
import { clean } from './text.ts';
import type { Prediction, Snapshot, StateKind, Tone } from './types.ts';

/** How long "it takes a few seconds" is believed before what is missing is told, in ms. */
const PATIENCE = 10_000;
/** Causes that say of the hub that nothing comes from it. */
const SILENT: readonly CauseCode[] = ['no-handshake', 'no-traffic', 'endpoint-unresolved'];

/** What `view`, menu and notices are made from. */
export interface State {
  kind: StateKind;
  /** Which cause's texts to show; null where the kind says it all. */
  cause: CauseCode | null;
  /** The daemon's word where it can be understood. */
  status: AgentStatus | null;
  prediction: Prediction | null;
  /** The profile that all this is about. */
  profile: Profile | null;
}

/** The daemon's word; null while there is none, or when it speaks another version of the IPC. */
export const statusOf = ({ link }: Snapshot): AgentStatus | null =>
  link.kind === 'up' && link.status.ipc === IPC_VERSION ? link.status : null;

/** The prediction as far as it still counts. */
export function predictionOf(s: Snapshot): Prediction | null {
  const status = statusOf(s);
  return s.prediction && status ? settlePrediction(s.prediction, status, s.now) : null;
}

export const activeProfile = (status: AgentStatus): Profile | null =>
  status.profiles.find((profile) => profile.active) ?? null;

/** The connect switch as the user left it: their own click counts at once. */
export function isOn(status: AgentStatus, prediction: Prediction | null): boolean {
  if (prediction?.of === 'connect') return true;
  if (prediction?.of === 'disconnect') return false;
  return status.target === 'up' && status.state !== 'disconnected';
}

export const isSignedOut = (status: AgentStatus): boolean =>
  status.enrolled !== null && (status.cause?.code === 'revoked' || activeProfile(status)?.revoked === true);

function knownCause(status: AgentStatus, otherwise: CauseCode): CauseCode {
  const code = status.cause?.code;
  return code && `cause.${code}.title` in catalogs.en ? code : otherwise;
}

/** True once a state has lasted so long that it needs an explanation. */
function isLate(s: Snapshot, status: AgentStatus): boolean {
  return s.now - Date.parse(status.since) > PATIENCE;
}

/**
 * The state as people see it. The first that holds wins:
 *
 *  1. the daemon can't be had or understood: `starting`, `daemon-*`, `version-mismatch`;
 *  2. what the user has just asked for: `enrolling`, leaving (`disconnecting`), another network (`connecting`);
 *  3. who we are: `not-enrolled`, `signed-out`;
 *  4. the switch, the user's click before the daemon's word: `disconnected`, `disconnecting`, `connecting`;
 *  5. what lies between here and the controller, the nearest first: `captive`, `no-internet`;
 *  6. what keeps this machine itself: `error`;
 *  7. what the controller says of it: `quarantined`;
 *  8. the tunnel: `connecting`, `degraded`, `connected`.
 */
export function stateOf(s: Snapshot): State {
  const status = statusOf(s);
  const prediction = predictionOf(s);
  if (!status) return { kind: linkKind(s), cause: null, status, prediction, profile: null };
  const goal = prediction?.of === 'use' ? status.profiles.find(({ id }) => id === prediction.profile) : undefined;
  const profile = goal ?? activeProfile(status);
  return { ...tunnelKind(s, status, prediction), status, prediction, profile };
}

function linkKind({ link }: Snapshot): StateKind {
  switch (link.kind) {
    case 'starting':
      return 'starting';
    case 'down':
      return link.starting ? 'daemon-starting' : 'daemon-down';
    case 'denied':
      return 'daemon-denied';
    case 'untrusted':
      return 'daemon-untrusted';
    default:
      return 'version-mismatch';
  }
}

const only = (kind: StateKind) => ({ kind, cause: null });

function tunnelKind(s: Snapshot, status: AgentStatus, prediction: Prediction | null): Pick<State, 'kind' | 'cause'> {
  const on = isOn(status, prediction);
  if (prediction?.of === 'enroll') return only('enrolling');
  if (prediction?.of === 'leave' && prediction.profile === activeProfile(status)?.id) return only('disconnecting');
  if (prediction?.of === 'use') return only(on ? 'connecting' : 'disconnected');

  if (!status.enrolled) return only('not-enrolled');
  if (isSignedOut(status)) return only('signed-out');

  if (!on) return only(status.state === 'disconnected' ? 'disconnected' : 'disconnecting');
  if (status.target === 'down' || status.state === 'disconnected') return only('connecting');

  if (status.captive) return only('captive');
  if (status.cause?.code === 'no-network') return only('no-internet');
  const late = isLate(s, status);
  if (isSilent(status) && (status.state === 'degraded' || late)) {
    return { kind: 'no-internet', cause: knownCause(status, 'no-handshake') };
  }
  if (status.state === 'error') return { kind: 'error', cause: knownCause(status, 'apply-failed') };
  if (status.standing?.admitted === false) return only('quarantined');
  if (status.state === 'connected') return only('connected');
  if (status.state === 'degraded') return { kind: 'degraded', cause: knownCause(status, 'no-traffic') };
  return { kind: 'connecting', cause: late && status.cause ? knownCause(status, 'no-handshake') : null };
}

/** Neither hub nor controller is heard: more likely our own internet than both of them. */
const isSilent = (status: AgentStatus): boolean =>
  (status.state === 'connecting' || status.state === 'degraded') &&
  !status.controller.connected &&
  status.cause !== null &&
  SILENT.includes(status.cause.code);

const TONES: Record<StateKind, Tone> = {
  starting: 'busy',
  'daemon-starting': 'busy',
  'daemon-down': 'problem',
  'daemon-denied': 'problem',
  'daemon-untrusted': 'problem',
  'version-mismatch': 'problem',
  'not-enrolled': 'off',
  enrolling: 'busy',
  disconnected: 'off',
  connecting: 'busy',
  disconnecting: 'busy',
  connected: 'good',
  degraded: 'warning',
  'no-internet': 'warning',
  captive: 'warning',
  quarantined: 'warning',
  'signed-out': 'problem',
  error: 'problem',
};
export const toneOf = (kind: StateKind): Tone => TONES[kind];

/** What a network is called: its name, else its controller's host, else the product's name, which fits any sentence. */
export function networkName(of: { networkName: string | null; url: string } | null): string {
  const host = of && URL.canParse(of.url) ? new URL(of.url).host : '';
  return clean(of?.networkName ?? '') || clean(host) || 'Gatehouse';
}
