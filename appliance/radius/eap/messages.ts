import type { EapLimits } from './limits.ts';
import type { Answers, EapCredentials, Outcome, OuterMethod, Question } from './types.ts';

/** What is said between the main thread and the workers; several at once, as one array. */

/** What a worker is started with. */
export interface WorkerData {
  /** The first byte of every State that it gives. */
  index: number;
  credentials: EapCredentials;
  limits: EapLimits;
}

export type ToWorker =
  | {
      kind: 'round';
      round: number;
      /** A whole EAP packet. */
      eap: Uint8Array;
      state: Uint8Array | undefined;
      nas: string;
      /** For a conversation that starts. */
      methods: readonly OuterMethod[];
      maxPacket: number;
    }
  | { kind: 'answer'; question: number; answer: Answers[Question['kind']] | undefined }
  | { kind: 'refresh'; credentials: EapCredentials };

/** `state` goes with a challenge. */
export type WorkerOutcome = { outcome: Outcome; state: Uint8Array | undefined };

export type FromWorker =
  | ({ kind: 'outcome'; round: number } & WorkerOutcome)
  | { kind: 'question'; question: number; round: number; asked: Question }
  | { kind: 'gauge'; conversations: number; sessions: number };
