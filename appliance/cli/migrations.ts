import { identityMigrations } from '../identity/index.ts';
import { overlayMigrations } from '../overlay/migrations.ts';
import { type Migration, storeMigrations } from '../store/index.ts';

/** Every step of the appliance's database, in order. */
export const migrations: readonly Migration[] = [...storeMigrations, ...identityMigrations, ...overlayMigrations];
