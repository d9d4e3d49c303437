import { after, before, describe } from 'node:test';
import pg from 'pg';
import { requiresPostgres, startPostgres, type TestPostgres } from '../postgres.ts';
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

const openRows: OpenRows = async ({ config }) => {
  const client = new pg.Client(config.database);
  await client.connect();
  return { query: async (sql) => (await client.query(sql)).rows, close: () => client.end() };
};

describe('on PostgreSQL', requiresPostgres(), () => {
  let server: TestPostgres;
  before(async () => {
    server = await startPostgres();
  });
  const settings = async () => ({ GATEHOUSE_DATABASE: await server.createDatabase() });
  const a = useAppliance(settings);

  networks('PostgreSQL', a);
  peers('PostgreSQL', a);
  access('PostgreSQL', settings);
  enrollment('PostgreSQL', openRows, a);
  foreign('PostgreSQL', settings);
  incidents('PostgreSQL', a);
  channel('PostgreSQL', a);
  groups('PostgreSQL', a);
  policies('PostgreSQL', a);
  routes('PostgreSQL', a);
  // It counts the peers that are compiled: nobody else's devices may be among them.
  rules('PostgreSQL', useAppliance(settings));
  standing('PostgreSQL', a);
  // Behind the appliances' own: hooks run in the order in which they were named.
  after(() => server.stop());
});
