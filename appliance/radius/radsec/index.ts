export { createRadsec, type Radsec, type RadsecCredentials, type RadsecLimits, type RadsecOptions } from './server.ts';
