import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, describe, it } from 'node:test';
import { sql } from 'kysely';
import { requiresPostgres, startPostgres } from '../../test/postgres.ts';
import { requires } from '../../test/requires.ts';
import { migrations } from '../appliance.ts';
import { createIdentity } from '../identity/index.ts';
import { DATABASE_FILE, KEY_FILE, type Logger, openKeyFile, openStore, type Store } from '../store/index.ts';
import { run } from './index.ts';

const log = { info() {}, warn() {}, error() {} };
const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let number = 0;

/** A data folder with a store that has its tables; `close` it before commands that need the appliance stopped. */
async function site(): Promise<{ dataDir: string; store: Store }> {
  const dataDir = path.join(folder, `data-${++number}`);
  const store = await openStore({ dataDir, migrations, log: log satisfies Logger });
  openKeyFile(dataDir);
  return { dataDir, store };
}

async function call(
  dataDir: string,
  args: string[],
  input = '',
  env = {},
): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await run(args, {
    env: { GATEHOUSE_DATA: dataDir, ...env },
    cwd: folder,
    stdin: Readable.from([Buffer.from(input)]),
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

const identityOf = (store: Store) => {
  const options = { store, log, networksExist: async () => [] } as unknown as Parameters<typeof createIdentity>[0];
  return createIdentity(options);
};
const addRow = (store: Store, type: string) => store.transaction(async ({ emit }) => emit({ type, data: {} }));
const rows = async (store: Store) =>
  (await sql<{ type: string }>`SELECT type FROM outbox ORDER BY id`.execute(store.as())).rows.map(({ type }) => type);

describe('backup', () => {
  it('copies a store in use to a folder for the owner alone, and restore brings it back', async () => {
    const { dataDir, store } = await site();
    const sealed = openKeyFile(dataDir).seal('secret', 'c');
    writeFileSync(path.join(dataDir, 'gatehouse.yaml'), 'log: { level: debug }\n');
    await addRow(store, 'before');
    const made = await call(dataDir, ['backup', 'copy', '--json']);
    assert.equal(made.code, 0, made.err);
    assert.match(made.err, /holds the keys of every secret/);
    const answer = JSON.parse(made.out);
    assert.equal(answer.folder, path.join(folder, 'copy'));
    assert.deepEqual(Object.keys(answer.files).sort(), [DATABASE_FILE, 'gatehouse.yaml', KEY_FILE]);
    if (process.platform !== 'win32') {
      assert.equal(statSync(answer.folder).mode & 0o777, 0o700);
      for (const name of readdirSync(answer.folder)) {
        assert.equal(statSync(path.join(answer.folder, name)).mode & 0o777, 0o600, name);
      }
    }
    await addRow(store, 'after'); // in the write-ahead log only

    const refused = await call(dataDir, ['restore', 'copy', '--yes']);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /in use by another Gatehouse/);
    await store.close();

    rmSync(path.join(dataDir, KEY_FILE));
    assert.equal((await call(dataDir, ['restore', 'copy'])).code, 2, 'needs --yes where nobody can be asked');
    const restored = await call(dataDir, ['restore', 'copy', '--yes']);
    assert.equal(restored.code, 0, restored.err);
    assert.equal(openKeyFile(dataDir).open(sealed, 'c'), 'secret');
    assert.equal(readFileSync(path.join(dataDir, 'gatehouse.yaml'), 'utf8'), 'log: { level: debug }\n');
    const again = await openStore({ dataDir, migrations, log });
    assert.deepEqual(await rows(again), ['before']);
    await again.close();

    // What was replaced is a whole store itself.
    const aside = /What was there is in (.*): delete/.exec(restored.out)?.[1] ?? '';
    const old = await openStore({ dataDir: aside, migrations, log });
    assert.deepEqual(await rows(old), ['before', 'after']);
    await old.close();
  });

  it('restores to a folder that is not there yet', async () => {
    const { dataDir, store } = await site();
    await addRow(store, 'moved');
    await store.close();
    await call(dataDir, ['backup', 'moving']);
    const target = path.join(folder, 'new', 'home');
    const { code, err } = await call(target, ['restore', 'moving', '--yes']);
    assert.equal(code, 0, err);
    const moved = await openStore({ dataDir: target, migrations, log });
    assert.deepEqual(await rows(moved), ['moved']);
    await moved.close();
  });

  it('leaves nothing behind when it cannot be made', async () => {
    const before = readdirSync(folder);
    const none = await call(path.join(folder, 'nowhere'), ['backup', 'never']);
    assert.equal(none.code, 1);
    assert.match(none.err, /There is no database in .*nowhere\. Set GATEHOUSE_DATA\./);
    const exists = await call(path.join(folder, 'nowhere'), ['backup', '.']);
    assert.match(exists.err, /exists: name a new folder/);
    assert.deepEqual(readdirSync(folder), before);
  });

  it('that is damaged, foreign or not whole is refused before anything is replaced', async () => {
    const { dataDir, store } = await site();
    await store.close();
    const attempt = async (name: string, harm: (copy: string) => void) => {
      assert.equal((await call(dataDir, ['backup', name])).code, 0);
      harm(path.join(folder, name));
      const before = readdirSync(dataDir);
      const { code, err } = await call(dataDir, ['restore', name, '--yes']);
      assert.equal(code, 1);
      assert.deepEqual(readdirSync(dataDir), before);
      return err;
    };
    const manifest = (copy: string, change: (content: { files: Record<string, string> }) => void) => {
      const file = path.join(copy, 'manifest.json');
      const content = JSON.parse(readFileSync(file, 'utf8'));
      change(content);
      writeFileSync(file, JSON.stringify(content));
    };
    assert.match(
      await attempt('d1', (copy) => appendFileSync(path.join(copy, DATABASE_FILE), 'x')),
      /damaged: gatehouse\.db was changed/,
    );
    assert.match(await attempt('d2', (copy) => rmSync(path.join(copy, KEY_FILE))), /not whole/);
    assert.match(
      await attempt('d3', (copy) => rmSync(path.join(copy, 'manifest.json'))),
      /is not a backup of Gatehouse/,
    );
    assert.match(
      await attempt('d4', (copy) => manifest(copy, (content) => Object.assign(content, { format: 2 }))),
      /another form/,
    );
    const foreign = await attempt('d5', (copy) =>
      manifest(copy, ({ files }) => Object.assign(files, { '../../etc/passwd': 'x' })),
    );
    assert.match(foreign, /none of Gatehouse's: \.\.\/\.\.\/etc\/passwd/);
  });
});

describe('what root does for an appliance with a user of its own', requires('root'), () => {
  it('belongs to that user, and settings outside the data folder are left alone', async () => {
    const { dataDir, store } = await site();
    await store.close();
    const [uid, gid] = [12_345, 12_346];
    const configFile = path.join(folder, 'etc.yaml');
    writeFileSync(configFile, '# as made by the administrator\n');
    const env = { GATEHOUSE_CONFIG: configFile };
    for (const name of ['.', ...readdirSync(dataDir)]) chownSync(path.join(dataDir, name), uid, gid);
    assert.equal((await call(dataDir, ['backup', 'by-root'], '', env)).code, 0);
    writeFileSync(configFile, '# changed since\n');
    rmSync(path.join(dataDir, 'lock.pid'));
    assert.equal((await call(dataDir, ['keys', 'rotate'])).code, 0);
    const restored = await call(dataDir, ['restore', 'by-root', '--yes'], '', env);
    assert.match(restored.err, /etc\.yaml were left as they are; the backup's are in .*by-root\/gatehouse\.yaml/);
    assert.equal(readFileSync(configFile, 'utf8'), '# changed since\n');
    for (const name of readdirSync(dataDir, { recursive: true, encoding: 'utf8' })) {
      const { uid: owner, gid: group } = statSync(path.join(dataDir, name));
      assert.deepEqual({ name, owner, group }, { name, owner: uid, group: gid });
    }
  });
});

describe('on PostgreSQL', requiresPostgres(), () => {
  it('reset-password works, and backup says that the database is not in the copy', async () => {
    const postgres = await startPostgres();
    const database = await postgres.createDatabase();
    const dataDir = path.join(folder, 'on-postgres');
    const store = await openStore({ dataDir, database, migrations, log });
    openKeyFile(dataDir);
    await identityOf(store).ensureAdministrator('the first password');
    await store.close();
    const env = { GATEHOUSE_DATABASE: database };
    const reset = await call(dataDir, ['admin', 'reset-password'], '', env);
    assert.equal(reset.code, 0, reset.err);
    const backup = await call(dataDir, ['backup', 'postgres-copy', '--json'], '', env);
    assert.equal(backup.code, 0, backup.err);
    assert.match(backup.err, /pg_dump/);
    assert.deepEqual(Object.keys(JSON.parse(backup.out).files), [KEY_FILE]);
    const restore = await call(dataDir, ['restore', 'postgres-copy', '--yes'], '', env);
    assert.equal(restore.code, 0, restore.err);
    assert.match(restore.err, /pg_restore/);
    await postgres.stop();
  });
});

describe('admin reset-password', () => {
  it('sets a random password or the one from standard input', async () => {
    const { dataDir, store } = await site();
    await identityOf(store).ensureAdministrator('the first password');
    const hash = async (open: Store) =>
      (await sql<{ password_hash: string }>`SELECT password_hash FROM users`.execute(open.as())).rows[0]?.password_hash;
    const first = await hash(store);
    const busy = await call(dataDir, ['admin', 'reset-password']);
    assert.equal(busy.code, 1);
    assert.match(busy.err, /in use by another Gatehouse/);
    await store.close();

    const random = await call(dataDir, ['admin', 'reset-password']);
    assert.equal(random.code, 0, random.err);
    assert.match(random.out, /The password of admin was set\.\nIt is [\w-]{24}$/);
    const given = await call(dataDir, ['admin', 'reset-password', 'admin', '--password-stdin'], 'from the pipe\n');
    assert.deepEqual(given, { code: 0, out: 'The password of admin was set.', err: '' });
    const short = await call(dataDir, ['admin', 'reset-password', '--password-stdin'], 'short\n');
    assert.equal(short.code, 1);
    assert.match(short.err, /8 to 1024 characters/);
    assert.match((await call(dataDir, ['admin', 'reset-password', 'nobody'])).err, /no user named nobody/);

    const again = await openStore({ dataDir, migrations, log });
    assert.notEqual(await hash(again), first);
    await again.close();
  });

  it('makes no database where there is none', async () => {
    const dataDir = path.join(folder, 'empty');
    const { code, err } = await call(dataDir, ['admin', 'reset-password']);
    assert.equal(code, 1);
    assert.match(err, /There is no database/);
    assert.ok(!existsSync(dataDir));
  });
});

describe('the other commands', () => {
  it('keys rotate adds a key, also while the appliance runs', async () => {
    const { dataDir, store } = await site();
    const running = openKeyFile(dataDir);
    const sealed = running.seal('s', 'c');
    const { code, out } = await call(dataDir, ['keys', 'rotate']);
    assert.equal(code, 0);
    const id = /^Key ([0-9a-f]{8}) was added/.exec(out)?.[1];
    const next = openKeyFile(dataDir);
    assert.ok(next.seal('s', 'c').startsWith(`v1.${id}.`));
    assert.equal(next.open(sealed, 'c'), 's');
    await store.close();
    assert.equal((await call(path.join(folder, 'nowhere'), ['keys', 'rotate'])).code, 1);
  });

  it('say how they are called, with exit code 2', async () => {
    for (const args of [[], ['nothing'], ['admin'], ['backup', '--what'], ['backup', 'a', 'b'], ['restore']]) {
      const { code, out, err } = await call(folder, args);
      assert.equal(code, 2, args.join(' '));
      assert.match(err, /usage: gatehouse-appliance/);
      assert.equal(out, '');
    }
    for (const args of [['help'], ['--help'], ['version'], ['--version']]) {
      const { code, out } = await call(folder, args);
      assert.equal(code, 0);
      assert.match(out, /gatehouse-appliance/);
    }
  });

  it('name a bad setting', async () => {
    const result = await run(['backup'], {
      env: { GATEHOUSE_LISTN: 'x' },
      cwd: folder,
      stdin: Readable.from([]),
      out: () => assert.fail('nothing to say'),
      err: (line) => assert.match(line, /GATEHOUSE_LISTN is not a setting/),
    });
    assert.equal(result, 1);
  });

  it('run as a program', () => {
    const program = path.join(import.meta.dirname, '..', 'cli.ts');
    const { status, stdout } = spawnSync(process.execPath, [program, 'version'], { encoding: 'utf8' });
    assert.equal(status, 0);
    assert.match(stdout, /^gatehouse-appliance \d+\.\d+\.\d+\n$/);
  });
});
