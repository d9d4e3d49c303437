import type { Migration } from '../../store/index.ts';

export const nasMigrations: readonly Migration[] = [
  {
    id: 10,
    name: 'radius clients',
    async up(_db) {
      // filled in by the tables of this capability
    },
  },
];
