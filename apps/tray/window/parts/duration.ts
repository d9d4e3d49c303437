import type { Locale } from '../../core/types.ts';

/** `2 hr, 5 min`: the two largest units, minutes at least. */
export function duration(locale: Locale, ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  const parts: [number, string][] = [
    [Math.floor(minutes / 1440), 'day'],
    [Math.floor(minutes / 60) % 24, 'hour'],
    [minutes % 60, 'minute'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first < 0 ? 2 : first, (first < 0 ? 2 : first) + 2)
    .filter(([count], index) => index === 0 || count > 0)
    .map(([count, unit]) => new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' }).format(count))
    .join(' ');
}
