import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

/** So long may the system take to resolve a name that was resolved before, ms. */
const PATIENCE = 3_000;

/**
 * The system's lookup; where that fails or doesn't answer, the address that `remembered` has: a full tunnel takes DNS
 * along, and a dead one then keeps the name of its own controller from being found.
 */
export function rememberingLookup(
  remembered: () => string | undefined,
  { system = lookup as LookupFunction, patience = PATIENCE } = {},
): LookupFunction {
  return (hostname, options, callback) => {
    const known = remembered();
    if (known === undefined) {
      system(hostname, options, callback);
      return;
    }
    let settled = false;
    const settle: typeof callback = (error, found, family) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      if (!error) return callback(null, found, family);
      const last: LookupAddress = { address: known, family: isIP(known) };
      if (options.all) callback(null, [last]);
      else callback(null, last.address, last.family);
    };
    const timer = setTimeout(() => settle(new Error('no answer'), ''), patience);
    system(hostname, options, settle);
  };
}
