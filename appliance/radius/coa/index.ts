export { type ErrorCause, SESSION_CONTEXT_NOT_FOUND } from './causes.ts';
export {
  type CoaClient,
  type CoaKind,
  type CoaOutcome,
  type CoaRequest,
  type CoaTarget,
  createCoaClient,
  MAX_AT_ONCE,
  type Timers,
  WAITS_MS,
} from './client.ts';
