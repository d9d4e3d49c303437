import { createDue } from './due.ts';
import { type Session, usedSeconds } from './merge.ts';

/** The day of a site's zone around a time: its start and its end, milliseconds since 1970. */
export type DayOf = (siteId: string, at: number) => { start: number; end: number };

/** What somebody uses now and has used today. */
export interface Usage {
  /** With those that are about to begin. */
  sessions: number;
  bytes: number;
  seconds: number;
}

/** Of somebody with more sessions than this the running time isn't added up: the accounted time has to do. */
const COUNTED_SESSIONS = 64;

interface Person {
  active: Set<Session>;
  dayStart: number;
  dayEnd: number;
  bytes: number;
  seconds: number;
}

/** Whose usage a session counts for: a person with one id under all of their names, else a name. */
export const usageKey = (userId: string | null, username: string): string =>
  userId === null ? `name:${username.toLowerCase()}` : `user:${userId}`;

/** Sessions and today's usage by person. Each question is answered without a walk over sessions. */
export function createUsage(dayOf: DayOf) {
  const people = new Map<string, Person>();
  const days = new Map<string, { start: number; end: number }>();
  const due = createDue();

  const day = (siteId: string, at: number): { start: number; end: number } => {
    const known = days.get(siteId);
    if (known && at >= known.start && at < known.end) return known;
    const found = dayOf(siteId, at);
    if (!known || found.start > known.start) days.set(siteId, found);
    return found;
  };
  const personOf = (key: string): Person => {
    let person = people.get(key);
    if (!person) {
      person = { active: new Set(), dayStart: 0, dayEnd: 0, bytes: 0, seconds: 0 };
      people.set(key, person);
    }
    return person;
  };
  const add = (key: string, at: { start: number; end: number }, bytes: number, seconds: number): void => {
    const person = personOf(key);
    if (person.dayStart > at.start) return;
    if (person.dayStart < at.start) {
      person.dayStart = at.start;
      person.dayEnd = at.end;
      person.bytes = 0;
      person.seconds = 0;
    }
    person.bytes += bytes;
    person.seconds += seconds;
  };

  return {
    day,
    /** Counts what a record has added to a session: on the day of the record, which may begin within it. */
    count(session: Session, at: number, bytes: number, seconds: number): void {
      if (bytes <= 0 && seconds <= 0) return;
      const today = day(session.siteId, at);
      if (today.start < session.dayStart) return;
      if (today.start > session.dayStart) {
        session.dayStart = today.start;
        session.dayBytes = 0;
        session.daySeconds = 0;
      }
      const counted = Math.min(seconds, Math.ceil((at - today.start) / 1000));
      session.dayBytes += bytes;
      session.daySeconds += counted;
      add(session.userKey, today, bytes, counted);
    },
    /** What the database knows of an earlier run. */
    restore(key: string, siteId: string, dayStart: number, bytes: number, seconds: number, now: number): void {
      const today = day(siteId, now);
      if (today.start === dayStart) add(key, today, bytes, seconds);
    },
    setActive(session: Session, active: boolean): void {
      const person = personOf(session.userKey);
      if (!active) person.active.delete(session);
      else {
        person.active.add(session);
        if (session.mac !== null) due.drop(session.userKey, session.mac);
      }
    },
    /** Somebody was let in: their session counts before it begins, so that two at the same moment are two. */
    admitted(key: string, at: number, mac: string): void {
      const active = people.get(key)?.active;
      if (active && active.size > COUNTED_SESSIONS) return;
      // Who comes again within a session begins no other.
      for (const session of active ?? []) if (session.mac === mac) return;
      due.add(key, mac, at);
    },
    /** `mac`: a device whose own sessions don't count, as it is the one that asks. */
    of(key: string, at: number, mac?: string | null): Usage {
      const person = people.get(key);
      let sessions = due.count(key, at, mac);
      if (!person) return { sessions, bytes: 0, seconds: 0 };
      const current = at < person.dayEnd;
      sessions += person.active.size;
      let seconds = current ? person.seconds : 0;
      if (person.active.size <= COUNTED_SESSIONS) {
        for (const session of person.active) {
          if (mac && session.mac === mac) sessions--;
          seconds += Math.max(0, Math.floor((at - Math.max(session.heardAt, day(session.siteId, at).start)) / 1000));
        }
      }
      return { sessions, bytes: current ? person.bytes : 0, seconds };
    },
    /** Forgets people whose day is over and who are gone. */
    sweep(now: number): void {
      for (const [key, person] of people) if (person.active.size === 0 && person.dayEnd <= now) people.delete(key);
    },
    get size(): number {
      return people.size;
    },
  };
}
export type UsageBook = ReturnType<typeof createUsage>;

/** Octets and seconds of a session so far. */
export const usedOf = (session: Session): { bytes: number; seconds: number } => ({
  bytes: session.bytesIn + session.bytesOut,
  seconds: usedSeconds(session),
});
