/** Quantities as people write them. Each function answers a number, or a text that says how to write one. */

const RATE_UNITS: Record<string, number> = { bps: 1, kbps: 1e3, mbps: 1e6, gbps: 1e9 };
const SIZE_UNITS: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};
const DURATION_UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

export const MAX_RATE = 1e12;
export const MAX_SIZE = 1e15;
export const MAX_DURATION = 366 * 86_400;

const RATE_HELP = 'write a rate with its unit, for example 10mbps (bits a second: bps, kbps, mbps, gbps)';
const SIZE_HELP = 'write an amount with its unit, for example 10GB (B, KB, MB, GB, TB, or KiB, MiB, GiB, TiB)';
const DURATION_HELP = 'write a time with its unit, for example 30s, 15m, 8h, 1h30m or 7d';

/** `10mbps` → bits a second; a number is bits a second. */
export function parseRate(value: string | number): number | string {
  return quantity(value, RATE_UNITS, MAX_RATE, RATE_HELP, 'the largest rate is 1000gbps');
}

/** `10GB` → bytes (1000s; `GiB` 1024s); a number is bytes. */
export function parseSize(value: string | number): number | string {
  return quantity(value, SIZE_UNITS, MAX_SIZE, SIZE_HELP, 'the largest amount is 1000TB');
}

/** `1h30m` → seconds; a number is seconds. */
export function parseDuration(value: string | number): number | string {
  if (typeof value === 'number') return bounded(value, MAX_DURATION, DURATION_HELP, 'the longest time is 366d');
  const text = value.trim().toLowerCase();
  if (!/^(\d{1,10}\s*[smhdw]\s*){1,5}$/.test(text)) return `${shown(value)} is not a time: ${DURATION_HELP}`;
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)\s*([smhdw])/g)) {
    seconds += Number(count) * (DURATION_UNITS[unit as string] as number);
  }
  return bounded(seconds, MAX_DURATION, DURATION_HELP, 'the longest time is 366d');
}

function quantity(
  value: string | number,
  units: Record<string, number>,
  max: number,
  help: string,
  tooLarge: string,
): number | string {
  if (typeof value === 'number') return bounded(value, max, help, tooLarge);
  const [, count, unit = ''] = /^(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]{1,4})$/.exec(value.trim().toLowerCase()) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (count === undefined || factor === undefined) return `${shown(value)}: ${help}`;
  return bounded(Math.round(Number(count) * factor), max, help, tooLarge);
}

const bounded = (value: number, max: number, help: string, tooLarge: string): number | string =>
  !Number.isInteger(value) || value < 1 ? help : value > max ? tooLarge : value;

const shown = (value: string): string => JSON.stringify(value.slice(0, 40));

/** Seconds as the largest units that say them exactly: 5400 → `1h30m`. */
export function showDuration(seconds: number): string {
  let rest = seconds;
  let text = '';
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    if (rest < size) continue;
    text += `${Math.floor(rest / size)}${unit}`;
    rest %= size;
  }
  return text || '0s';
}
