/** An agent as its last report showed it. Times are milliseconds, uptimes seconds. */
export interface AgentSeen {
  /** Names the connection among those of the peer. */
  connection: string;
  hostname: string;
  systemUptime: number;
  wireguardUptime: number;
  firstSeen: number;
  lastSeen: number;
}

export type AgentReport = Omit<AgentSeen, 'firstSeen' | 'lastSeen'> & { at: number };

interface Speaker {
  seen: AgentSeen;
  /** When it spoke again after another had spoken. */
  returns: number[];
}

/** Who spoke for a peer of late, and in what turns. */
export interface Turns {
  speakers: Speaker[];
  current: Speaker | undefined;
}

export const createTurns = (): Turns => ({ speakers: [], current: undefined });

/** Speakers remembered of a peer: one that invents host names or connects without end pushes out its own. */
const MAX_SPEAKERS = 8;
/** Starts of one machine, as two reports tell them, differ by no more: what a slow network delays. */
const SAME_START_MS = 15_000;
/**
 * A successor speaks from some time on and its predecessor no more. So two that return in turns live at the same time. With
 * one host name each has to return twice: what a dying connection still held may arrive behind the first words of the
 * next, once.
 */
const RETURNS = { differentHosts: 1, sameHost: 2 };

function take(turns: Turns, report: AgentReport, windowMs: number, isSame: (seen: AgentSeen) => boolean): void {
  const { at, ...fields } = report;
  const since = at - windowMs;
  turns.speakers = turns.speakers.filter(({ seen }) => seen.lastSeen >= since);
  let speaker = turns.speakers.find(({ seen }) => isSame(seen));
  if (!speaker) {
    speaker = { seen: { ...fields, firstSeen: at, lastSeen: at }, returns: [] };
    turns.speakers.push(speaker);
    if (turns.speakers.length > MAX_SPEAKERS) {
      const oldest = turns.speakers.reduce((a, b) => (b.seen.lastSeen < a.seen.lastSeen ? b : a));
      turns.speakers.splice(turns.speakers.indexOf(oldest), 1);
    }
  } else {
    if (turns.current !== speaker) speaker.returns = [...speaker.returns, at].slice(-RETURNS.sameHost);
    Object.assign(speaker.seen, fields, { lastSeen: at });
  }
  turns.current = speaker;
}

/** Takes in a report by the connection that it came on. */
export const takeConnection = (turns: Turns, report: AgentReport, windowMs: number): void =>
  take(turns, report, windowMs, (seen) => seen.connection === report.connection);

/**
 * Takes in a report by the machine that sent it: the same connection, or the same host name and the same starts of system
 * and tunnel. Finds those that push each other off: each connects anew for its next report.
 */
export const takeMachine = (turns: Turns, report: AgentReport, windowMs: number): void => {
  const near = (mine: number, seen: AgentSeen, theirs: number): boolean =>
    Math.abs(report.at - mine * 1000 - (seen.lastSeen - theirs * 1000)) <= SAME_START_MS;
  const same = (seen: AgentSeen): boolean =>
    seen.hostname === report.hostname &&
    near(report.systemUptime, seen, seen.systemUptime) &&
    near(report.wireguardUptime, seen, seen.wireguardUptime);
  // A connection is one machine's, whatever it calls itself now.
  const known = turns.speakers.some(({ seen }) => seen.connection === report.connection);
  take(turns, report, windowMs, known ? (seen) => seen.connection === report.connection : same);
};

/** Those that are alive at the same time, the last to speak first; fewer than two are none. */
export function rivalsOf(turns: Turns, at: number, windowMs: number): AgentSeen[] {
  const since = at - windowMs;
  const back = turns.speakers
    .filter(({ seen }) => seen.lastSeen >= since)
    .map(({ seen, returns }) => ({ seen, count: returns.filter((time) => time >= since).length }));
  const rivals = back.filter((one) =>
    back.some((other) => {
      if (other === one) return false;
      const needed = other.seen.hostname === one.seen.hostname ? RETURNS.sameHost : RETURNS.differentHosts;
      return one.count >= needed && other.count >= needed;
    }),
  );
  return rivals.map(({ seen }) => seen).sort((a, b) => b.lastSeen - a.lastSeen);
}
