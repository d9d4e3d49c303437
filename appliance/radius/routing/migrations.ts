import type { Migration } from '../../store/index.ts';

export const routingMigrations: readonly Migration[] = [
  {
    id: 11,
    name: 'radius routing',
    async up(_db) {
      // filled in by the tables of this capability
    },
  },
];
