import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { requires } from '../../../test/requires.ts';
import { parseNote } from '../merkle/note.ts';
import { startExport } from './start.ts';
import { NOON, TestLog, unpack, verifyFolder } from './testing.ts';

const CONFIG = `[req]
distinguished_name=dn
[dn]
[tsa]
basicConstraints=CA:FALSE
extendedKeyUsage=critical,timeStamping
subjectKeyIdentifier=hash
[ts]
default_tsa=one
[one]
serial=serial
crypto_device=builtin
signer_digest=sha256
default_policy=1.2.3.4.1
digests=sha256,sha384
accuracy=secs:1
ess_cert_id_alg=sha256
`;

for (const [name, key] of [
  ['RSA', ['-newkey', 'rsa:2048']],
  ['ECDSA', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384']],
] as const) {
  test(`time-stamps with ${name} are checked, as openssl does`, requires('openssl'), async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-tsa-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const openssl = (...args: string[]) =>
      execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    writeFileSync(path.join(folder, 'cnf'), CONFIG);
    writeFileSync(path.join(folder, 'serial'), '01\n');
    openssl(
      'req',
      '-config',
      'cnf',
      '-x509',
      ...key,
      '-nodes',
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-subj',
      '/CN=Test root',
      '-days',
      '2',
    );
    openssl(
      'req',
      '-config',
      'cnf',
      ...key,
      '-nodes',
      '-keyout',
      'key',
      '-out',
      'csr',
      '-subj',
      '/O=Example/CN=Test TSA',
    );
    openssl(
      'x509',
      '-req',
      '-in',
      'csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      'cnf',
      '-extensions',
      'tsa',
      '-out',
      'tsa.pem',
    );
    const now = Math.floor(Date.now() / 1000) * 1e6;
    const log = new TestLog(t);
    log.add(['first', 'second'], now - 60e6, { monotonicUs: Float64Array.of(1, 2) });
    const note = log.note();
    log.keep(note, 'timestamp');
    writeFileSync(path.join(folder, 'body'), parseNote(note).text);
    openssl('ts', '-query', '-data', 'body', '-sha256', '-cert', '-out', 'query');
    openssl(
      'ts',
      '-reply',
      '-config',
      'cnf',
      '-section',
      'one',
      '-queryfile',
      'query',
      '-signer',
      'tsa.pem',
      '-inkey',
      'key',
      '-token_out',
      '-out',
      'token',
    );
    const token = readFileSync(path.join(folder, 'token'));

    const check = async (stamp: Uint8Array) => {
      const made = new TestLog(t, log);
      made.stamp(stamp, now);
      made.seal();
      const file = path.join(made.dataDir, 'export.zip');
      await startExport({ dataDir: made.dataDir, folder: made.folder, file, fromUs: 0, toUs: NOON, by: 'x', atUs: now })
        .done;
      const unpacked = path.join(made.dataDir, 'unpacked');
      await unpack(file, unpacked);
      return { unpacked, ...(await verifyFolder(unpacked)) };
    };
    const good = await check(token);
    assert.equal(good.code, 0, good.text);
    assert.match(
      good.text,
      /“Example, Test TSA” \(certificate by “Test root”, .*says that the log with 2 records was there on/,
    );
    // The command that is told does what it says.
    const [command] = /openssl ts -verify [^\n<]*/.exec(good.text) ?? [];
    const args = command!.trim().split(' ').slice(1);
    const said = execFileSync('openssl', [...args, path.join(folder, 'ca.pem')], {
      cwd: good.unpacked,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    assert.match(String(said), /Verification: OK/);

    const forged = Buffer.from(token);
    forged[forged.length - 1]! ^= 1;
    const bad = await check(forged);
    assert.equal(bad.code, 1);
    assert.match(bad.text, /The time-stamp of the checkpoint of 2 records isn’t good: its signature is wrong/);
    const changed = Buffer.from(token);
    const time = changed.indexOf(new Date(now / 1000).toISOString().slice(0, 4));
    changed.write('2001', time, 'latin1');
    assert.match(
      (await check(changed)).text,
      /isn’t good: (it was changed after it was signed|its certificate|its signature)/,
    );
  });
}
