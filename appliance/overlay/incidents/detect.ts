import {
  createTrack,
  DAY_MS,
  move,
  movesSince,
  placeOf,
  portChangesSince,
  sharedAddresses,
  type Track,
} from './moves.ts';
import {
  type AgentReport,
  type AgentSeen,
  createTurns,
  rivalsOf,
  type Turns,
  takeConnection,
  takeMachine,
} from './turns.ts';

export type { AgentReport, AgentSeen } from './turns.ts';

export type IncidentType = 'shared_config' | 'session_conflict' | 'suspicious_activity';

/** The network's security config, in milliseconds where it says minutes. */
export interface Thresholds {
  sessionConflictMs: number;
  endpointChangeMs: number;
  maxEndpointChangesPerDay: number;
  portChangeMs: number;
  maxPortChangesPerWindow: number;
}

/** A hub sees the peer's packets come from `endpoint` (`ip:port`). */
export interface Sighting {
  at: number;
  hub: string;
  endpoint: string;
}

/** What looks like an incident. */
export interface Finding {
  type: IncidentType;
  /** Where the peer was seen, the last first. */
  endpoints: string[];
  details: string;
  /** No evidence is older: when remembering began. */
  since: number;
}

/** Endpoints remembered of a peer as evidence, hubs whose view is kept, host names said in details. */
export const MAX_ENDPOINTS = 16;
const MAX_HUBS = 8;
const MAX_NAMES = 4;
/** A clock that is set back further than this makes what is remembered worthless. */
const CLOCK_SLACK_MS = 60_000;

interface Memory {
  /** When remembering began, and when something was heard last. */
  since: number;
  at: number;
  connections: Turns;
  machines: Turns;
  hubs: Map<string, { last: string; tracks: Map<4 | 6, Track> }>;
  /** Endpoint → address, oldest first. */
  recent: Map<string, string>;
}

const createMemory = (at: number): Memory => ({
  since: at,
  at,
  connections: createTurns(),
  machines: createTurns(),
  hubs: new Map(),
  recent: new Map(),
});

/** Puts an entry at the end of a map that keeps its newest `max`. */
function keep<K, V>(map: Map<K, V>, key: K, value: V, max: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > max) map.delete(map.keys().next().value as K);
}

const minutes = (ms: number): string => (ms === 60_000 ? 'a minute' : `${Math.round(ms / 60_000)} minutes`);

function conflictOf(memory: Memory, at: number, { sessionConflictMs }: Thresholds): AgentSeen[] {
  const connected = rivalsOf(memory.connections, at, sessionConflictMs);
  return connected.length > 0 ? connected : rivalsOf(memory.machines, at, sessionConflictMs);
}

/** Two agents at the same time. */
function findConflict(memory: Memory, at: number, thresholds: Thresholds): Finding[] {
  const rivals = conflictOf(memory, at, thresholds);
  if (rivals.length === 0) return [];
  const names = [...new Set(rivals.map(({ hostname }) => hostname))].sort();
  const list = names.slice(0, MAX_NAMES).join(', ') + (names.length > MAX_NAMES ? ', …' : '');
  const details = `Multiple active agents detected for the same peer: ${list}`;
  return [{ type: 'session_conflict', details, endpoints: endpointsOf(memory), since: memory.since }];
}

const endpointsOf = ({ recent }: Memory): string[] => [...recent.keys()].reverse();

/** One key in several places, or one that moves too often. */
function findMoves(memory: Memory, at: number, thresholds: Thresholds): Finding[] {
  const findings: Finding[] = [];
  const endpoints = endpointsOf(memory);
  const { since } = memory;
  const tracks = [...memory.hubs.values()].flatMap((hub) => [...hub.tracks.values()]);
  const shared = new Set(tracks.flatMap((track) => sharedAddresses(track, at - thresholds.endpointChangeMs)));
  if (shared.size > 0) {
    const list = [...shared].sort().slice(0, MAX_ENDPOINTS).join(', ');
    findings.push({
      type: 'shared_config',
      endpoints: endpoints.filter((endpoint) => shared.has(memory.recent.get(endpoint) as string)),
      details: `Same WireGuard key used from multiple IPs: ${list}`,
      since,
    });
  }
  const { maxEndpointChangesPerDay: perDay, maxPortChangesPerWindow: perWindow, portChangeMs } = thresholds;
  const often = tracks.some((track) => movesSince(track, at - DAY_MS) > perDay)
    ? `${perDay} address changes in a day`
    : tracks.some((track) => portChangesSince(track, at - portChangeMs) > perWindow)
      ? `${perWindow} port changes in ${minutes(portChangeMs)}`
      : undefined;
  if (often !== undefined) {
    const details = `Rapid endpoint changes detected: more than ${often}`;
    findings.push({ type: 'suspicious_activity', endpoints, details, since });
  }
  return findings;
}

