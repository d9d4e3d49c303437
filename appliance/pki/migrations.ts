import type { Migration } from '../store/index.ts';

export const pkiMigrations: readonly Migration[] = [
  {
    id: 8,
    name: 'pki',
    async up(db) {
      await db.schema
        .createTable('pki_ca')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('certificate', 'text', (c) => c.notNull())
        .addColumn('key', 'text', (c) => c.notNull())
        .addColumn('crl_number', 'integer', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('pki_server')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('certificate', 'text', (c) => c.notNull())
        .addColumn('key', 'text', (c) => c.notNull())
        .addColumn('names', 'text', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('pki_certificates')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('ca_id', 'text', (c) => c.notNull().references('pki_ca.id'))
        .addColumn('serial', 'text', (c) => c.notNull().unique())
        .addColumn('kind', 'text', (c) => c.notNull())
        .addColumn('username', 'text', (c) => c.notNull())
        .addColumn('nas', 'text')
        .addColumn('subject', 'text', (c) => c.notNull())
        .addColumn('certificate', 'text', (c) => c.notNull())
        .addColumn('not_before', 'text', (c) => c.notNull())
        .addColumn('not_after', 'text', (c) => c.notNull())
        .addColumn('created_at', 'text', (c) => c.notNull())
        .addColumn('revoked_at', 'text')
        .addColumn('reason', 'text')
        .execute();
      await db.schema
        .createIndex('pki_certificates_created')
        .on('pki_certificates')
        .columns(['created_at', 'id'])
        .execute();
      await db.schema
        .createIndex('pki_certificates_username')
        .on('pki_certificates')
        .columns(['username', 'created_at', 'id'])
        .execute();
      await db.schema
        .createIndex('pki_certificates_nas')
        .on('pki_certificates')
        .columns(['nas', 'created_at', 'id'])
        .execute();
      await db.schema.createIndex('pki_certificates_revoked').on('pki_certificates').column('revoked_at').execute();
      await db.schema
        .createTable('pki_authorities')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('position', 'integer', (c) => c.notNull())
        .addColumn('certificate', 'text', (c) => c.notNull())
        .addColumn('crl_url', 'text')
        .addColumn('ocsp', 'integer', (c) => c.notNull())
        .addColumn('ocsp_url', 'text')
        .addColumn('login', 'text', (c) => c.notNull())
        .execute();
      await db.schema
        .createTable('pki_settings')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('own', 'integer', (c) => c.notNull())
        .addColumn('soft_fail', 'integer', (c) => c.notNull())
        .execute();
      await db.insertInto('pki_settings').values({ id: 'default', own: 1, soft_fail: 0 }).execute();
    },
  },
];
