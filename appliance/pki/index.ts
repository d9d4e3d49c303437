export { pkiMigrations } from './migrations.ts';
