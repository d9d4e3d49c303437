import { IPC } from '@gatehouse/protocol';
import type { Handlers } from '../ipc/index.ts';
import { initialState } from '../tunnel/index.ts';
import { systemClock } from './clock.ts';
import type { StateRefused } from './format.ts';
import type { Log } from './log.ts';
import { agentStatus, bareSnapshot } from './status.ts';

/**
 * What a daemon answers that may not touch its state folder: what is wrong and what to do, to whoever asks. It does nothing
 * else, and a tunnel that stands is left as it is.
 */
export function refusedHandlers(problem: StateRefused, log: Log): Handlers {
  const tunnel = initialState(systemClock());
  const status = agentStatus(bareSnapshot({ ...tunnel, cause: { code: 'not-enrolled', message: problem.message } }));
  const refuse = async (): Promise<never> => {
    throw problem;
  };
  const refusals = Object.fromEntries(Object.keys(IPC).map((method) => [method, refuse])) as unknown as Handlers;
  return {
    ...refusals,
    status: async () => status,
    watch: (emit) => {
      emit(status);
      return () => undefined;
    },
    peers: async () => [],
    logs: async ({ lines }) => log.last(lines ?? 200),
    doctor: async () => [
      { check: 'daemon', result: 'ok', detail: `runs as process ${process.pid}`, advice: null },
      { check: 'state', result: 'failed', detail: problem.detail, advice: problem.advice },
    ],
  };
}