/**
 * Finds peers whose identity two devices use, from what both ends report. Pure bookkeeping: times come with the reports,
 * in milliseconds. What it keeps of a peer is bounded, whatever the peer does. A finding comes with evidence that is new,
 * so the same one comes again as long as it goes on.
 */
export function createDetector() {
  const memories = new Map<string, Memory>();

  function memoryOf(peerId: string, at: number): Memory {
    let memory = memories.get(peerId);
    if (!memory || at < memory.at - CLOCK_SLACK_MS) {
      memory = createMemory(at);
      memories.set(peerId, memory);
    }
    // Time doesn't run backwards: a clock that is set back a little stands still.
    memory.at = Math.max(memory.at, at);
    return memory;
  }

  return {
    /** An agent of the peer has reported. */
    heard(peerId: string, report: AgentReport, thresholds: Thresholds): Finding[] {
      const memory = memoryOf(peerId, report.at);
      const timed = { ...report, at: memory.at };
      takeConnection(memory.connections, timed, thresholds.sessionConflictMs);
      takeMachine(memory.machines, timed, thresholds.sessionConflictMs);
      return findConflict(memory, memory.at, thresholds);
    },

    /** A hub sees the peer. */
    seen(peerId: string, { at, hub, endpoint }: Sighting, thresholds: Thresholds): Finding[] {
      const memory = memoryOf(peerId, at);
      const view = memory.hubs.get(hub) ?? { last: '', tracks: new Map<4 | 6, Track>() };
      if (view.last === endpoint) return [];
      const place = placeOf(endpoint);
      if (!place) return [];
      view.last = endpoint;
      keep(memory.hubs, hub, view, MAX_HUBS);
      keep(memory.recent, endpoint, place.address, MAX_ENDPOINTS);
      const track = view.tracks.get(place.family);
      if (!track) {
        view.tracks.set(place.family, createTrack(place));
        return [];
      }
      const limits = { moves: thresholds.maxEndpointChangesPerDay, ports: thresholds.maxPortChangesPerWindow };
      if (!move(track, memory.at, place, limits)) return [];
      return findMoves(memory, memory.at, thresholds);
    },

    /** What holds at this time, without new evidence. */
    findings(peerId: string, at: number, thresholds: Thresholds): Finding[] {
      const memory = memories.get(peerId);
      return memory ? [...findConflict(memory, at, thresholds), ...findMoves(memory, at, thresholds)] : [];
    },

    /** The agents that use the peer's identity at the same time, the last to report first; none when it is one. */
    rivals(peerId: string, at: number, thresholds: Thresholds): AgentSeen[] {
      const memory = memories.get(peerId);
      return memory ? conflictOf(memory, at, thresholds) : [];
    },

    forget: (peerId: string): boolean => memories.delete(peerId),

    /** Entries kept of a peer, for tests that bound them. */
    sizeOf(peerId: string): number {
      const memory = memories.get(peerId);
      if (!memory) return 0;
      const tracks = [...memory.hubs.values()].flatMap((hub) => [...hub.tracks.values()]);
      const turns = [memory.connections, memory.machines].flatMap(({ speakers }) => speakers);
      return [
        memory.recent.size,
        memory.hubs.size,
        ...tracks.map((track) => 1 + track.moves.length + track.ports.length),
        ...turns.map(({ returns }) => 1 + returns.length),
      ].reduce((sum, size) => sum + size, 0);
    },
  };
}
export type Detector = ReturnType<typeof createDetector>;
