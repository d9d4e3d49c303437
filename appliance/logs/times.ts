const RFC3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.,]\d+)?)?([Zz]|[+-]\d\d:\d\d)$/;

export const TIME_PROBLEM =
  'must be a time with its zone, such as 2026-05-31T18:00:00Z or 2026-05-31T20:00:00%2B02:00 (in an address, + is ' +
  'written %2B)';

/**
 * RFC 3339, also as ISO 8601 without seconds, → whole microseconds since 1970 (from 0 to 2^53-1); undefined where it is
 * none, or a day that isn't there.
 */
export function parseMicroseconds(text: string): number | undefined {
  // In an address an unescaped + comes as a space.
  const given = text.replace(/ (?=\d\d:\d\d$)/, '+').replace(/([.,]\d{9})\d+/, '$1');
  if (!RFC3339.test(given)) return undefined;
  try {
    const at = Number(Temporal.Instant.from(given).epochNanoseconds / 1000n);
    return Math.min(Math.max(at, 0), Number.MAX_SAFE_INTEGER);
  } catch {
    return undefined;
  }
}

/** Microseconds since 1970 → RFC 3339 in UTC with six digits of the second. */
export function rfc3339(us: number): string {
  const ms = Math.floor(us / 1000);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(Math.floor(us - ms * 1000)).padStart(3, '0')}Z`;
}
