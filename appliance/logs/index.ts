import type { Migration } from '../store/index.ts';
import { logMigrations } from './migrations.ts';
import { anchorMigrations } from './rounds/anchor.ts';
import { witnessMigrations } from './witness/migrations.ts';

export { createLogs, type SyslogPorts } from './logs.ts';

export const logsMigrations: readonly Migration[] = [...logMigrations, ...witnessMigrations, ...anchorMigrations];
