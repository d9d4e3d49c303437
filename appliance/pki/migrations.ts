import type { Migration } from '../store/index.ts';

export const pkiMigrations: readonly Migration[] = [
  {
    id: 8,
    name: 'pki',
    async up(_db) {
      // filled in by the tables of this capability
    },
  },
];
