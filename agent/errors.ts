import type { CauseCode, IpcErrorCode } from '@gatehouse/protocol';

/** A failure that people can act on: the message says what to do. */
export class AgentError extends Error {
  readonly code: CauseCode | IpcErrorCode;
  constructor(code: CauseCode | IpcErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AgentError';
    this.code = code;
  }
}
