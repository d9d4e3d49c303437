import type { Migration } from '../store/index.ts';
import { logMigrations } from './migrations.ts';

export { dropPredecessor, leavePredecessor, readPredecessor } from './predecessor.ts';

import { rememberedMigrations } from './remembered.ts';
import { anchorMigrations } from './rounds/anchor.ts';

export { keepWitnessedIn, witnessedIn } from './witness/restore.ts';

import { witnessMigrations } from './witness/migrations.ts';

export { findSources, type Memory, type NamedSource, nameSources, readMemory } from './box/memory.ts';
export { type BoxStatus, readStatus } from './box/status.ts';
export { type Finding, startExport, type Verified, verifyArchive } from './export/index.ts';
export { createLogs, type SyslogPorts } from './logs.ts';
export { cosignatureVerifier } from './merkle/cosignature.ts';
export { noteVerifier } from './merkle/note.ts';
export { anchorIn, setAnchorIn } from './rounds/anchor.ts';
export { parseMicroseconds, rfc3339 } from './times.ts';

export const logsMigrations: readonly Migration[] = [
  ...logMigrations,
  ...witnessMigrations,
  ...anchorMigrations,
  ...rememberedMigrations,
];
