/** SQLite's codes: the disk can't be read or written, or is full, or read-only. */
const SQLITE = new Map([
  [8, 'EROFS'],
  [10, 'EIO'],
  [13, 'ENOSPC'],
  [14, 'EMFILE'],
]);
/** PostgreSQL's `disk_full`. */
const POSTGRES_FULL = '53100';
const CODES = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EMFILE', 'ENFILE', 'ENOMEM', 'EFBIG']);

/** Why the disk took nothing, for people; undefined where the error is about something else. */
export function diskProblem(error: unknown): string | undefined {
  const { code, errcode, message } = (error ?? {}) as { code?: string; errcode?: number; message?: string };
  const known =
    code === 'ERR_SQLITE_ERROR' ? SQLITE.get((errcode ?? 0) & 0xff) : code === POSTGRES_FULL ? 'ENOSPC' : code;
  if (known === undefined || !CODES.has(known)) return undefined;
  if (known === 'ENOSPC') return 'the disk is full: free some space on it, then it goes on by itself';
  if (known === 'EDQUOT') return 'the quota of the disk is used up: free some space on it, then it goes on by itself';
  return `the disk takes nothing: ${message}`;
}
