export { proofOf } from './export.ts';
export { type ExportJob, startExport } from './start.ts';
export type { Exported, ExportOptions } from './types.ts';
export { type Verified, type VerifyOptions, verifyArchive } from './verify.ts';
export type { Finding } from './walk.ts';
