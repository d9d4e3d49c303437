import { type EnrollRequest, type Offer, type OfferProblem, parseOffer } from '../core/index.ts';
import type { Clock } from './clock.ts';
import { Problem } from './problem.ts';

/** How long an invitation waits for the user's word, ms. */
export const OFFER_LIFETIME = 10 * 60_000;

/** The invitation that waits. The token is in here and nowhere else until the user has confirmed it. */
export interface Enrollment {
  /** Takes an invitation in the place of any other; says why when it is none. */
  offer(text: string, from: EnrollRequest['from']): OfferProblem | null;
  request(adds: boolean): EnrollRequest | null;
  /**
   * Hands the invitation over; it stays to be seen until it is used up (`done`) or couldn't be used (`putBack`). Throws a
   * Problem when it isn't the one that the user has seen.
   */
  take(seen: { host: string; allowPlain: boolean }): { offer: Offer; putBack(): void; done(): void };
  /** Forgets the invitation to `host`; throws a Problem when it is another. */
  drop(host: string): void;
}

export function createEnrollment(clock: Clock, changed: () => void): Enrollment {
  let waiting: { offer: Offer; from: EnrollRequest['from']; until: number; joining: boolean } | null = null;
  let cancel = (): void => undefined;
  const set = (next: typeof waiting): void => {
    cancel();
    waiting = next;
    if (next) cancel = clock.after(Math.max(0, next.until - clock.now()), () => set(null));
    changed();
  };
  const seen = (host: string) => {
    if (!waiting) throw new Problem('offer-gone');
    if (waiting.offer.host !== host) throw new Problem('offer-changed');
    return waiting;
  };
  return {
    offer: (text, from) => {
      const offer = parseOffer(text);
      if ('problem' in offer) return offer;
      set({ offer, from, until: clock.now() + OFFER_LIFETIME, joining: false });
      return null;
    },
    request: (adds) => {
      if (!waiting) return null;
      const { offer, from, joining } = waiting;
      return { url: offer.url, host: offer.host, plain: offer.plain, from, adds, ...(joining && { joining }) };
    },
    take: ({ host, allowPlain }) => {
      const taken = seen(host);
      if (taken.offer.plain && !allowPlain) throw new Problem('offer-plain');
      const joining = { ...taken, joining: true };
      set(joining);
      // Not in the place of one that has come since.
      const end = (next: typeof waiting) => (): void => {
        if (waiting === joining) set(next);
      };
      return { offer: taken.offer, putBack: end(taken), done: end(null) };
    },
    drop: (host) => {
      seen(host);
      set(null);
    },
  };
}
