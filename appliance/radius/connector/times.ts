const FORMAT = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d):(\d\d):(\d\d) ([+-])(\d\d):?(\d\d)$/;

/** Milliseconds since 1970 of `2017/01/10 01:59:59 +0000`, or of a time as in RFC 3339; undefined for anything else. */
export function parseTime(text: string): number | undefined {
  const [, year, month, day, hour, minute, second, sign, zoneHour, zoneMinute] = FORMAT.exec(text) ?? [];
  const iso =
    year === undefined ? text : `${year}-${month}-${day}T${hour}:${minute}:${second}${sign}${zoneHour}:${zoneMinute}`;
  try {
    return Temporal.Instant.from(iso).epochMilliseconds;
  } catch {
    return undefined;
  }
}

/** A time as the connector's document writes it, in UTC. */
export function formatTime(ms: number): string {
  const [date = '', time = ''] = new Date(ms).toISOString().split(/[T.]/);
  return `${date.replaceAll('-', '/')} ${time} +0000`;
}
