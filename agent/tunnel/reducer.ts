import { evaluate, linkCause } from './evaluate.ts';
import { type Effect, type Input, type Link, type Now, TIMES, type TunnelState } from './state.ts';

/**
 * One step of the tunnel's state machine: what is known after `input`, and what the daemon is to do about it, in
 * order. Pure: the time comes in as `now`, chance as `jitter`.
 */
export function reduce(before: TunnelState, input: Input, now: Now): { state: TunnelState; effects: Effect[] } {
  const effects: Effect[] = [];
  const known = learn(before, input, now, effects);
  const carried = known.open && (known.carried || linkCause(known, now.mono) === null);
  const state = { ...known, carried };
  const { name, cause } = evaluate(state, now);
  return { state: { ...state, name, cause, since: name === before.name ? before.since : now.wall }, effects };
}

/** True when a tunnel is wanted and allowed. */
const active = (state: TunnelState): boolean => state.target === 'up' && state.enrolled && state.revoked === null;

/** Forgets what was known of the interface and the channel, which are both taken down. */
function idle(state: TunnelState): TunnelState {
  return {
    ...state,
    open: false,
    failure: null,
    lostAt: null,
    unresolved: null,
    link: null,
    controller: { ...state.controller, connected: false, reached: false, problem: null },
  };
}

function learn(state: TunnelState, input: Input, now: Now, effects: Effect[]): TunnelState {
  switch (input.type) {
    case 'target': {
      if (input.target === 'down') {
        effects.push('disconnect', 'close');
        return { ...idle(state), target: 'down' };
      }
      const next: TunnelState = { ...state, target: 'up', failure: null };
      if (state.target === 'down') next.controller = { ...state.controller, awayAt: now.mono };
      if (active(next)) start(next, effects);
      return next;
    }
    case 'enrolled': {
      const next: TunnelState = {
        ...idle(state),
        enrolled: true,
        enrollProblem: null,
        revoked: null,
        role: null,
        hub: null,
      };
      next.controller = { ...next.controller, awayAt: now.mono };
      if (active(next)) start(next, effects);
      return next;
    }
    case 'left':
      effects.push('disconnect', 'close');
      return {
        ...idle(state),
        enrolled: false,
        enrollProblem: input.problem ?? null,
        revoked: null,
        role: null,
        hub: null,
      };
    case 'configured': {
      const same = state.hub?.publicKey === input.hub?.publicKey && state.role === input.role;
      const next: TunnelState = { ...state, role: input.role, hub: input.hub };
      if (!same) Object.assign(next, { link: null, carried: false, unresolved: null });
      if (active(next)) effects.push('apply');
      return next;
    }
    case 'applied':
      if (!active(state)) return state;
      return {
        ...state,
        open: true,
        failure: null,
        ...(!state.open && { link: null, repairedAt: now.mono }),
      };
    case 'resolved':
      return { ...state, unresolved: input.unresolved, resolvedAt: now.mono };
    case 'failed':
      return active(state) ? fail(state, input, now) : state;
    case 'lost': {
      if (!active(state)) return state;
      const again = state.lostAt !== null && now.mono - state.lostAt < TIMES.lostAgain;
      const next: TunnelState = { ...state, open: false, link: null, carried: false, lostAt: now.mono };
      if (again) return fail(next, { code: 'apply-failed', ...input }, now);
      effects.push('apply');
      return next;
    }
    case 'reading': {
      if (!state.open) return state;
      const next = { ...state, link: observe(state.link, input, now) };
      // The tunnel carries again, so the network does: the channel needn't wait out its back-off.
      const back = state.carried && linkCause(state, now.mono) !== null && linkCause(next, now.mono) === null;
      if (back && active(state)) effects.push('check');
      return next;
    }
    case 'controller': {
      if (!active(state)) return state;
      const { connected, awayAt } = state.controller;
      if (input.connected) {
        return { ...state, controller: { connected: true, reached: true, awayAt: now.mono, problem: null } };
      }
      const problem = { code: input.code, message: input.message };
      return {
        ...state,
        controller: { ...state.controller, connected: false, awayAt: connected ? now.mono : awayAt, problem },
      };
    }
    case 'revoked':
      effects.push('disconnect', 'close');
      return { ...idle(state), revoked: input.message };
    case 'network':
      if (input.up && active(state)) effects.push('check', 'resolve');
      return { ...state, network: input.up };
    case 'tick':
      return tick(state, now, effects);
  }
}

/** The channel always; the tunnel at once when the disk knew what it is to be. */
function start(state: TunnelState, effects: Effect[]): void {
  if (state.role) effects.push('apply');
  effects.push('connect');
}

/** Jitter of one half, so that the wait grows even for the luckiest: 0.5 to 1 times min(60 s, 1 s · 2ⁿ). */
function fail(
  state: TunnelState,
  input: { code: NonNullable<TunnelState['cause']>['code']; message: string; jitter: number },
  now: Now,
): TunnelState {
  const attempts = (state.failure?.attempts ?? 0) + 1;
  const wait = Math.min(TIMES.retryMax, TIMES.retryMin * 2 ** Math.min(attempts - 1, 16)) * (0.5 + input.jitter / 2);
  return {
    ...state,
    failure: { cause: { code: input.code, message: input.message }, attempts, retryAt: now.mono + wait },
  };
}

/** A handshake's age comes from the wall clock only at first sight; from then on it is when it was seen to change. */
function observe(before: Link | null, reading: { lastHandshake: number; rx: number }, now: Now): Link {
  let handshakeAt = before?.handshakeAt ?? null;
  if (reading.lastHandshake === 0) handshakeAt = null;
  else if (reading.lastHandshake !== before?.lastHandshake) {
    const age = Math.max(0, now.wall - reading.lastHandshake * 1000);
    handshakeAt = now.mono - (before ? Math.min(age, now.mono - before.readAt) : age);
  }
  let rxAt = before?.rxAt ?? null;
  if (reading.rx === 0) rxAt = null;
  else if (reading.rx !== before?.rx) rxAt = now.mono;
  return { lastHandshake: reading.lastHandshake, rx: reading.rx, handshakeAt, rxAt, readAt: now.mono };
}

function tick(state: TunnelState, now: Now, effects: Effect[]): TunnelState {
  const next: TunnelState = { ...state, tickAt: now.mono };
  if (!active(state)) return next;
  if (now.mono - state.tickAt > TIMES.slept) {
    effects.push('reconnect');
    if (state.open) effects.push('resolve');
    next.resolvedAt = now.mono;
  }
  if (state.failure && now.mono >= state.failure.retryAt) {
    effects.push('apply');
    // Not again before this attempt has ended in `applied` or `failed`; the limit is for an attempt that never ends.
    next.failure = { ...state.failure, retryAt: now.mono + TIMES.retryMax };
  }
  if (!state.open) return next;
  const handshakeAt = state.link?.handshakeAt ?? -Infinity;
  const due = state.unresolved !== null ? TIMES.resolveUnresolved : TIMES.resolve;
  const troubled = state.role === 'hub' ? state.unresolved !== null : evaluate(state, now).name !== 'connected';
  if (troubled && now.mono - handshakeAt >= TIMES.resolve && now.mono - next.resolvedAt >= due) {
    effects.push('resolve');
    next.resolvedAt = now.mono;
  }
  if (now.mono - state.repairedAt >= TIMES.repair && !state.failure) {
    effects.push('repair');
    next.repairedAt = now.mono;
  }
  return next;
}
