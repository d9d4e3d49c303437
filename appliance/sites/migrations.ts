import type { Migration } from '../store/index.ts';

export const sitesMigrations: readonly Migration[] = [
  {
    id: 7,
    name: 'sites',
    async up(_db) {
      // filled in by the tables of this capability
    },
  },
];
