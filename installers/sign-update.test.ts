import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, hash, verify } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { main } from './sign-update.ts';

const folderOf = (t: TestContext): string => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-sign-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** As electron-builder writes it. */
const describe = (url: string, content: string): string => {
  const sha512 = hash('sha512', content, 'base64');
  const file = `  - url: ${url}\n    sha512: ${sha512}\n    size: ${content.length}\n    blockMapSize: 7\n`;
  return `version: 1.0.0\nfiles:\n${file}path: ${url}\nsha512: ${sha512}\nreleaseDate: '2026-11-20T10:00:00.000Z'\n`;
};

test('a new key signs the exact bytes of every description', (t) => {
  const folder = folderOf(t);
  const key = path.join(folder, 'key.pem');
  const said: string[] = [];
  main(['--new-key', key], {}, (line) => said.push(line));
  assert.equal(statSync(key).mode & 0o777, 0o600);
  // A key is never written over.
  assert.throws(() => main(['--new-key', key], {}, () => undefined), /is there already, and no key is written over/);

  writeFileSync(path.join(folder, 'a-linux-x64.deb'), 'package');
  for (const name of ['latest-linux.yml', 'beta.yml']) {
    writeFileSync(path.join(folder, name), `${describe('a-linux-x64.deb', 'package')}# ${name}\n`);
  }
  writeFileSync(path.join(folder, 'builder-debug.yml'), 'x: 1\n');
  main([folder], { GATEHOUSE_UPDATE_SIGNING_KEY: readFileSync(key, 'utf8') }, (line) => said.push(line));
  const x = Buffer.from(said[0]!.replace('GATEHOUSE_UPDATE_KEY=', ''), 'base64').toString('base64url');
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  for (const name of ['latest-linux.yml', 'beta.yml']) {
    const signature = Buffer.from(readFileSync(path.join(folder, `${name}.sig`), 'utf8'), 'base64');
    assert.ok(verify(null, readFileSync(path.join(folder, name)), publicKey, signature));
  }
  for (const line of said.slice(1, 3))
    assert.match(line, /^signed [a-z-]+\.yml: 1\.0\.0 of 2026-11-20, counts until 20\d\d-/);
  assert.ok(!said.join().includes('PRIVATE'));
});

test('two keys give two lines', (t) => {
  const folder = folderOf(t);
  const file = path.join(folder, 'keys.pem');
  main(['--new-key', `${file}.1`], {}, () => undefined);
  main(['--new-key', `${file}.2`], {}, () => undefined);
  writeFileSync(file, readFileSync(`${file}.1`, 'utf8') + readFileSync(`${file}.2`, 'utf8'));
  writeFileSync(path.join(folder, 'a.exe'), 'package');
  writeFileSync(path.join(folder, 'latest.yml'), describe('a.exe', 'package'));
  main([folder], { GATEHOUSE_UPDATE_SIGNING_KEY_FILE: file }, () => undefined);
  assert.match(readFileSync(path.join(folder, 'latest.yml.sig'), 'utf8'), /^([A-Za-z0-9+/]{86}==\n){2}$/);
});

test('a description counts for 90 days or as long as it is told, and is signed again without its packages', (t) => {
  const folder = folderOf(t);
  const [key, other] = [path.join(folder, 'k'), path.join(folder, 'other')];
  for (const file of [key, other]) main(['--new-key', file], {}, () => undefined);
  const file = path.join(folder, 'latest.yml');
  writeFileSync(path.join(folder, 'a.exe'), 'package');
  writeFileSync(file, describe('a.exe', 'package').trimEnd());
  const run = (now: string, args: string[], named = key) => {
    const said: string[] = [];
    const env = { GATEHOUSE_UPDATE_SIGNING_KEY_FILE: named };
    main([...args, folder], env, (line) => said.push(line), new Date(now));
    const text = readFileSync(file, 'utf8');
    const signature = Buffer.from(readFileSync(`${file}.sig`, 'utf8'), 'base64');
    assert.ok(verify(null, Buffer.from(text), createPublicKey(readFileSync(named)), signature));
    return { said: said[0], ends: text.match(/^expires: .*$/gm), text };
  };
  const first = run('2026-11-20T10:00:00Z', []);
  assert.deepEqual(first.ends, ["expires: '2027-02-18T10:00:00.000Z'"]);
  assert.equal(first.said, 'signed latest.yml: 1.0.0 of 2026-11-20, counts until 2027-02-18');
  assert.equal(first.text.replace(/^expires: .*\n/m, ''), describe('a.exe', 'package'));

  rmSync(path.join(folder, 'a.exe'));
  assert.throws(() => run('2027-02-01T00:00:00Z', []), /a\.exe: not there/);
  const second = run('2027-02-01T00:00:00Z', ['--renew', '--days', '30']);
  assert.deepEqual(second.ends, ["expires: '2027-03-03T00:00:00.000Z'"]);

  // Only what this key has signed, and as it was: else anyone could have a release signed by laying it there.
  assert.throws(() => run('2027-02-02T00:00:00Z', ['--renew'], other), /was not signed with this key before/);
  writeFileSync(file, second.text.replace('1.0.0', '6.6.6'));
  assert.throws(() => run('2027-02-02T00:00:00Z', ['--renew']), /or was changed since/);
  writeFileSync(file, second.text);
  rmSync(`${file}.sig`);
  assert.throws(() => run('2027-02-02T00:00:00Z', ['--renew']), /was not signed with this key before/);
  for (const bad of ['0', '731', '-1', '1.5', 'x', ''])
    assert.throws(() => run('2027-02-02T00:00:00Z', [`--days=${bad}`]), /--days takes 1 to 730/, bad);
});

