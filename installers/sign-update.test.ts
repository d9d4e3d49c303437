import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { main } from './sign-update.ts';

const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-sign-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

test('a new key signs the exact bytes of every description', (t) => {
  const folder = folderOf(t);
  const key = path.join(folder, 'key.pem');
  const said: string[] = [];
  main(['--new-key', key], {}, (line) => said.push(line));
  assert.equal(statSync(key).mode & 0o777, 0o600);
  // A key is never written over.
  assert.throws(() => main(['--new-key', key], {}, () => undefined), /EEXIST/);

  writeFileSync(path.join(folder, 'a-linux-x64.deb'), 'package');
  for (const name of ['latest-linux.yml', 'beta.yml']) {
    writeFileSync(path.join(folder, name), `version: 1.0.0\nfiles:\n  - url: a-linux-x64.deb\n# ${name}\n`);
  }
  writeFileSync(path.join(folder, 'builder-debug.yml'), 'x: 1\n');
  main([folder], { GATEHOUSE_UPDATE_SIGNING_KEY: readFileSync(key, 'utf8') }, (line) => said.push(line));
  const x = Buffer.from(said[0]!.replace('GATEHOUSE_UPDATE_KEY=', ''), 'base64').toString('base64url');
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  for (const name of ['latest-linux.yml', 'beta.yml']) {
    const signature = Buffer.from(readFileSync(path.join(folder, `${name}.sig`), 'utf8'), 'base64');
    assert.ok(verify(null, readFileSync(path.join(folder, name)), publicKey, signature));
  }
  assert.deepEqual(said.slice(1, 3).sort(), ['signed beta.yml', 'signed latest-linux.yml']);
  assert.ok(!said.join().includes('PRIVATE'));
});

test('two keys give two lines', (t) => {
  const folder = folderOf(t);
  const file = path.join(folder, 'keys.pem');
  main(['--new-key', `${file}.1`], {}, () => undefined);
  main(['--new-key', `${file}.2`], {}, () => undefined);
  writeFileSync(file, readFileSync(`${file}.1`, 'utf8') + readFileSync(`${file}.2`, 'utf8'));
  writeFileSync(path.join(folder, 'latest.yml'), 'version: 1.0.0\n');
  main([folder], { GATEHOUSE_UPDATE_SIGNING_KEY_FILE: file }, () => undefined);
  assert.match(readFileSync(path.join(folder, 'latest.yml.sig'), 'utf8'), /^([A-Za-z0-9+/]{86}==\n){2}$/);
});

test('what is missing is said', (t) => {
  const folder = folderOf(t);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const other = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  main(['--new-key', path.join(folder, 'k')], {}, () => undefined);
  const env = { GATEHOUSE_UPDATE_SIGNING_KEY_FILE: path.join(folder, 'k') };
  const run = (args: string[], environment: Record<string, string>) => () => main(args, environment, () => undefined);
  assert.throws(run([], env), /usage/);
  assert.throws(run(['--help'], env), /usage/);
  assert.throws(run([folder], {}), /no signing key/);
  assert.throws(run([folder], { GATEHOUSE_UPDATE_SIGNING_KEY: other }), /not Ed25519/);
  assert.throws(run([folder], env), /no latest/);
  writeFileSync(path.join(folder, 'latest.yml'), 'files:\n  - url: gone.exe\n');
  assert.throws(run([folder], env), /gone\.exe: not there/);
});
