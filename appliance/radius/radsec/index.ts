export { connectRadsec, type RadsecConnection } from './client.ts';
export {
  createRadsec,
  RADSEC_LIMITS,
  RADSEC_PORT,
  type Radsec,
  type RadsecCredentials,
  type RadsecLimits,
  type RadsecOptions,
} from './server.ts';