test('a description that another reader of YAML could read otherwise is not signed', (t) => {
  const folder = folderOf(t);
  const key = path.join(folder, 'k');
  main(['--new-key', key], {}, () => undefined);
  writeFileSync(path.join(folder, 'a.exe'), 'package');
  const good = describe('a.exe', 'package');
  const sign = (text: string) => () => {
    writeFileSync(path.join(folder, 'latest.yml'), text);
    main([folder], { GATEHOUSE_UPDATE_SIGNING_KEY_FILE: key }, () => undefined);
  };
  sign(good)();
  sign(`${good}# a word\n\nstagingPercentage: 10\n`)();
  sign(good.replaceAll('\n', '\r\n'))();
  const elsewhere = good.slice(good.indexOf('files:'), good.indexOf('path:')).replace('a.exe', 'b.exe');
  for (const text of [
    `${good}version: 9.9.9\n`,
    `${good}"version": 9.9.9\n`,
    `${good}${elsewhere}`,
    `${good}${elsewhere.replace('files:', '"files":')}`,
    `${good}? files\n: []\n`,
    `${good}<<: {files: []}\n`,
    `${good}---\n${good}`,
    `%YAML 1.1\n---\n${good}`,
    good.replace('version: 1.0.0', 'version: &v 1.0.0'),
    good.replace('version: 1.0.0', 'version: !!str 1.0.0'),
    good.replace('version: 1.0.0', 'version: "1.0.0'),
    good.replace('version: 1.0.0', "version: '1.0.0"),
    good.replace('version: 1.0.0', 'version: |'),
    good.replace('version: 1.0.0', 'version: 1.0.0\n  9.9.9'),
    good.replace('version: 1.0.0', 'version: 1.0.0\n\t9.9.9'),
    good.replace('version: 1.0.0', 'version: {a: b}'),
    good.replace('url: a.exe', 'url: a.exe # b.exe'),
  ])
    assert.throws(sign(text), /none that electron-builder writes/, text);
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
  writeFileSync(path.join(folder, 'latest.yml'), describe('gone.exe', 'package'));
  assert.throws(run([folder], env), /gone\.exe: not there/);
});

test('a call or a key that is no good is said in words, and makes nothing', (t) => {
  const folder = folderOf(t);
  const file = path.join(folder, 'k');
  const run = (args: string[], environment: Record<string, string>) => () => main(args, environment, () => undefined);
  assert.throws(run(['--new-key', file, 'b'], {}), /usage/);
  assert.throws(run(['--new-key', ''], {}), /usage/);
  assert.ok(!existsSync(file));
  run(['--new-key', file], {})();
  const key = readFileSync(file, 'utf8');
  const passphrase = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const;
  const locked = generateKeyPairSync('ed25519').privateKey.export(passphrase).toString();
  const inline = (text: string) => ({ GATEHOUSE_UPDATE_SIGNING_KEY: text });
  const named = (name: string) => ({ GATEHOUSE_UPDATE_SIGNING_KEY_FILE: name });
  assert.throws(run([folder], inline(key.replace(/MC4C/, 'AAAA'))), /is damaged: copy it whole/);
  assert.throws(run([folder], inline(locked)), /passphrase: take it off/);
  assert.throws(run([folder], inline('junk')), /no private key in PEM/);
  assert.throws(run([folder], named(`${file}.gone`)), /SIGNING_KEY_FILE names .*nothing of that name/);
  assert.throws(run([folder], named(folder)), /that is a folder/);
  assert.throws(run([folder], { ...inline(''), ...named('') }), /there is no signing key/);
  assert.throws(run([path.join(folder, 'gone')], named(file)), /folder of the packages.*nothing of that name/);
  assert.throws(run([file], named(file)), /that is no folder/);
  // An empty variable hides nothing.
  assert.throws(run([folder], { ...inline(''), ...named(file) }), /no latest/);
});

test('a package that is not as described: nothing is signed', (t) => {
  const folder = folderOf(t);
  const key = path.join(folder, 'k');
  main(['--new-key', key], {}, () => undefined);
  const text = describe('b.exe', 'package');
  writeFileSync(path.join(folder, 'a.exe'), 'package');
  writeFileSync(path.join(folder, 'beta.yml'), describe('a.exe', 'package'));
  const refused = (description: string, content: string, message: RegExp) => {
    writeFileSync(path.join(folder, 'latest.yml'), description);
    writeFileSync(path.join(folder, 'b.exe'), content);
    const env = { GATEHOUSE_UPDATE_SIGNING_KEY_FILE: key };
    assert.throws(() => main([folder], env, () => undefined), message);
    assert.ok(!existsSync(path.join(folder, 'beta.yml.sig')) && !existsSync(path.join(folder, 'latest.yml.sig')));
  };
  refused(text, 'short', /b\.exe has 5 bytes, and latest\.yml says 7/);
  refused(text, 'PACKAGE', /not the package that latest\.yml describes/);
  refused(text.replace(/^ {4}sha512.*\n/m, ''), 'package', /no sha512 and size of b\.exe/);
  refused(text.replace(/^ {4}size.*\n/m, ''), 'package', /no sha512 and size of b\.exe/);
  refused(text.replace('url: b.exe', 'url: ../k'), 'package', /'\.\.\/k', which is no plain name/);
  refused('version: 1.0.0\n', 'package', /lists no files/);
  // The second file counts as the first does.
  const second = text.replace('path:', `  - url: gone.exe\n    sha512: ${'A'.repeat(86)}==\n    size: 1\npath:`);
  refused(second, 'package', /gone\.exe: not there/);
});
