import type { Bridge, CallArgument, CallName, CallResult } from '../core/ipc/table.ts';

declare global {
  interface Window {
    gatehouse: Bridge;
  }
}

/** Asks the main process; rejects with an `Error` whose message is for people. */
export function call<N extends CallName>(name: N, argument: CallArgument<N>): Promise<CallResult<N>> {
  return window.gatehouse.call(name, argument);
}

/** The words of what failed. */
export const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));
