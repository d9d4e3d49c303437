const RFC3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)$/;

/** RFC 3339 → milliseconds since 1970; undefined where it is none. */
export function parseTime(text: string): number | undefined {
  const at = RFC3339.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

export const DAY_PROBLEM = 'must be a time such as 2026-05-31T18:00:00Z (RFC 3339)';
