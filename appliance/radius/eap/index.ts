export {
  type CertificateCheck,
  createEap,
  type Eap,
  type EapOptions,
  type EapResult,
  type EapStats,
  type Known,
} from './eap.ts';
export type { EapLimits } from './limits.ts';
export type { EapCredentials, InnerMethod, OuterMethod, Versions } from './types.ts';
