import type { AgentStatus } from '@gatehouse/protocol';
import { allowed } from './allowed.ts';
import { statusOf } from './state.ts';
import type { Action, Prediction, Snapshot } from './types.ts';

const goodProfiles = (status: AgentStatus): string[] =>
  status.profiles.filter((profile) => !profile.revoked).map((profile) => profile.id);

/** What to show at once when the user does this; null where the daemon isn't asked to change anything. */
export function predict(s: Snapshot, action: Action): Prediction | null {
  if (!allowed(s, action)) return null;
  const at = s.now;
  const { profile } = action;
  switch (action.id) {
    case 'connect':
    case 'disconnect':
      return { of: action.id, at };
    case 'use-profile':
      return profile === undefined ? null : { of: 'use', at, profile };
    case 'remove-profile':
      return profile === undefined ? null : { of: 'leave', at, profile };
    default:
      return null;
  }
}

/** What to show when the user has confirmed an invitation (the action `enroll` only opens the page for it). */
export function predictEnroll(s: Snapshot): Prediction | null {
  const status = statusOf(s);
  return status && { of: 'enroll', at: s.now, before: goodProfiles(status) };
}
