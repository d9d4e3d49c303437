import type { Access, Decision, Facts, NamedAttribute } from '../access/index.ts';
import { createRoute, type Resolve } from './authenticate/index.ts';
import type { Renderer } from './render/index.ts';
import type { Attempt, Authenticate, Verdict } from './types.ts';

type Accept = Extract<Verdict, { outcome: 'accept' }>;

/**
 * The policies for who is asked about by another RADIUS server (`POST /connector/authenticate`), which doesn't say where
 * somebody is: no NAS, no SSID, no MAC address.
 */
export function createInbound(options: {
  access: Pick<Access, 'decide'>;
  local: Authenticate;
  resolve: Resolve;
  renderer: Renderer;
  /** Milliseconds since 1970. */
  now(): number;
}) {
  const { access, renderer, now } = options;
  // The site's own users only: were others asked, two servers could ask each other for ever.
  const route = createRoute({
    ...options,
    rest: async () => ({ outcome: 'reject', reason: 'the realm is not of this site' }),
  });

  const decide = ({ subject, realm }: Accept, method: Facts['method']): Decision => {
    const { username, userId, groups, device, voucher } = subject;
    return access.decide({ door: 'radius', username, realm, userId, groups, method, device, voucher, at: now() });
  };
  const held = (attempt: Attempt, verdict: Verdict): Verdict => {
    if (verdict.outcome !== 'accept') return verdict;
    const { action, reason, policy, message } = decide(verdict, attempt.credentials.kind);
    if (action !== 'deny') return verdict;
    return { outcome: 'reject', reason: reason ?? `denied by the policy ${policy?.name ?? ''}`, message };
  };

  return {
    authenticate: ((attempt) => {
      const verdict = route(attempt);
      return verdict instanceof Promise ? verdict.then((late) => held(attempt, late)) : held(attempt, verdict);
    }) satisfies Authenticate,
    /** By name, for the other server to encode; what is encrypted is its own to make. */
    attributesFor(verdict: Accept): NamedAttribute[] {
      const { items } = renderer.render(decide(verdict, 'pap'), 'generic');
      return items
        .filter(({ encoded }) => encoded !== undefined)
        .map(({ name, value }) => ({ name, value: String(value), op: '+=' }));
    },
  };
}
