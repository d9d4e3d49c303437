import type { AgentStatus } from '@gatehouse/protocol';
import { type EnrollRequest, type Offer, type OfferProblem, parseOffer } from '../core/index.ts';
import type { Clock } from './clock.ts';
import { Problem } from './problem.ts';

/** How long an invitation waits for the user's word, ms. */
export const OFFER_LIFETIME = 10 * 60_000;
/** So many wait at once, the shown one among them. */
export const MAX_OFFERS = 5;

/**
 * The invitations that wait, one after the other: the first is shown, and none takes its place before it was answered or
 * its time has passed. Their tokens are in here and nowhere else until the user has confirmed them.
 */
export interface Enrollment {
  /** Takes an invitation behind those that wait; says why when it can't. One that waits already gets its time anew. */
  offer(text: string, from: EnrollRequest['from']): OfferProblem | null;
  /** The one to show. */
  request(adds: boolean): EnrollRequest | null;
  /**
   * Hands the shown invitation over; it stays to be seen until it is used up (`done`) or couldn't be used (`putBack`).
   * `before` are the networks that were good until then. Throws a Problem when `id` isn't the shown one's.
   */
  take(seen: { id: number; allowPlain: boolean; before: readonly string[] }): {
    offer: Offer;
    putBack(): void;
    done(): void;
    /** A network of it has come, whatever the daemon answers yet. */
    arrived(): boolean;
  };
  /**
   * Forgets what was used and has led to one of these networks, also where the daemon didn't say so in time: it may have
   * gone on by itself. Says whether that was more than the answer's to do.
   */
  settle(profiles: AgentStatus['profiles']): boolean;
  /** Forgets the shown invitation; throws a Problem when `id` isn't its. */
  drop(id: number): void;
}

interface Waiting {
  readonly id: number;
  readonly offer: Offer;
  readonly from: EnrollRequest['from'];
  readonly until: number;
  readonly joining: boolean;
  /** Once it was handed over: the networks that were good until then. */
  readonly before: readonly string[] | null;
}

const isSame = (one: Offer, other: Offer): boolean =>
  one.url === other.url && one.token === other.token && one.pin === other.pin;

export function createEnrollment(clock: Clock, changed: () => void): Enrollment {
  let list: readonly Waiting[] = [];
  let last = 0;
  let cancel = (): void => undefined;
  const set = (next: readonly Waiting[]): void => {
    cancel();
    list = next;
    // What is under way ends by its answer.
    const ends = list.filter(({ joining }) => !joining).map(({ until }) => until);
    if (ends.length > 0) cancel = clock.after(Math.max(0, Math.min(...ends) - clock.now()), expire);
    changed();
  };
  const expire = (): void => set(list.filter(({ joining, until }) => joining || until > clock.now()));
  const change = (id: number, how: Partial<Waiting>): void =>
    set(list.map((each) => (each.id === id ? { ...each, ...how } : each)));
  const without = (id: number): void => set(list.filter((each) => each.id !== id));
  const seen = (id: number): Waiting => {
    const [shown] = list;
    if (!shown) throw new Problem('offer-gone');
    if (shown.id !== id) throw new Problem('offer-changed');
    return shown;
  };
  return {
    offer: (text, from) => {
      const offer = parseOffer(text);
      if ('problem' in offer) return offer;
      const until = clock.now() + OFFER_LIFETIME;
      const same = list.find((each) => isSame(each.offer, offer));
      if (same) {
        change(same.id, { until });
        return null;
      }
      if (list.length >= MAX_OFFERS) return { problem: 'offer.too-many' };
      last += 1;
      set([...list, { id: last, offer, from, until, joining: false, before: null }]);
      return null;
    },
    request: (adds) => {
      const [shown] = list;
      if (!shown) return null;
      const { id, offer, from, joining } = shown;
      const { url, host, plain } = offer;
      const pinned = offer.pin !== undefined && { pinned: true };
      return { id, url, host, plain, ...pinned, from, adds, behind: list.length - 1, ...(joining && { joining }) };
    },
    take: ({ id, allowPlain, before }) => {
      const { offer } = seen(id);
      if (offer.plain && !allowPlain) throw new Problem('offer-plain');
      change(id, { joining: true, before });
      return {
        offer,
        putBack: () => change(id, { joining: false }),
        done: () => without(id),
        arrived: () => !list.some((each) => each.id === id),
      };
    },
    settle: (profiles) => {
      const has = ({ before, offer }: Waiting): boolean =>
        before !== null && profiles.some((one) => !one.revoked && one.url === offer.url && !before.includes(one.id));
      const come = list.filter(has);
      if (come.length > 0) set(list.filter((each) => !come.includes(each)));
      return come.some(({ joining }) => !joining);
    },
    drop: (id) => {
      seen(id);
      without(id);
    },
  };
}
