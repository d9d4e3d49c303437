import type { CallResult } from '../../core/ipc/table.ts';
import { en } from '../i18n/en.ts';
import type { Text } from '../i18n/index.ts';

type Finding = CallResult<'doctor'>[number];

const has = (key: string): key is keyof typeof en => Object.hasOwn(en, key);
/** `controller DNS` → `controller-dns`, as the texts have it. */
const keyOf = (check: string): string => check.toLowerCase().replaceAll(' ', '-');

/** What a check is called; the daemon's own name where it is new. */
export function checkName({ check }: Finding, t: Text): string {
  const key = `check.${keyOf(check)}`;
  return has(key) ? (t as (key: string) => string)(key) : check;
}

/** What a person does where it isn't well; null where nothing, or where only the daemon's own words say it. */
export function checkFix({ check, result }: Finding, t: Text): string | null {
  const key = `fix.${keyOf(check)}`;
  return result !== 'ok' && has(key) ? (t as (key: string) => string)(key) : null;
}
