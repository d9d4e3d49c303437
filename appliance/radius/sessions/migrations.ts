import type { Migration } from '../../store/index.ts';

export const sessionMigrations: readonly Migration[] = [
  {
    id: 12,
    name: 'radius sessions',
    async up(db) {
      await db.schema
        .createTable('radius_sessions')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('status', 'text', (c) => c.notNull())
        .addColumn('site_id', 'text', (c) => c.notNull())
        .addColumn('nas_id', 'text', (c) => c.notNull())
        .addColumn('device', 'text', (c) => c.notNull())
        .addColumn('acct_session_id', 'text', (c) => c.notNull())
        .addColumn('multi_session_id', 'text')
        .addColumn('username', 'text', (c) => c.notNull())
        .addColumn('login', 'text', (c) => c.notNull())
        .addColumn('user_id', 'text')
        .addColumn('user_key', 'text', (c) => c.notNull())
        .addColumn('named', 'integer', (c) => c.notNull())
        .addColumn('mac', 'text')
        .addColumn('ip', 'text')
        .addColumn('ipv6', 'text')
        .addColumn('nas_port', 'text')
        .addColumn('ssid', 'text')
        .addColumn('called_station', 'text')
        .addColumn('class', 'text')
        .addColumn('address', 'text')
        .addColumn('identity', 'text')
        .addColumn('started_at', 'text', (c) => c.notNull())
        .addColumn('start_seen', 'integer', (c) => c.notNull())
        .addColumn('updated_at', 'text', (c) => c.notNull())
        .addColumn('heard_at', 'text', (c) => c.notNull())
        .addColumn('ended_at', 'text')
        .addColumn('ending', 'text')
        .addColumn('terminate_cause', 'text')
        .addColumn('interims', 'integer', (c) => c.notNull())
        .addColumn('interval_ms', 'bigint', (c) => c.notNull())
        .addColumn('seconds', 'bigint')
        .addColumn('bytes_in', 'bigint', (c) => c.notNull())
        .addColumn('bytes_out', 'bigint', (c) => c.notNull())
        .addColumn('packets_in', 'bigint', (c) => c.notNull())
        .addColumn('packets_out', 'bigint', (c) => c.notNull())
        .addColumn('policy', 'text')
        .addColumn('method', 'text')
        .addColumn('decided', 'text')
        .addColumn('quota_bytes', 'bigint')
        .addColumn('quota_seconds', 'bigint')
        .addColumn('day_start', 'bigint', (c) => c.notNull())
        .addColumn('day_bytes', 'bigint', (c) => c.notNull())
        .addColumn('day_seconds', 'bigint', (c) => c.notNull())
        .execute();
      for (const column of ['status', 'login', 'user_id', 'mac', 'acct_session_id']) {
        await db.schema
          .createIndex(`radius_sessions_${column}`)
          .on('radius_sessions')
          .columns([column, 'id'])
          .execute();
      }
    },
  },
];
