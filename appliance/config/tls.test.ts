import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import tls from 'node:tls';
import { ConfigError, loadTls } from './index.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-tls-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const none = { cert: undefined, key: undefined };
const DAY_MS = 86_400_000;
const [certFile, keyFile] = [path.join(folder, 'tls/cert.pem'), path.join(folder, 'tls/key.pem')];

describe('the certificate of its own', () => {
  it('serves TLS to a client that trusts it, by every name', async () => {
    const { cert, key, fingerprint, selfSigned } = await loadTls(folder, none);
    assert.equal(selfSigned, true);
    const server = tls.createServer({ cert, key }, (socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const client = tls.connect({ host: '127.0.0.1', port, ca: cert, servername: 'localhost' });
    await new Promise((resolve, reject) => client.once('secureConnect', resolve).once('error', reject));
    assert.equal(client.authorized, true);
    assert.equal(client.getPeerCertificate().fingerprint256, fingerprint);
    client.destroy();
    server.close();
    const certificate = new X509Certificate(cert);
    assert.ok(certificate.checkHost('localhost'));
    for (const address of ['127.0.0.1', '::1']) assert.ok(certificate.checkIP(address), address);
    assert.equal(certificate.ca, false);
    const days = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / DAY_MS;
    assert.equal(Math.round(days), 825);
  });

  it('is kept, its key for the owner alone', async () => {
    const { fingerprint } = await loadTls(folder, none);
    assert.equal((await loadTls(folder, none)).fingerprint, fingerprint);
    if (process.platform !== 'win32') assert.equal(statSync(keyFile).mode & 0o777, 0o600);
  });

  it('is renewed under the same key when fewer than 30 days are left, or when it is from the future', async () => {
    const first = await loadTls(folder, none);
    const at = first.validTo.getTime();
    assert.equal((await loadTls(folder, none, at - 30 * DAY_MS)).fingerprint, first.fingerprint);
    const renewed = await loadTls(folder, none, at - 30 * DAY_MS + 1000);
    assert.notEqual(renewed.fingerprint, first.fingerprint);
    assert.equal(renewed.key, first.key);
    const back = await loadTls(folder, none); // the clock is right again: the renewed one is not valid yet
    assert.notEqual(back.fingerprint, renewed.fingerprint);
  });

  it('is made anew when its files are damaged or do not match', async () => {
    const first = await loadTls(folder, none);
    writeFileSync(certFile, 'no certificate');
    const second = await loadTls(folder, none);
    assert.equal(second.key, first.key);
    writeFileSync(keyFile, 'no key');
    const third = await loadTls(folder, none);
    assert.notEqual(third.key, first.key);
    const other = await loadTls(path.join(folder, 'other'), none);
    writeFileSync(keyFile, other.key);
    assert.equal((await loadTls(folder, none)).key, other.key);
  });
});

describe("the administrator's certificate", () => {
  it('is used as it is', async () => {
    const own = await loadTls(folder, none);
    const loaded = await loadTls(folder, { cert: certFile, key: keyFile });
    assert.equal(loaded.fingerprint, own.fingerprint);
    assert.equal(loaded.selfSigned, false);
  });

  it('stops the start when it cannot be used', async () => {
    const other = await loadTls(path.join(folder, 'second'), none);
    const otherKey = path.join(folder, 'other.key');
    writeFileSync(otherKey, other.key);
    const wrong: [string, string, RegExp][] = [
      [path.join(folder, 'none.pem'), keyFile, /^tls\.cert is .*none\.pem, which cannot be read/],
      [certFile, path.join(folder, 'none.key'), /^tls\.key is .*none\.key, which cannot be read/],
      [certFile, otherKey, /the key belongs to another certificate/],
      [keyFile, keyFile, /cannot be used/],
    ];
    for (const [cert, key, message] of wrong) {
      await assert.rejects(loadTls(folder, { cert, key }), (error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, message);
        return true;
      });
    }
  });
});
