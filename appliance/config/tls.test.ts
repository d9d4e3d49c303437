import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import tls, { rootCertificates } from 'node:tls';
import { ConfigError, loadTls } from './index.ts';
import { makeAuthority } from './own-certificate.ts';
import { pinOf } from './tls.ts';

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

describe('what devices hold on to', () => {
  const pinTo = (pem: string) =>
    `sha256:${createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url')}`;
  const within = (name: string) => path.join(folder, name, 'tls');
  const read = (name: string, file: string) => readFileSync(path.join(within(name), file), 'utf8');

  it('is the authority, which outlives renewals, lost files and other names', async () => {
    const at = path.join(folder, 'pinned');
    const first = await loadTls(at, none);
    const authority = read('pinned', 'ca.pem');
    assert.equal(first.pin, pinTo(authority));
    if (process.platform !== 'win32')
      assert.equal(statSync(path.join(within('pinned'), 'ca-key.pem')).mode & 0o777, 0o600);
    const later = await loadTls(at, none, first.validTo.getTime());
    const hosts = ['gate.example.org', '192.0.2.77', '2001:db8::77'];
    const named = await loadTls(at, { ...none, hosts });
    for (const host of hosts) assert.deepEqual([host, first.isFor(host), named.isFor(host)], [host, false, true]);
    assert.equal((await loadTls(at, { ...none, hosts })).fingerprint, named.fingerprint, 'kept');
    rmSync(path.join(within('pinned'), 'cert.pem'));
    rmSync(path.join(within('pinned'), 'key.pem'));
    const lost = await loadTls(at, none);
    assert.equal(new Set([first, later, named, lost].map(({ fingerprint }) => fingerprint)).size, 4);
    for (const { cert, pin } of [later, named, lost]) {
      assert.equal(pin, first.pin);
      const leaf = new X509Certificate(cert);
      const ca = new X509Certificate(authority);
      assert.deepEqual([leaf.checkIssued(ca), leaf.verify(ca.publicKey), ca.ca], [true, true, true]);
    }
    assert.ok(Date.parse(new X509Certificate(authority).validTo) > Date.parse('2049-01-01'));
    assert.ok(
      Date.parse(new X509Certificate(authority).validFrom) < Date.parse('2020-01-02'),
      'whatever the clock says',
    );
  });

  it('is made anew with its authority, where that is lost', async () => {
    const at = path.join(folder, 'lost');
    const first = await loadTls(at, none);
    writeFileSync(path.join(within('lost'), 'ca-key.pem'), 'no key');
    const second = await loadTls(at, none);
    assert.notEqual(second.pin, first.pin);
    assert.equal(second.key, first.key);
  });

  it('is a certificate that signed itself, while that is good: it is from before there was an authority', async () => {
    const at = path.join(folder, 'before');
    const { cert, key } = await makeAuthority();
    mkdirSync(within('before'), { recursive: true });
    writeFileSync(path.join(within('before'), 'cert.pem'), cert);
    writeFileSync(path.join(within('before'), 'key.pem'), key);
    const kept = await loadTls(at, none);
    assert.deepEqual([kept.cert, kept.pin], [cert, pinTo(cert)]);
    const named = await loadTls(at, { ...none, hosts: ['gate.example.org'] });
    assert.ok(named.isFor('gate.example.org'), 'a name that was asked for goes before');
    assert.equal(named.pin, pinTo(read('before', 'ca.pem')));
  });

  it("is nothing below a public authority, and the last of the administrator's chain, whatever its order", async () => {
    for (const root of rootCertificates.slice(0, 5)) assert.equal(pinOf(root), undefined);
    const at = path.join(folder, 'chain');
    const { cert } = await loadTls(at, none);
    const [leaf, authority] = cert.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g) as [string, string];
    assert.equal(pinOf(leaf + authority), pinTo(authority));
    assert.equal(pinOf(leaf + (rootCertificates[0] as string) + authority), pinTo(authority));
    assert.equal(pinOf(leaf), pinTo(leaf), 'served alone, it is all that devices see');
    const own = path.join(folder, 'own.pem');
    writeFileSync(own, cert);
    const loaded = await loadTls(folder, { cert: own, key: path.join(within('chain'), 'key.pem') });
    assert.deepEqual([loaded.pin, loaded.selfSigned], [pinTo(authority), false]);
  });
});
