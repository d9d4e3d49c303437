export { sitesMigrations } from './migrations.ts';
