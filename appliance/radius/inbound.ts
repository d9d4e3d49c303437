import type { Access, Facts } from '../access/index.ts';
import { type Authorize, createRoute, displayName, least, type Resolve, withoutNul } from './authenticate/index.ts';
import type { Attempt, Authenticate, Subject, Verdict } from './types.ts';

/**
 * Who is asked about by another RADIUS server (`POST /connector/authenticate`), held to the same policies and limits as at
 * a NAS of type `generic`. It doesn't say where somebody is: no NAS, no SSID, no MAC address. An accept has the decision's
 * attributes by name, for the other server to encode; what is encrypted is its own to make.
 */
export function createInbound(options: {
  access: Pick<Access, 'record'>;
  authorize: Pick<Authorize, 'termsOf'>;
  local: Authenticate;
  resolve: Resolve;
  /** Milliseconds since 1970. */
  now(): number;
}): Authenticate {
  const { access, authorize, resolve, now } = options;
  // The site's own users only: were others asked, two servers could ask each other for ever.
  const route = createRoute({
    ...options,
    rest: async () => ({ outcome: 'reject', reason: 'the realm is not of this site' }),
  });

  const factsOf = (attempt: Attempt, username: string, realm: string | undefined, subject?: Subject): Facts => ({
    door: 'radius',
    username: withoutNul(username),
    realm: realm === undefined ? undefined : withoutNul(realm),
    userId: subject?.userId,
    groups: subject?.groups ?? [],
    method: attempt.credentials.kind,
    device: subject?.device,
    voucher: subject?.voucher,
    at: now(),
  });

  const held = (attempt: Attempt, verdict: Verdict): Verdict => {
    if (verdict.outcome === 'none') return verdict;
    if (verdict.outcome === 'reject') {
      const { login, realm } = resolve(attempt.login, undefined);
      access.record({ facts: factsOf(attempt, login, realm), outcome: 'reject', reason: verdict.reason });
      return verdict;
    }
    const { subject, realm } = verdict;
    const facts = factsOf(attempt, subject.username, realm, subject);
    const {
      decided,
      rendered,
      limits,
      reason = '',
      message,
    } = authorize.termsOf(facts, displayName(facts), subject, 'generic');
    if (!rendered) {
      access.record({ facts, outcome: 'reject', reason, decision: decided });
      return { outcome: 'reject', reason, message };
    }
    access.record({ facts, outcome: 'accept', decision: decided });
    const attributes = rendered.items
      .filter(({ encoded }) => encoded !== undefined)
      .map(({ name, value }) => ({ name, value: String(value), op: '+=' as const }));
    return { ...verdict, attributes, sessionTimeout: least(verdict.sessionTimeout, limits.seconds) };
  };

  return (attempt) => {
    const verdict = route(attempt);
    return verdict instanceof Promise ? verdict.then((late) => held(attempt, late)) : held(attempt, verdict);
  };
}
