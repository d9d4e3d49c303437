/** The app's own last lines, for its output and for a problem report. No secret is ever given to it. */
export interface Log {
  (message: string): void;
  lines(): readonly string[];
}

const MAX_LINES = 500;
const MAX_LINE = 2000;

export function createLog(now: () => number, write: (line: string) => void): Log {
  const kept: string[] = [];
  const log = (message: string): void => {
    const line = `${new Date(now()).toISOString()} ${message.replace(/\n/g, ' | ').slice(0, MAX_LINE)}`;
    kept.push(line);
    if (kept.length > MAX_LINES) kept.shift();
    write(line);
  };
  return Object.assign(log, { lines: () => kept });
}
