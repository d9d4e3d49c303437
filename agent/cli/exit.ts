import type { AgentStatus } from '@gatehouse/protocol';
import { ConnectError, IpcError } from '@gatehouse/protocol/socket';
import { ConfigError } from '../config.ts';
import { AgentError } from '../errors.ts';

/** What the program's exit status means; `docs/agent.md` and `gatehouse help` say the same. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notRunning: 3,
  notEnrolled: 4,
  notPermitted: 5,
  unreachable: 6,
  tokenRefused: 7,
  otherVersion: 8,
  /** As shells have it for SIGINT. */
  interrupted: 130,
} as const;

/** Wrong arguments; the message says which, and the hint what was probably meant. */
export class UsageError extends Error {
  override name = 'UsageError';
  readonly hint: string;
  constructor(message: string, hint: string = 'See: gatehouse help') {
    super(message);
    this.hint = hint;
  }
}

/** The daemon that runs is too old, or too new, for what was asked. */
export class VersionError extends Error {
  override name = 'VersionError';
}

/** Ctrl-C where a question was asked. */
export class Interrupted extends Error {
  override name = 'Interrupted';
}

const CODES: Partial<Record<AgentError['code'], number>> = {
  'bad-request': EXIT.usage,
  'unknown-profile': EXIT.usage,
  'plain-http': EXIT.usage,
  'not-enrolled': EXIT.notEnrolled,
  'no-privileges': EXIT.notPermitted,
  'controller-unreachable': EXIT.unreachable,
  certificate: EXIT.unreachable,
  'token-invalid': EXIT.tokenRefused,
  revoked: EXIT.tokenRefused,
};

export function exitCode(error: unknown): number {
  if (error instanceof UsageError || error instanceof ConfigError) return EXIT.usage;
  if (error instanceof VersionError) return EXIT.otherVersion;
  if (error instanceof Interrupted) return EXIT.interrupted;
  if (error instanceof ConnectError) return error.reason === 'not-permitted' ? EXIT.notPermitted : EXIT.notRunning;
  return error instanceof AgentError || error instanceof IpcError ? (CODES[error.code] ?? EXIT.failed) : EXIT.failed;
}

/** What an error is called with `--json`: the daemon's own code, or one of the program's. */
export function errorCode(error: unknown): string {
  if (error instanceof UsageError || error instanceof ConfigError) return 'usage';
  if (error instanceof VersionError) return 'other-version';
  if (error instanceof Interrupted) return 'interrupted';
  if (error instanceof ConnectError) return error.reason;
  return error instanceof AgentError || error instanceof IpcError ? error.code : 'internal';
}

/** For commands that ask for a tunnel: an error state is a failure of its kind. */
export function statusExitCode(status: AgentStatus): number {
  if (status.state !== 'error') return EXIT.ok;
  return (status.cause && CODES[status.cause.code]) ?? EXIT.failed;
}
