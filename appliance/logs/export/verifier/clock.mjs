import { readable } from './bytes.mjs';
import { CLOCK_SLACK_US } from './chain.mjs';

/** @typedef {import('./chain.mjs').Finding} Finding */
/** @typedef {{ boot: number, receiveUs: number, monotonicUs: number, unsynchronised: boolean }} Times */
/** Somebody else's time for a size of the log. @typedef {{ size: number, us: number, by: string }} Anchor */

/** A checkpoint is a few seconds old when a witness or a time-stamp authority sees it, at worst this much. */
const ANCHOR_AGE_US = 60_000_000;

/**
 * Says where the clock was turned back by more than 2 s. Records come in the order of their index.
 *
 * Within a run of the machine the wall clock minus the monotonic clock only changes when somebody sets the clock; over a
 * start of the machine it grows. So it never falls, and no record of a later start is older than one of an earlier. Two
 * cases are told without being a defect, because the records themselves say that their clock wasn't to be relied on: it was
 * unsynchronised and then corrected; or the machine started anew and had no time yet.
 * @param {Anchor[]} anchors @returns {{ check(index: number, times: Times): { finding?: Finding, remark?: string } }}
 */
export function clockChecker(anchors) {
  const before = [...anchors].sort((a, b) => a.size - b.size);
  /** The earliest time by which all records below that size were there. */
  const ceilings = [...before];
  for (let i = ceilings.length - 2; i >= 0; i--) if (ceilings[i + 1].us < ceilings[i].us) ceilings[i] = ceilings[i + 1];
  let next = 0;
  /** @type {Anchor | undefined} */
  let floor;
  /** @type {Anchor | undefined} */
  let told;
  /** @type {Times & { offset: number } | undefined} */
  let last;
  /** The newest wall clock time of this start of the appliance and of those before it. */
  let newest = 0;
  let newestBefore = 0;
  return {
    check(index, times) {
      const offset = times.receiveUs - times.monotonicUs;
      const reference = last?.offset ?? offset;
      const restarted = last !== undefined && times.boot !== last.boot;
      const machineStarted = restarted && times.monotonicUs < last.monotonicUs;
      if (restarted) newestBefore = newest;
      for (; next < before.length && before[next].size <= index; next++) {
        if (!floor || before[next].us > floor.us) floor = before[next];
      }
      const ceiling = ceilings[next];
      const result = (() => {
        const by = Math.max(reference - offset, newestBefore - times.receiveUs);
        if (last && by > CLOCK_SLACK_US) {
          const text = `The clock was turned back by ${Math.round(by / 1e5) / 10} s before record ${index}, which says ${readable(times.receiveUs)}`;
          if (!restarted && last.unsynchronised && !times.unsynchronised) {
            return { remark: `${text}: it hadn’t been synchronised before, and then was.` };
          }
          if (machineStarted && times.unsynchronised) {
            return { remark: `${text}: the machine had started anew and its clock wasn’t synchronised yet.` };
          }
          return { finding: { index, defect: 'clock turned back', text: `${text}.` } };
        }
        if (floor && floor !== told && times.receiveUs < floor.us - ANCHOR_AGE_US - CLOCK_SLACK_US) {
          told = floor;
          const text = `Record ${index} says that it was received on ${readable(times.receiveUs)}, but it follows on the ${floor.size} records that ${floor.by} had seen already on ${readable(floor.us)}: the clock was turned back.`;
          if (times.unsynchronised) return { remark: text };
          return { finding: { index, defect: 'clock turned back', text } };
        }
        if (ceiling && ceiling !== told && times.receiveUs > ceiling.us + CLOCK_SLACK_US) {
          told = ceiling;
          const text = `Record ${index} says that it was received on ${readable(times.receiveUs)}, later than ${ceiling.by} had seen it: ${readable(ceiling.us)}. The clock was ahead and was turned back, or that other clock is behind.`;
          if (times.unsynchronised) return { remark: text };
          return { finding: { index, defect: 'clock turned back', text } };
        }
        return {};
      })();
      if (result.finding || result.remark) {
        // Told once: from here on it counts from the new time.
        newest = newestBefore = times.receiveUs;
        last = { ...times, offset };
      } else {
        newest = Math.max(newest, times.receiveUs);
        // A reading may be a little late; what counts is the highest since it was last set, or it could creep back.
        last = { ...times, offset: machineStarted ? offset : Math.max(offset, reference) };
      }
      return result;
    },
  };
}
