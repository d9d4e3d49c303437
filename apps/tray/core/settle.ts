import type { AgentStatus } from '@gatehouse/protocol';
import type { Prediction } from './types.ts';

/** How long a click is believed without the daemon's word, in ms. */
const LIFETIME = 15_000;

/** The prediction as it stands after the daemon's word: null once that confirms or contradicts it, or after 15 s. */
export function settlePrediction(prediction: Prediction, status: AgentStatus, now: number): Prediction | null {
  // The clock may also have been set back.
  if (Math.abs(now - prediction.at) > LIFETIME) return null;
  const failed = status.state === 'error' && Date.parse(status.since) >= prediction.at;
  return failed || isDone(prediction, status) ? null : prediction;
}

function isDone(prediction: Prediction, status: AgentStatus): boolean {
  switch (prediction.of) {
    case 'connect':
      return !status.enrolled || (status.target === 'up' && status.state !== 'disconnected');
    case 'disconnect':
      return !status.enrolled || (status.target === 'down' && status.state === 'disconnected');
    case 'use': {
      const goal = status.profiles.find(({ id }) => id === prediction.profile);
      return !goal || goal.active;
    }
    case 'leave':
      return !status.profiles.some(({ id }) => id === prediction.profile);
    case 'enroll': {
      const active = status.profiles.find((profile) => profile.active);
      return active !== undefined && !active.revoked && !prediction.before?.includes(active.id);
    }
  }
}
