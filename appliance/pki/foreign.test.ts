import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { requires } from '../../test/requires.ts';
import { MAX_CRL_BYTES } from './revocation.ts';
import { MAX_AUTHORITIES } from './schema.ts';
import { foreignCa, serve, startPki } from './testing.ts';

const DAY_MS = 86_400_000;
const REVOKED = { ok: false, reason: 'the certificate is revoked' };
const chainOf = (...pems: string[]): Buffer[] => pems.map((pem) => new X509Certificate(pem).raw);

interface Entry {
  pem: string;
  crl_url?: string;
  ocsp: boolean;
  ocsp_url?: string;
  login: 'cn' | 'upn' | 'email' | 'dns';
}

describe('authorities that the site brings', requires('openssl'), () => {
  let ca: Awaited<ReturnType<typeof foreignCa>>;
  let pki: Awaited<ReturnType<typeof startPki>>;
  let alice: string;
  const set = async (entries: Partial<Entry>[], more: object = {}) => {
    const authorities = entries.map((entry) => ({ pem: ca.pem, ocsp: false, login: 'cn', ...entry }));
    const answer = await pki.call('PUT', 'authorities', { authorities, own: true, ...more });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body;
  };
  const later = (ms: number): void => {
    pki.clock.at += ms;
  };

  before(async () => {
    ca = await foreignCa('Foreign Root');
    alice = await ca.issue('alice', '/O=Corp/CN=alice', {
      addext: [
        'subjectAltName=DNS:laptop.example.com,email:alice@corp.example,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@corp.local,URI:urn:x',
      ],
    });
  });
  after(() => ca.remove());
  beforeEach(async () => {
    // What openssl issues during the test is valid from then.
    pki = await startPki({ at: Date.now() + 60_000 });
  });
  afterEach(() => pki.close());

  test('let their certificates in, with the login that their rule names', async () => {
    assert.deepEqual(await pki.pki.check(chainOf(alice)), {
      ok: false,
      reason: 'the certificate is of an authority that is not trusted',
    });
    let told = 0;
    const end = pki.pki.onChange(() => told++);
    const logins = { cn: 'alice', upn: 'alice@corp.local', email: 'alice@corp.example', dns: 'laptop.example.com' };
    for (const [login, wanted] of Object.entries(logins)) {
      const settings = await set([{ login: login as Entry['login'] }]);
      assert.equal(settings.authorities[0].warnings.length, 1, 'revocation is not checked');
      const checked = await pki.pki.check(chainOf(alice));
      assert.ok(checked.ok, JSON.stringify(checked));
      assert.equal(checked.login, wanted);
      assert.deepEqual(checked.facts, {
        subject: 'CN=alice,O=Corp',
        issuer: 'CN=Foreign Root,O=Foreign',
        commonName: 'alice',
        alternativeNames: ['DNS:laptop.example.com', 'email:alice@corp.example', 'UPN:alice@corp.local', 'URI:urn:x'],
        serial: '1000',
        notAfter: new Date(new X509Certificate(alice).validTo).toISOString(),
      });
    }
    assert.equal(told, 4);
    end();
    assert.match(pki.pki.authorities(), /BEGIN/);
    assert.equal(pki.pki.authorities().match(/BEGIN/g)?.length, 2);
    await set([], { own: false });
    assert.equal(pki.pki.authorities(), '');
    assert.equal(told, 4);
    const plain = await ca.issue('plain', '/CN=dave', { kind: 'plain' });
    await set([{}]);
    assert.equal((await pki.pki.check(chainOf(plain))).ok, true, 'no extended key usage allows all');
    await set([{ login: 'upn' }]);
    assert.deepEqual(await pki.pki.check(chainOf(plain)), {
      ok: false,
      reason: 'the certificate has no user principal name that could be a login',
    });
  });

  test('a certificate for servers, one of another CA of the same name, and one without its CA are refused', async () => {
    await set([{}]);
    const server = await ca.issue('server', '/CN=alice', { kind: 'server' });
    assert.match(JSON.stringify(await pki.pki.check(chainOf(server))), /not for clients/);
    const twin = await foreignCa('Foreign Root');
    const forged = await twin.issue('alice', '/CN=alice');
    assert.match(JSON.stringify(await pki.pki.check(chainOf(forged, twin.pem))), /not trusted/);
    await twin.remove();
    // A certificate that is no CA's signs nothing.
    assert.match(JSON.stringify(await pki.pki.check(chainOf(forged, alice, ca.pem))), /not trusted/);
  });

  test("with own off, the appliance's certificates count no more", async () => {
    const { body } = await pki.call('POST', 'certificates', { username: 'bob', generate: true });
    const chain = chainOf(body.certificate);
    assert.equal((await pki.pki.check(chain)).ok, true);
    await set([{}], { own: false });
    assert.equal((await pki.pki.check(chain)).ok, false);
    await set([{}], { own: true });
    assert.equal((await pki.pki.check(chain)).ok, true);
  });

  test('an intermediate authority', async () => {
    const sub = await ca.issue('sub', '/O=Foreign/CN=Sub', { kind: 'sub' });
    const below = await foreignCa('unused');
    try {
      // openssl signs with the intermediate's key from its own folder.
      const { copyFile } = await import('node:fs/promises');
      await copyFile(ca.file('sub.pem'), below.file('ca.pem'));
      await copyFile(ca.file('sub.key'), below.file('ca.key'));
      const leaf = await below.issue('eve', '/CN=eve');
      await set([{}]);
      assert.equal((await pki.pki.check(chainOf(leaf, sub))).ok, true);
      assert.equal((await pki.pki.check(chainOf(leaf, sub, ca.pem))).ok, true);
      assert.equal((await pki.pki.check(chainOf(leaf))).ok, false);
      // The root's CRL says nothing of what the intermediate has issued.
      const web = await serve(() => crl);
      const crl = await ca.crl();
      await set([{ crl_url: web.url }]);
      assert.match(JSON.stringify(await pki.pki.check(chainOf(leaf, sub))), /the CRL is of another issuer/);
      // Set as an authority of its own, its own CRL counts.
      const own = await below.crl();
      const web2 = await serve(() => own);
      await set([{ pem: sub, crl_url: web2.url }]);
      assert.equal((await pki.pki.check(chainOf(leaf, sub))).ok, true);
      await web.close();
      await web2.close();
    } finally {
      await below.remove();
    }
  });

  test('CRL: good, revoked after the hour, in PEM too, kept while the server is down, out of date', async () => {
    const mallory = await ca.issue('mallory', '/CN=mallory');
    let content: Buffer | number = await ca.crl();
    const web = await serve(() => content);
    try {
      await set([{ crl_url: `${web.url}/ca.crl` }]);
      const [first, second] = await Promise.all([pki.pki.check(chainOf(mallory)), pki.pki.check(chainOf(alice))]);
      assert.equal(first.ok && second.ok, true);
      assert.equal(web.asked.length, 1, 'one request for all who wait');
      await ca.revoke('mallory');
      content = await ca.crl('PEM');
      await pki.pki.tick();
      assert.equal((await pki.pki.check(chainOf(mallory))).ok, true, 'not asked again within the hour');
      later(3_600_001);
      await pki.pki.tick();
      assert.deepEqual(await pki.pki.check(chainOf(mallory)), REVOKED);
      assert.equal((await pki.pki.check(chainOf(alice))).ok, true);
      const { crl } = (await pki.call('GET', 'settings')).body.authorities[0];
      assert.equal(crl.entries, 1);
      assert.equal(crl.error, null);

      content = 503;
      later(3_600_001);
      await pki.pki.tick();
      assert.deepEqual(await pki.pki.check(chainOf(mallory)), REVOKED);
      assert.equal((await pki.pki.check(chainOf(alice))).ok, true, 'the one before counts until its end');
      assert.match((await pki.call('GET', 'settings')).body.authorities[0].crl.error, /503/);
      later(4 * DAY_MS);
      assert.match(JSON.stringify(await pki.pki.check(chainOf(alice))), /cannot be found out/);
      const asked = web.asked.length;
      await pki.pki.check(chainOf(alice));
      assert.equal(web.asked.length, asked, 'a server that is down is not asked at each handshake');
      await set([{ crl_url: `${web.url}/ca.crl` }], { soft_fail: true });
      assert.equal((await pki.pki.check(chainOf(alice))).ok, true);
    } finally {
      await web.close();
    }
  });

  test('CRL: signed by another, nonsense, too large', async () => {
    const twin = await foreignCa('Foreign Root');
    const forged = await twin.crl();
    await twin.remove();
    const cut = (await ca.crl()).subarray(0, -3);
    const cases: [Buffer, RegExp][] = [
      [forged, /not signed by the authority/],
      [cut, /goes beyond its end/],
      [Buffer.from('<html>'), /goes beyond its end|missing/],
      [Buffer.alloc(0), /cut off/],
      [Buffer.alloc(MAX_CRL_BYTES + 1), /more than/],
    ];
    for (const [content, reason] of cases) {
      const web = await serve(() => content);
      await set([{ crl_url: web.url }]);
      const checked = await pki.pki.check(chainOf(alice));
      assert.match(JSON.stringify(checked), reason);
      await web.close();
    }
  });

  test('OCSP: good, revoked, unknown; answers are kept until they end', async () => {
    const oscar = await ca.issue('oscar', '/CN=oscar');
    const trudy = await ca.issue('trudy', '/CN=trudy');
    await ca.revoke('trudy');
    const responder = await ca.responder();
    try {
      await set([{ ocsp: true, ocsp_url: responder.url }]);
      assert.equal((await pki.pki.check(chainOf(oscar))).ok, true);
      assert.deepEqual(await pki.pki.check(chainOf(trudy)), REVOKED);
      await responder.stop();
      assert.equal((await pki.pki.check(chainOf(oscar))).ok, true, 'kept');
      assert.deepEqual(await pki.pki.check(chainOf(trudy)), REVOKED);
      later(6 * 60_000);
      assert.match(JSON.stringify(await pki.pki.check(chainOf(oscar))), /cannot be found out/);
      assert.match(JSON.stringify(await pki.pki.check(chainOf(trudy))), /failed just now/);
      await set([{ ocsp: true, ocsp_url: responder.url }], { soft_fail: true });
      assert.equal((await pki.pki.check(chainOf(oscar))).ok, true, 'soft');
    } finally {
      await responder.stop();
    }
  });

  test('OCSP: by the URL in the certificate, and by a delegate of the authority', async () => {
    await ca.issue('delegate', '/CN=OCSP', { kind: 'ocsp' });
    const responder = await ca.responder('delegate');
    try {
      const peggy = await ca.issue('peggy', '/CN=peggy', {
        addext: [`authorityInfoAccess=OCSP;URI:${responder.url}`],
      });
      // The responder has read its index before: a certificate that it doesn't know of.
      await set([{ ocsp: true }]);
      assert.deepEqual(await pki.pki.check(chainOf(peggy)), {
        ok: false,
        reason: 'the certificate is not known to its authority',
      });
      await responder.stop();
      const again = await ca.responder('delegate');
      await set([{ ocsp: true, ocsp_url: again.url }]);
      assert.equal((await pki.pki.check(chainOf(peggy))).ok, true);
      await again.stop();
      await set([{ ocsp: true }]);
      assert.match(JSON.stringify(await pki.pki.check(chainOf(alice))), /names no OCSP responder/);
    } finally {
      await responder.stop();
    }
  });

  test('OCSP: signed by who may not, and answers that are none', async () => {
    // A certificate of the same authority that is not for OCSP.
    const responder = await ca.responder('alice');
    await set([{ ocsp: true, ocsp_url: responder.url }]);
    assert.match(JSON.stringify(await pki.pki.check(chainOf(alice))), /not signed by the authority or its delegate/);
    await responder.stop();
    const web = await serve(() => Buffer.from([0x30, 3, 0x0a, 1, 6]));
    await set([{ ocsp: true, ocsp_url: web.url }]);
    assert.match(JSON.stringify(await pki.pki.check(chainOf(alice))), /unauthorized/);
    await web.close();
  });

  test('OCSP down and a CRL: the CRL says it', async () => {
    const crl = await ca.crl();
    const web = await serve((url) => (url === '/crl' ? crl : 500));
    await set([{ ocsp: true, ocsp_url: `${web.url}/ocsp`, crl_url: `${web.url}/crl` }]);
    assert.equal((await pki.pki.check(chainOf(alice))).ok, true);
    const trudy = await readFile(ca.file('trudy.pem'), 'utf8');
    assert.deepEqual(await pki.pki.check(chainOf(trudy)), REVOKED);
    await web.close();
  });

  test('settings that cannot be are refused', async () => {
    const { body } = await pki.call('GET', 'ca.pem');
    const good = { pem: ca.pem, ocsp: false, login: 'cn' };
    const cases: [object[], number, RegExp][] = [
      [[{ ...good, pem: 'x' }], 422, /not a certificate/],
      [[{ ...good, pem: alice }], 422, /not the certificate of an authority/],
      [[{ ...good, pem: ca.pem + ca.pem }], 422, /more than one/],
      [[good, good], 422, /there already/],
      [[{ ...good, crl_url: 'ldap://x' }], 422, /not an http URL/],
      [[{ ...good, login: 'serial' }], 422, /login/],
      [[{ ...good, pem: body }], 409, /own CA/],
      [Array(MAX_AUTHORITIES + 1).fill(good), 422, /authorities/],
    ];
    for (const [authorities, status, detail] of cases) {
      const answer = await pki.call('PUT', 'authorities', { authorities, own: true });
      assert.equal(answer.status, status);
      assert.match(answer.body.detail, detail);
    }
  });

  test("the site's own server certificate", async () => {
    const sub = await ca.issue('sub2', '/O=Foreign/CN=Sub 2', { kind: 'sub' });
    const leaf = await ca.issue('radius', '/CN=radius.corp.example', { kind: 'server' });
    const key = await readFile(ca.file('radius.key'), 'utf8');
    const other = await readFile(ca.file('alice.key'), 'utf8');
    const before = pki.pki.server();
    const cases: [object, RegExp][] = [
      [{ certificate: leaf, private_key: other }, /belongs to another/],
      [{ certificate: leaf, private_key: 'x' }, /not a private key/],
      [{ certificate: 'x', private_key: key }, /not 1 to 8 certificates/],
      [{ certificate: leaf + sub, private_key: key }, /not issued by the one behind/],
      [{ certificate: ca.pem + leaf, private_key: key }, /belongs to another/],
      [{ certificate: alice, private_key: other }, /not for servers/],
    ];
    for (const [body, detail] of cases) {
      const answer = await pki.call('PUT', 'server', body);
      assert.equal(answer.status, 422);
      assert.match(answer.body.detail, detail);
    }
    let told = 0;
    pki.pki.onChange(() => told++);
    const answer = await pki.call('PUT', 'server', { certificate: leaf + ca.pem, private_key: key });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.equal(answer.body.server.source, 'site');
    assert.doesNotMatch(JSON.stringify(answer.body), /PRIVATE/);
    assert.equal(new X509Certificate(pki.pki.server().chain).subject, 'CN=radius.corp.example');
    later(60 * DAY_MS);
    const expired = await pki.call('PUT', 'server', { certificate: leaf + ca.pem, private_key: key });
    assert.match(expired.body.detail, /expired/);
    later(-60 * DAY_MS);
    assert.equal((await pki.call('DELETE', 'server')).status, 204);
    assert.deepEqual(pki.pki.server(), before);
    assert.equal((await pki.call('DELETE', 'server')).status, 404);
    assert.equal(told, 2);
    assert.equal(pki.events.filter(({ type }) => type === 'pki.settings.updated').length, 3);
  });
});
