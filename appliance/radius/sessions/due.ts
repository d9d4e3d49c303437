/** A session that was admitted counts this long without its Accounting-Start, which a NAS may never send. */
export const START_DUE_MS = 60_000;
/** Devices of one person, and people, that are remembered so; the oldest go. */
export const MAX_DUE_DEVICES = 64;
export const MAX_DUE_PEOPLE = 10_000;

/** Devices that were let in and whose session hasn't begun yet. `at`: milliseconds since 1970. */
export function createDue() {
  /** By person and MAC address, both in the order of time. */
  const people = new Map<string, { at: number; devices: Map<string, number> }>();

  return {
    add(key: string, mac: string, at: number): void {
      const known = people.get(key);
      const person = known ?? { at, devices: new Map<string, number>() };
      person.at = at;
      person.devices.delete(mac);
      person.devices.set(mac, at);
      if (person.devices.size > MAX_DUE_DEVICES) person.devices.delete(person.devices.keys().next().value!);
      if (known) people.delete(key);
      people.set(key, person);
      for (const [other, { at: last }] of people) {
        if (people.size <= MAX_DUE_PEOPLE && last > at - START_DUE_MS) break;
        people.delete(other);
      }
    },
    /** Its session has begun. */
    drop(key: string, mac: string): void {
      const person = people.get(key);
      if (person?.devices.delete(mac) && person.devices.size === 0) people.delete(key);
    },
    /** How many there are but for the device that asks. */
    count(key: string, at: number, mac: string | null | undefined): number {
      let count = 0;
      for (const [device, since] of people.get(key)?.devices ?? []) {
        if (device !== mac && since > at - START_DUE_MS) count++;
      }
      return count;
    },
    get size(): number {
      return people.size;
    },
  };
}
