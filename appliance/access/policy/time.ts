/** A window of a week in local time. Minutes of the day; `to` ≤ `from` is after midnight, on the day after. */
export interface Window {
  /** By weekday, Monday first: whether a window begins on it. */
  days: readonly boolean[];
  from: number;
  to: number;
}

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const DAY_MINUTES = 24 * 60;
/** Local times kept: more than the minutes of the day that the journal spans. */
const KEPT_MINUTES = 3_000;

/** A moment on a wall clock: weekday (Monday 0) and minute of the day. */
export interface LocalTime {
  day: number;
  minute: number;
}

/** The wall clock of a zone (IANA name), by milliseconds since 1970. */
export function wallClock(zone: string): (at: number) => LocalTime {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  // A minute is the same for everybody in it, and formatting one costs as much as a hundred policies.
  const known = new Map<number, LocalTime>();
  return (at) => {
    const slot = Math.floor(at / 60_000);
    let local = known.get(slot);
    if (!local) {
      local = localTime(format, slot * 60_000);
      if (known.size >= KEPT_MINUTES) known.clear();
      known.set(slot, local);
    }
    return local;
  };
}

function localTime(format: Intl.DateTimeFormat, at: number): LocalTime {
  let [day, hour, minute] = [0, 0, 0];
  for (const { type, value } of format.formatToParts(at)) {
    if (type === 'weekday') day = DAYS.indexOf(value.toLowerCase() as (typeof DAYS)[number]);
    else if (type === 'hour') hour = Number(value);
    else if (type === 'minute') minute = Number(value);
  }
  return { day, minute: hour * 60 + minute };
}

/** Whether a window holds at a local time. It belongs to the day it begins on: `fri 22:00–06:00` has Saturday's 03:00. */
export function inWindow({ days, from, to }: Window, { day, minute }: LocalTime): boolean {
  if (from < to) return days[day] === true && minute >= from && minute < to;
  return (days[day] === true && minute >= from) || (days[(day + 6) % 7] === true && minute < to);
}

/** `07:30` → 450; `24:00` is the end of a day. Undefined where it is no time of day. */
export function minuteOf(text: string): number | undefined {
  const [, hour, minute] = /^(\d{1,2}):(\d{2})$/.exec(text.trim()) ?? [];
  const value = Number(hour) * 60 + Number(minute);
  return Number(minute) < 60 && value <= DAY_MINUTES ? value : undefined;
}

const LONG: Record<string, number> = {};
for (const [index, name] of ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'].entries()) {
  LONG[name] = index;
  LONG[name.slice(0, 3)] = index;
}

/** `mon`, `monday`, `mon-fri`, `sat-mon`, `daily` → the weekdays; undefined where it is none. */
export function daysOf(text: string): number[] | undefined {
  const word = text.trim().toLowerCase();
  if (word === 'daily' || word === 'all') return [0, 1, 2, 3, 4, 5, 6];
  const [first = '', last = first, ...more] = word.split('-').map((part) => part.trim());
  const [from, to] = [first, last].map((part) => (Object.hasOwn(LONG, part) ? LONG[part] : undefined));
  if (from === undefined || to === undefined || more.length > 0) return undefined;
  return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, index) => (from + index) % 7);
}

const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;

export const showWindow = ({ days, from, to }: Window): string =>
  `${DAYS.filter((_, index) => days[index]).join(',')} ${clock(from)}–${clock(to)}`;

export const showLocal = ({ day, minute }: LocalTime): string => `${DAYS[day]} ${clock(minute)}`;
