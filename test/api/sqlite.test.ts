import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe } from 'node:test';
import { access } from './suites/access.ts';
import { channel } from './suites/channel.ts';
import { enrollment, type OpenRows } from './suites/enrollment.ts';
import { foreign } from './suites/foreign.ts';
import { groups } from './suites/groups.ts';
import { incidents } from './suites/incidents.ts';
import { networks } from './suites/networks.ts';
import { peers } from './suites/peers.ts';
import { policies } from './suites/policies.ts';
import { routes } from './suites/routes.ts';
import { rules } from './suites/rules.ts';
import { standing } from './suites/standing.ts';
import { useAppliance } from './support.ts';

const openRows: OpenRows = async ({ dataDir }) => {
  const db = new DatabaseSync(path.join(dataDir, 'gatehouse.db'), { timeout: 5000 });
  return { query: async (sql) => db.prepare(sql).all(), close: async () => db.close() };
};

describe('on SQLite', () => {
  const a = useAppliance();

  networks('SQLite', a);
  peers('SQLite', a);
  access('SQLite');
  enrollment('SQLite', openRows, a);
  foreign('SQLite');
  incidents('SQLite', a);
  channel('SQLite', a);
  groups('SQLite', a);
  policies('SQLite', a);
  routes('SQLite', a);
  // It counts the peers that are compiled: nobody else's devices may be among them.
  rules('SQLite', useAppliance());
  standing('SQLite', a);
});
