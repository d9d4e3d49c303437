import type { AgentSession, Traffic } from '@gatehouse/protocol';
import { bytes, duration } from './format.ts';
import { table } from './table.ts';

/** Columns of the longest bar. */
const BAR = 20;
/** Steps of the daemon's that make a line. */
const STEPS = 60;

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
/** RFC 3339 in UTC, to the second. */
const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** `gatehouse traffic` for people: ten minutes by the minute, or 24 hours by the hour, the oldest first. */
export function formatTraffic(traffic: Traffic, hours: boolean, width?: number): string {
  const { start, step, rx, tx } = hours ? traffic.minutes : traffic.seconds;
  const lines: { rx: number; tx: number }[] = [];
  for (let i = 0; i < rx.length; i += STEPS)
    lines.push({ rx: sum(rx.slice(i, i + STEPS)), tx: sum(tx.slice(i, i + STEPS)) });
  const most = Math.max(1, ...lines.map((line) => line.rx + line.tx));
  const rows = lines.map((line, i) => [
    `${(lines.length - i) * ((STEPS * step) / (hours ? 3600 : 60))} ${hours ? 'h' : 'min'} ago`,
    bytes(line.rx),
    bytes(line.tx),
    // A little is not nothing.
    '#'.repeat(Math.ceil((BAR * (line.rx + line.tx)) / most)),
  ]);
  const total = ['sum', bytes(sum(rx)), bytes(sum(tx)), ''];
  const head = `Through the tunnel, ${hours ? 'an hour' : 'a minute'} a line, since ${time(Date.parse(start))}:\n`;
  return head + table([['FROM', 'RECEIVED', 'SENT', ''], ...rows, total], { width });
}

const ENDED: Partial<Record<string, string>> = {
  user: 'by hand',
  stopped: 'agent stopped',
  replaced: 'other network',
  revoked: 'cut off',
};

/** `gatehouse sessions` for people, the newest first. */
export function formatSessions(sessions: AgentSession[], now: number, width?: number): string {
  if (sessions.length === 0) return 'The tunnel has carried no traffic yet.\n';
  const rows = sessions.map(({ since, until, networkName, hub, rx, tx, ended }) => [
    time(Date.parse(since)),
    duration(Math.max(0, ((until === null ? now : Date.parse(until)) - Date.parse(since)) / 1000)),
    bytes(rx),
    bytes(tx),
    `${networkName ?? '-'}${hub === null ? '' : ` (${hub})`}`,
    ended === null ? 'goes on' : (ENDED[ended] ?? ended.replaceAll('-', ' ')),
  ]);
  return table([['SINCE', 'LASTED', 'RECEIVED', 'SENT', 'NETWORK (HUB)', 'ENDED'], ...rows], { width, names: [4] });
}
