import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { requiresPostgres, startPostgres } from '../../test/postgres.ts';
import { requires } from '../../test/requires.ts';
import { MAX_DAYS } from './schema.ts';
import { must, openssl, startPki } from './testing.ts';

const DAY_MS = 86_400_000;
const blocks = (text: string, kind = 'CERTIFICATE'): string[] =>
  text.match(new RegExp(`-----BEGIN ${kind}-----[^-]+-----END ${kind}-----`, 'g')) ?? [];

describe("the appliance's CA", requires('openssl'), () => {
  let pki: Awaited<ReturnType<typeof startPki>>;
  let folder: string;
  const file = (name: string): string => path.join(folder, name);
  const save = async (name: string, content: string | Buffer): Promise<string> => {
    await writeFile(file(name), content);
    return file(name);
  };
  const derOf = (pem: string): Buffer => new X509Certificate(pem).raw;
  const request = async (args: string[], subject = '/CN=whoever'): Promise<string> => {
    await must([
      'req',
      '-new',
      '-nodes',
      '-keyout',
      file('csr.key'),
      '-out',
      file('csr.pem'),
      '-subj',
      subject,
      ...args,
    ]);
    return readFile(file('csr.pem'), 'utf8');
  };
  const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

  before(async () => {
    pki = await startPki();
    folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-own-'));
  });
  after(async () => {
    await pki.close();
    await rm(folder, { recursive: true });
  });

  test('its certificate is public, is a CA of ten years, and signs itself', async () => {
    const { status, body, headers } = await pki.call('GET', 'ca.pem');
    assert.equal(status, 200);
    assert.match(String(headers['content-type']), /^application\/x-pem-file/);
    const ca = new X509Certificate(body);
    assert.equal(ca.ca, true);
    assert.ok(Date.parse(ca.validTo) - Date.now() > 3650 * DAY_MS);
    await save('ca.pem', body);
    assert.match(await must(['verify', '-CAfile', file('ca.pem'), '-check_ss_sig', file('ca.pem')]), /OK/);
    const text = await must(['x509', '-in', file('ca.pem'), '-noout', '-text']);
    assert.match(text, /CA:TRUE, pathlen:0/);
    assert.match(text, /Certificate Sign, CRL Sign/);
  });

  test('the server certificate is by the CA, for servers, with the names, and its key fits', async () => {
    const { chain, key } = pki.pki.server();
    const [leaf] = blocks(chain);
    await save('server.pem', leaf!);
    assert.match(await must(['verify', '-CAfile', file('ca.pem'), '-purpose', 'sslserver', file('server.pem')]), /OK/);
    const certificate = new X509Certificate(leaf!);
    assert.equal(certificate.subjectAltName, 'DNS:radius.example.com');
    assert.equal(certificate.checkPrivateKey(createPrivateKey(key)), true);
    const days = (Date.parse(certificate.validTo) - Date.now()) / DAY_MS;
    assert.ok(days > 824 && days < 826);
    const bad = await pki.pki.check([derOf(leaf!)]);
    assert.deepEqual(bad, { ok: false, reason: 'the certificate is not for clients (extended key usage clientAuth)' });
  });

  test('a request gets a certificate for its key and our subject; what it asks for besides is left out', async () => {
    for (const args of [EC, ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], ['-newkey', 'rsa:2048']]) {
      const csr = await request([...args, '-addext', 'subjectAltName=DNS:evil.example.com'], '/CN=admin/O=Evil');
      const { status, body } = await pki.call('POST', 'certificates', { username: 'alice@example.com', csr, days: 30 });
      assert.equal(status, 201, JSON.stringify(body));
      assert.equal(body.private_key, undefined);
      await save('alice.pem', body.certificate);
      assert.match(await must(['verify', '-CAfile', file('ca.pem'), '-purpose', 'sslclient', file('alice.pem')]), /OK/);
      const certificate = new X509Certificate(body.certificate);
      assert.equal(certificate.checkPrivateKey(createPrivateKey(await readFile(file('csr.key')))), true);
      assert.equal(certificate.subject, 'CN=alice@example.com');
      assert.doesNotMatch(certificate.subjectAltName ?? '', /evil/);
      const checked = await pki.pki.check([certificate.raw]);
      assert.deepEqual(checked, {
        ok: true,
        login: 'alice@example.com',
        facts: {
          subject: 'CN=alice@example.com',
          issuer: checked.ok ? checked.facts.issuer : '',
          commonName: 'alice@example.com',
          alternativeNames: ['UPN:alice@example.com', 'email:alice@example.com'],
          serial: body.serial,
          notAfter: body.not_after,
        },
      });
    }
  });

  test('the login is the user name as it is written, whatever name was given', async () => {
    const { body } = await pki.call('POST', 'certificates', { username: 'Erin@example.com', generate: true });
    assert.equal(body.username, 'erin');
    const checked = await pki.pki.check([derOf(body.certificate)]);
    assert.ok(checked.ok);
    assert.equal(checked.login, 'erin');
    assert.deepEqual(checked.facts.alternativeNames, ['UPN:Erin@example.com', 'email:Erin@example.com']);
    await pki.pki.userDeleted('erin');
    assert.equal((await pki.pki.check([derOf(body.certificate)])).ok, false);
  });

  test('what cannot be used is refused with the reason', async () => {
    const good = await request(EC);
    const broken = Buffer.from(good.replace(/-----[^-]+-----/g, ''), 'base64');
    broken[broken.length - 1] = broken[broken.length - 1]! ^ 1;
    const wrongSignature = `-----BEGIN CERTIFICATE REQUEST-----\n${broken.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    const cases: [object, RegExp][] = [
      [{ username: 'alice', csr: await request(['-newkey', 'rsa:1024']) }, /RSA of 2048/],
      [
        { username: 'alice', csr: await request(['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1']) },
        /P-256/,
      ],
      [{ username: 'alice', csr: await request(['-newkey', 'ed25519']) }, /P-256/],
      [{ username: 'alice', csr: wrongSignature }, /not signed with its own key/],
      [{ username: 'alice', csr: 'nonsense' }, /not a certificate request/],
      [{ username: 'nobody', csr: good }, /there is no user nobody/],
      [{ username: 'alice' }, /either csr, or generate/],
      [{ username: 'alice', csr: good, generate: true }, /either csr, or generate/],
      [{ username: 'alice', csr: good, format: 'pkcs12' }, /generated keys/],
      [{ username: 'alice', generate: true, days: MAX_DAYS + 1 }, /days/],
      [{ username: 'alice', generate: true, days: 0 }, /days/],
      [{ username: `alice${'x'.repeat(60)}`, generate: true }, /64 characters/],
      [{ username: 'alice\n', generate: true }, /one line/],
      [{ username: 'alice', generate: true, more: 1 }, /additional/],
    ];
    for (const [body, detail] of cases) {
      const answer = await pki.call('POST', 'certificates', body);
      assert.equal(answer.status, 422, JSON.stringify(body));
      assert.match(answer.body.detail, detail);
      assert.match(String(answer.headers['content-type']), /problem\+json/);
    }
    const forbidden = await pki.call('POST', 'certificates', { username: 'alice', generate: true }, 'user');
    assert.equal(forbidden.status, 403);
  });

  test('a key made here is given out once and not kept', async () => {
    const { status, body, headers } = await pki.call('POST', 'certificates', { username: 'bob', generate: true });
    assert.equal(status, 201);
    assert.equal(headers['cache-control'], 'no-store');
    const certificate = new X509Certificate(body.certificate);
    assert.equal(certificate.checkPrivateKey(createPrivateKey(body.private_key)), true);
    const again = await pki.call('GET', `certificates/${body.id}`);
    assert.equal(again.status, 200);
    assert.equal(again.body.certificate, body.certificate);
    assert.equal(again.body.private_key, undefined);
    const rows = JSON.stringify(
      await pki.store.as<Record<string, never>>().selectFrom('pki_certificates').selectAll().execute(),
    );
    assert.doesNotMatch(rows, /PRIVATE KEY/);
    assert.doesNotMatch(JSON.stringify(pki.lines), /PRIVATE KEY/);
    assert.equal((await pki.call('GET', 'certificates/nope')).status, 404);
  });

  test('PKCS#12 opens in openssl with its password and no other', async () => {
    for (const username of ['bob', 'zoë']) {
      const { status, body } = await pki.call('POST', 'certificates', { username, generate: true, format: 'pkcs12' });
      assert.equal(status, 201);
      assert.match(body.password, /^([a-km-np-z2-9]{5}-){3}[a-km-np-z2-9]{5}$/);
      await save('bob.p12', Buffer.from(body.pkcs12, 'base64'));
      const read = (password: string, ...more: string[]) =>
        openssl(['pkcs12', '-in', file('bob.p12'), '-passin', `pass:${password}`, '-nodes', ...more]);
      const { code, out } = await read(body.password);
      assert.equal(code, 0, out);
      assert.equal(out.match(/BEGIN CERTIFICATE/g)?.length, 2);
      const clcerts = await read(body.password, '-clcerts', '-nokeys');
      const [leaf] = blocks(clcerts.out);
      const [key] = blocks(out, 'PRIVATE KEY');
      const certificate = new X509Certificate(leaf!);
      assert.equal(certificate.checkPrivateKey(createPrivateKey(key!)), true);
      const checked = await pki.pki.check([certificate.raw]);
      assert.equal(checked.ok && checked.login, username);
      assert.notEqual((await read('wrong')).code, 0);
    }
  });

  test('a revoked certificate is refused at once, and by openssl with the CRL', async () => {
    const { body } = await pki.call('POST', 'certificates', { username: 'carol', generate: true });
    const other = (await pki.call('POST', 'certificates', { username: 'carol', generate: true })).body;
    await save('carol.pem', body.certificate);
    await save('other.pem', other.certificate);
    const verify = async (name: string) => {
      await save('crl.pem', (await pki.call('GET', 'crl.pem')).body);
      return openssl(['verify', '-crl_check', '-CAfile', file('ca.pem'), '-CRLfile', file('crl.pem'), file(name)]);
    };
    assert.equal((await verify('carol.pem')).code, 0);
    assert.equal((await pki.pki.check([derOf(body.certificate)])).ok, true);

    const revoked = await pki.call('POST', `certificates/${body.id}/revoke`, { reason: 'keyCompromise' });
    assert.equal(revoked.status, 204);
    assert.deepEqual(await pki.pki.check([derOf(body.certificate)]), {
      ok: false,
      reason: 'the certificate is revoked',
    });
    const refused = await verify('carol.pem');
    assert.notEqual(refused.code, 0);
    assert.match(refused.out, /certificate revoked/);
    assert.equal((await verify('other.pem')).code, 0);
    assert.equal((await pki.pki.check([derOf(other.certificate)])).ok, true);

    const der = await pki.call('GET', 'ca.crl');
    assert.match(String(der.headers['content-type']), /^application\/pkix-crl/);
    await save('crl.der', der.bytes);
    const text = await must([
      'crl',
      '-inform',
      'DER',
      '-in',
      file('crl.der'),
      '-noout',
      '-text',
      '-CAfile',
      file('ca.pem'),
    ]);
    assert.match(text, /Key Compromise/);
    assert.match(text, /verify OK/);

    assert.equal((await pki.call('POST', `certificates/${body.id}/revoke`)).status, 409);
    assert.equal((await pki.call('POST', 'certificates/nope/revoke')).status, 404);
    assert.equal((await pki.call('POST', `certificates/${other.id}/revoke`, { reason: 'whim' })).status, 422);
    const shown = (await pki.call('GET', `certificates/${body.id}`)).body;
    assert.equal(shown.reason, 'keyCompromise');
    assert.ok(shown.revoked_at);
    const told = pki.events.filter(({ type }) => type === 'pki.certificate.revoked');
    assert.equal(told.at(-1)?.data.serial, body.serial);
  });

  test('the CRL stays the same until something is revoked or it gets old, and its number ascends', async () => {
    const number = async () => {
      await save('crl.der', (await pki.call('GET', 'ca.crl')).bytes);
      const text = await must(['crl', '-inform', 'DER', '-in', file('crl.der'), '-noout', '-crlnumber', '-nextupdate']);
      return {
        number: Number.parseInt(/crlNumber=0x([0-9A-F]+)/.exec(text)?.[1] ?? '', 16),
        next: Date.parse(/nextUpdate=(.*)/.exec(text)?.[1] ?? ''),
      };
    };
    const first = await number();
    assert.deepEqual(await number(), first);
    assert.ok(Math.abs(first.next - pki.clock.at - 7 * DAY_MS) < 3_600_000);
    const at = pki.clock.at;
    pki.clock.at += 5 * DAY_MS + 1;
    const second = await number();
    assert.equal(second.number, first.number + 1);
    assert.ok(second.next > first.next);
    pki.clock.at = at;
  });

  test('lists by page and by user, the newest first', async () => {
    const all: { id: string; created_at: string }[] = [];
    let url = 'certificates?limit=2';
    for (let page = 0; page < 20; page++) {
      const { body, headers } = await pki.call('GET', url);
      all.push(...body);
      const next = /<\/v1\/pki\/([^>]+)>; rel="next"/.exec(String(headers.link ?? ''))?.[1];
      if (!next) break;
      url = next;
    }
    const whole = (await pki.call('GET', 'certificates')).body;
    assert.deepEqual(all, whole);
    assert.ok(whole.length >= 8);
    const bobs = (await pki.call('GET', 'certificates?username=bob')).body;
    assert.ok(bobs.length >= 2);
    assert.ok(bobs.every(({ username }: { username: string }) => username === 'bob'));
    assert.equal((await pki.call('GET', 'certificates?cursor=x')).status, 422);
  });

  test('expiry is looked at at each check', async () => {
    const { body } = await pki.call('POST', 'certificates', { username: 'bob', generate: true, days: 1 });
    const chain = [derOf(body.certificate)];
    assert.equal((await pki.pki.check(chain)).ok, true);
    const at = pki.clock.at;
    pki.clock.at += DAY_MS + 2000;
    assert.deepEqual(await pki.pki.check(chain), { ok: false, reason: 'the certificate has expired' });
    pki.clock.at = at - DAY_MS;
    assert.deepEqual(await pki.pki.check(chain), { ok: false, reason: 'the certificate is not valid yet' });
    pki.clock.at = at;
  });

  test('certificates of somebody who is gone are revoked', async () => {
    const { body } = await pki.call('POST', 'certificates', { username: 'alice.gone', generate: true });
    assert.equal((await pki.pki.check([derOf(body.certificate)])).ok, true);
    await pki.pki.userDeleted('alice.gone');
    assert.equal((await pki.pki.check([derOf(body.certificate)])).ok, false);
    assert.equal((await pki.call('GET', `certificates/${body.id}`)).body.reason, 'cessationOfOperation');
  });

  test('nothing that is no chain of ours makes the check throw', async () => {
    for (const chain of [[], [Buffer.alloc(0)], [Buffer.alloc(100, 0x30)], Array(11).fill(Buffer.alloc(1))]) {
      assert.equal((await pki.pki.check(chain)).ok, false);
    }
  });
});

describe('over time', requires('openssl'), () => {
  test('the server certificate is renewed 30 days before its end, and for other names; who uses it is told', async () => {
    const pki = await startPki();
    try {
      let told = 0;
      pki.pki.onChange(() => told++);
      const first = pki.pki.server();
      pki.clock.at += 794 * DAY_MS;
      await pki.pki.tick();
      assert.equal(pki.pki.server().chain, first.chain);
      pki.clock.at += 2 * DAY_MS;
      await pki.pki.tick();
      const second = pki.pki.server();
      assert.notEqual(second.chain, first.chain);
      assert.equal(told, 1);
      pki.names.push('radius2.example.com');
      await pki.pki.tick();
      assert.equal(
        new X509Certificate(pki.pki.server().chain).subjectAltName,
        'DNS:radius.example.com, DNS:radius2.example.com',
      );
      assert.equal(told, 2);
      await pki.pki.tick();
      assert.equal(told, 2, 'nothing has changed');
    } finally {
      await pki.close();
    }
  });

  test('a CA that a wrong clock has made is made anew as long as nobody has a certificate of it', async () => {
    const first = await startPki({ at: Date.parse('1970-01-02T00:00:00Z') });
    const old = (await first.call('GET', 'ca.pem')).body;
    await first.close(true);
    const second = await startPki({ dataDir: first.dataDir });
    try {
      const made = new X509Certificate((await second.call('GET', 'ca.pem')).body);
      assert.notEqual(made.toString(), new X509Certificate(old).toString());
      assert.ok(Date.parse(made.validTo) > Date.now());
      assert.equal(new X509Certificate(second.pki.server().chain).verify(made.publicKey), true);
    } finally {
      await second.close();
    }
  });

  test('everything is there after a restart', async () => {
    const first = await startPki();
    const { body } = await first.call('POST', 'certificates', { username: 'bob', generate: true });
    await first.call('POST', `certificates/${body.id}/revoke`, { reason: 'superseded' });
    const server = first.pki.server();
    await first.close(true);
    const second = await startPki({ dataDir: first.dataDir });
    try {
      assert.deepEqual(second.pki.server(), server);
      const chain = [new X509Certificate(body.certificate).raw];
      assert.deepEqual(await second.pki.check(chain), { ok: false, reason: 'the certificate is revoked' });
    } finally {
      await second.close();
    }
  });
});

test('on PostgreSQL', requiresPostgres(), async () => {
  const postgres = await startPostgres();
  try {
    const pki = await startPki({ database: await postgres.createDatabase() });
    try {
      const { body } = await pki.call('POST', 'certificates', { username: 'bob', generate: true });
      assert.equal((await pki.call('POST', `certificates/${body.id}/revoke`)).status, 204);
      assert.equal((await pki.call('GET', 'certificates?limit=1&username=bob')).body.length, 1);
      assert.equal((await pki.call('GET', 'crl.pem')).status, 200);
      assert.equal(
        (await pki.call('PUT', 'authorities', { authorities: [], own: false, soft_fail: true })).status,
        200,
      );
      assert.equal((await pki.call('GET', 'settings')).body.own, false);
      assert.equal((await pki.call('DELETE', 'server')).status, 404);
    } finally {
      await pki.close();
    }
  } finally {
    await postgres.stop();
  }
});
