import type { Migration } from '../store/index.ts';
import { nasMigrations } from './nas/migrations.ts';
import { routingMigrations } from './routing/migrations.ts';
import { sessionMigrations } from './sessions/migrations.ts';

export const radiusMigrations: readonly Migration[] = [...nasMigrations, ...routingMigrations, ...sessionMigrations];
