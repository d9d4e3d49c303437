export { type AccessOptions, createAccess } from './access.ts';
export { accessMigrations } from './migrations.ts';
export type { PostureMiss } from './policy/engine.ts';
export { overlayFacts } from './posture.ts';
export type { PeerDevice } from './records.ts';
export type { UserFacts } from './service.ts';
export type {
  Access,
  Action,
  CertificateFacts,
  Decision,
  DeviceRecord,
  Ended,
  Facts,
  Method,
  NamedAttribute,
  PostureReport,
  VoucherRecord,
} from './types.ts';
