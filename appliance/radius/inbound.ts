import type { Access, Decision, Facts, NamedAttribute } from '../access/index.ts';
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
  renderer: Renderer;
  /** Milliseconds since 1970. */
  now(): number;
}) {
  const { access, local, renderer, now } = options;

  const decide = ({ subject }: Accept, method: Facts['method']): Decision => {
    const { username, userId, groups, device, voucher } = subject;
    return access.decide({ door: 'radius', username, userId, groups, method, device, voucher, at: now() });
  };
  const held = (attempt: Attempt, verdict: Verdict): Verdict => {
    if (verdict.outcome !== 'accept') return verdict;
    const { action, reason, policy, message } = decide(verdict, attempt.credentials.kind);
    if (action !== 'deny') return verdict;
    return { outcome: 'reject', reason: reason ?? `denied by the policy ${policy?.name ?? ''}`, message };
  };

  return {
    authenticate: ((attempt) => {
      const verdict = local(attempt);
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
