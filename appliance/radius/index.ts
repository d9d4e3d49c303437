import type { Migration } from '../store/index.ts';
import { nasMigrations } from './nas/index.ts';
import { routingMigrations } from './routing/index.ts';
import { sessionMigrations } from './sessions/migrations.ts';

export type { AccountingRecord } from './accounting/index.ts';
export { createRadius, type RadiusPorts } from './radius.ts';
export type { SessionView } from './sessions/index.ts';

export const radiusMigrations: readonly Migration[] = [...nasMigrations, ...routingMigrations, ...sessionMigrations];
