import type { EapLimits } from './limits.ts';
import type { Negotiation } from './negotiation.ts';
import type { Answers, EapCredentials, Outcome, Question } from './types.ts';

/**
 * What is said between the main thread and the workers; several at once, as one array. What there is much of is a tuple,
 * its bytes as text of one byte a character: that costs half of what objects with byte arrays do.
 */

/** What a worker is started with. */
export interface WorkerData {
  credentials: EapCredentials;
  limits: EapLimits;
}

/** Round, EAP packet, State, NAS. */
export type Round = readonly [round: number, eap: string, state: string, nas: string];

export type ToWorker =
  | Round
  /** Before the first round of a conversation. */
  | { kind: 'begin'; state: string; nas: string; negotiation: Negotiation }
  | { kind: 'answer'; question: number; answer: Answers[Question['kind']] | undefined }
  | { kind: 'refresh'; credentials: EapCredentials };

/** Round, EAP packet. */
export type Challenge = readonly [round: number, eap: string];

export type FromWorker =
  | Challenge
  | { kind: 'outcome'; round: number; outcome: Exclude<Outcome, { kind: 'challenge' }> }
  | { kind: 'question'; question: number; round: number; asked: Question }
  | { kind: 'gauge'; conversations: number; sessions: number };

/** Tells a tuple from the others: `Array.isArray` doesn't, for a read-only one. */
export const isTuple = (message: ToWorker | FromWorker): message is Round | Challenge => Array.isArray(message);

export const bytesOfText = (text: string): Uint8Array => Buffer.from(text, 'latin1');
