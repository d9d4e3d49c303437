import {
  AgentStatus,
  IPC,
  IPC_VERSION,
  type IpcErrorCode,
  type IpcMethod,
  type IpcParams,
  type IpcResult,
} from '@gatehouse/protocol';
import { ConnectError, callDaemon, IpcError, watchDaemon } from '@gatehouse/protocol/socket';
import Type from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import type { Link } from '../core/types.ts';
import type { Clock } from './clock.ts';
import { Problem } from './problem.ts';
import type { Trust } from './trust.ts';

export type Method = Exclude<IpcMethod, 'watch'>;

/** What the controller asks of the daemon. */
export interface Daemon {
  /** Tries to connect at once, and every quarter of a second from then on: the daemon is expected. */
  hurry(): void;
  /** Rejects with a Problem, or with the daemon's own IpcError. */
  call<M extends Method>(method: M, params: IpcParams<M>): Promise<IpcResult<M>>;
  stop(): void;
}

export interface DaemonOptions {
  socketPath: string;
  /** Asked before each connection. */
  inspect(): Promise<Trust>;
  clock: Clock;
  log(message: string): void;
  onLink(link: Link): void;
}

/** How long a daemon that accepts may say nothing, ms: one that hangs is no better than none. */
const FIRST_WORD = 10_000;
const FIRST_WAIT = 250;
const LONGEST_WAIT = 5_000;
/** How long the daemon may think, ms: enrolling and asking the system anew take longest. */
const PATIENCE: Partial<Record<Method, number>> = { enroll: 60_000, posture: 60_000, doctor: 60_000 };
const USUAL_PATIENCE = 20_000;
/** Calls that wait for their answer at once: a quarter of what the daemon takes from all its clients. */
const MAX_CALLS = 16;

const status = Compile(AgentStatus);
/** What tells a daemon's version, whatever else its status holds. */
const versions = Compile(Type.Object({ version: Type.String({ maxLength: 64 }), ipc: Type.Integer() }));
const results = new Map<string, Validator>();
for (const [method, entry] of Object.entries(IPC)) {
  if ('result' in entry) results.set(method, Compile(entry.result) as unknown as Validator);
}

/** What the link is after a daemon's event, which may be anything. */
export function linkOf(event: unknown): Link {
  if (!versions.Check(event)) return { kind: 'version', daemonVersion: '?', daemonIsOlder: true };
  if (event.ipc !== IPC_VERSION || !status.Check(event)) {
    return { kind: 'version', daemonVersion: event.version, daemonIsOlder: event.ipc < IPC_VERSION };
  }
  return { kind: 'up', status: event };
}

/** Keeps a `watch` on the daemon; waits 0.25 s to 5 s between tries. Nothing is said to a socket that isn't trusted. */
export function openDaemon({ socketPath, inspect, clock, log, onLink }: DaemonOptions): Daemon {
  const end = new AbortController();
  let wait = FIRST_WAIT;
  let wake: (() => void) | null = null;
  let up = false;
  let calls = 0;
  let said = '';

  const tell = (link: Link): void => {
    if (end.signal.aborted) return;
    up = link.kind === 'up';
    if (link.kind !== said) log(`daemon: ${link.kind}`);
    said = link.kind;
    onLink(link);
  };
  const round = async (): Promise<void> => {
    const trust = await inspect();
    if (trust.kind === 'untrusted') return tell(trust);
    if (trust.kind === 'denied') return tell({ kind: 'denied' });
    if (trust.kind === 'absent') return tell({ kind: 'down', starting: false });
    const silent = new AbortController();
    let heard = false;
    const cancel = clock.after(FIRST_WORD, () => {
      if (!heard) silent.abort();
    });
    try {
      await watchDaemon(
        socketPath,
        (event) => {
          heard = true;
          wait = FIRST_WAIT;
          tell(linkOf(event));
        },
        AbortSignal.any([end.signal, silent.signal]),
      );
      log('daemon: it accepts, and says nothing');
      tell({ kind: 'down', starting: false });
    } catch (error) {
      const denied = error instanceof ConnectError && error.reason === 'not-permitted';
      // Not the daemon's words alone: a full daemon says so by an error.
      if (error instanceof IpcError) log(`daemon: ${error.message}`);
      tell(denied ? { kind: 'denied' } : { kind: 'down', starting: false });
    } finally {
      cancel();
    }
  };
  const run = async (): Promise<void> => {
    while (!end.signal.aborted) {
      await round();
      if (end.signal.aborted) return;
      await new Promise<void>((resolve) => {
        const cancel = clock.after(wait, resolve);
        wake = () => {
          cancel();
          resolve();
        };
      });
      wake = null;
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  };
  run().catch((error: unknown) => log(`daemon: ${(error as Error).stack}`));

  return {
    hurry: () => {
      wait = FIRST_WAIT;
      wake?.();
    },
    stop: () => {
      end.abort();
      wake?.();
    },
    call: async (method, params) => {
      if (!up || (await inspect()).kind !== 'trusted') throw new Problem('no-daemon');
      if (calls >= MAX_CALLS) throw new Problem('too-much');
      calls += 1;
      const answer = callDaemon(socketPath, method, params).finally(() => {
        calls -= 1;
      });
      const result = await withPatience(clock, answer, PATIENCE[method] ?? USUAL_PATIENCE).catch((error: unknown) => {
        throw error instanceof ConnectError ? new Problem('no-daemon', {}, { cause: error }) : error;
      });
      if (!results.get(method)?.Check(result)) {
        log(`daemon: its answer to ${method} isn't what the table says`);
        throw new Problem('bad-answer');
      }
      return result;
    },
  };
}

function withPatience<T>(clock: Clock, answer: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(new Problem('slow-daemon')));
    answer.then(resolve, reject).finally(cancel);
  });
}

/** The daemon's error code; null for anything else. */
export const codeOf = (error: unknown): IpcErrorCode | null => (error instanceof IpcError ? error.code : null);
