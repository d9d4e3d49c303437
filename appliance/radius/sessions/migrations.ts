import type { Migration } from '../../store/index.ts';

export const sessionMigrations: readonly Migration[] = [
  {
    id: 12,
    name: 'radius sessions',
    async up(_db) {
      // filled in by the tables of this capability
    },
  },
];
