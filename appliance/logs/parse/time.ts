/** A time that was read, and where the text goes on. */
export interface ReadTime {
  time: string;
  end: number;
}

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';
const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** The longest fraction of a second that is read over. */
const MAX_FRACTION = 12;

const isDigit = (c: number): boolean => c >= 48 && c <= 57;

/** `count` digits at `at`, or -1. */
export function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const c = text.charCodeAt(i);
    if (!(c >= 48 && c <= 57)) return -1;
    value = value * 10 + c - 48;
  }
  return value;
}

const leap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

const isDate = (year: number, month: number, day: number): boolean =>
  year >= 0 &&
  month >= 1 &&
  month <= 12 &&
  day >= 1 &&
  day <= DAYS[month - 1]! &&
  (month !== 2 || day < 29 || leap(year));

/** `hh:mm:ss` and up to six places of its fraction at `at`; a leap second is a valid one. */
function clock(text: string, at: number): ReadTime | undefined {
  const hour = digits(text, at, 2);
  const minute = digits(text, at + 3, 2);
  const second = digits(text, at + 6, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return undefined;
  if (text.charCodeAt(at + 2) !== 58 || text.charCodeAt(at + 5) !== 58) return undefined;
  let end = at + 8;
  const mark = text.charCodeAt(end);
  if ((mark !== 46 && mark !== 44) || !isDigit(text.charCodeAt(end + 1))) return { time: text.slice(at, end), end };
  end++;
  const from = end;
  while (end - from < MAX_FRACTION && isDigit(text.charCodeAt(end))) end++;
  return { time: `${text.slice(at, at + 8)}.${text.slice(from, Math.min(end, from + 6))}`, end };
}

/** `Z`, `+01:00`, `+0100` or `+01` at `at`, as RFC 3339 writes it; empty when there is none. */
function zone(text: string, at: number): ReadTime {
  const sign = text.charCodeAt(at);
  if (sign === 90) return { time: 'Z', end: at + 1 };
  if (sign !== 43 && sign !== 45) return { time: '', end: at };
  const hours = digits(text, at + 1, 2);
  if (hours < 0 || hours > 23) return { time: '', end: at };
  const colon = text.charCodeAt(at + 3) === 58 ? 1 : 0;
  const minutes = digits(text, at + 3 + colon, 2);
  if (minutes < 0) return { time: `${text.slice(at, at + 3)}:00`, end: at + 3 };
  if (minutes > 59) return { time: '', end: at };
  return { time: `${text.slice(at, at + 3)}:${text.slice(at + 3 + colon, at + 5 + colon)}`, end: at + 5 + colon };
}

/** RFC 3339, also with a blank for the `T`, `/` in the date, a comma before the fraction, or without a zone. */
export function isoTime(text: string, at: number): ReadTime | undefined {
  const mark = text.charCodeAt(at + 4);
  if ((mark !== 45 && mark !== 47) || text.charCodeAt(at + 7) !== mark) return undefined;
  const year = digits(text, at, 4);
  const month = digits(text, at + 5, 2);
  const day = digits(text, at + 8, 2);
  const between = text.charCodeAt(at + 10);
  if (!isDate(year, month, day) || (between !== 84 && between !== 116 && between !== 32)) return undefined;
  const read = clock(text, at + 11);
  if (!read) return undefined;
  const offset = zone(text, read.end);
  return { time: `${date(year, month, day)}T${read.time}${offset.time}`, end: offset.end };
}

const date = (year: number, month: number, day: number): string =>
  `${String(year).padStart(4, '0')}-${month < 10 ? '0' : ''}${month}-${day < 10 ? '0' : ''}${day}`;

/**
 * `Nov  2 10:00:00`, also with a year before or behind the clock, a fraction and a zone. Where no year is sent it's the
 * one that brings the time nearest to its receipt (microseconds since 1970); without that `time` is empty.
 */
export function bsdTime(text: string, at: number, receivedUs: number | undefined): ReadTime | undefined {
  const place = MONTHS.indexOf(text.slice(at, at + 3));
  if (place < 0 || place % 3 !== 0 || text.charCodeAt(at + 3) !== 32) return undefined;
  const month = place / 3 + 1;
  let i = at + 4;
  if (text.charCodeAt(i) === 32) i++;
  let day = digits(text, i, 2);
  if (day < 0) day = digits(text, i, 1);
  i += isDigit(text.charCodeAt(i + 1)) ? 2 : 1;
  if (day < 1 || day > DAYS[month - 1]! || text.charCodeAt(i) !== 32) return undefined;
  i++;
  let year = text.charCodeAt(i + 4) === 32 ? digits(text, i, 4) : -1;
  const read = clock(text, year < 0 ? i : i + 5);
  if (!read) return undefined;
  let { end } = read;
  if (text.charCodeAt(end) === 32 && year < 0 && isYear(text, end + 1)) {
    year = digits(text, end + 1, 4);
    end += 5;
  }
  const offset = clockZone(text, end);
  if (year < 0) year = nearestYear(month, day, read.time, receivedUs);
  if (!isDate(year, month, day)) return { time: '', end: offset.end };
  return { time: `${date(year, month, day)}T${read.time}${offset.time}`, end: offset.end };
}

/** Four digits that begin with 19 or 20 and are a word, or end at a colon as Cisco writes it. */
function isYear(text: string, at: number): boolean {
  const century = digits(text, at, 2);
  const next = text.charCodeAt(at + 4);
  return (century === 19 || century === 20) && digits(text, at + 2, 2) >= 0 && !(next > 32 && next !== 58);
}

/** Offsets as they are; of names only UTC and GMT say one, others are read over where a colon follows (Cisco). */
function clockZone(text: string, at: number): ReadTime {
  if (text.charCodeAt(at) !== 32) return zone(text, at);
  let end = at + 1;
  while (end < at + 6 && text.charCodeAt(end) >= 65 && text.charCodeAt(end) <= 90) end++;
  if (end > at + 2 && text.charCodeAt(end) === 58) {
    const name = text.slice(at + 1, end);
    return { time: name === 'UTC' || name === 'GMT' ? 'Z' : '', end };
  }
  const offset = zone(text, at + 1);
  return offset.time !== '' && offset.time !== 'Z' ? offset : { time: '', end: at };
}

/** -1 when nobody knows. */
function nearestYear(month: number, day: number, clock: string, receivedUs: number | undefined): number {
  if (receivedUs === undefined || !Number.isFinite(receivedUs)) return -1;
  const received = receivedUs / 1000;
  const now = new Date(received).getUTCFullYear();
  let best = -1;
  let distance = Number.POSITIVE_INFINITY;
  for (let year = now - 1; year <= now + 1; year++) {
    if (!isDate(year, month, day)) continue;
    const time = Date.UTC(year, month - 1, day, Number(clock.slice(0, 2)), Number(clock.slice(3, 5)));
    if (Math.abs(time - received) < distance) [best, distance] = [year, Math.abs(time - received)];
  }
  return best;
}

/** `22/Nov/2026:10:00:00 +0100`, as access logs have it. */
export function accessTime(text: string, at: number): ReadTime | undefined {
  const day = digits(text, at, 2);
  const place = MONTHS.indexOf(text.slice(at + 3, at + 6));
  const year = digits(text, at + 7, 4);
  if (text.charCodeAt(at + 2) !== 47 || text.charCodeAt(at + 6) !== 47 || text.charCodeAt(at + 11) !== 58)
    return undefined;
  if (place < 0 || place % 3 !== 0 || !isDate(year, place / 3 + 1, day)) return undefined;
  const read = clock(text, at + 12);
  if (!read) return undefined;
  const offset = text.charCodeAt(read.end) === 32 ? zone(text, read.end + 1) : { time: '', end: read.end };
  return { time: `${date(year, place / 3 + 1, day)}T${read.time}${offset.time}`, end: offset.end };
}

/**
 * FortiOS' `date`, `time` and `tz`, and the microseconds of its `eventtime` (nanoseconds since 1970) where that is the
 * same second. Undefined when date or time aren't valid.
 */
export function dateTime(day: string, time: string, offset: string, nanoseconds: string): string | undefined {
  if (day !== lastDay || day === '') {
    if (!isDay(day)) return undefined;
    lastDay = day;
  }
  if (offset !== lastOffset) [lastOffset, lastZone] = [offset, offset === '' ? '' : zone(offset, 0).time];
  const second = secondOf(time);
  if (second < 0) return undefined;
  const exact = nanoseconds.length === 19 && digits(nanoseconds, 0, 10) % 60 === second;
  return `${day}T${time}${exact && digits(nanoseconds, 10, 6) >= 0 ? `.${nanoseconds.slice(10, 16)}` : ''}${lastZone}`;
}

/** What was valid last: thousands of lines have the same date and zone. */
let lastDay = '';
let lastOffset = '';
let lastZone = '';

const isDay = (day: string): boolean =>
  day.length === 10 &&
  day.charCodeAt(4) === 45 &&
  day.charCodeAt(7) === 45 &&
  isDate(digits(day, 0, 4), digits(day, 5, 2), digits(day, 8, 2));

/** The second of a whole `hh:mm:ss`, or -1. */
function secondOf(time: string): number {
  const hour = digits(time, 0, 2);
  const minute = digits(time, 3, 2);
  const second = digits(time, 6, 2);
  if (time.length !== 8 || time.charCodeAt(2) !== 58 || time.charCodeAt(5) !== 58) return -1;
  return hour < 0 || hour > 23 || minute < 0 || minute > 59 || second > 60 ? -1 : second;
}
