import type { Locale } from './types.ts';

const NOTHING = '–';
const BYTES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const;

const scaled = (n: number): { value: number; unit: (typeof BYTES)[number] } => {
  let value = Number.isFinite(n) ? Math.min(Math.max(0, n), 1e18) : 0;
  let step = 0;
  // What rounds to 1000 belongs to the next unit.
  while (value >= 999.5 && step < BYTES.length - 1) {
    value /= 1000;
    step += 1;
  }
  return { value, unit: BYTES[step] as (typeof BYTES)[number] };
};

const withUnit = (locale: Locale, value: number, unit: string): string =>
  new Intl.NumberFormat(locale, {
    style: 'unit',
    unit,
    unitDisplay: 'short',
    maximumFractionDigits: value < 10 ? 1 : 0,
  }).format(value);

/** `1.2 MB`; steps of 1000. */
export function formatBytes(locale: Locale, n: number): string {
  const { value, unit } = scaled(n);
  return withUnit(locale, unit === 'byte' ? Math.round(value) : value, unit);
}

/** Bytes a second: `1.2 MB/s`. */
export function formatRate(locale: Locale, bytesPerSecond: number): string {
  const { value, unit } = scaled(bytesPerSecond);
  return withUnit(locale, unit === 'byte' ? Math.round(value) : value, `${unit}-per-second`);
}

/** Milliseconds: `12 ms`, below 10 with one decimal; a dash while unknown. */
export function formatLatency(locale: Locale, ms: number | null): string {
  if (ms === null || !Number.isFinite(ms) || ms < 0) return NOTHING;
  return withUnit(locale, Math.min(ms || 0, 1e9), 'millisecond');
}

const STEPS = [
  ['year', 31_556_952],
  ['month', 2_629_746],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** How long ago `iso` (RFC 3339) was at `now` (wall clock, ms): `3 min. ago`. What lies ahead is `now`. */
export function formatAgo(locale: Locale, iso: string | null, now: number): string {
  const at = iso === null ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(at)) return NOTHING;
  const seconds = Math.max(0, Math.floor((now - at) / 1000));
  const [unit, length] = STEPS.find(([, step]) => seconds >= step) ?? (['second', 1] as const);
  return new Intl.RelativeTimeFormat(locale, { style: 'short', numeric: 'auto' }).format(
    -Math.floor(seconds / length),
    unit,
  );
}

/** Date and time of `iso` (RFC 3339) where the user is; only the time when it is on the day of `now` (ms). */
export function formatTime(locale: Locale, iso: string | null, now?: number): string {
  const at = iso === null ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(at)) return NOTHING;
  const today = now !== undefined && new Date(at).toDateString() === new Date(now).toDateString();
  return new Intl.DateTimeFormat(locale, { ...(!today && { dateStyle: 'medium' }), timeStyle: 'short' }).format(at);
}
