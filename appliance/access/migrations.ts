import type { Migration } from '../store/index.ts';

export const accessMigrations: readonly Migration[] = [
  {
    id: 9,
    name: 'access',
    async up(_db) {
      // filled in by the tables of this capability
    },
  },
];
