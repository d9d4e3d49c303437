import { isOn, isSignedOut, predictionOf, statusOf } from './state.ts';
import type { Action, Snapshot } from './types.ts';

/** The address of a captive portal, if it is one that may be given to a browser. */
function portalUrl(s: Snapshot): string | null {
  const url = statusOf(s)?.captive?.url;
  return url !== undefined && url.length <= 2048 && /^https?:\/\/[^\s]+$/i.test(url) && URL.canParse(url) ? url : null;
}

/**
 * Whether an action makes sense at this moment. Menus and notifications may be older than the state: it is asked when
 * they are made, and again when their action arrives.
 */
export function allowed(s: Snapshot, action: Action): boolean {
  const status = statusOf(s);
  const prediction = predictionOf(s);
  const busy = prediction !== null && prediction.of !== 'connect' && prediction.of !== 'disconnect';
  switch (action.id) {
    case 'show-window':
    case 'show-settings':
    case 'show-logs':
    case 'report-problem':
    case 'quit':
      return true;
    case 'start-daemon':
      return s.link.kind === 'down' && !s.link.starting;
    case 'install-update':
      return s.update.kind === 'ready';
    case 'check-update':
      return s.update.kind === 'none' || s.update.kind === 'failed';
    default:
  }
  if (!status) return false;
  const profile = status.profiles.find(({ id }) => id === action.profile);
  switch (action.id) {
    case 'connect':
      return status.enrolled !== null && !isSignedOut(status) && !busy && !isOn(status, prediction);
    case 'disconnect':
      return status.enrolled !== null && isOn(status, prediction);
    case 'enroll':
      return prediction?.of !== 'enroll';
    case 'open-portal':
      return portalUrl(s) !== null;
    case 'show-posture':
    case 'check-posture':
      return status.enrolled !== null;
    case 'show-doctor':
      return true;
    case 'use-profile':
      return profile !== undefined && !profile.active && !profile.revoked && !busy;
    case 'remove-profile':
      return profile !== undefined && !busy;
    case 'copy-address':
      return (status.interface?.addresses.length ?? 0) > 0;
    default:
      return false;
  }
}
