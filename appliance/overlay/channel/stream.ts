import { randomUUID } from 'node:crypto';
import { diffState, type PeerState, type StateDelta } from '@gatehouse/protocol';

/** Deltas kept for an agent that comes back; one that missed more gets the whole state. */
const MAX_LOG = 64;

/** The numbered states of one device: what it was told last, and how it got there. */
export interface Stream {
  readonly epoch: string;
  seq: number;
  state: PeerState;
  /** Oldest first; the last one leads to `seq`. */
  log: { seq: number; delta: StateDelta }[];
}

export const createStream = (state: PeerState): Stream => ({ epoch: randomUUID(), seq: 1, state, log: [] });

/** Moves the stream on to `next`. Answers the numbered delta, or undefined when nothing changed. */
export function advance(stream: Stream, next: PeerState): { seq: number; delta: StateDelta } | undefined {
  const delta = diffState(stream.state, next);
  if (!delta) return undefined;
  stream.state = next;
  stream.seq += 1;
  const entry = { seq: stream.seq, delta };
  stream.log.push(entry);
  if (stream.log.length > MAX_LOG) stream.log.shift();
  return entry;
}

/** The deltas behind `seq`; undefined when they can't be told any more and the whole state has to be sent. */
export function since(
  stream: Stream,
  resume: { epoch: string; seq: number },
): { seq: number; delta: StateDelta }[] | undefined {
  if (resume.epoch !== stream.epoch || resume.seq > stream.seq) return undefined;
  if (resume.seq < stream.seq - stream.log.length) return undefined;
  return stream.log.filter((entry) => entry.seq > resume.seq);
}
