import { readFileSync } from 'node:fs';

/** CPU time that a process has used, in milliseconds (Linux: proc(5), 100 ticks a second). */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold spaces: fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export const ms = (value: number): string => (value < 10 ? value.toFixed(2) : value.toFixed(0));

/** Prints rows as a Markdown table, to be pasted into docs/benchmarks.md. */
export function table(rows: Record<string, string | number>[]): void {
  const columns = Object.keys(rows[0] ?? {});
  const line = (cells: (string | number)[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
  line(columns);
  line(columns.map(() => '---'));
  for (const row of rows) line(columns.map((column) => row[column] ?? ''));
}
