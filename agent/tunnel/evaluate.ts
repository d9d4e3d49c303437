import type { TunnelStateName } from '@gatehouse/protocol';
import { type Cause, type Now, TIMES, type TunnelState } from './state.ts';

const cause = (code: Cause['code'], message: string): Cause => ({ code, message });

/** What is wrong between this device and its hub; null when packets cross. A hub has no hub to lose. */
export function linkCause(state: TunnelState, mono: number): Cause | null {
  if (state.role === 'hub') return null;
  if (!state.hub) return cause('no-handshake', 'This network has no hub yet: an administrator must add one.');
  const { link, hub } = state;
  const fresh = link?.handshakeAt != null && mono - link.handshakeAt <= TIMES.handshake;
  if (fresh && link.rxAt !== null && mono - link.rxAt < TIMES.silent) return null;
  if (state.unresolved !== null) {
    return cause(
      'endpoint-unresolved',
      `The name ${state.unresolved} of hub ${hub.name} can't be resolved: check this machine's DNS. It is tried again.`,
    );
  }
  if (fresh) {
    return cause('no-traffic', `Nothing arrives from hub ${hub.name}: check the network between here and it.`);
  }
  return cause(
    'no-handshake',
    `Hub ${hub.name} doesn't answer: check that UDP to it isn't blocked and that it is running.`,
  );
}

/** True while packets cross the tunnel, whatever else is wrong. */
export function carries(state: TunnelState, mono: number): boolean {
  return state.enrolled && state.target === 'up' && state.open && state.network && linkCause(state, mono) === null;
}

/** What is wrong with the controller channel; silent for the first seconds, for it may just be reconnecting. */
function controllerCause(state: TunnelState, mono: number): Cause | null {
  const { connected, awayAt, problem } = state.controller;
  if (connected || mono - awayAt <= TIMES.controllerAway) return null;
  return cause(
    problem?.code ?? 'controller-unreachable',
    `${problem?.message ?? "The controller can't be reached."} The tunnel still works as it was configured last.`,
  );
}

const NO_NETWORK = cause('no-network', 'This machine has no network: connect it. The tunnel resumes by itself.');

/** The state's name and cause, from everything else that is known at this moment. */
export function evaluate(state: TunnelState, now: Now): { name: TunnelStateName; cause: Cause | null } {
  if (!state.enrolled) {
    const message = state.enrollProblem ?? 'This device is not enrolled: gatehouse enroll <url> --token <token>.';
    return { name: 'disconnected', cause: cause('not-enrolled', message) };
  }
  if (state.target === 'down') return { name: 'disconnected', cause: null };
  if (state.revoked !== null) return { name: 'error', cause: cause('revoked', state.revoked) };
  if (state.failure) return { name: 'error', cause: state.failure.cause };
  if (!state.role) {
    if (!state.network) return { name: 'connecting', cause: NO_NETWORK };
    const problem = state.controller.problem;
    if (problem) return { name: problem.code === 'certificate' ? 'error' : 'connecting', cause: problem };
    return { name: 'connecting', cause: cause('controller-unreachable', 'Waiting for the controller.') };
  }
  if (!state.open) {
    return { name: 'connecting', cause: cause('no-handshake', 'The interface is being set up.') };
  }
  const link = linkCause(state, now.mono);
  const wrong = state.network ? (link ?? controllerCause(state, now.mono)) : NO_NETWORK;
  if (wrong) return { name: state.carried || link === null ? 'degraded' : 'connecting', cause: wrong };
  if (state.role === 'hub' && !state.controller.reached) {
    return { name: 'connecting', cause: cause('controller-unreachable', 'The hub is up; waiting for the controller.') };
  }
  return { name: 'connected', cause: null };
}
