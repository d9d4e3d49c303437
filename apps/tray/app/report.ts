import { Buffer } from 'node:buffer';
import os from 'node:os';
import type { AgentStatus, Finding } from '@gatehouse/protocol';
import { redact, type Snapshot } from '../core/index.ts';
import type { Report } from '../core/ipc/table.ts';

/** Whose names are taken out of a report. */
export type Who = Parameters<typeof redact>[1];

/** A report holds at most this much, in bytes of UTF-8. */
export const MAX_REPORT = 1024 * 1024;
const CUT = '(older lines are left out)';

/** Names of the user that this process runs as. */
export const whoIsHere = (): Who => ({ home: os.homedir(), user: os.userInfo().username, host: os.hostname() });

/** What the system says of itself, a line. */
export const systemLine = (): string => `${os.type()} ${os.release()} ${os.arch()}, ${os.version()}`;

export interface ReportParts {
  snapshot: Snapshot;
  system: string;
  status: AgentStatus | null;
  doctor: readonly Finding[] | null;
  /** The daemon's last lines, the oldest first; null: it couldn't be asked. */
  logs: readonly string[] | null;
  /** The app's own last lines. */
  appLogs: readonly string[];
  who: Who;
}

/** The problem report: keys, tokens, addresses and names are replaced; the oldest lines go when it grows too long. */
export function makeReport(parts: ReportParts): Report {
  const { snapshot, status, doctor } = parts;
  const { platform, appVersion, link, settings, update } = snapshot;
  const state = link.kind === 'up' ? { kind: 'up' } : link;
  const head = [
    `Gatehouse ${appVersion} on ${platform}: ${parts.system}`,
    `Time: ${new Date(snapshot.now).toISOString()}`,
    `Service: ${JSON.stringify(state)}`,
    `Settings: ${JSON.stringify(settings)}`,
    `Update: ${JSON.stringify(update)}`,
    '',
    '== Status ==',
    status ? JSON.stringify(status, null, 2) : 'unknown',
    '',
    '== Check-up ==',
    ...(doctor ? doctor.map(({ result, check, detail }) => `${result.padEnd(7)} ${check}: ${detail}`) : ['unknown']),
    '',
  ].join('\n');
  const { text, redacted } = redact(`${firstBytes(head, MAX_REPORT / 2)}\n${logsOf(parts)}`, parts.who);
  // Replacing may have made it longer.
  return { text: firstBytes(text, MAX_REPORT), redacted };
}

function logsOf({ appLogs, logs }: ReportParts): string {
  const half = MAX_REPORT / 4;
  const service = logs ? lastLines(logs, half) : 'unknown';
  return `== App ==\n${lastLines(appLogs, half)}\n\n== Service ==\n${service}\n`;
}

/** The last lines that fit into `max` bytes; says when some don't. */
function lastLines(lines: readonly string[], max: number): string {
  const kept: string[] = [];
  let size = 0;
  for (const line of lines.toReversed()) {
    size += Buffer.byteLength(line) + 1;
    if (size > max) {
      kept.push(CUT);
      break;
    }
    kept.push(line);
  }
  return kept.reverse().join('\n');
}

/** At most `max` bytes of a text, cut between two characters. */
function firstBytes(text: string, max: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= max) return text;
  let end = max;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
